/** The attempts to pay an order in Razorpay's simulator: by a link into the UPI app, or by a card with a password or the bank's page. */
import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { cardHash, type SimulatorAnswer, type SimulatorContext } from '../simulator.ts'
import { badCards, pageCards, wrongCards } from './magic.ts'
import { pageUrl } from './simulator-page.ts'
import { fail, pay } from './simulator-payments.ts'
import {
  attemptsOf,
  type Card,
  draw,
  errorOf,
  held,
  type Json,
  note,
  type Payment,
  paidBy,
  type State,
  seconds,
} from './simulator-state.ts'

export type RazorpayKeys = { readonly keyId: string; readonly keySecret: string; readonly hashKey: string }

export type Desk = { readonly state: State; readonly keys: RazorpayKeys; readonly context: SimulatorContext }

const inputs = {
  upi: z.looseObject({
    amount: z.int(),
    currency: z.literal('INR'),
    order_id: z.string(),
    customer_id: z.string(),
    recurring: z.literal('1'),
    method: z.literal('upi'),
    upi: z.strictObject({ flow: z.literal('intent') }),
    notes: z.record(z.string(), z.string()).optional(),
  }),
  card: z.looseObject({
    amount: z.int(),
    currency: z.literal('INR'),
    order_id: z.string(),
    customer_id: z.string(),
    recurring: z.literal(true),
    save: z.literal(1),
    email: z.string().min(3),
    contact: z.string().min(8),
    method: z.literal('card'),
    card: z.strictObject({
      number: z.string().regex(/^\d{12,19}$/),
      name: z.string().min(1),
      expiry_month: z.string().regex(/^(0[1-9]|1[0-2])$/),
      expiry_year: z.string().regex(/^\d\d$/),
      cvv: z.string().optional(),
    }),
    callback_url: z.url().optional(),
    notes: z.record(z.string(), z.string()).optional(),
  }),
  otp: z.looseObject({ otp: z.string() }),
}

export const give = (status: number, content: Json): SimulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(content),
})
export const no = (reason: string, more: Json = {}, status = 400): SimulatorAnswer => give(status, { error: errorOf(reason), ...more })
export const notFound = give(400, {
  error: { ...errorOf('input_validation_failed', 'The id provided does not exist'), source: 'business', step: 'payment_initiation' },
})
type Asked = { readonly order_id: string; readonly customer_id: string; readonly amount: number; readonly notes?: Json | undefined }
type Paying = { readonly card?: Card; readonly verdict?: string | undefined; readonly callback?: string | undefined }

/** The customer is asked by the first attempt of an order; further ones ask the same. */
function attempt({ state, context }: Desk, asked: Asked, paying: Paying): Payment | SimulatorAnswer {
  const order = state.orders.get(asked.order_id)
  if (order === undefined || order.customer !== asked.customer_id) return no('invalid_order_id')
  if (order.amount !== asked.amount) return no('order_amount_mismatch')
  if (order.method !== (paying.card === undefined ? 'upi' : 'card')) return no('order_payment_method_mismatch')
  if (paidBy(state, order.id) !== undefined) return no('order_already_paid')
  if (attemptsOf(state, order.id).length === 0) note(state, 'challenged', { order }, context)
  const payment: Payment = {
    id: draw('pay', context),
    order: order.id,
    status: 'created',
    token: undefined,
    error: undefined,
    card: paying.card,
    verdict: paying.verdict,
    callback: paying.callback ?? context.address,
    tries: 0,
    resends: 0,
    notes: asked.notes ?? {},
    madeSec: seconds(context),
  }
  state.payments.set(payment.id, payment)
  return payment
}

export function payByUpi(desk: Desk, body: unknown): SimulatorAnswer {
  const parsed = inputs.upi.safeParse(body)
  if (!parsed.success) return no('input_validation_failed')
  const payment = attempt(desk, parsed.data, {})
  if (!('order' in payment)) return payment
  const { maxAmount } = held(desk.state.orders, payment.order)
  const link = new URLSearchParams({
    mc: '5045',
    amrule: 'MAX',
    am: (maxAmount / 100).toFixed(2),
    fam: '1.00',
    tr: payment.id.slice(4),
    pn: 'Bindery',
    rev: 'Y',
    pa: 'bindery.rzp@icici',
    cu: 'INR',
    txnType: 'CREATE',
    purpose: '14',
  })
  return give(200, { razorpay_payment_id: payment.id, link: `upi://mandate?${link}` })
}

export function payByCard(desk: Desk, body: unknown): SimulatorAnswer {
  const parsed = inputs.card.safeParse(body)
  if (!parsed.success) return no('input_validation_failed')
  const { number, expiry_month: month, expiry_year: year } = parsed.data.card
  const wrong = wrongCards[number]
  if (wrong !== undefined) return no(wrong.reason)
  const network = number.startsWith('4') ? 'Visa' : 'MasterCard'
  const card: Card = {
    hash: cardHash(desk.keys.hashKey, number),
    last4: number.slice(-4),
    network,
    month: Number(month),
    year: 2_000 + Number(year),
  }
  const payment = attempt(desk, parsed.data, { card, verdict: badCards[number]?.reason, callback: parsed.data.callback_url })
  if (!('order' in payment)) return payment
  const redirect = { action: 'redirect', url: pageUrl(payment.id, desk.context) }
  const generate = {
    action: 'otp_generate',
    url: `${desk.context.address}/v1/payments/${payment.id}/otp_generate?track_id=${payment.id.slice(4)}&key_id=${desk.keys.keyId}`,
  }
  return give(200, { razorpay_payment_id: payment.id, next: pageCards.has(number) ? [redirect] : [redirect, generate] })
}

const triesMax = 3
const resendsMax = 3

/** "A random OTP between 4 to 10 digits [is] successful … below 4 digits [fails]" (…/payments/test-card-details). */
export function password(desk: Desk, id: string, what: string, body: unknown): SimulatorAnswer {
  const { state, context, keys } = desk
  const payment = state.payments.get(id)
  if (payment?.card === undefined) return notFound
  if (payment.status !== 'created') return no('input_validation_failed')
  const next = payment.resends < resendsMax ? ['otp_submit', 'otp_resend'] : ['otp_submit']
  if (what === 'otp_generate/')
    return give(200, {
      razorpay_payment_id: id,
      next: next.map(action => ({ action })),
      metadata: { issuer: 'HDFC', network: payment.card.network, last4: payment.card.last4 },
    })
  if (what === 'otp/resend') {
    if (payment.resends >= resendsMax) return no('otp_attempts_exceeded')
    state.payments.set(id, { ...payment, resends: payment.resends + 1 })
    return give(200, { next, razorpay_payment_id: id })
  }
  const parsed = inputs.otp.safeParse(body)
  if (what !== 'otp/submit' || !parsed.success) return notFound
  if (!/^\d{4,10}$/.test(parsed.data.otp)) {
    const tries = payment.tries + 1
    if (tries >= triesMax) return no(fail(state, payment, 'authentication_failed', context))
    state.payments.set(id, { ...payment, tries })
    return no('incorrect_otp', { next })
  }
  const refused = pay(state, payment, context)
  if (refused !== undefined) return no(refused)
  const signature = createHmac('sha256', keys.keySecret).update(`${payment.order}|${id}`).digest('hex')
  return give(200, { razorpay_payment_id: id, razorpay_order_id: payment.order, razorpay_signature: signature })
}
