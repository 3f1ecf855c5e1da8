/** PayPal's words: JSON bodies, headers, and the shapes of what comes back. Nothing outside this folder speaks them. */
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
import { meaningOf } from './refusals.ts'

const link = z.looseObject({ href: z.string(), rel: z.string() })
const customer = z.looseObject({ id: z.string().min(1).optional(), merchant_customer_id: z.string().optional() })
const wallet = z.looseObject({
  email_address: z.string().optional(),
  payer_id: z.string().optional(),
  account_id: z.string().optional(),
})
/** `status`: `CREATED`, `PAYER_ACTION_REQUIRED`, `APPROVED`, `VAULTED` or `TOKENIZED` (SDK, `PaymentTokenStatus`). */
export const setupShape = z.looseObject({
  id: z.string().min(1),
  status: z.string(),
  customer: customer.optional(),
  links: z.array(link).default([]),
})
export type Setup = z.infer<typeof setupShape>
export const paymentShape = z.looseObject({
  id: z.string().min(1),
  customer: customer.optional(),
  payment_source: z.looseObject({ paypal: wallet.optional() }),
})
export type Payment = z.infer<typeof paymentShape>
export const listShape = z.looseObject({ customer: customer.optional(), payment_tokens: z.array(paymentShape) })
const errorShape = z.looseObject({
  name: z.string().min(1),
  message: z.string(),
  details: z.array(z.looseObject({ issue: z.string().min(1), description: z.string().optional() })).optional(),
})
const accessShape = z.looseObject({ access_token: z.string().min(1), token_type: z.literal('Bearer') })
const deniedShape = z.looseObject({ error: z.string(), error_description: z.string().optional() })

export type Failure = {
  readonly kind: 'error'
  readonly status: number
  readonly name: string
  readonly issue: string | undefined
  readonly message: string
}
export type Read<T> = { readonly kind: 'object'; readonly value: T } | Failure | Uncertain

/** The door: an access token for this operation, or why there is none. `closed`: our client id or secret is not as PayPal wants it. */
export type Door =
  | { readonly kind: 'open'; readonly token: string }
  | { readonly kind: 'closed'; readonly code: string; readonly message: string }
  | Uncertain

/**
 * developer.paypal.com/api/rest/authentication: client credentials against `/v1/oauth2/token`. Fetched anew by every operation: a token that
 * is never kept is never stale, and whatever goes wrong here has reached no wallet.
 */
export async function open(call: Call): Promise<Door> {
  const { clientId, clientSecret } = call.account.secrets
  const basic = Buffer.from(`${clientId?.reveal() ?? ''}:${clientSecret?.reveal() ?? ''}`).toString('base64')
  const answer = await sent(call, {
    method: 'POST',
    url: `${call.account.address}/v1/oauth2/token`,
    headers: { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials',
  })
  if ('kind' in answer) return answer
  const body = readJson(answer.body)
  const access = accessShape.safeParse(body)
  if (answer.status === 200 && access.success) return { kind: 'open', token: access.data.access_token }
  const denied = deniedShape.safeParse(body)
  if ((answer.status === 400 || answer.status === 401) && denied.success && isOurs(denied.data.error))
    return { kind: 'closed', code: denied.data.error, message: denied.data.error_description ?? denied.data.error }
  return { kind: 'uncertain', cause: `paypal ${answer.status}: no access token` }
}
/** RFC 6749, section 5.2: each of these is about the client, never about the customer. */
const isOurs = (error: string): boolean =>
  ['invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope'].includes(error)

type Asked = { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: string; readonly body?: object; readonly requestId?: string }

export function request(call: Call, token: string, asked: Asked): ChannelRequest {
  return {
    method: asked.method,
    url: call.account.address + asked.path,
    headers: {
      authorization: `Bearer ${token}`,
      ...(asked.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(asked.requestId === undefined ? {} : { 'paypal-request-id': asked.requestId }),
    },
    ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
  }
}

/** wallet_base.description of the specification: at most 128 of these. What does not fit is left out, not mangled. */
const describable = /^[a-zA-Z0-9_'\-., :;!?"]{1,128}$/

export function setupOf(input: BindInput): object {
  const cancelled = new URL(input.returnUrl)
  cancelled.searchParams.set('cancelled', 'true')
  const description = input.terms?.description ?? ''
  return {
    customer: { merchant_customer_id: input.binding },
    payment_source: {
      paypal: {
        ...(describable.test(description) ? { description } : {}),
        permit_multiple_payment_tokens: true,
        usage_type: 'MERCHANT',
        customer_type: 'CONSUMER',
        experience_context: { shipping_preference: 'NO_SHIPPING', return_url: input.returnUrl, cancel_url: cancelled.href },
      },
    },
  }
}

export async function exchange<T>(call: Call, asked: ChannelRequest, shape: z.ZodType<T>): Promise<Read<T>> {
  const answer = await sent(call, asked)
  if ('kind' in answer) return answer
  const body = readJson(answer.body)
  if (answer.status === 200 || answer.status === 201) {
    const value = shape.safeParse(body)
    return value.success ? { kind: 'object', value: value.data } : unreadable(answer)
  }
  return failureOf(answer, body)
}

/** A deletion is answered by 204 and nothing else. */
export async function remove(call: Call, asked: ChannelRequest): Promise<{ readonly kind: 'done' } | Failure | Uncertain> {
  const answer = await sent(call, asked)
  if ('kind' in answer) return answer
  return answer.status === 204 ? { kind: 'done' } : failureOf(answer, readJson(answer.body))
}

async function sent(call: Call, asked: ChannelRequest): Promise<ChannelAnswer | Uncertain> {
  try {
    return await call.send(asked)
  } catch (error) {
    if (error instanceof NoAnswer) return { kind: 'uncertain', cause: `no answer: ${error.message}` }
    throw error
  }
}

const unreadable = (answer: ChannelAnswer): Uncertain => ({
  kind: 'uncertain',
  cause: `paypal ${answer.status}: the answer is not one of PayPal's`,
})

function failureOf(answer: ChannelAnswer, body: unknown): Failure | Uncertain {
  const error = errorShape.safeParse(body)
  if (answer.status < 400 || !error.success) return unreadable(answer)
  const [detail] = error.data.details ?? []
  const message = detail?.description ?? error.data.message
  return { kind: 'error', status: answer.status, name: error.data.name, issue: detail?.issue, message }
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function refusal(failure: Failure, references: References): Refused | Uncertain {
  const meaning = meaningOf(failure, failure.status)
  return meaning.kind === 'uncertain' ? { ...meaning, references } : { ...meaning, references, message: failure.message }
}

/** A 404 means something only when PayPal says it: `RESOURCE_NOT_FOUND` about the very thing that was asked for. */
export const isGone = (failure: Failure): boolean => failure.status === 404 && failure.name === 'RESOURCE_NOT_FOUND'

/** The wallet's name for its user, masked: enough to be recognised by its owner. */
export function shownOf(payment: Payment): Shown {
  const [, first = '', host = ''] = /^(.)[^@]*@(.+)$/.exec(payment.payment_source.paypal?.email_address ?? '') ?? []
  return { brand: 'paypal', ...(host === '' ? {} : { handle: `${first}***@${host}` }) }
}
export const payerOf = (payment: Payment): string | undefined =>
  payment.payment_source.paypal?.payer_id ?? payment.payment_source.paypal?.account_id
