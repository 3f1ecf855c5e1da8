/** How Checkout.com answers: payments as they are answered at once and as they are read later, instruments, and errors. */
import { isRecord } from '../json.ts'
import { drawName, type SimulatorAnswer, type SimulatorContext } from '../simulator.ts'
import { type Card, type Instrument, isApproved, type Payment } from './simulator-state.ts'

/** Seconds, as in the examples of the specification. */
export const iso = (atMs: number): string => new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z')

export const answer = (status: number, body: object): SimulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cko-version': '1.0.0' },
  body: JSON.stringify(body),
})
/** 401, 404 and 204 have no body. */
export const empty = (status: number): SimulatorAnswer => ({ status, headers: { 'cko-version': '1.0.0' }, body: '' })

export const fault = (status: number, type: string, codes: readonly string[], context: SimulatorContext): SimulatorAnswer =>
  answer(status, { request_id: `0HL${drawName(context, 10).toUpperCase()}`, error_type: type, error_codes: codes })

const cardFields = (card: Card) => ({
  expiry_month: card.expiryMonth,
  expiry_year: card.expiryYear,
  scheme: card.scheme,
  last4: card.last4,
  fingerprint: card.fingerprint,
  bin: card.bin,
})
const sourceOf = (payment: Payment) => ({
  ...(payment.source === undefined ? {} : { id: payment.source }),
  type: 'card',
  ...cardFields(payment.card),
  // "Y": matched.
  ...(payment.securityCode ? { cvv_check: 'Y' } : {}),
})
const linksOf = (payment: Payment, { address }: SimulatorContext) => ({
  self: { href: `${address}/payments/${payment.id}` },
  actions: { href: `${address}/payments/${payment.id}/actions` },
})
const summaryOf = (code: string): string => (isApproved(code) ? 'Approved' : 'Declined')

/** 201: the issuer has answered. */
export const decided = (payment: Payment, context: SimulatorContext): SimulatorAnswer =>
  answer(201, {
    id: payment.id,
    action_id: payment.action,
    amount: 0,
    currency: payment.currency,
    approved: isApproved(payment.code),
    status: payment.status,
    response_code: payment.code,
    response_summary: summaryOf(payment.code),
    risk: { flagged: false },
    source: sourceOf(payment),
    processed_on: iso(payment.atMs),
    reference: payment.reference,
    scheme_id: payment.network,
    _links: linksOf(payment, context),
  })

/** 202: the customer has to go to the issuer's page first. */
export const pending = (payment: Payment, redirect: string, context: SimulatorContext): SimulatorAnswer =>
  answer(202, {
    id: payment.id,
    status: 'Pending',
    reference: payment.reference,
    '3ds': { downgraded: false, enrolled: 'Y' },
    _links: { self: linksOf(payment, context).self, redirect: { href: redirect } },
  })

export const details = (payment: Payment, context: SimulatorContext) => ({
  id: payment.id,
  requested_on: iso(payment.atMs),
  source: sourceOf(payment),
  amount: 0,
  currency: payment.currency,
  payment_type: 'Regular',
  reference: payment.reference,
  approved: payment.status === 'Card Verified',
  status: payment.status,
  ...(payment.threeDs ? { '3ds': { downgraded: false, enrolled: 'Y', challenged: payment.challenged } } : {}),
  risk: { flagged: false },
  metadata: payment.metadata,
  scheme_id: payment.network,
  _links: linksOf(payment, context),
})

/** Newest first; nothing is there before the issuer was asked. */
export const actions = (payment: Payment): readonly object[] =>
  payment.status === 'Pending'
    ? []
    : [
        {
          id: payment.action,
          type: 'Card Verification',
          processed_on: iso(payment.atMs),
          amount: 0,
          approved: payment.status === 'Card Verified',
          response_code: payment.code,
          response_summary: summaryOf(payment.code),
          reference: payment.reference,
        },
      ]

export const instrument = (one: Instrument) => ({ type: 'card', id: one.id, ...cardFields(one.card) })

/** Everything with a name turned into somebody else's of the same form. */
export function disguise(of: SimulatorAnswer): SimulatorAnswer {
  if (of.body === '' || !of.body.startsWith('{')) return strangeList(of)
  const body: unknown = JSON.parse(of.body)
  return { ...of, body: JSON.stringify(strange(body)) }
}
const strangeList = (of: SimulatorAnswer): SimulatorAnswer => (of.body.startsWith('[') ? { ...of, body: '[]' } : of)

const ids = /^(pay|src|act|opn|bnd)_/
function strange(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strange)
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, strange(one)]))
  if (typeof value !== 'string' || !ids.test(value)) return value
  const [prefix = '', rest = ''] = value.split(/_(.*)/)
  return `${prefix}_${'z'.repeat(Math.max(1, rest.length))}`
}

/** The same with money in it; undefined where an answer speaks of none. */
export function miscount(of: SimulatorAnswer): SimulatorAnswer | undefined {
  return of.body.includes('"currency":"') ? { ...of, body: of.body.replaceAll('"amount":0', '"amount":100') } : undefined
}
