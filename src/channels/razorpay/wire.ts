/** Razorpay's words: requests, objects, errors. Shapes by the official SDK (razorpay 2.9.8, documents/*.md) and razorpay.com/docs. */
import { z } from 'zod'
import {
  type BindInput,
  type Call,
  type ChannelAnswer,
  type ChannelRequest,
  NoAnswer,
  type References,
  type Refused,
  type Uncertain,
} from '../channel.ts'
import { authorisation, type Method, type OrderToken } from './mandate.ts'
import { refusalOf } from './refusals.ts'

export const uncertain = (cause: string, references: References = {}): Uncertain => ({ kind: 'uncertain', cause, references })

function request(call: Call, method: ChannelRequest['method'], path: string, content?: Readonly<Record<string, unknown>>): ChannelRequest {
  const { keyId = '' } = call.account.settings
  const basic = Buffer.from(`${keyId}:${call.account.secrets.keySecret?.reveal() ?? ''}`).toString('base64')
  return {
    method,
    url: `${call.account.address}/v1${path}`,
    headers: { authorization: `Basic ${basic}`, ...(content === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(content === undefined ? {} : { body: JSON.stringify(content) }),
  }
}
const filled = (one: ChannelRequest): ChannelRequest => ({ ...one, placeholders: true })

/**
 * `fail_existing: "0"`: whoever has the same details is given back. A name of letters and digits, 3 to 50 of them; without one, ours.
 * Cards come without a payer: their customer has our name alone.
 */
export function customerRequest(call: Call, input: BindInput): ChannelRequest {
  const held = 'payer' in input.source ? input.source.payer.held : []
  const has = (field: (typeof held)[number]) => held.includes(field)
  return filled(
    request(call, 'POST', '/customers', {
      name: has('name') ? '{{payer.name}}' : input.customer,
      ...(has('email') ? { email: '{{payer.email}}' } : {}),
      ...(has('phone') ? { contact: '{{payer.phone}}' } : {}),
      fail_existing: '0',
      notes: { customer: input.customer },
    }),
  )
}

/** `receipt`, at most 40 characters, is our operation: by it the order is found again. The notes come back with payments and their webhooks. */
export const orderRequest = (
  call: Call,
  of: { readonly binding: string; readonly customer: string; readonly method: Method; readonly token: OrderToken },
) =>
  request(call, 'POST', '/orders', {
    ...authorisation,
    customer_id: of.customer,
    method: of.method,
    token: of.token,
    receipt: call.operation,
    notes: { ...notesOf(call.operation, of.binding), customer: of.customer },
  })
export const notesOf = (operation: string, binding: string) => ({ operation, binding })

export type Attempt = { readonly order: string; readonly customer: string; readonly binding: string }

export const upiRequest = (call: Call, { order, customer, binding }: Attempt) =>
  request(call, 'POST', '/payments/create/upi', {
    ...authorisation,
    order_id: order,
    customer_id: customer,
    recurring: '1',
    method: 'upi',
    upi: { flow: 'intent' },
    notes: notesOf(call.operation, binding),
  })

/** "email _mandatory_, contact _mandatory_": a card source carries neither, so the account's own stand in. The bank texts whom it knows. */
export function cardRequest(call: Call, input: BindInput, { order, customer }: Attempt): ChannelRequest {
  const { contactEmail = '', contactPhone = '' } = call.account.settings
  const card = input.source.type === 'card' ? input.source.card : undefined
  return filled(
    request(call, 'POST', '/payments/create/json', {
      ...authorisation,
      order_id: order,
      customer_id: customer,
      recurring: true,
      save: 1,
      email: contactEmail,
      contact: contactPhone,
      method: 'card',
      card: {
        number: '{{card.number}}',
        name: card?.holder === true ? '{{card.holder}}' : input.customer,
        expiry_month: String(card?.expiryMonth ?? 0).padStart(2, '0'),
        expiry_year: String((card?.expiryYear ?? 0) % 100).padStart(2, '0'),
        ...(card?.securityCode === true ? { cvv: '{{card.securityCode}}' } : {}),
      },
      callback_url: input.returnUrl,
      ...(input.client.ip === undefined ? {} : { ip: input.client.ip }),
      ...(input.client.userAgent === undefined ? {} : { user_agent: input.client.userAgent }),
      notes: notesOf(call.operation, input.binding),
    }),
  )
}

const id = (text: string): string => encodeURIComponent(text)
export const read = {
  customer: (call: Call, customer: string) => request(call, 'GET', `/customers/${id(customer)}`),
  ordersByReceipt: (call: Call) => request(call, 'GET', `/orders?receipt=${id(call.operation)}`),
  order: (call: Call, order: string) => request(call, 'GET', `/orders/${id(order)}`),
  payment: (call: Call, payment: string) => request(call, 'GET', `/payments/${id(payment)}`),
  paymentsOf: (call: Call, order: string) => request(call, 'GET', `/orders/${id(order)}/payments`),
  token: (call: Call, customer: string, token: string) => request(call, 'GET', `/customers/${id(customer)}/tokens/${id(token)}`),
}
export const otp = {
  generate: (call: Call, payment: string) => request(call, 'POST', `/payments/${id(payment)}/otp_generate`),
  submit: (call: Call, payment: string, text: string) => request(call, 'POST', `/payments/${id(payment)}/otp/submit`, { otp: text }),
  resend: (call: Call, payment: string) => request(call, 'POST', `/payments/${id(payment)}/otp/resend`),
}
export const end = {
  /** "Initiates the cancellation of the mandate from NPCI." */
  mandate: (call: Call, customer: string, token: string) => request(call, 'PUT', `/customers/${id(customer)}/tokens/${id(token)}/cancel`),
  /** Removes it from Razorpay; of a UPI mandate "it does not cancel the mandate". */
  card: (call: Call, customer: string, token: string) => request(call, 'DELETE', `/customers/${id(customer)}/tokens/${id(token)}`),
}

/** Notes are an empty list where there are none. */
const notes = z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).optional()
export function noteIn(of: z.infer<typeof notes>, name: string): string | undefined {
  const value = of === undefined || Array.isArray(of) ? undefined : of[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}
const customer = z.looseObject({ id: z.string().regex(/^cust_\w+$/), notes })
const order = z.looseObject({
  id: z.string().regex(/^order_\w+$/),
  amount: z.number(),
  currency: z.string(),
  receipt: z.string().nullish(),
  notes,
})
export const payment = z.looseObject({
  id: z.string().regex(/^pay_\w+$/),
  order_id: z.string().nullish(),
  amount: z.number(),
  currency: z.string(),
  status: z.enum(['created', 'authorized', 'captured', 'refunded', 'failed']),
  method: z.string(),
  customer_id: z.string().nullish(),
  token_id: z.string().nullish(),
  error_code: z.string().nullish(),
  error_description: z.string().nullish(),
  error_reason: z.string().nullish(),
  notes,
  created_at: z.number(),
})
export type Payment = z.infer<typeof payment>
const cardShown = z.looseObject({
  last4: z.string().nullish(),
  network: z.string().nullish(),
  issuer: z.string().nullish(),
  expiry_month: z.coerce.number().nullish(),
  expiry_year: z.coerce.number().nullish(),
})
export const token = z.looseObject({
  id: z.string().regex(/^token_\w+$/),
  method: z.string(),
  customer_id: z.string().nullish(),
  vpa: z.looseObject({ username: z.string(), handle: z.string() }).nullish(),
  card: cardShown.nullish(),
  recurring_details: z.looseObject({ status: z.string(), failure_reason: z.string().nullish() }),
  expired_at: z.number().nullish(),
})
export type Token = z.infer<typeof token>
const next = z.array(z.union([z.string(), z.looseObject({ action: z.string(), url: z.string().optional() })]))
const attempted = z.looseObject({
  razorpay_payment_id: z.string().regex(/^pay_\w+$/),
  link: z
    .string()
    .regex(/^upi:\/\/mandate\?/)
    .optional(),
  next: next.optional(),
  metadata: z.looseObject({ issuer: z.string().nullish(), last4: z.string().nullish() }).optional(),
})
export type Attempted = z.infer<typeof attempted>
export const shapes = {
  customer,
  order,
  orders: z.looseObject({ entity: z.literal('collection'), items: z.array(order) }),
  payment,
  payments: z.looseObject({ entity: z.literal('collection'), items: z.array(payment) }),
  token,
  attempted,
  cancelled: z.looseObject({ status: z.string() }),
  deleted: z.looseObject({ deleted: z.literal(true) }),
}
export const actionsIn = (
  of: z.infer<typeof next> | undefined,
): readonly { readonly action: string; readonly url?: string | undefined }[] =>
  (of ?? []).map(one => (typeof one === 'string' ? { action: one } : { action: one.action, url: one.url }))

const failure = z.looseObject({
  error: z.looseObject({
    code: z.string().min(1),
    description: z.string().nullish(),
    reason: z.string().nullish(),
  }),
  next: next.optional(),
})
export type Failure = z.infer<typeof failure>

/** `no`: Razorpay understood and refused (400), or does not know us (401). Everything else is no answer. */
export type Said<T> =
  | { readonly kind: 'said'; readonly content: T }
  | { readonly kind: 'no'; readonly failure: Failure }
  | { readonly kind: 'nothing'; readonly cause: string }

export async function ask<T>(call: Call, what: ChannelRequest, shape: z.ZodType<T>): Promise<Said<T>> {
  let answer: ChannelAnswer
  try {
    answer = await call.send(what)
  } catch (error) {
    if (error instanceof NoAnswer) return { kind: 'nothing', cause: 'no_answer' }
    throw error
  }
  const content = json(answer.body)
  if (answer.status === 200) {
    const parsed = shape.safeParse(content)
    return parsed.success ? { kind: 'said', content: parsed.data } : { kind: 'nothing', cause: 'unreadable' }
  }
  if (answer.status !== 400 && answer.status !== 401) return { kind: 'nothing', cause: `unexpected_${answer.status}` }
  const parsed = failure.safeParse(content)
  return parsed.success ? { kind: 'no', failure: parsed.data } : { kind: 'nothing', cause: `unreadable_${answer.status}` }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function refusedBy({ error }: Failure, references: References): Refused {
  return refusedBecause(known(error.reason) ?? error.code, error.description, references)
}
export const refusedPayment = (of: Payment, references: References): Refused =>
  refusedBecause(known(of.error_reason) ?? known(of.error_code) ?? 'payment_failed', of.error_description, references)

export function refusedBecause(code: string, message: string | null | undefined, references: References): Refused {
  const more = typeof message === 'string' && message !== '' ? { message } : {}
  return { kind: 'refused', ...refusalOf(code), code, ...more, references }
}
/** `NA` and null stand for none. */
const known = (reason: string | null | undefined): string | undefined =>
  reason === null || reason === undefined || reason === '' || reason === 'NA' ? undefined : reason
