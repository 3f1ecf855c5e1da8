/** What Checkout.com holds in the sandbox: payments, the instruments they left behind, the customers on their way, and what happened. */
import { createHmac } from 'node:crypto'
import { drawName, type Effect, type SimulatorContext, type SimulatorEvent } from '../simulator.ts'
import { iso } from './simulator-answers.ts'

/** What may be shown of a card: never its number. */
export type Card = {
  readonly bin: string
  readonly last4: string
  readonly expiryMonth: number
  readonly expiryYear: number
  readonly scheme: string
  readonly fingerprint: string
}
export type Payment = {
  readonly id: string
  readonly action: string
  readonly key: string
  readonly reference: string
  readonly currency: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly card: Card
  readonly atMs: number
  readonly threeDs: boolean
  /** The merchant wishes for a challenge; without it the issuer is content with what it sees. */
  readonly challenged: boolean
  /** Whether a security code came with the card: the issuer says whether it fits. */
  readonly securityCode: boolean
  /** Of the issuer's page, and where it sends the browser afterwards. */
  readonly session: string
  readonly back: { readonly success: string; readonly failure: string }
  readonly status: 'Pending' | 'Card Verified' | 'Declined'
  /** What the issuer answers when it is asked. */
  readonly code: string
  readonly network: string
  readonly source?: string
}
export type Instrument = { readonly id: string; readonly reference: string; readonly card: Card; readonly usable: boolean }
export type State = {
  readonly payments: Map<string, Payment>
  readonly instruments: Map<string, Instrument>
  readonly events: SimulatorEvent[]
  readonly effects: Effect[]
}
export const newState = (): State => ({ payments: new Map(), instruments: new Map(), events: [], effects: [] })

/** Twenty-six of the letters and digits that their ids are made of. */
export const drawId = (prefix: string, context: SimulatorContext): string => `${prefix}_${drawName(context, 26).toLowerCase()}`
/** The specification's pattern for an instrument's fingerprint: 26 lower-case letters and digits. */
export const fingerprintOf = (key: string, number: string): string => createHmac('sha256', key).update(number).digest('hex').slice(0, 26)

export function note(
  state: State,
  effect: Effect['effect'],
  of: { readonly payment?: Payment; readonly token: string },
  atMs: number,
): void {
  state.effects.push({ effect, reference: of.payment?.reference ?? '', key: of.payment?.key ?? '', token: of.token, atMs })
}

/** Codes that begin with 10 are approvals. */
export const isApproved = (code: string): boolean => code.startsWith('10')

/** The issuer has answered: stored, or not. */
export function conclude(state: State, payment: Payment, code: string, context: SimulatorContext): Payment {
  if (!isApproved(code)) {
    const declined: Payment = { ...payment, status: 'Declined', code }
    state.payments.set(payment.id, declined)
    note(state, 'refused', { payment, token: payment.id }, context.nowMs)
    tell(state, 'card_verification_declined', declined, context)
    return declined
  }
  const source = drawId('src', context)
  const verified: Payment = { ...payment, status: 'Card Verified', code, source }
  state.payments.set(payment.id, verified)
  state.instruments.set(source, { id: source, reference: payment.reference, card: payment.card, usable: true })
  note(state, 'stored', { payment, token: source }, context.nowMs)
  tell(state, 'card_verified', verified, context)
  return verified
}

/** "Initial 3DS transaction not completed within 15 minutes": response code 20152. */
const patienceMs = 15 * 60_000
export function lapse(state: State, context: SimulatorContext): void {
  for (const payment of state.payments.values())
    if (payment.status === 'Pending' && context.nowMs - payment.atMs >= patienceMs) conclude(state, payment, '20152', context)
}

export const eventSource = (card: Card, id: string | undefined) => ({
  ...(id === undefined ? {} : { id }),
  type: 'card',
  expiry_month: card.expiryMonth,
  expiry_year: card.expiryYear,
  scheme: card.scheme.toUpperCase(),
  last_4: card.last4,
  fingerprint: card.fingerprint,
  bin: card.bin,
})

function tell(state: State, type: string, payment: Payment, context: SimulatorContext): void {
  push(state, type, context, {
    id: payment.id,
    action_id: payment.action,
    amount: 0,
    currency: payment.currency,
    response_code: payment.code,
    response_summary: isApproved(payment.code) ? 'Approved' : 'Declined',
    scheme_id: payment.network,
    ...(payment.threeDs ? { '3ds': { downgraded: false, enrolled: 'Y', challenged: payment.challenged } } : {}),
    source: eventSource(payment.card, payment.source),
    processed_on: iso(context.nowMs),
    reference: payment.reference,
    metadata: payment.metadata,
  })
}

export function push(state: State, type: string, context: SimulatorContext, data: Readonly<Record<string, unknown>>): void {
  const id = drawId('evt', context)
  const links = { self: { href: `${context.address}/workflows/events/${id}` } }
  const body = JSON.stringify({ id, type, version: '1.0.1', created_on: iso(context.nowMs), data, _links: links })
  state.events.push({ id, type, body })
}
