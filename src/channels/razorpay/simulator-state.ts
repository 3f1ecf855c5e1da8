/** What Razorpay's simulator holds: customers, orders, payments, tokens, and the events it owes. Of cards and payers nothing is kept but last four and own hashes. */
import { type Books, drawName, type Effect, type SimulatorContext, type SimulatorEvent } from '../simulator.ts'
import type { Method } from './mandate.ts'

export type Json = Readonly<Record<string, unknown>>
export type Customer = { readonly id: string; readonly details: string; readonly notes: Json; readonly madeSec: number }
export type Order = {
  readonly id: string
  readonly receipt: string
  readonly customer: string
  readonly method: Method
  readonly amount: number
  readonly maxAmount: number
  readonly endsSec: number
  readonly notes: Json
  readonly madeSec: number
}
export type Card = {
  readonly hash: string
  readonly last4: string
  readonly network: string
  readonly month: number
  readonly year: number
}
export type Payment = {
  readonly id: string
  readonly order: string
  readonly status: 'created' | 'authorized' | 'captured' | 'failed'
  readonly token: string | undefined
  readonly error: string | undefined
  readonly card: Card | undefined
  /** What the bank will say, if not yes. */
  readonly verdict: string | undefined
  readonly callback: string
  readonly tries: number
  readonly resends: number
  readonly notes: Json
  readonly madeSec: number
}
export type Token = {
  readonly id: string
  readonly order: string
  readonly status: 'confirmed' | 'paused' | 'cancellation_initiated' | 'cancelled'
  /** Hidden by DELETE. */
  readonly deleted: boolean
  readonly endsMs: number | undefined
  readonly madeSec: number
}
export type State = {
  readonly customers: Map<string, Customer>
  readonly orders: Map<string, Order>
  readonly payments: Map<string, Payment>
  readonly tokens: Map<string, Token>
  readonly effects: Effect[]
  readonly events: (SimulatorEvent & { readonly name: string })[]
}
export const newState = (): State => ({
  customers: new Map(),
  orders: new Map(),
  payments: new Map(),
  tokens: new Map(),
  effects: [],
  events: [],
})

export const seconds = (context: Pick<SimulatorContext, 'nowMs'>): number => Math.floor(context.nowMs / 1_000)
export const draw = (prefix: string, context: SimulatorContext): string => `${prefix}_${drawName(context, 14)}`

/** What must be there is looked up by this: its absence is a mistake of the simulator. */
export function held<T>(from: ReadonlyMap<string, T>, id: string): T {
  const found = from.get(id)
  if (found === undefined) throw new TypeError(`razorpay simulator: no ${id}`)
  return found
}

export function note(
  state: State,
  effect: Effect['effect'],
  of: { readonly order: Order; readonly token?: string },
  context: SimulatorContext,
): void {
  state.effects.push({ effect, reference: of.order.receipt, key: '', token: of.token ?? '', atMs: context.nowMs })
}

export const attemptsOf = (state: State, order: string): readonly Payment[] =>
  [...state.payments.values()].filter(one => one.order === order)
export const paidBy = (state: State, order: string): Payment | undefined =>
  attemptsOf(state, order).find(one => one.status === 'authorized' || one.status === 'captured')

export const errorOf = (reason: string, description = reason.replaceAll('_', ' ')) => ({
  code: /technical|bank_|psp_|timed_out|server/.test(reason) ? 'GATEWAY_ERROR' : 'BAD_REQUEST_ERROR',
  description: `${description}.`,
  source: 'customer',
  step: 'payment_authentication',
  reason,
  metadata: {},
})

