/** What a request is inside the Stripe simulator, and how it is refused. */
import type { Json } from '../json.ts'
import type { SimulatorContext } from '../simulator.ts'

/** A refusal of the API: status, and what stands under `error`. Thrown inside the simulator only. */
export class StripeRefusal extends Error {
  override readonly name = 'StripeRefusal'
  readonly status: number
  readonly error: Json
  constructor(status: number, error: Json) {
    super(String(error.message ?? error.code))
    this.status = status
    this.error = error
  }
}
export const invalid = (message: string, more: { readonly code?: string; readonly param?: string } = {}, status = 400): StripeRefusal =>
  new StripeRefusal(status, { ...more, message, type: 'invalid_request_error' })

/** `key`: the idempotency key, empty without one. `form`: the body, or the query of a GET, as a tree. */
export type Input = {
  readonly id: string
  readonly form: Json
  readonly key: string
  readonly expand: ReadonlySet<string>
  readonly context: SimulatorContext
  readonly requestId: string
}
