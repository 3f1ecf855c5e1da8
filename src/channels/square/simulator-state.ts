/** What Square's simulator holds: customers and cards, what happens to a card over there, and the news it owes. */
import type { Effect, KeyStore, SimulatorContext, SimulatorEvent } from '../simulator.ts'

/** `notificationUrl`: as it was set "at Square"; it is signed with every webhook. */
export type SquareSimulatorOptions = { readonly accessToken: string; readonly notificationUrl: string }

export type Json = Readonly<Record<string, unknown>>
export const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
export const text = (from: unknown, name: string): string => {
  const value = isJson(from) ? from[name] : undefined
  return typeof value === 'string' ? value : ''
}

export type Card = {
  readonly id: string
  readonly brand: string
  readonly last4: string
  readonly expiryMonth: number
  readonly expiryYear: number
  readonly fingerprint: string
  readonly customer: string
  readonly reference: string
  readonly enabled: boolean
  readonly forgotten: boolean
  readonly version: number
  readonly alert: boolean
}
export type State = {
  readonly options: SquareSimulatorOptions
  readonly customers: Map<string, string>
  readonly cards: Map<string, Card>
  readonly keys: KeyStore
  readonly effects: Effect[]
  readonly events: SimulatorEvent[]
}

const merchant = 'ML0000SIMULATED'

export const shown = (card: Card): Json => ({
  id: card.id,
  card_brand: card.brand,
  last_4: card.last4,
  exp_month: card.expiryMonth,
  exp_year: card.expiryYear,
  fingerprint: card.fingerprint,
  customer_id: card.customer,
  merchant_id: merchant,
  reference_id: card.reference,
  enabled: card.enabled,
  version: card.version,
  ...(card.alert ? { issuer_alert: 'ISSUER_ALERT_CARD_CLOSED' } : {}),
})

export function tell(state: State, type: string, card: Json, context: SimulatorContext): void {
  const id = context
    .random(16)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  const created_at = new Date(context.nowMs).toISOString()
  const body = JSON.stringify({
    merchant_id: merchant,
    type,
    event_id: id,
    created_at,
    data: { type: 'card', id: card.id, object: { card } },
  })
  state.events.push({ id, type, body })
}

/** A change of the card, one version on. */
function change(state: State, card: Card, to: Partial<Card>, effect: Effect['effect'], context: SimulatorContext): Card {
  const changed = { ...card, ...to, version: card.version + 1 }
  state.cards.set(card.id, changed)
  state.effects.push({ effect, reference: card.reference, key: '', token: card.id, atMs: context.nowMs })
  return changed
}

export function disable(state: State, card: Card, type: string, context: SimulatorContext): Card {
  if (!card.enabled) return card
  const disabled = change(state, card, { enabled: false }, 'removed', context)
  tell(state, type, shown(disabled), context)
  return disabled
}

export function act(state: State, name: string, token: string, context: SimulatorContext): void {
  const card = state.cards.get(token)
  if (card === undefined) throw new TypeError(`square simulator: no card ${token}`)
  const automatically = (to: Partial<Card>) => {
    tell(state, 'card.automatically_updated', shown(change(state, card, to, 'changed', context)), context)
  }
  switch (name) {
    case 'update_card':
      automatically({ expiryYear: card.expiryYear + 4, last4: '2222' })
      break
    case 'close_account':
      automatically({ alert: true })
      break
    case 'lift_alert':
      automatically({ alert: false })
      break
    case 'disable':
      disable(state, card, 'card.disabled', context)
      break
    case 'forget':
      forget(state, card, context)
      break
    default:
      throw new TypeError(`square simulator: cannot ${name}`)
  }
}

/** What is left of a forgotten card is its name (`CardForgottenEventCard`). */
function forget(state: State, card: Card, context: SimulatorContext): void {
  const gone = card.enabled ? change(state, card, { enabled: false, forgotten: true }, 'removed', context) : { ...card, forgotten: true }
  state.cards.set(card.id, gone)
  const { id, customer, enabled, reference, version } = gone
  tell(state, 'card.forgotten', { id, customer_id: customer, enabled, reference_id: reference, version, merchant_id: merchant }, context)
}
