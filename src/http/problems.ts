/** The one place where a problem becomes an RFC 9457 answer, and the pages its `type` leads to. */
import { type Problem, type ProblemCode, problems } from '../core/problem.ts'
import type { Rendered } from './idempotency.ts'

export const problemType = 'application/problem+json'

export function renderProblem(publicUrl: string, requestId: string, problem: Problem): Rendered {
  const { title, status, retryable } = problems[problem.code]
  const url = `${publicUrl}/problems/${problem.code}`
  const body = {
    ...problem.members,
    type: url,
    title,
    status,
    detail: problem.detail,
    code: problem.code,
    errors: problem.errors,
    request_id: requestId,
    retryable,
    doc_url: url,
  }
  return { status, text: JSON.stringify(body), headers: { 'content-type': problemType, ...moreHeaders(problem) }, replayed: false }
}

function moreHeaders(problem: Problem): Record<string, string> {
  if (problem.code === 'unauthenticated') return { 'www-authenticate': 'Bearer realm="bindery"' }
  const seconds = problem.retryAfterSeconds ?? (problem.code === 'unavailable' ? 1 : undefined)
  return seconds === undefined ? {} : { 'retry-after': String(seconds) }
}

export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problems, code)

/** What a person can do about each problem; the second paragraph of its page. */
export const advice: Readonly<Record<ProblemCode, string>> = {
  invalid_request: 'Every field at fault stands in "errors" with a pointer to it. Correct them and send the request again.',
  malformed_body:
    'Send one JSON value in UTF-8, no name twice in an object, nested no deeper than 16 levels, amounts as strings of digits.',
  unauthenticated: 'Send "Authorization: Bearer sk_test_…", or the key as the user of Basic authentication (curl -u sk_test_…:).',
  forbidden:
    'Use a key whose role has the permission that "permission" names; a publishable key (pk_) may only do what a browser must be able to do.',
  approval_required:
    'Another person approves at POST /v1/approvals/{approval}/approve; then send the same request again, with the header Bindery-Approval naming it.',
  not_found: 'Check the id, and that the key belongs to the same tenant and mode (test or live) as the object.',
  method_not_allowed: 'The header Allow names the methods this address takes.',
  request_timeout: 'The request did not arrive in time. Send it again; with the same Idempotency-Key nothing happens twice.',
  conflict: 'Read the object again and decide on its present state; the same request may pass later.',
  idempotency_in_progress: 'Wait as long as Retry-After says and send the same request with the same key.',
  gone: 'What was referred to lapsed or was used up. Make a new one.',
  body_too_large: 'The body is larger than this server takes (64 KiB unless configured otherwise).',
  unsupported_media_type: 'Send "Content-Type: application/json", and the body as it is, not compressed.',
  idempotency_mismatch: 'An Idempotency-Key stands for one request. Use a new key for a new request.',
  card_number_refused:
    'Card numbers are sent to the vault only (hosted fields or its capture address); everything else takes the reference it gave.',
  unprocessable: 'The request was understood and cannot be carried out; "detail" says why.',
  refused:
    'A safeguard stopped it, and the answer is the same whichever it was. GET /v1/safeguard_decisions?request=<request_id> says why, to you alone: do not tell your customer.',
  proof_wanted:
    'Hand the challenge in "errors" to the browser. It finds a text so that SHA-256 of "<challenge>.<text>" begins with as many zero bits as the challenge says, or solves your captcha; send the bind again with "proof".',
  too_many_requests: 'Wait as long as Retry-After says.',
  headers_too_large: 'Send fewer or shorter headers: at most 100, and 16 KiB in all.',
  internal:
    'A mistake on our side; nothing is half-written. Send it again with the same Idempotency-Key, and tell us the request id if it stays.',
  unavailable:
    'The server cannot reach what it needs, or is stopping. Whether the request took effect is not known: send it again shortly, with the same Idempotency-Key.',
}
