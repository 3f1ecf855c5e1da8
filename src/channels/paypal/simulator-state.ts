/** The PayPal simulator's state and its moves: setup tokens, payment tokens, what happened to them, and which events that makes. */
import { isRecord, type Json } from '../json.ts'
import { type Books, drawName, type Effect, type SimulatorContext, type SimulatorEvent } from '../simulator.ts'
import { behaviourOf } from './magic.ts'
import { gone, invalid, refuse } from './simulator-refusal.ts'

export type Setup = {
  readonly id: string
  readonly createdMs: number
  readonly status: 'PAYER_ACTION_REQUIRED' | 'APPROVED' | 'TOKENIZED'
  readonly customer: string
  /** What the merchant calls the customer; ours names the binding. */
  readonly merchantCustomer: string
  readonly wallet: Json
  readonly returnUrl: string
  readonly cancelUrl: string
  readonly key: string
}
export type Payment = {
  readonly id: string
  readonly setup: Setup
  readonly payer: string
  readonly email: string
  readonly key: string
  readonly deleted: boolean
}
export type Told = { readonly nowMs: number; readonly address: string }

export type Ledger = {
  readonly setups: ReadonlyMap<string, Setup>
  makeSetup(body: Json, key: string, context: SimulatorContext): Setup
  setup(id: string, nowMs: number): Setup
  approve(id: string): Setup
  makePayment(body: Json, key: string, context: SimulatorContext): Payment
  payment(id: string): Payment
  ofCustomer(customer: string): readonly Payment[]
  remove(id: string, context: SimulatorContext): void
  takeEvents(): readonly SimulatorEvent[]
  books(): Books
}

/** "By default, the setup token expires after 3 days" (the page named in channel.ts). */
const setupMs = 3 * 86_400_000

type State = {
  readonly setups: Map<string, Setup>
  readonly payments: Map<string, Payment>
  readonly effects: Effect[]
  events: readonly SimulatorEvent[]
}

export function createLedger(): Ledger {
  const state: State = { setups: new Map(), payments: new Map(), effects: [], events: [] }
  const setup = (id: string, nowMs: number): Setup => {
    const found = state.setups.get(id)
    if (found === undefined || nowMs - found.createdMs >= setupMs) throw gone()
    return found
  }
  const payment = (id: string): Payment => {
    const found = state.payments.get(id)
    if (found === undefined || found.deleted) throw gone()
    return found
  }
  return {
    setups: state.setups,
    setup,
    payment,
    makeSetup: (body, key, context) => makeSetup(state, body, key, context),
    approve(id) {
      const found = state.setups.get(id)
      if (found === undefined) throw gone()
      const approved: Setup = found.status === 'PAYER_ACTION_REQUIRED' ? { ...found, status: 'APPROVED' } : found
      state.setups.set(id, approved)
      return approved
    },
    makePayment(body, key, context) {
      const { id, type } = inside(inside(body, 'payment_source'), 'token')
      if (type !== 'SETUP_TOKEN') throw invalid('INVALID_PARAMETER_VALUE', '/payment_source/token/type', 'The value of a field is invalid.')
      return makePayment(state, setup(String(id), context.nowMs), key, context)
    },
    ofCustomer: customer => [...state.payments.values()].filter(one => !one.deleted && one.setup.customer === customer),
    remove: (id, context) => remove(state, payment(id), context),
    takeEvents() {
      const out = state.events
      state.events = []
      return out
    },
    books: () => booksOf(state),
  }
}

export const inside = (value: unknown, name: string): Json => {
  const found = isRecord(value) ? value[name] : undefined
  return isRecord(found) ? found : {}
}
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const note = (state: State, effect: Effect['effect'], of: { reference: string; key: string; token: string; atMs: number }): void => {
  state.effects.push({ effect, ...of })
}

const described = (setup: Setup) => behaviourOf(text(setup.wallet.description))

function makeSetup(state: State, body: Json, key: string, context: SimulatorContext): Setup {
  const { experience_context: experience, ...wallet } = inside(inside(body, 'payment_source'), 'paypal')
  const { return_url: returnUrl, cancel_url: cancelUrl } = isRecord(experience) ? experience : {}
  if (text(returnUrl) === '') throw refuse(422, 'RETURN_URL_REQUIRED', 'The return URL is required when payer approval is needed.')
  if (text(cancelUrl) === '') throw refuse(422, 'CANCEL_URL_REQUIRED', 'The cancel URL is required when payer approval is needed.')
  const setup: Setup = {
    id: drawName(context, 17).toUpperCase(),
    createdMs: context.nowMs,
    status: 'PAYER_ACTION_REQUIRED',
    customer: drawName(context, 10),
    merchantCustomer: text(inside(body, 'customer').merchant_customer_id),
    wallet,
    returnUrl: text(returnUrl),
    cancelUrl: text(cancelUrl),
    key,
  }
  const behaviour = described(setup)
  if (behaviour?.at === 'setup') {
    note(state, 'refused', { reference: setup.merchantCustomer, key, token: '', atMs: context.nowMs })
    throw refuse(behaviour.status, behaviour.issue, behaviour.message)
  }
  state.setups.set(setup.id, setup)
  note(state, 'challenged', { reference: setup.merchantCustomer, key, token: setup.id, atMs: context.nowMs })
  return setup
}