export const customerEntity = ({ id, notes, madeSec }: Customer, echo: Json = {}): Json => ({
  id,
  entity: 'customer',
  name: echo.name ?? null,
  email: echo.email ?? null,
  contact: echo.contact ?? null,
  gstin: null,
  notes,
  created_at: madeSec,
})
export const orderEntity = (state: State, of: Order): Json => ({
  id: of.id,
  entity: 'order',
  amount: of.amount,
  amount_paid: paidBy(state, of.id) === undefined ? 0 : of.amount,
  amount_due: paidBy(state, of.id) === undefined ? of.amount : 0,
  currency: 'INR',
  receipt: of.receipt,
  offer_id: null,
  status: paidBy(state, of.id) !== undefined ? 'paid' : attemptsOf(state, of.id).length > 0 ? 'attempted' : 'created',
  attempts: attemptsOf(state, of.id).length,
  notes: of.notes,
  created_at: of.madeSec,
})
export function paymentEntity(state: State, of: Payment, status: Payment['status'] = of.status): Json {
  const order = held(state.orders, of.order)
  const error = of.error === undefined ? undefined : errorOf(of.error)
  return {
    id: of.id,
    entity: 'payment',
    amount: order.amount,
    currency: 'INR',
    status,
    order_id: of.order,
    invoice_id: null,
    international: false,
    method: order.method,
    amount_refunded: 0,
    refund_status: null,
    captured: status === 'captured',
    description: null,
    card_id: of.card === undefined ? null : `card_${of.id.slice(4)}`,
    bank: null,
    wallet: null,
    vpa: null,
    customer_id: order.customer,
    ...(of.token === undefined ? {} : { token_id: of.token }),
    notes: of.notes,
    fee: null,
    tax: null,
    error_code: error?.code ?? null,
    error_description: error?.description ?? null,
    error_source: error?.source ?? null,
    error_step: error?.step ?? null,
    error_reason: error?.reason ?? null,
    acquirer_data: {},
    created_at: of.madeSec,
  }
}
export function tokenEntity(state: State, of: Token, status: string = of.status): Json {
  const order = held(state.orders, of.order)
  const card = attemptsOf(state, of.order).find(one => one.token === of.id)?.card
  return {
    id: of.id,
    entity: 'token',
    token: of.id.slice(6),
    bank: null,
    wallet: null,
    method: order.method,
    ...(card === undefined
      ? { vpa: { username: `payer.${of.id.slice(-4).toLowerCase()}`, handle: 'oksbi', name: null } }
      : { card: cardEntity(card) }),
    recurring: true,
    recurring_details: { status, failure_reason: null },
    auth_type: null,
    mrn: null,
    used_at: of.madeSec,
    created_at: of.madeSec,
    start_time: of.madeSec,
    dcc_enabled: false,
    max_amount: order.maxAmount,
    expired_at: order.endsSec,
  }
}
const cardEntity = ({ last4, network, month, year }: Card): Json => ({
  entity: 'card',
  name: '',
  last4,
  network,
  type: 'credit',
  issuer: 'HDFC',
  international: false,
  emi: false,
  sub_type: 'consumer',
  expiry_month: month,
  expiry_year: year,
  flows: { otp: true, recurring: true },
})

export function tell(state: State, type: string, about: 'token' | 'payment', entity: Json, context: SimulatorContext): void {
  const body = JSON.stringify({
    entity: 'event',
    account_id: 'acc_BinderySandbox',
    event: type,
    contains: [about],
    payload: { [about]: { entity } },
    created_at: seconds(context),
  })
  const name = drawName(context, 14)
  state.events.push({ id: name, name, type, body })
}

export const booksOf = (state: State): Books => ({
  effects: [...state.effects],
  held: [...state.tokens.values()].map(one => {
    const order = held(state.orders, one.order)
    const card = attemptsOf(state, one.order).find(payment => payment.token === one.id)?.card
    return {
      token: one.id,
      reference: order.receipt,
      customer: order.customer,
      label: card === undefined ? 'pa****@oksbi' : `…${card.last4}`,
      usable: one.status === 'confirmed' && !(one.deleted && order.method === 'card'),
    }
  }),
})
