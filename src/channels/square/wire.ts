/** Square's words, Connect API v2: what goes out and how an answer reads. Nothing outside this folder knows them. */
import { z } from 'zod'
import type { Bound, Call, ChannelAnswer, ChannelRequest, References, Refused, Shown, Uncertain } from '../channel.ts'
import { readJson } from '../json.ts'
import { categories, refusalOf } from './refusals.ts'

/** Of the published specification; newer ones add, and what we use has not changed (`x-additional-headers` of `api.json`). */
const squareVersion = '2025-08-20'

const request = (call: Call, method: 'GET' | 'POST', path: string, body?: unknown): ChannelRequest => ({
  method,
  url: `${call.account.address.replace(/\/+$/, '')}${path}`,
  headers: {
    authorization: `Bearer ${call.account.secrets.accessToken?.reveal() ?? ''}`,
    'square-version': squareVersion,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})

/**
 * Square wants a name, an address or a number for a customer ("at least one of … given_name, …"); ours has the id we know it by. The key:
 * the operation's, with a suffix, within the 45 characters that Square gives to keys of cards.
 */
export const customerRequest = (call: Call, customer: string): ChannelRequest =>
  request(call, 'POST', '/v2/customers', { idempotency_key: `${call.key}.cus`, given_name: customer, reference_id: customer })

/** `source_id`: what Square's own fields made of the card, good for one use. `verification_token`: of its `verifyBuyer`, where 3-D Secure was done. */
export const cardRequest = (call: Call, customer: string, fields: Readonly<Record<string, string>>): ChannelRequest =>
  request(call, 'POST', '/v2/cards', {
    idempotency_key: call.key,
    source_id: fields.source_id,
    ...((fields.verification_token ?? '') === '' ? {} : { verification_token: fields.verification_token }),
    card: { customer_id: customer, reference_id: call.operation },
  })

export const listRequest = (call: Call, reference: string): ChannelRequest =>
  request(call, 'GET', `/v2/cards?${new URLSearchParams({ reference_id: reference, include_disabled: 'true' })}`)
export const cardOfRequest = (call: Call, card: string): ChannelRequest => request(call, 'GET', `/v2/cards/${encodeURIComponent(card)}`)
export const disableRequest = (call: Call, card: string): ChannelRequest =>
  request(call, 'POST', `/v2/cards/${encodeURIComponent(card)}/disable`)

/** `ccof:…`, at most 64 characters; it becomes part of an address. */
const cardId = z.string().regex(/^[\w:-]{1,64}$/)
export const squareCard = z.object({
  id: cardId,
  card_brand: z.string().optional(),
  last_4: z.string().optional(),
  exp_month: z.number().nullish(),
  exp_year: z.number().nullish(),
  fingerprint: z.string().optional(),
  customer_id: z.string().min(1).nullish(),
  reference_id: z.string().nullish(),
  enabled: z.boolean().nullish(),
  version: z.number().optional(),
  issuer_alert: z.string().optional(),
})
export type SquareCard = z.infer<typeof squareCard>

const customerAnswer = z.object({ customer: z.object({ id: z.string().min(1), reference_id: z.string().optional() }) })
const cardAnswer = z.object({ card: squareCard })
/** An empty list is `{}`: so whatever else stands in it is not a list of Square's. */
const cardsAnswer = z.strictObject({ cards: z.array(squareCard).optional(), cursor: z.string().optional() })
const errorsAnswer = z.object({
  errors: z.array(z.object({ category: z.string(), code: z.string(), detail: z.string().optional() })).min(1),
})

function parsed<S extends z.ZodType>(schema: S, answer: ChannelAnswer): z.output<S> | undefined {
  const result = schema.safeParse(readJson(answer.body))
  return result.success ? result.data : undefined
}
export const readCustomer = (answer: ChannelAnswer) => (answer.status === 200 ? parsed(customerAnswer, answer)?.customer : undefined)
export const readCard = (answer: ChannelAnswer): SquareCard | undefined =>
  answer.status === 200 ? parsed(cardAnswer, answer)?.card : undefined
export const readCards = (answer: ChannelAnswer): readonly SquareCard[] | undefined => {
  const list = answer.status === 200 ? parsed(cardsAnswer, answer) : undefined
  // We ask by a reference that one card has: a list that goes on is not the answer to that.
  return list === undefined || (list.cursor ?? '') !== '' ? undefined : (list.cards ?? [])
}

const brands: Readonly<Record<string, string>> = {
  VISA: 'visa',
  MASTERCARD: 'mastercard',
  AMERICAN_EXPRESS: 'amex',
  DISCOVER: 'discover',
  DISCOVER_DINERS: 'diners',
  JCB: 'jcb',
  CHINA_UNIONPAY: 'unionpay',
  INTERAC: 'interac',
  EFTPOS: 'eftpos',
}

export function shownOf(card: SquareCard): { shown?: Shown } {
  const brand = brands[card.card_brand ?? '']
  const shown = {
    ...(brand === undefined ? {} : { brand }),
    ...(/^\d{4}$/.test(card.last_4 ?? '') && card.last_4 !== undefined ? { last4: card.last_4 } : {}),
    ...(card.exp_month == null || card.exp_year == null ? {} : { expiryMonth: card.exp_month, expiryYear: card.exp_year }),
  }
  return Object.keys(shown).length === 0 ? {} : { shown }
}

/**
 * The fingerprint is "based on the card number, to identify the card across multiple locations within a single application"; Square lets a
 * card be stored twice, so it is by this that the same card is recognised.
 */
export const boundOf = (card: SquareCard, references: References): Bound => ({
  kind: 'bound',
  token: card.id,
  references: { ...references, ...(card.customer_id == null ? {} : { customer: card.customer_id }), card: card.id },
  ...shownOf(card),
  ...(card.fingerprint === undefined ? {} : { identity: { kind: 'account', value: card.fingerprint } }),
})

export const uncertain = (cause: string, references: References = {}): Uncertain => ({ kind: 'uncertain', cause, references })

/** An answer that is not the one asked for: a definite no where Square says so in its own form, else uncertain. */
export function readFailure(answer: ChannelAnswer, references: References): Refused | Uncertain {
  const { status } = answer
  if (status === 408 || status === 409 || status === 429 || status < 400 || status >= 500) return uncertain(`http_${status}`, references)
  const error = parsed(errorsAnswer, answer)?.errors[0]
  // A page is a proxy's; Square itself says so in JSON, or says nothing.
  const door = (status === 401 || status === 403) && (answer.body === '' || readJson(answer.body) !== undefined)
  if (error === undefined && !door) return uncertain(`unreadable_${status}`, references)
  const { code, detail } = error ?? { code: `http_${status}`, detail: undefined }
  // Of the first request under this key nothing is said; nor is anything by a fault of the moment, or by an address that is not there.
  if (code === 'IDEMPOTENCY_KEY_REUSED' || code === 'NOT_FOUND' || categories.get(code) === 'try_later')
    return uncertain(code.toLowerCase(), references)
  const refusal = error === undefined ? ({ by: 'channel', category: 'misconfigured', elsewhere: true } as const) : refusalOf(error)
  return { kind: 'refused', ...refusal, code, ...(detail === undefined ? {} : { message: detail }), references }
}

/** Square does not know this card (any more). */
export const isGone = (answer: ChannelAnswer): boolean =>
  answer.status === 404 && parsed(errorsAnswer, answer)?.errors[0]?.code === 'NOT_FOUND'
