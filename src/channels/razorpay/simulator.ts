/** Razorpay as a state machine: customers, orders, authorisation payments by UPI and card, tokens and their end. */
import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { cardHash, type Simulator, type SimulatorAnswer, type SimulatorContext, type SimulatorRequest } from '../simulator.ts'
import { badCards, badOrders, pageCards, wrongCards } from './magic.ts'
import { isPage, page, pageUrl } from './simulator-page.ts'
import { act, cancel, endToken, fail, pass, pay } from './simulator-payments.ts'
import {
  attemptsOf,
  booksOf,
  type Card,
  customerEntity,
  draw,
  errorOf,
  held,
  type Json,
  newState,
  note,
  type Order,
  orderEntity,
  type Payment,
  paidBy,
  paymentEntity,
  type State,
  seconds,
  tokenEntity,
} from './simulator-state.ts'

export type RazorpayKeys = { readonly keyId: string; readonly keySecret: string; readonly hashKey: string }

const inputs = {
  customer: z.looseObject({
    name: z.string().min(3).max(50).optional(),
    email: z.string().max(64).optional(),
    contact: z.string().max(15).optional(),
    fail_existing: z.enum(['0', '1']).optional(),
    notes: z.record(z.string(), z.string()).optional(),
  }),
  order: z.looseObject({
    amount: z.int().min(100),
    currency: z.literal('INR'),
    customer_id: z.string(),
    method: z.enum(['upi', 'card']),
    receipt: z.string().max(40),
    notes: z.record(z.string(), z.string().max(256)).optional(),
    token: z.strictObject({
      max_amount: z.int().min(100).max(100_000_000),
      frequency: z.enum(['weekly', 'monthly', 'quarterly', 'yearly', 'as_presented']),
      expire_at: z.int().optional(),
    }),
  }),
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

const give = (status: number, content: Json): SimulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(content),
})
const no = (reason: string, more: Json = {}, status = 400): SimulatorAnswer => give(status, { error: errorOf(reason), ...more })
const notFound = give(400, {
  error: { ...errorOf('input_validation_failed', 'The id provided does not exist'), source: 'business', step: 'payment_initiation' },
})
const collection = (items: readonly Json[]): SimulatorAnswer => give(200, { entity: 'collection', count: items.length, items })

type Desk = { readonly state: State; readonly keys: RazorpayKeys; readonly context: SimulatorContext }

export function createRazorpaySimulator(keys: RazorpayKeys): Simulator {
  const state = newState()
  return {
    channel: 'razorpay',
    handle(request, context) {
      pass(state, context)
      return isPage(request) ? page(state, request, context) : answer({ state, keys, context }, request)
    },
    takeEvents: () => state.events.splice(0),
    sign: (event, at) => ({
      headers: {
        'content-type': 'application/json',
        'x-razorpay-event-id': event.id,
        'x-razorpay-signature': createHmac('sha256', at.secrets[0] ?? '')
          .update(event.body)
          .digest('hex'),
      },
      body: event.body,
    }),
    reject: () => no('input_validation_failed'),
    trouble: kind =>
      kind === 'error'
        ? give(500, { error: { ...errorOf('server_error'), code: 'SERVER_ERROR' } })
        : give(429, { error: { code: 'BAD_REQUEST_ERROR', description: 'Request failed. Please try after sometime.' } }),
    disguise,
    miscount: one => (/"amount":\d/.test(one.body) ? { ...one, body: one.body.replace(/"amount":\d+/g, '"amount":99900') } : undefined),
    books: () => booksOf(state),
    acts: { pause: 'suspended', resume: 'resumed', cancel: 'gone' },
    act(name, about, context) {
      pass(state, context)
      act(state, name, about, context)
    },
  }
}

