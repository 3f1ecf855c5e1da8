/**
 * The catalogue of problems: every way a request can be refused, with its HTTP status and what the caller can do.
 * Rendered as RFC 9457 `application/problem+json` in one place (http/serve.ts). A problem is thrown; an outcome (declined,
 * needs action, uncertain) is returned data and never one of these.
 */
export const problems = {
  invalid_request: { status: 400, title: 'The request is not valid', retryable: false },
  malformed_body: { status: 400, title: 'The body is not the JSON it should be', retryable: false },
  unauthenticated: { status: 401, title: 'An API key is missing or not valid', retryable: false },
  forbidden: { status: 403, title: 'This key may not do that', retryable: false },
  /** May pass once another person has approved: so it is not kept under an Idempotency-Key. */
  approval_required: { status: 403, title: 'A second person has to approve this', retryable: true },
  not_found: { status: 404, title: 'There is nothing here by that name', retryable: false },
  method_not_allowed: { status: 405, title: 'This address does not take that method', retryable: false },
  request_timeout: { status: 408, title: 'The request took too long to arrive', retryable: true },
  conflict: { status: 409, title: 'The object changed or is in a state that does not allow this', retryable: true },
  idempotency_in_progress: { status: 409, title: 'A request with this Idempotency-Key is still running', retryable: true },
  gone: { status: 410, title: 'What this refers to has expired or was used', retryable: false },
  body_too_large: { status: 413, title: 'The body is larger than allowed', retryable: false },
  unsupported_media_type: { status: 415, title: 'This address takes application/json', retryable: false },
  idempotency_mismatch: { status: 422, title: 'This Idempotency-Key was used with a different request', retryable: false },
  card_number_refused: { status: 422, title: 'A card number may be sent to the vault only', retryable: false },
  unprocessable: { status: 422, title: 'The request is well formed but cannot be carried out', retryable: false },
  refused: { status: 422, title: 'It was refused before any channel was asked', retryable: false },
  proof_wanted: { status: 428, title: 'The browser has to prove that it takes trouble', retryable: true },
  too_many_requests: { status: 429, title: 'Too many requests', retryable: true },
  headers_too_large: { status: 431, title: 'The headers are larger than allowed', retryable: false },
  internal: { status: 500, title: 'Something went wrong on our side', retryable: true },
  unavailable: { status: 503, title: 'Not able to answer right now', retryable: true },
} as const

export type ProblemCode = keyof typeof problems

/** One field at fault: `pointer` is an RFC 6901 JSON pointer into the body, or `query/<name>`, `header/<name>`, `path/<name>`. */
export type FieldError = { readonly pointer: string; readonly detail: string }

export class Problem extends Error {
  readonly code: ProblemCode
  readonly detail: string
  readonly errors: readonly FieldError[]
  readonly retryAfterSeconds: number | undefined
  /** Members of its own, beside those that every problem has (RFC 9457, 3.2). */
  readonly members: Readonly<Record<string, unknown>>

  constructor(
    code: ProblemCode,
    detail: string,
    more: { errors?: readonly FieldError[]; retryAfterSeconds?: number; members?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(`${code}: ${detail}`)
    this.name = 'Problem'
    this.code = code
    this.detail = detail
    this.errors = more.errors ?? []
    this.retryAfterSeconds = more.retryAfterSeconds
    this.members = more.members ?? {}
  }

  get status(): number {
    return problems[this.code].status
  }
}

/** A problem about one field of the body. */
export function fieldProblem(pointer: string, detail: string, code: ProblemCode = 'invalid_request'): Problem {
  return new Problem(code, `${pointer}: ${detail}`, { errors: [{ pointer, detail }] })
}
