/** What happens to a payment and its token: agreed to, refused, paused, cancelled. */
import type { SimulatorContext } from '../simulator.ts'
import { badAmounts } from './magic.ts'
import {
  attemptsOf,
  draw,
  held,
  note,
  type Payment,
  paidBy,
  paymentEntity,
  type State,
  seconds,
  type Token,
  tell,
  tokenEntity,
} from './simulator-state.ts'

/** NPCI takes a while to end a mandate: ours an hour. */
const cancellationMs = 3_600_000

/** The customer agreed; the bank has the last word. An order is paid once. Returns the reason of a refusal. */
export function pay(state: State, payment: Payment, context: SimulatorContext): string | undefined {
  if (payment.status !== 'created') return undefined
  const order = held(state.orders, payment.order)
  if (paidBy(state, order.id) !== undefined) return fail(state, payment, 'order_already_paid', context)
  const bad = payment.verdict ?? (order.method === 'upi' ? badAmounts[order.maxAmount]?.reason : undefined)
  if (bad !== undefined) return fail(state, payment, bad, context)
  const token: Token = {
    id: draw('token', context),
    order: order.id,
    status: 'confirmed',
    deleted: false,
    endsMs: undefined,
    madeSec: seconds(context),
  }
  state.tokens.set(token.id, token)
  const paid: Payment = { ...payment, status: 'captured', token: token.id }
  state.payments.set(payment.id, paid)
  note(state, 'stored', { order, token: token.id }, context)
  tell(state, 'payment.authorized', 'payment', paymentEntity(state, paid, 'authorized'), context)
  tell(state, 'payment.captured', 'payment', paymentEntity(state, paid), context)
  tell(state, 'token.confirmed', 'token', tokenEntity(state, token), context)
  return undefined
}

export function fail(state: State, payment: Payment, reason: string, context: SimulatorContext): string {
  const failed: Payment = { ...payment, status: 'failed', error: reason }
  state.payments.set(payment.id, failed)
  note(state, 'refused', { order: held(state.orders, payment.order) }, context)
  tell(state, 'payment.failed', 'payment', paymentEntity(state, failed), context)
  return reason
}

export function cancel(state: State, token: Token, context: SimulatorContext): Token {
  const asked: Token = { ...token, status: 'cancellation_initiated', endsMs: context.nowMs + cancellationMs }
  state.tokens.set(token.id, asked)
  tell(state, 'token.cancellation_initiated', 'token', tokenEntity(state, asked), context)
  return asked
}

export function endToken(state: State, token: Token, context: SimulatorContext): void {
  if (token.status === 'cancelled') return
  const ended: Token = { ...token, status: 'cancelled', endsMs: undefined }
  state.tokens.set(token.id, ended)
  note(state, 'removed', { order: held(state.orders, token.order), token: token.id }, context)
  tell(state, 'token.cancelled', 'token', tokenEntity(state, ended), context)
}

/** What is due by now. */
export function pass(state: State, context: SimulatorContext): void {
  for (const token of state.tokens.values())
    if (token.endsMs !== undefined && token.endsMs <= context.nowMs) endToken(state, token, context)
}

/** `approve` and `decline` go by the receipt, the order or the payment; everything else by the token. */
export function act(state: State, name: string, about: string, context: SimulatorContext): void {
  if (name === 'approve' || name === 'decline') {
    const order = [...state.orders.values()].find(one => one.receipt === about || one.id === about)
    const payment = state.payments.get(about) ?? (order === undefined ? undefined : attemptsOf(state, order.id).at(-1))
    if (payment === undefined) throw new TypeError(`razorpay simulator: nothing to ${name} for ${about}`)
    if (name === 'approve') pay(state, payment, context)
    else if (payment.status === 'created') fail(state, payment, 'payment_cancelled', context)
    return
  }
  const token = held(state.tokens, about)
  if (name === 'pause' && token.status === 'confirmed') change(state, { ...token, status: 'paused' }, 'paused', context)
  else if (name === 'resume' && token.status === 'paused') change(state, { ...token, status: 'confirmed' }, 'resumed', context)
  else if (name === 'cancel') endToken(state, token, context)
  // "Cancellations can fail if NPCI returns a failure response": it stays as it was.
  else if (name === 'fail_cancellation') state.tokens.set(token.id, { ...token, status: 'confirmed', endsMs: undefined })
  else throw new TypeError(`razorpay simulator: cannot ${name} a token that is ${token.status}`)
}

function change(state: State, token: Token, status: string, context: SimulatorContext): void {
  state.tokens.set(token.id, token)
  tell(state, `token.${status}`, 'token', tokenEntity(state, token, status), context)
}
