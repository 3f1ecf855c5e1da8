/** How the PayPal simulator says no: an error's name, and the issue that is meant. */

/** A refusal of the API. Thrown inside the simulator only. */
export class PayPalRefusal extends Error {
  override readonly name = 'PayPalRefusal'
  readonly status: number
  readonly code: string
  readonly details: readonly object[]
  constructor(status: number, code: string, message: string, details: readonly object[] = []) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
  }
}

/** vault_payment_tokens_v3.json, `error_*`: each status has one name and one message. */
const named: Readonly<Record<number, readonly [name: string, message: string]>> = {
  400: ['INVALID_REQUEST', 'Request is not well-formed, syntactically incorrect, or violates schema.'],
  401: ['AUTHENTICATION_FAILURE', 'Authentication failed due to missing authorization header, or invalid authentication credentials.'],
  403: ['NOT_AUTHORIZED', 'Authorization failed due to insufficient permissions.'],
  404: ['RESOURCE_NOT_FOUND', 'The specified resource does not exist.'],
  422: ['UNPROCESSABLE_ENTITY', 'The requested action could not be performed, semantically incorrect, or failed business validation.'],
  429: ['RATE_LIMIT_REACHED', 'Too many requests. Blocked due to rate limiting.'],
  500: ['INTERNAL_SERVER_ERROR', 'An internal server error occurred.'],
}

export function plain(status: number, details: readonly object[] = []): PayPalRefusal {
  const [name, message] = named[status] ?? ['INTERNAL_SERVER_ERROR', 'An internal server error occurred.']
  return new PayPalRefusal(status, name, message, details)
}
export const refuse = (status: 403 | 422, issue: string, description: string): PayPalRefusal => plain(status, [{ issue, description }])
export const invalid = (issue: string, field: string, description: string): PayPalRefusal =>
  plain(400, [{ issue, description, field, location: 'body' }])
export const gone = (): PayPalRefusal => plain(404)
