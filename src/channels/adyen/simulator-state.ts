/** What Adyen's simulator holds: payments, stored cards, challenges, and the news it owes. Card numbers come in and are not kept. */
import { isRecord } from '../json.ts'
import type { Books, Effect, SimulatorContext, SimulatorEvent } from '../simulator.ts'
import type { Verdict } from './magic.ts'
import { ourId } from './requests.ts'

/** What is stored: a card, or a mandate (whose `brand` is its type; it has no digits to show and does not expire). */
type Json = Readonly<Record<string, unknown>>
export type Means = Card | Mandate
export type Card = {
  readonly type: 'scheme'
  /** The simulator's keyed hash of the number. */
  readonly hash: string
  readonly last4: string
  readonly brand: string
  readonly expiryMonth: number
  readonly expiryYear: number
}
export type Mandate = { readonly type: 'upi'; readonly hash: string; readonly last4: ''; readonly brand: string }
export type Payment = {
  readonly psp: string
  readonly key: string
  readonly reference: string
  readonly shopper: string
  readonly amount: { readonly value: number; readonly currency: string }
  readonly store: boolean
  readonly means: Means
  readonly returnUrl: string
  /** What it was told for later, by Adyen's names. */
  readonly heard: Readonly<Record<string, string>>
  /** What the issuer will say, once the shopper has authenticated. */
  readonly verdict: Verdict
}
export type Stored = Means & {
  readonly token: string
  readonly reference: string
  readonly shopper: string
  readonly network: string
  readonly usable: boolean
}
export type Operation = 'created' | 'updated' | 'alreadyExisting'

/** `answered`: what the issuer's page sent the browser back with. `frictionless`: the device alone is enough. */
export type Challenge = {
  readonly psp: string
  readonly stage: 'redirect' | 'native'
  readonly answered: string | undefined
  readonly frictionless?: boolean
}

export type State = {
  readonly merchantAccount: string
  readonly payments: Map<string, Payment>
  /** Challenge name → payment. */
  readonly challenges: Map<string, Challenge>
  /** `redirectResult` → what the shopper did. */
  readonly results: Map<string, { readonly psp: string; readonly passed: boolean }>
  /** The final answer of a payment: asked again, it is the same. */
  readonly finals: Map<string, Readonly<Record<string, unknown>>>
  readonly cards: Map<string, Stored>
  /** Payments whose payer was asked and has not answered. */
  readonly waiting: Set<string>
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
  waiting: new Set(),
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

/** Our operation as we write it: mandates are told it without its underscore. */
const asOurs = (reference: string): string => ourId('opn', reference) ?? reference

export const booksOf = (state: State): Books => ({
  effects: state.effects.map(one => ({ ...one, reference: asOurs(one.reference) })),
  held: [...state.cards.values()].map(({ token, reference, shopper, last4, brand, usable }) => ({
    token,
    reference: asOurs(reference),
    customer: shopper,
    label: last4 === '' ? brand : last4,
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
): { readonly stored: Stored; readonly operation: Operation } {
  const { means, shopper, reference, key, heard } = payment
  const known = [...state.cards.values()].find(one => one.usable && one.shopper === shopper && one.hash === means.hash)
  const operation = known === undefined ? 'created' : expiryOf(known) === expiryOf(means) ? 'alreadyExisting' : 'updated'
  const stored: Stored =
    known === undefined
      ? { ...means, token: drawReference(context), reference, shopper, network: networkReference(context), usable: true }
      : { ...known, ...means }
  state.cards.set(stored.token, stored)
  note(state, { effect: 'stored', reference, key, token: stored.token, atMs: context.nowMs, heard })
  return { stored, operation }
}

const expiryOf = (of: Means): string => (of.type === 'scheme' ? `${of.expiryMonth}/${of.expiryYear}` : '')
const networkReference = (context: SimulatorContext): string => [...context.random(15)].map(byte => String(byte % 10)).join('')

/** What a payment is, whatever it is made with. */
export function paymentOf(body: Json, key: string, context: SimulatorContext): Omit<Payment, 'means' | 'verdict'> {
  const amount = isRecord(body.amount) ? body.amount : {}
  return {
    psp: drawReference(context),
    key,
    reference: word(body, 'reference'),
    shopper: word(body, 'shopperReference'),
    amount: { value: typeof amount.value === 'number' ? amount.value : 0, currency: word(amount, 'currency') },
    store: body.storePaymentMethod === true,
    returnUrl: word(body, 'returnUrl'),
    heard: heardOf(body),
  }
}

const word = (from: unknown, name: string): string => {
  const value = isRecord(from) ? from[name] : undefined
  return typeof value === 'string' ? value : ''
}

/** How the token will be used, where the shopper is, what the mandate says, and whether a security code came (never which). */
function heardOf(body: Json): Readonly<Record<string, string>> {
  const method = body.paymentMethod
  const authentication = isRecord(body.authenticationData) ? body.authenticationData.threeDSRequestData : undefined
  const isCoded = word(method, 'cvc') !== '' || word(method, 'encryptedSecurityCode') !== ''
  const told: readonly (readonly [string, string])[] = [
    ...['shopperInteraction', 'recurringProcessingModel', 'channel', 'origin'].map(name => [name, word(body, name)] as const),
    ...['amountRule', 'startsAt', 'remarks'].map(name => [`mandate.${name}`, word(body.mandate, name)] as const),
    ['paymentMethod.type', word(method, 'type')],
    ['nativeThreeDS', word(authentication, 'nativeThreeDS')],
    ['securityCode', isCoded ? 'given' : ''],
  ]
  return Object.fromEntries(told.filter(([, value]) => value !== ''))
}

/** The standard webhook about how a payment ended. `reason`: empty when it was authorised. */
export function tellPayment(state: State, payment: Payment, data: Readonly<Record<string, string>>, reason: string, nowMs: number): void {
  const success = reason === ''
  const { means } = payment
  const item = {
    additionalData: data,
    amount: payment.amount,
    eventCode: 'AUTHORISATION',
    eventDate: dateOf(nowMs),
    merchantAccountCode: state.merchantAccount,
    merchantReference: payment.reference,
    paymentMethod: means.brand,
    pspReference: payment.psp,
    reason: success ? `${payment.psp.slice(0, 6)}:${means.last4}:${expiryOf(means)}` : reason,
    success: String(success),
  }
  const body = JSON.stringify({ live: 'false', notificationItems: [{ NotificationRequestItem: item }] })
  state.events.push({ id: `AUTHORISATION:${payment.psp}:${success}`, type: 'AUTHORISATION', body })
}

export function tellToken(state: State, card: Stored, name: Operation | 'disabled', eventId: string, nowMs: number): void {
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
export function disable(state: State, card: Stored, key: string, context: SimulatorContext): void {
  if (!card.usable) return
  state.cards.set(card.token, { ...card, usable: false })
  note(state, { effect: 'removed', reference: card.reference, key, token: card.token, atMs: context.nowMs })
  tellToken(state, card, 'disabled', drawReference(context), context.nowMs)
}
