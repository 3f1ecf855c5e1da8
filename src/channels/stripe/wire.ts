/** Stripe's words: form bodies, headers, and the shapes of what comes back. Nothing outside this folder speaks them. */
import { z } from 'zod'
import {
  type BindOutcome,
  type Bound,
  type Call,
  type ChannelAnswer,
  type ChannelRequest,
  NoAnswer,
  type References,
  type Refused,
  type Shown,
  type Uncertain,
} from '../channel.ts'
import { meaningOf, refusals } from './refusals.ts'

export const elsewhereCause = 'the answer is about something else'
/** The version whose specification judges us; the account's default does not matter. */
export const apiVersion = '2023-08-16'

/** `placeholder` goes out as it is, for the vault to fill; a value never can look like one, since its braces are encoded. */
export type FormField = readonly [name: string, value: string | { readonly placeholder: string }]

export function encodeForm(fields: readonly FormField[]): string {
  return fields
    .map(([name, value]) => {
      const encoded = encodeURIComponent(name).replaceAll('%5B', '[').replaceAll('%5D', ']')
      return `${encoded}=${typeof value === 'string' ? encodeURIComponent(value) : `{{${value.placeholder}}}`}`
    })
    .join('&')
}

const headers = (call: Call) => ({
  authorization: `Bearer ${call.account.secrets.secretKey?.reveal() ?? ''}`,
  'stripe-version': apiVersion,
})

/** Without a `suffix` no key goes along: what is harmless twice is not to meet its own saved answer. */
export function post(call: Call, path: string, suffix: string | undefined, fields: readonly FormField[]): ChannelRequest {
  const key = suffix === undefined ? {} : { 'idempotency-key': `${call.key}.${suffix}` }
  if (fields.length === 0) return { method: 'POST', url: call.account.address + path, headers: { ...headers(call), ...key } }
  return {
    method: 'POST',
    url: call.account.address + path,
    headers: { ...headers(call), 'content-type': 'application/x-www-form-urlencoded', ...key },
    body: encodeForm(fields),
    ...(fields.some(([, value]) => typeof value !== 'string') ? { placeholders: true } : {}),
  }
}
export const get = (call: Call, path: string, query: readonly FormField[] = []): ChannelRequest => ({
  method: 'GET',
  url: `${call.account.address}${path}${query.length > 0 ? `?${encodeForm(query)}` : ''}`,
  headers: headers(call),
})

const metadata = z.record(z.string(), z.string()).nullish()
const errorShape = z.looseObject({
  type: z.string(),
  code: z.string().optional(),
  decline_code: z.string().optional(),
  message: z.string().optional(),
  param: z.string().optional(),
})
/** An object, or its id where it was not expanded. */
const idOr = <S extends z.ZodType>(shape: S) => z.union([z.string().min(1), shape]).nullish()
const named = z.looseObject({ id: z.string().min(1) })

export const customerShape = z.looseObject({ id: z.string().min(1), object: z.literal('customer'), metadata })
export const methodShape = z.looseObject({
  id: z.string().min(1),
  object: z.literal('payment_method'),
  customer: idOr(named),
  metadata,
  card: z.looseObject({ brand: z.string(), last4: z.string(), exp_month: z.number().int(), exp_year: z.number().int() }).optional(),
  us_bank_account: z
    .looseObject({
      bank_name: z.string().nullish(),
      last4: z.string().nullish(),
      fingerprint: z.string().nullish(),
      status_details: z.looseObject({ blocked: z.looseObject({ reason: z.string().nullish() }).nullish() }).nullish(),
    })
    .optional(),
  sepa_debit: z.looseObject({ last4: z.string().nullish(), fingerprint: z.string().nullish() }).optional(),
})
export type Method = z.infer<typeof methodShape>
export const mandateShape = z.looseObject({
  id: z.string().min(1),
  object: z.literal('mandate'),
  payment_method: idOr(named),
  status: z.string(),
})
const nextAction = z.looseObject({
  type: z.string(),
  redirect_to_url: z.looseObject({ url: z.string().nullish() }).optional(),
  verify_with_microdeposits: z
    .looseObject({ arrival_date: z.number().int().min(0), microdeposit_type: z.enum(['amounts', 'descriptor_code']).nullish() })
    .optional(),
})
export const intentShape = z.looseObject({
  id: z.string().min(1),
  object: z.literal('setup_intent'),
  status: z.string(),
  customer: idOr(named),
  payment_method: idOr(methodShape),
  mandate: idOr(named),
  latest_attempt: idOr(named),
  metadata,
  cancellation_reason: z.string().nullish(),
  last_setup_error: errorShape.nullish(),
  next_action: nextAction.nullish(),
  created: z.number().int().min(0).optional(),
})
export type Intent = z.infer<typeof intentShape>
export const listShape = z.looseObject({ object: z.literal('list'), data: z.array(intentShape), has_more: z.boolean() })
const errorBody = z.looseObject({ error: errorShape.extend({ setup_intent: intentShape.optional().catch(undefined) }) })
export type ErrorBody = z.infer<typeof errorBody>['error']

/** What came back, before it is known what it means. */
export type Read<T> =
  | { readonly kind: 'object'; readonly value: T }
  | { readonly kind: 'error'; readonly status: number; readonly error: ErrorBody; readonly replayed: boolean }
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
  const unreadable: Uncertain = { kind: 'uncertain', cause: `stripe ${answer.status}: the answer is not one of Stripe's` }
  let body: unknown
  try {
    body = JSON.parse(answer.body)
  } catch {
    return unreadable
  }
  if (answer.status >= 200 && answer.status < 300) {
    const value = shape.safeParse(body)
    return value.success ? { kind: 'object', value: value.data } : unreadable
  }
  const error = errorBody.safeParse(body)
  return error.success
    ? { kind: 'error', status: answer.status, error: error.data.error, replayed: answer.headers['idempotent-replayed'] === 'true' }
    : unreadable
}

