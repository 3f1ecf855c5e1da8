/** The order that carries the mandate, and the attempts to have it agreed to: a link into the UPI app, or a card with a password. */
import type { Action, OtpAction } from '../action.ts'
import type { BindInput, BindOutcome, Call, Challenged, References, Source } from '../channel.ts'
import { authorisation, type Method, type OrderToken } from './mandate.ts'
import { isOf, standingOf } from './standing.ts'
import {
  type Attempt,
  type Attempted,
  actionsIn,
  ask,
  cardRequest,
  customerRequest,
  type Failure,
  noteIn,
  orderRequest,
  otp,
  type Payment,
  read,
  refusedBy,
  shapes,
  uncertain,
  upiRequest,
} from './wire.ts'

/** `found`: it was there already, by an earlier try of this operation. `challenge`: which method, for later. */
export type Placed =
  | {
      readonly kind: 'placed'
      readonly found: boolean
      readonly references: { readonly customer: string; readonly order: string; readonly challenge: Method }
    }
  | { readonly kind: 'ended'; readonly ending: BindOutcome }

const ended = (ending: BindOutcome): Placed => ({ kind: 'ended', ending })

export async function placeOrder(
  call: Call,
  input: BindInput,
  { method, token }: { readonly method: Method; readonly token: OrderToken },
): Promise<Placed> {
  const earlier = await ask(call, read.ordersByReceipt(call), shapes.orders)
  if (earlier.kind === 'nothing') return ended(uncertain(earlier.cause))
  if (earlier.kind === 'no') return ended(refusedBy(earlier.failure, {}))
  if (earlier.content.items.some(one => one.receipt?.includes(call.operation) !== true)) return ended(uncertain('another_receipt'))
  const found = earlier.content.items.find(one => one.receipt === call.operation)
  const owner = noteIn(found?.notes, 'customer')
  if (found !== undefined)
    return owner === undefined
      ? ended(uncertain('order_without_customer', { order: found.id }))
      : { kind: 'placed', found: true, references: { customer: owner, order: found.id, challenge: method } }
  const customer = input.channelCustomer ?? (await newCustomer(call, input))
  if (typeof customer !== 'string') return ended(customer)
  const made = await ask(call, orderRequest(call, { binding: input.binding, customer, method, token }), shapes.order)
  if (made.kind === 'nothing') return ended(uncertain(made.cause, { customer }))
  if (made.kind === 'no') return ended(refusedBy(made.failure, { customer }))
  const { id, receipt, amount, currency } = made.content
  if (receipt !== call.operation || amount !== authorisation.amount || currency !== authorisation.currency)
    return ended(uncertain('another_order', { customer }))
  return { kind: 'placed', found: false, references: { customer, order: id, challenge: method } }
}

/** Two customers of ours may be one person at Razorpay: then the notes are the other's, and that the id exists is looked at. */
async function newCustomer(call: Call, input: BindInput): Promise<string | BindOutcome> {
  const made = await ask(call, customerRequest(call, input), shapes.customer)
  if (made.kind === 'nothing') return uncertain(made.cause)
  if (made.kind === 'no') return refusedBy(made.failure, {})
  const { id, notes } = made.content
  if (noteIn(notes, 'customer') === input.customer) return id
  const looked = await ask(call, read.customer(call, id), shapes.customer)
  return looked.kind === 'said' && looked.content.id === id ? id : uncertain('another_customer')
}

/** The answer names the payment only: that it is of our order, over our amount, is read from the payment itself. */
async function ours(call: Call, payment: string, order: string): Promise<Payment | string> {
  const said = await ask(call, read.payment(call, payment), shapes.payment)
  if (said.kind !== 'said') return said.kind === 'no' ? 'payment_not_read' : said.cause
  return said.content.id === payment && isOf(said.content, order) ? said.content : 'another_payment'
}

/** Codes that say that somebody was here before: maybe an earlier attempt of ours, whose answer was lost. */
const beforeUs: ReadonlySet<string> = new Set(['order_already_paid', 'duplicate_request'])

/**
 * A no to an attempt, or to a password. What could not be done for the moment, or was done already, decides nothing by itself: a payment
 * may be under way or made all the same ("late authorisation", razorpay.com/docs/payments/payments/late-authorisation). What stands in the
 * order counts.
 */
