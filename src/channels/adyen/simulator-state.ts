/** What Adyen's simulator holds: payments, stored cards, challenges, and the news it owes. Card numbers come in and are not kept. */

import type { Books, Effect, SimulatorContext, SimulatorEvent } from '../simulator.ts'
import type { Verdict } from './magic.ts'

export type Card = {
  /** The simulator's keyed hash of the number. */
  readonly hash: string
  readonly last4: string
  readonly brand: string
  readonly expiryMonth: number
  readonly expiryYear: number
}
export type Payment = {
  readonly psp: string
  readonly key: string
  readonly reference: string
  readonly shopper: string
  readonly amount: { readonly value: number; readonly currency: string }
  readonly store: boolean
  readonly card: Card
  readonly returnUrl: string
  /** What the issuer will say, once the shopper has authenticated. */
  readonly verdict: Verdict
}
export type StoredCard = Card & {
  readonly token: string
  readonly reference: string
  readonly shopper: string
  readonly network: string
  readonly usable: boolean
}
export type Operation = 'created' | 'updated' | 'alreadyExisting'

export type State = {
  readonly merchantAccount: string
  readonly payments: Map<string, Payment>
  /** Challenge name → payment. */
  readonly challenges: Map<string, { readonly psp: string; readonly answered: string | undefined }>
  /** `redirectResult` → what the shopper did. */
  readonly results: Map<string, { readonly psp: string; readonly passed: boolean }>
  /** The final answer of a payment: asked again, it is the same. */
  readonly finals: Map<string, Readonly<Record<string, unknown>>>
  readonly cards: Map<string, StoredCard>
  readonly effects: Effect[]
  readonly events: SimulatorEvent[]
}

export const newState = (merchantAccount: string): State => ({
  merchantAccount,
  payments: new Map(),
  challenges: new Map(),
  results: new Map(),
  finals: new Map(),
  cards: new Map(),
  effects: [],
  events: [],
})

const upper = 'BCDFGHJKLMNPQRSTVWXZ23456789QRST'

/** 16 characters, as PSP references and tokens look. */
export function drawReference(context: Pick<SimulatorContext, 'random'>): string {
  let out = ''
  for (const byte of context.random(16)) out += upper[byte & 31] ?? 'B'
  return out
}

export const note = (state: State, of: Effect): void => {
  state.effects.push(of)
}

export const booksOf = (state: State): Books => ({
  effects: [...state.effects],
  held: [...state.cards.values()].map(({ token, reference, shopper, last4, usable }) => ({
    token,
    reference,
    customer: shopper,
    label: last4,
    usable,
  })),
})

/** ISO 8601 to the second, as Adyen writes it. */
const dateOf = (nowMs: number): string => `${new Date(nowMs).toISOString().slice(0, 19)}+00:00`

/** Stores the payment's card for its shopper: the same number is the same token. */
export function store(
  state: State,
  payment: Payment,
  context: SimulatorContext,
): { readonly stored: StoredCard; readonly operation: Operation } {
  const { card, shopper, reference, key } = payment
  const known = [...state.cards.values()].find(one => one.usable && one.shopper === shopper && one.hash === card.hash)
  const same = known !== undefined && known.expiryMonth === card.expiryMonth && known.expiryYear === card.expiryYear
  const operation = known === undefined ? 'created' : same ? 'alreadyExisting' : 'updated'
  const stored: StoredCard =
    known === undefined
      ? { ...card, token: drawReference(context), reference, shopper, network: networkReference(context), usable: true }
      : { ...known, expiryMonth: card.expiryMonth, expiryYear: card.expiryYear }
  state.cards.set(stored.token, stored)
  note(state, { effect: 'stored', reference, key, token: stored.token, atMs: context.nowMs })
  return { stored, operation }
}

const networkReference = (context: SimulatorContext): string => [...context.random(15)].map(byte => String(byte % 10)).join('')

/** The standard webhook about how a payment ended. `reason`: empty when it was authorised. */
export function tellPayment(state: State, payment: Payment, data: Readonly<Record<string, string>>, reason: string, nowMs: number): void {
  const success = reason === ''
  const { card } = payment
  const item = {
    additionalData: data,
    amount: payment.amount,
    eventCode: 'AUTHORISATION',
    eventDate: dateOf(nowMs),
    merchantAccountCode: state.merchantAccount,
    merchantReference: payment.reference,
    paymentMethod: card.brand,
    pspReference: payment.psp,
    reason: success ? `${payment.psp.slice(0, 6)}:${card.last4}:${card.expiryMonth}/${card.expiryYear}` : reason,
    success: String(success),
  }
  const body = JSON.stringify({ live: 'false', notificationItems: [{ NotificationRequestItem: item }] })
  state.events.push({ id: `AUTHORISATION:${payment.psp}:${success}`, type: 'AUTHORISATION', body })
}

export function tellToken(state: State, card: StoredCard, name: Operation | 'disabled', eventId: string, nowMs: number): void {
  const type = `recurring.token.${name}`
  const body = JSON.stringify({
    createdAt: dateOf(nowMs),
    eventId,
    environment: 'test',
    data: {
      merchantAccount: state.merchantAccount,
      storedPaymentMethodId: card.token,
      type: card.brand,
      ...(name === 'disabled' ? {} : { operation: name }),
      shopperReference: card.shopper,
    },
    type,
  })
  state.events.push({ id: `${type}:${eventId}`, type, body })
}

/** Disables a token, by us or by a third party. Twice is once. */
export function disable(state: State, card: StoredCard, key: string, context: SimulatorContext): void {
  if (!card.usable) return
  state.cards.set(card.token, { ...card, usable: false })
  note(state, { effect: 'removed', reference: card.reference, key, token: card.token, atMs: context.nowMs })
  tellToken(state, card, 'disabled', drawReference(context), context.nowMs)
}