export function refusal(
  error: ErrorBody | NonNullable<Intent['last_setup_error']>,
  references: References,
  status?: number,
): Refused | Uncertain {
  const meaning = meaningOf(error, status)
  if (meaning.kind === 'uncertain') return { ...meaning, references }
  return { ...meaning, references, ...(error.message === undefined ? {} : { message: error.message }) }
}

/**
 * An error of a step that stores nothing yet. Stripe saves the first answer under a key, a 500 too, and gives it again for as long as it
 * knows the key. So a *repeated* 500 proves that this step never succeeded, hence that no later step was ever sent: a definite refusal.
 */
export function refusalOfStep(read: Extract<Read<unknown>, { kind: 'error' }>, references: References): Refused | Uncertain {
  if (!read.replayed || read.status < 500) return refusal(read.error, references, read.status)
  return { kind: 'refused', by: 'channel', category: 'try_later', code: `${read.status} ${read.error.type}`, elsewhere: true, references }
}

export const idOf = (value: string | { readonly id: string } | null | undefined): string | undefined =>
  typeof value === 'string' ? value : (value?.id ?? undefined)

/** The names a setup intent gives, added to those that are known. */
export function referencesOf(intent: Intent, known: References): References {
  const found = {
    setup_intent: intent.id,
    customer: idOf(intent.customer),
    payment_method: idOf(intent.payment_method),
    mandate: idOf(intent.mandate),
    setup_attempt: idOf(intent.latest_attempt),
  }
  const out: Record<string, string> = { ...known }
  for (const [name, id] of Object.entries(found)) if (id !== undefined) out[name] = id
  return out
}

export function shownOf({ card, us_bank_account: account, sepa_debit: debit }: Method): Shown | undefined {
  if (card !== undefined) return { brand: card.brand, last4: card.last4, expiryMonth: card.exp_month, expiryYear: card.exp_year }
  const last4 = account?.last4 ?? debit?.last4
  const bank = account?.bank_name
  if (!last4 && !bank) return undefined
  return { ...(last4 ? { last4 } : {}), ...(bank ? { bank } : {}) }
}

/** Stripe's fingerprint of a bank account is the same for the same account; a card's is the vault's to take. */
function identityOf({ us_bank_account: account, sepa_debit: debit }: Method): Pick<Bound, 'identity'> {
  const value = account?.fingerprint ?? debit?.fingerprint
  return value ? { identity: { kind: 'account', value } } : {}
}

/**
 * A setup intent as an outcome. docs.stripe.com/payments/paymentintents/lifecycle: a failed attempt returns it to
 * `requires_payment_method` with the reason in `last_setup_error`.
 */
export function outcomeOf(intent: Intent, known: References): BindOutcome {
  const references = referencesOf(intent, known)
  switch (intent.status) {
    case 'succeeded':
      return bound(intent, references)
    case 'processing':
      return { kind: 'verifying', references }
    case 'requires_action':
      return challenge(intent, references)
    case 'requires_payment_method':
      if (intent.last_setup_error) return refusal(intent.last_setup_error, references)
      return { kind: 'uncertain', cause: 'the setup intent lost its payment method without an error', references }
    case 'canceled': {
      const code = intent.cancellation_reason ?? 'canceled'
      const category = refusals.get(code) ?? 'cancelled_by_customer'
      return { kind: 'refused', by: 'channel', category, code, elsewhere: false, references }
    }
    default:
      return { kind: 'uncertain', cause: `the setup intent is ${intent.status}`, references }
  }
}

function bound(intent: Intent, references: References): BindOutcome {
  const token = references.payment_method
  if (token === undefined || idOf(intent.payment_method) !== token)
    return { kind: 'uncertain', cause: 'a setup intent without its payment method', references }
  if (!intent.payment_method || typeof intent.payment_method === 'string') return { kind: 'bound', token, references }
  const shown = shownOf(intent.payment_method)
  return { kind: 'bound', token, references, ...(shown === undefined ? {} : { shown }), ...identityOf(intent.payment_method) }
}

/** docs.stripe.com/payments/ach-direct-debit/set-up-payment: "micro-deposit verifications have a timeout of 10 days". */
export const depositsMs = 10 * 86_400_000

function challenge(intent: Intent, references: References): BindOutcome {
  const deposits = intent.next_action?.verify_with_microdeposits
  if (intent.next_action?.type === 'verify_with_microdeposits' && deposits?.microdeposit_type) {
    const expires = intent.created === undefined ? {} : { expiresAtMs: intent.created * 1_000 + depositsMs }
    const arrivesAtMs = deposits.arrival_date * 1_000
    return { kind: 'challenged', action: { type: 'micro_deposits', by: deposits.microdeposit_type, arrivesAtMs, ...expires }, references }
  }
  const url = intent.next_action?.redirect_to_url?.url
  if (intent.next_action?.type !== 'redirect_to_url' || !url || !/^https?:\/\//.test(url) || !URL.canParse(url)) {
    return { kind: 'uncertain', cause: `a next action that cannot be taken: ${intent.next_action?.type ?? 'none'}`, references }
  }
  return { kind: 'challenged', action: { type: 'redirect', url, method: 'GET' }, references }
}