export async function noOf(call: Call, failure: Failure, order: string, references: References): Promise<BindOutcome> {
  const refusal = refusedBy(failure, references)
  if (refusal.category !== 'try_later' && !beforeUs.has(refusal.code)) return refusal
  const standing = await standingOf(call, order, references)
  return standing.kind === 'ended' ? standing.ending : uncertain(`not_done_${refusal.code}`, references)
}

type Ordered = References & { readonly order: string; readonly customer: string }

/**
 * "Use the link as a deeplink … convert the link into a QR code" for desks. While nobody has seen the link, its payment is not named: what
 * was lost is asked for anew.
 */
export async function attemptUpi(call: Call, of: Attempt, source: Source | undefined, references: Ordered): Promise<BindOutcome> {
  const made = await ask(call, upiRequest(call, of), shapes.attempted)
  if (made.kind === 'nothing') return uncertain(made.cause, references)
  if (made.kind === 'no') return noOf(call, made.failure, of.order, references)
  const { razorpay_payment_id: id, link } = made.content
  const payment = await ours(call, id, of.order)
  if (typeof payment === 'string') return uncertain(payment, references)
  if (link === undefined) return uncertain('no_link', references)
  const app: Action = { type: 'app_link', url: link }
  const code: Action = { type: 'qr', payload: link }
  const scan = source?.type === 'instant_mandate' && source.by === 'qr'
  return {
    kind: 'challenged',
    action: scan ? code : app,
    alternatives: [scan ? app : code],
    references: { ...references, payment: id },
  }
}

/** A password where the bank takes one by Razorpay's native form; else the bank's page. Some cards need neither. */
export async function attemptCard(call: Call, input: BindInput, references: Ordered): Promise<BindOutcome> {
  const { order, customer } = references
  const made = await ask(call, cardRequest(call, input, { order, customer, binding: input.binding }), shapes.attempted)
  if (made.kind === 'nothing') return uncertain(made.cause, references)
  if (made.kind === 'no') return noOf(call, made.failure, order, references)
  const { razorpay_payment_id: id, next } = made.content
  const payment = await ours(call, id, order)
  if (typeof payment === 'string') return uncertain(payment, references)
  const known = { ...references, payment: id }
  const actions = actionsIn(next)
  const url = actions.find(one => one.action === 'redirect')?.url
  const redirect: readonly Action[] = url !== undefined && URL.canParse(url) ? [{ type: 'redirect', url, method: 'GET' }] : []
  if (actions.some(one => one.action === 'otp_generate')) return sendPassword(call, id, known, redirect)
  const [action] = redirect
  if (action !== undefined) return { kind: 'challenged', action, references: known }
  const standing = await standingOf(call, order, known)
  return standing.kind === 'ended' ? standing.ending : uncertain('no_next_step', known)
}

/** While no password was sent the payment is not named: nobody has been asked anything yet. */
export async function sendPassword(
  call: Call,
  payment: string,
  references: References,
  others: readonly Action[] = [],
): Promise<BindOutcome> {
  const { payment: _, ...unasked } = references
  const said = await ask(call, otp.generate(call, payment), shapes.attempted)
  if (said.kind === 'nothing') return uncertain(said.cause, unasked)
  if (said.kind === 'no') return uncertain('password_not_sent', unasked)
  if (said.content.razorpay_payment_id !== payment) return uncertain('another_payment', unasked)
  return otpChallenge(said.content, references, others)
}

/**
 * Who is texted is the bank's to know. "Do not perform any validation on the length of the OTP." How often another may be sent is the
 * bank's too: one at a time, while Razorpay offers it.
 */
export function otpChallenge(said: Attempted, references: References, others: readonly Action[] = []): Challenged {
  const resends = actionsIn(said.next).some(one => one.action === 'otp_resend') ? 1 : 0
  const action: OtpAction = { type: 'otp', sentTo: `the phone that ${said.metadata?.issuer ?? 'the bank'} knows`, resends }
  return { kind: 'challenged', action, ...(others.length === 0 ? {} : { alternatives: others }), references }
}
