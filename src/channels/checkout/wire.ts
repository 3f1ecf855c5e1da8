/** Checkout.com's words: JSON bodies, headers, and the shapes of what comes back. Nothing outside this folder speaks them. */
import { isIPv4 } from 'node:net'
import { z } from 'zod'
import {
  type BindInput,
  type Call,
  type ChannelAnswer,
  type ChannelRequest,
  NoAnswer,
  type References,
  type Refused,
  type Shown,
  type Uncertain,
} from '../channel.ts'
import { readJson } from '../json.ts'
import { isUndecided, meaningOf } from './refusals.ts'

const headersOf = (call: Call) => ({ authorization: `Bearer ${call.account.secrets.secretKey?.reveal() ?? ''}` })

export const get = (call: Call, path: string): ChannelRequest => ({
  method: 'GET',
  url: call.account.address + path,
  headers: headersOf(call),
})
export const remove = (call: Call, path: string): ChannelRequest => ({ ...get(call, path), method: 'DELETE' })
/** `PATCH /instruments/{id}`, `UpdateCardInstrumentRequest`: the type "does not need to be provided", and is what tells it from a bank's. */
export const renewal = (call: Call, id: string, card: { readonly expiryMonth: number; readonly expiryYear: number }): ChannelRequest => ({
  method: 'PATCH',
  url: call.account.address + instrumentPath(id),
  headers: { ...headersOf(call), 'content-type': 'application/json' },
  body: JSON.stringify({ type: 'card', expiry_month: card.expiryMonth, expiry_year: card.expiryYear }),
})
export const paymentPath = (id: string): string => `/payments/${encodeURIComponent(id)}`
export const instrumentPath = (id: string): string => `/instruments/${encodeURIComponent(id)}`

/**
 * A card verification: a payment of nothing, which stores the card only if the issuer says that it is good. www.checkout.com/docs, "Payment
 * instruments": "We recommend using the Payments API, because we check that the card is valid before storing it"; and unlike `/instruments`
 * it takes an idempotency key. `payment_type` is left at its default (`Regular`), `store_for_future_use` too (true).
 */
export function verification(call: Call, input: BindInput, how: { readonly threeDs: boolean; readonly suffix: string }): ChannelRequest {
  const { processingChannelId, currency } = call.account.settings
  const body = {
    source: sourceOf(input),
    amount: 0,
    currency,
    reference: call.operation,
    // The mandate of a card on file begins with the strongest form: EBA Q&A 2018_4031 wants it for the first of a series.
    '3ds': how.threeDs ? { enabled: true, challenge_indicator: 'challenge_requested_mandate' } : { enabled: false },
    processing_channel_id: processingChannelId,
    ...(how.threeDs ? { success_url: input.returnUrl, failure_url: input.returnUrl } : {}),
    ...(input.client.ip !== undefined && isIPv4(input.client.ip) ? { payment_ip: input.client.ip } : {}),
    metadata: { bindery_operation: call.operation, bindery_binding: input.binding },
  }
  return {
    method: 'POST',
    url: `${call.account.address}/payments`,
    headers: { ...headersOf(call), 'content-type': 'application/json', 'cko-idempotency-key': `${call.key}${how.suffix}` },
    body: JSON.stringify(body),
    placeholders: true,
  }
}

/** Month and year are JSON numbers here, which no placeholder can be; they are no secret either, and stand in the source. */
function sourceOf({ source }: BindInput): object {
  if (source.type !== 'card' && source.type !== 'device_token') throw new TypeError(`checkout binds no ${source.type}`)
  const expiry = { expiry_month: source.card.expiryMonth, expiry_year: source.card.expiryYear }
  if (source.type === 'device_token' && source.cryptogram)
    return {
      type: 'network_token',
      token: '{{card.number}}',
      ...expiry,
      token_type: source.wallet === 'apple_pay' ? 'applepay' : 'googlepay',
      cryptogram: '{{card.cryptogram}}',
      eci: source.eci,
    }
  return {
    type: 'card',
    number: '{{card.number}}',
    ...expiry,
    ...(source.card.holder ? { name: '{{card.holder}}' } : {}),
    ...(source.card.securityCode ? { cvv: '{{card.securityCode}}' } : {}),
  }
}