/** PayPal's account numbers leave out what is easily misread: vault_payment_tokens_v3.json, `account_id`. */
const payerAlphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'

function makePayment(state: State, setup: Setup, key: string, context: SimulatorContext): Payment {
  if (setup.status === 'PAYER_ACTION_REQUIRED')
    throw refuse(422, 'PAYER_ACTION_REQUIRED', 'Please make sure setup up token is approved. Please complete the approval flow.')
  if (setup.status === 'TOKENIZED')
    throw refuse(422, 'SETUP_TOKEN_ALREADY_TOKENIZED', 'The setup token has been used previously to generate a payment token.')
  const about = { reference: setup.merchantCustomer, key, atMs: context.nowMs }
  const behaviour = described(setup)
  if (behaviour !== undefined) {
    note(state, 'refused', { ...about, token: setup.id })
    throw refuse(behaviour.status, behaviour.issue, behaviour.message)
  }
  state.setups.set(setup.id, { ...setup, status: 'TOKENIZED' })
  const payment: Payment = {
    id: drawName(context, 8).toLowerCase(),
    setup,
    payer: [...context.random(13)].map(byte => payerAlphabet[byte % payerAlphabet.length] ?? '2').join(''),
    email: `sb-${drawName(context, 6).toLowerCase()}@personal.example.com`,
    key,
    deleted: false,
  }
  state.payments.set(payment.id, payment)
  note(state, 'stored', { ...about, token: payment.id })
  tell(state, 'CREATED', 'A payment token has been created.', showPayment(payment, context.address), context)
  return payment
}

function remove(state: State, payment: Payment, context: SimulatorContext): void {
  state.payments.set(payment.id, { ...payment, deleted: true })
  note(state, 'removed', { reference: payment.setup.merchantCustomer, key: '', token: payment.id, atMs: context.nowMs })
  const shown = showPayment(payment, context.address)
  tell(state, 'DELETION-INITIATED', 'A payment token deletion has been initiated.', shown, context)
  tell(state, 'DELETED', 'A payment token has been deleted.', shown, context)
}

function tell(state: State, what: string, summary: string, resource: object, context: SimulatorContext): void {
  const id = `WH-${drawName(context, 17).toUpperCase()}-${drawName(context, 17).toUpperCase()}`
  const links = [{ href: `${context.address}/v1/notifications/webhooks-events/${id}`, rel: 'self', method: 'GET' }]
  const type = `VAULT.PAYMENT-TOKEN.${what}`
  const event = {
    id,
    event_version: '1.0',
    create_time: new Date(context.nowMs).toISOString(),
    resource_type: 'payment_token',
    resource_version: '3.0',
    event_type: type,
    summary,
    resource,
    links,
  }
  state.events = [...state.events, { id, type, body: JSON.stringify(event) }]
}

const customerOf = (setup: Setup) => ({
  id: setup.customer,
  ...(setup.merchantCustomer === '' ? {} : { merchant_customer_id: setup.merchantCustomer }),
})

/** `address`: where the page is that the payer approves at. */
export function showSetup(of: Setup, address: string): object {
  const self = `${address}/v3/vault/setup-tokens/${of.id}`
  const approve = { href: `${address}/_page/agreements/approve?approval_session_id=${of.id}`, rel: 'approve', method: 'GET' }
  const confirm = { href: `${address}/v3/vault/payment-tokens`, rel: 'confirm', method: 'POST' }
  return {
    id: of.id,
    customer: customerOf(of),
    status: of.status,
    payment_source: { paypal: of.wallet },
    links: [{ href: self, rel: 'self', method: 'GET' }, of.status === 'PAYER_ACTION_REQUIRED' ? approve : confirm],
  }
}

export function showPayment(of: Payment, address: string): object {
  const href = `${address}/v3/vault/payment-tokens/${of.id}`
  return {
    id: of.id,
    customer: customerOf(of.setup),
    payment_source: { paypal: { ...of.setup.wallet, email_address: of.email, payer_id: of.payer } },
    links: [
      { href, rel: 'self', method: 'GET' },
      { href, rel: 'delete', method: 'DELETE' },
    ],
  }
}

function booksOf(state: State): Books {
  const held = [...state.payments.values()].map(one => ({
    token: one.id,
    reference: one.setup.merchantCustomer,
    customer: one.setup.customer,
    label: `${one.email.slice(0, 1)}***@personal.example.com`,
    usable: !one.deleted,
  }))
  return { effects: [...state.effects], held }
}
