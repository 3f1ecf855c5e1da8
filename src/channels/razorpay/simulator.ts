/** Razorpay as a state machine: customers, orders, authorisation payments by UPI and card, tokens and their end. */
import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { cardHash, type Simulator, type SimulatorAnswer, type SimulatorRequest } from '../simulator.ts'
import { badOrders } from './magic.ts'
import { type Desk, give, no, notFound, password, payByCard, payByUpi, type RazorpayKeys } from './simulator-attempts.ts'
import { contradict } from './simulator-odd.ts'
import { isPage, page } from './simulator-page.ts'
import { act, cancel, endToken, pass } from './simulator-payments.ts'
import {
  attemptsOf,
  booksOf,
  customerEntity,
  draw,
  errorOf,
  held,
  type Json,
  newState,
  type Order,
  orderEntity,
  paymentEntity,
  type State,
  seconds,
  tokenEntity,
} from './simulator-state.ts'

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
}

const collection = (items: readonly Json[]): SimulatorAnswer => give(200, { entity: 'collection', count: items.length, items })

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
    contradict,
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
  const body = json(request)
  const route = `${request.method} ${kind}`
  if (route === 'POST customers' && id === '') return makeCustomer(desk, body)
  if (route === 'POST orders' && id === '') return makeOrder(desk, body)
  if (route === 'POST payments' && id === 'create')
    return more === 'upi' ? payByUpi(desk, body) : more === 'json' ? payByCard(desk, body) : notFound
  if (route === 'POST payments') return password(desk, id, `${more}/${last}`, body)
  if (kind === 'customers' && more === 'tokens' && last !== '') return tokenRequest(desk, request, id, last)
  return request.method === 'GET' ? readOut(desk.state, request, { kind, id, more }) : notFound
}

/** A body that does not say it is JSON is not read. */
function json({ headers, body }: SimulatorRequest): unknown {
  if (body === '' || headers['content-type']?.startsWith('application/json') !== true) return {}
  try {
    return JSON.parse(body)
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
    const asked = new URLSearchParams(request.query)
    const receipt = asked.get('receipt') ?? ''
    // Newest first, ten unless asked for more (razorpay.com/docs/api/orders/fetch-all).
    const page = [...state.orders.values()].filter(one => one.receipt.includes(receipt)).reverse()
    return collection(page.slice(0, Number(asked.get('count') ?? 10)).map(one => orderEntity(state, one)))
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