const sourceShape = z.looseObject({
  id: z
    .string()
    .regex(/^src_\w{26}$/)
    .optional(),
  type: z.string(),
  scheme: z.string().optional(),
  last4: z.string().optional(),
  expiry_month: z.int().optional(),
  expiry_year: z.int().optional(),
  issuer: z.string().optional(),
})
export type PaymentSource = z.infer<typeof sourceShape>
const link = z.looseObject({ href: z.string() })

/** A payment as it is answered at once (201, 202) and as it is read later: what we use of it has the same names. */
export const paymentShape = z.looseObject({
  id: z.string().regex(/^pay_\w{26}$/),
  status: z.string(),
  approved: z.boolean().optional(),
  amount: z.int().optional(),
  currency: z.string().optional(),
  reference: z.string().optional(),
  response_code: z.string().min(1).optional(),
  response_summary: z.string().optional(),
  source: sourceShape.optional(),
  scheme_id: z.string().optional(),
  processing: z.looseObject({ scheme_transaction_link_id: z.string().optional() }).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  _links: z.looseObject({ redirect: link.optional() }).optional(),
})
export type Payment = z.infer<typeof paymentShape>

/** `GET /payments?reference=`: newest first (checkout-sdk-node, `getPaymentList`). */
export const listShape = z.looseObject({ total_count: z.int().min(0), data: z.array(paymentShape) })
export const actionsShape = z.array(
  z.looseObject({ response_code: z.string().min(1), response_summary: z.string().optional(), approved: z.boolean().optional() }),
)
export const instrumentShape = sourceShape.extend({ id: z.string() })
export const renewedShape = z.looseObject({ type: z.literal('card'), fingerprint: z.string().min(1) })
const errorShape = z.looseObject({ error_type: z.string().min(1), error_codes: z.array(z.string().min(1)).optional() })

export type Read<T> =
  | { readonly kind: 'object'; readonly value: T }
  | { readonly kind: 'done' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly code: string }
  | Uncertain

export async function exchange<T>(call: Call, request: ChannelRequest, shape: z.ZodType<T>): Promise<Read<T>> {
  let answer: ChannelAnswer
  try {
    answer = await call.send(request)
  } catch (error) {
    if (error instanceof NoAnswer) return { kind: 'uncertain', cause: `no answer: ${error.message}` }
    throw error
  }
  return read(answer, shape)
}

function read<T>(answer: ChannelAnswer, shape: z.ZodType<T>): Read<T> {
  const uncertain = (why: string): Uncertain => ({ kind: 'uncertain', cause: `checkout ${answer.status}: ${why}` })
  const { status } = answer
  if (status === 204 && answer.body === '') return { kind: 'done' }
  const body = readJson(answer.body)
  if (status === 200 || status === 201 || status === 202) {
    const value = shape.safeParse(body)
    return value.success ? { kind: 'object', value: value.data } : uncertain('the answer is not one of Checkout.com’s')
  }
  // These come without a body; with a page in it, it is not Checkout.com that answers.
  if ((status === 401 || status === 403) && (answer.body === '' || body !== undefined)) return { kind: 'refused', code: String(status) }
  if (status === 404 && answer.body === '') return { kind: 'missing' }
  const error = errorShape.safeParse(body)
  const code = error.success ? (error.data.error_codes?.[0] ?? error.data.error_type) : ''
  if (status === 422 && error.success && !isUndecided(code)) return { kind: 'refused', code }
  return uncertain(error.success ? code : 'no definite answer')
}

export function refusal(code: string, references: References, message?: string): Refused {
  const { by, category, elsewhere } = code === '401' || code === '403' ? closedDoor : meaningOf(code)
  return { kind: 'refused', by, category, elsewhere, code, references, ...(message === undefined ? {} : { message }) }
}
const closedDoor = { by: 'channel', category: 'misconfigured', elsewhere: true } as const

export const shownOf = (source: PaymentSource): Shown => ({
  ...(source.scheme === undefined ? {} : { brand: source.scheme.toLowerCase() }),
  ...(source.last4 === undefined ? {} : { last4: source.last4 }),
  ...(source.expiry_month === undefined ? {} : { expiryMonth: source.expiry_month }),
  ...(source.expiry_year === undefined ? {} : { expiryYear: source.expiry_year }),
  ...(source.issuer === undefined ? {} : { bank: source.issuer }),
})