/** Other ids and receipts; what names nothing is answered by a list that was asked for elsewhere. */
function disguise(answer: SimulatorAnswer): SimulatorAnswer {
  const body = answer.body
    .replace(/"(cust|order|pay|token)_(\w)/g, '"$1_Zz$2')
    .replace(/"(receipt|customer|operation|binding)":"/g, '"$1":"another ')
  if (body !== answer.body) return { ...answer, body }
  const stranger = { id: 'order_Zz0000000000aa', entity: 'order', amount: 5_000, currency: 'INR', receipt: 'another', notes: [] }
  return { ...answer, body: JSON.stringify({ entity: 'collection', count: 1, items: [stranger] }) }
}

function answer(desk: Desk, request: SimulatorRequest): SimulatorAnswer {
  const { keyId, keySecret } = desk.keys
  if (request.headers.authorization !== `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString('base64')}`)
    return give(401, { error: { code: 'BAD_REQUEST_ERROR', description: 'Authentication failed' } })
  const [version, kind = '', id = '', more = '', last = ''] = request.path.split('/').slice(1)
  if (version !== 'v1') return notFound
  const body = json(request.body)
  const route = `${request.method} ${kind}`
  if (route === 'POST customers' && id === '') return makeCustomer(desk, body)
  if (route === 'POST orders' && id === '') return makeOrder(desk, body)
  if (route === 'POST payments' && id === 'create')
    return more === 'upi' ? payByUpi(desk, body) : more === 'json' ? payByCard(desk, body) : notFound
  if (route === 'POST payments') return password(desk, id, `${more}/${last}`, body)
  if (kind === 'customers' && more === 'tokens' && last !== '') return tokenRequest(desk, request, id, last)
  return request.method === 'GET' ? readOut(desk.state, request, { kind, id, more }) : notFound
}

function json(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch {
    return undefined
  }
}

function readOut(
  state: State,
  request: SimulatorRequest,
  { kind, id, more }: { readonly kind: string; readonly id: string; readonly more: string },
): SimulatorAnswer {
  const customer = state.customers.get(id)
  const order = state.orders.get(id)
  const payment = state.payments.get(id)
  if (kind === 'orders' && id === '') {
    const receipt = new URLSearchParams(request.query).get('receipt') ?? ''
    return collection([...state.orders.values()].filter(one => one.receipt.includes(receipt)).map(one => orderEntity(state, one)))
  }
  if (kind === 'orders' && order !== undefined)
    return more === 'payments'
      ? collection(attemptsOf(state, id).map(one => paymentEntity(state, one)))
      : give(200, orderEntity(state, order))
  if (kind === 'payments' && payment !== undefined) return give(200, paymentEntity(state, payment))
  if (kind !== 'customers' || customer === undefined) return notFound
  if (more !== 'tokens') return give(200, customerEntity(customer))
  const tokens = [...state.tokens.values()].filter(one => !one.deleted && held(state.orders, one.order).customer === id)
  return collection(tokens.map(one => tokenEntity(state, one)))
}

function makeCustomer({ state, keys, context }: Desk, body: unknown): SimulatorAnswer {
  const parsed = inputs.customer.safeParse(body)
  if (!parsed.success) return no('input_validation_failed')
  const { name, email, contact, notes = {}, fail_existing: failing } = parsed.data
  const details = cardHash(keys.hashKey, JSON.stringify([name, email, contact]))
  const known = [...state.customers.values()].find(one => one.details === details)
  if (known !== undefined) return failing === '0' ? give(200, customerEntity(known, parsed.data)) : no('input_validation_failed')
  const made = { id: draw('cust', context), details, notes, madeSec: seconds(context) }
  state.customers.set(made.id, made)
  state.effects.push({ effect: 'customer_made', reference: '', key: '', token: made.id, atMs: context.nowMs })
  return give(200, customerEntity(made, parsed.data))
}

function makeOrder({ state, context }: Desk, body: unknown): SimulatorAnswer {
  const parsed = inputs.order.safeParse(body)
  if (!parsed.success) return no('input_validation_failed')
  const { amount, customer_id: customer, method, receipt, notes = {}, token } = parsed.data
  const bad = badOrders[token.max_amount]
  if (bad !== undefined) return no(bad.reason)
  if (!state.customers.has(customer)) return notFound
  const tenYears = 315_360_000
  const madeSec = seconds(context)
  const endsSec = token.expire_at ?? madeSec + tenYears
  const order: Order = {
    id: draw('order', context),
    receipt,
    customer,
    method,
    amount,
    maxAmount: token.max_amount,
    endsSec,
    notes,
    madeSec,
  }
  state.orders.set(order.id, order)
  return give(200, orderEntity(state, order))
}

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

function payByUpi(desk: Desk, body: unknown): SimulatorAnswer {
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

function payByCard(desk: Desk, body: unknown): SimulatorAnswer {
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
function password(desk: Desk, id: string, what: string, body: unknown): SimulatorAnswer {
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

/** `…/tokens/:id` and `…/tokens/:id/cancel`. */
function tokenRequest({ state, context }: Desk, request: SimulatorRequest, customer: string, id: string): SimulatorAnswer {
  const token = state.tokens.get(id)
  if (token === undefined || token.deleted || held(state.orders, token.order).customer !== customer) return notFound
  const { method } = held(state.orders, token.order)
  if (request.method === 'GET') return give(200, tokenEntity(state, token))
  if (request.method === 'PUT' && request.path.endsWith('/cancel')) {
    if (method !== 'upi' || token.status === 'cancelled' || token.status === 'cancellation_initiated') return no('input_validation_failed')
    return give(200, { status: cancel(state, token, context).status })
  }
  if (request.method !== 'DELETE') return notFound
  // A card's token ends with it; a mandate lives on at NPCI, unseen.
  if (method === 'card') endToken(state, token, context)
  state.tokens.set(id, { ...held(state.tokens, id), deleted: true })
  return give(200, { deleted: true })
}
