/** The Stripe simulator's state and its moves: what exists, what happened to it, and which events that makes. */

import { isRecord } from '../json.ts'
import { type Books, drawName, type SimulatorContext, type SimulatorEvent } from '../simulator.ts'
import type { Decline } from './magic.ts'
import { type Customer, errorOf, type IntentStatus, type StoredIntent, showIntent } from './objects.ts'
import { type Marks, type StoredMethod, showMethod } from './objects-method.ts'
import { judgeDeposits, lapseOf } from './simulator-deposits.ts'
import { type Input, invalid, StripeRefusal } from './simulator-input.ts'
import { acceptMandate, moveMandate } from './simulator-mandates.ts'
import { marksOf, readMethod, renewed, text, tree } from './simulator-methods.ts'
import { type Cause, note, type State, tell, tellIntent } from './simulator-notes.ts'

const authenticationFailed: Decline = {
  code: 'setup_intent_authentication_failure',
  message: 'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
}

export type Ledger = {
  readonly methods: ReadonlyMap<string, StoredMethod>
  readonly intents: ReadonlyMap<string, StoredIntent>
  customer(id: string): Customer
  method(id: string): StoredMethod
  intent(id: string): StoredIntent
  makeCustomer(input: Input): Customer
  makeMethod(input: Input): StoredMethod
  makeIntent(input: Input): StoredIntent
  updateMethod(id: string, input: Input): StoredMethod
  detach(id: string, input: Input): StoredMethod
  cancel(id: string, input: Input): StoredIntent
  verify(id: string, input: Input): StoredIntent
  /** What time has brought about since the last request. */
  lapse(context: SimulatorContext): void
  finishChallenge(id: string, passed: boolean, context: SimulatorContext): StoredIntent
  act(name: string, token: string, context: SimulatorContext): void
  takeEvents(): readonly SimulatorEvent[]
  books(): Books
}

export function createLedger(): Ledger {
  const state: State = { customers: new Map(), methods: new Map(), intents: new Map(), mandates: new Map(), effects: [], events: [] }
  const own = <T>(map: ReadonlyMap<string, T>, id: string, what: string, param: string): T => {
    const found = map.get(id)
    if (found === undefined) throw invalid(`No such ${what}: '${id}'`, { code: 'resource_missing', param }, param === 'intent' ? 404 : 400)
    return found
  }
  return {
    methods: state.methods,
    intents: state.intents,
    customer: id => own(state.customers, id, 'customer', 'customer'),
    method: id => own(state.methods, id, 'PaymentMethod', 'payment_method'),
    intent: id => own(state.intents, id, 'setupintent', 'intent'),
    makeCustomer: input => makeCustomer(state, input),
    makeMethod: input => makeMethod(state, input),
    makeIntent(input) {
      const { customer, payment_method: method } = input.form
      if (customer !== undefined) own(state.customers, String(customer), 'customer', 'customer')
      if (method !== undefined) own(state.methods, String(method), 'PaymentMethod', 'payment_method')
      return makeIntent(state, input)
    },
    updateMethod: (id, input) => updateMethod(state, own(state.methods, id, 'PaymentMethod', 'payment_method'), input),
    detach(id, input) {
      const method = own(state.methods, id, 'PaymentMethod', 'payment_method')
      if (method.customer === undefined) {
        throw invalid('The payment method you provided is not attached to a customer so detachment is impossible.')
      }
      return remove(state, method, input.context, input)
    },
    cancel: (id, input) => cancel(state, own(state.intents, id, 'setupintent', 'intent'), input),
    verify: (id, input) => verify(state, own(state.intents, id, 'setupintent', 'intent'), input),
    lapse(context) {
      for (const intent of state.intents.values()) {
        const method = state.methods.get(intent.method ?? '')
        const decline = lapseOf(intent, method, context.nowMs)
        if (decline !== undefined && method !== undefined) settle(state, intent, method, decline, context)
      }
    },
    finishChallenge(id, passed, context) {
      const intent = own(state.intents, id, 'setupintent', 'intent')
      if (intent.status !== 'requires_action') return intent
      const method = own(state.methods, intent.method ?? '', 'PaymentMethod', 'payment_method')
      return settle(state, intent, method, passed ? method.decline : authenticationFailed, context)
    },
    act: (name, token, context) => act(state, name, own(state.methods, token, 'PaymentMethod', 'payment_method'), context),
    takeEvents() {
      const out = state.events
      state.events = []
      return out
    },
    books: () => booksOf(state),
  }
}

const referenceOf = (marks: Marks): string => marks.bindery_operation ?? ''

function makeCustomer(state: State, input: Input): Customer {
  const customer: Customer = {
    id: `cus_${drawName(input.context, 14)}`,
    createdMs: input.context.nowMs,
    name: text(input.form.name),
    metadata: marksOf(input.form.metadata),
  }
  state.customers.set(customer.id, customer)
  note(state, 'customer_made', referenceOf(customer.metadata), input.key, customer.id, input.context)
  return customer
}

function makeMethod(state: State, input: Input): StoredMethod {
  const method = readMethod(input)
  state.methods.set(method.id, method)
  note(state, 'tokenized', referenceOf(method.metadata), input.key, method.id, input.context)
  return method
}

const dashboardTypes = ['card', 'us_bank_account', 'sepa_debit']

function makeIntent(state: State, input: Input): StoredIntent {
  const { form, context, key } = input
  const method = state.methods.get(text(form.payment_method) ?? '')
  const customer = text(form.customer)
  if (method?.detached) {
    throw invalid('This PaymentMethod was previously detached from a Customer and may not be used again.', {
      code: 'payment_method_unexpected_state',
    })
  }
  if (method?.customer !== undefined && method.customer !== customer) {
    throw invalid('The payment method belongs to another Customer.', { code: 'payment_method_unexpected_state', param: 'payment_method' })
  }
  const intent: StoredIntent = {
    id: `seti_1${drawName(context, 23)}`,
    createdMs: context.nowMs,
    secret: `seti_secret_${drawName(context, 24)}`,
    key,
    status: 'requires_payment_method',
    customer,
    method: method?.id,
    returnUrl: text(form.return_url),
    // docs.stripe.com/changelog/2023-08-16/automatic-payment-methods: where no types are named, those of the dashboard are taken.
    automatic: !isRecord(form.payment_method_types),
    methodTypes: isRecord(form.payment_method_types) ? Object.values(form.payment_method_types).map(String) : dashboardTypes,
    verification: text(tree(tree(form.payment_method_options).us_bank_account).verification_method) ?? 'automatic',
    usage: text(form.usage) ?? 'off_session',
    description: text(form.description),
    metadata: marksOf(form.metadata),
    attempt: undefined,
    mandate: undefined,
    mistakes: 0,
    failure: undefined,
    cancellation: undefined,
  }
  state.intents.set(intent.id, intent)
  tellIntent(state, 'created', intent, input)
  if (form.confirm !== 'true' || method === undefined) return intent
  if (!intent.methodTypes.includes(method.details.type))
    throw invalid(`The PaymentMethod provided (${method.details.type}) is not allowed for this SetupIntent.`, { param: 'payment_method' })
  const confirmed = { ...intent, mandate: method.details.type === 'card' ? undefined : acceptMandate(state, method, input) }
  const asked = text(tree(tree(form.payment_method_options).card).request_three_d_secure) === 'any'
  const attempt = {
    id: `setatt_1${drawName(context, 23)}`,
    createdMs: context.nowMs,
    flow: method.challenge === 'page' || asked ? ('challenge' as const) : undefined,
  }
  if (method.challenge === undefined && !asked)
    return settle(state, { ...confirmed, attempt: { ...attempt, status: 'succeeded' } }, method, method.decline, context, input)
  const waiting = change(state, { ...confirmed, status: 'requires_action', attempt: { ...attempt, status: 'requires_action' } })
  note(state, 'challenged', referenceOf(waiting.metadata), key, method.id, context)
  tellIntent(state, 'requires_action', waiting, input)
  return waiting
}

/** A wrong answer is one try less, and no more than that until the last. */
function verify(state: State, intent: StoredIntent, input: Input): StoredIntent {
  const method = state.methods.get(intent.method ?? '')
  const judgement = judgeDeposits(intent, method, input)
  if (method === undefined) throw new TypeError('an intent that waits has a method')
  if (judgement.kind === 'fits') return settle(state, intent, method, method.decline, input.context, input)
  if (judgement.kind === 'over') settle(state, intent, method, judgement.decline, input.context)
  else change(state, { ...intent, mistakes: intent.mistakes + 1 })
  const { code, message } = judgement.decline
  // 402, as the verification of bank accounts has always answered (stripe-node issue 435), and saved under its key: it was carried out.
  throw invalid(message, { code }, 402)
}

/** The end of an attempt: stored and attached to the customer, or refused with its reason kept. A refusal of the API itself is thrown. */
function settle(
  state: State,
  intent: StoredIntent,
  method: StoredMethod,
  decline: Decline | undefined,
  context: SimulatorContext,
  input?: Input,
): StoredIntent {
  const ended = (status: IntentStatus, attempt: string) => ({
    ...intent,
    status,
    ...(intent.attempt && { attempt: { ...intent.attempt, status: attempt } }),
  })
  const cause = input ?? { key: '', requestId: '' }
  if (decline !== undefined) {
    const failed = change(state, {
      ...ended('requires_payment_method', 'failed'),
      method: undefined,
      failure: { decline, method: method.id },
    })
    note(state, 'refused', referenceOf(failed.metadata), intent.key, method.id, context)
    tellIntent(state, 'setup_failed', failed, { ...cause, context })
    if (input !== undefined) {
      const shown = showIntent(failed, { method: undefined, failed: method }, new Set(), context.address)
      throw new StripeRefusal(402, { ...errorOf(decline, method), setup_intent: shown })
    }
    return failed
  }
  const attached = { ...method, customer: intent.customer }
  state.methods.set(method.id, attached)
  moveMandate(state, method.id, 'active', { ...cause, context })
  const stored = change(state, ended('succeeded', 'succeeded'))
  note(state, 'stored', referenceOf(stored.metadata), intent.key, method.id, context)
  if (intent.customer !== undefined) tell(state, 'payment_method.attached', showMethod(attached), { ...cause, context })
  tellIntent(state, 'succeeded', stored, { ...cause, context })
  return stored
}

/** docs.stripe.com/api/payment_methods/update: "A PaymentMethod must be attached to a customer to be updated." */
function updateMethod(state: State, method: StoredMethod, input: Input): StoredMethod {
  const { context } = input
  if (method.customer === undefined) throw invalid('You must save this PaymentMethod to a customer before you can update it.')
  const after = renewed(method, input)
  const { details } = method
  state.methods.set(after.id, after)
  note(state, 'changed', referenceOf(method.metadata), input.key, method.id, context)
  const was = details.type === 'card' ? { exp_month: details.expiryMonth, exp_year: details.expiryYear } : {}
  tell(state, 'payment_method.updated', showMethod(after), { ...input, context }, { card: was })
  return after
}

function cancel(state: State, intent: StoredIntent, input: Input): StoredIntent {
  if (intent.status === 'succeeded' || intent.status === 'canceled') {
    throw invalid(`You cannot cancel this SetupIntent because it has a status of ${intent.status}.`, {
      code: 'setup_intent_unexpected_state',
    })
  }
  const gone = change(state, { ...intent, status: 'canceled', cancellation: text(input.form.cancellation_reason) ?? 'abandoned' })
  tellIntent(state, 'canceled', gone, input)
  return gone
}

function remove(state: State, method: StoredMethod, context: SimulatorContext, cause: Cause): StoredMethod {
  const gone: StoredMethod = { ...method, customer: undefined, detached: true }
  state.methods.set(gone.id, gone)
  note(state, 'removed', referenceOf(method.metadata), cause.key, method.id, context)
  tell(state, 'payment_method.detached', showMethod(gone), { ...cause, context }, { customer: method.customer ?? null })
  moveMandate(state, method.id, 'inactive', { ...cause, context })
  return gone
}

/** What Stripe does on its own: the account updater, a detach by someone at the dashboard, a mandate that the bank took back. */
function act(state: State, name: string, method: StoredMethod, context: SimulatorContext): void {
  const cause = { key: '', requestId: '' }
  if (name === 'detach') {
    remove(state, method, context, cause)
  } else if (name === 'revoke_mandate') {
    if (moveMandate(state, method.id, 'inactive', { ...cause, context }))
      note(state, 'removed', referenceOf(method.metadata), '', method.id, context)
  } else if (name === 'update_card') {
    const last4 = String((Number(method.last4) + 1) % 10_000).padStart(4, '0')
    const { details } = method
    const renewed: StoredMethod = {
      ...method,
      last4,
      details: details.type === 'card' ? { ...details, expiryYear: details.expiryYear + 4 } : details,
    }
    state.methods.set(renewed.id, renewed)
    note(state, 'changed', referenceOf(method.metadata), '', method.id, context)
    const was = { ...(details.type === 'card' ? { exp_year: details.expiryYear } : {}), last4: method.last4 }
    tell(state, 'payment_method.automatically_updated', showMethod(renewed), { ...cause, context }, { [details.type]: was })
  } else throw new TypeError(`this simulator can detach, revoke_mandate and update_card, not ${name}`)
}

function change(state: State, intent: StoredIntent): StoredIntent {
  state.intents.set(intent.id, intent)
  return intent
}

function booksOf(state: State): Books {
  const dead = new Set([...state.mandates.values()].flatMap(one => (one.status === 'inactive' ? [one.method] : [])))
  const held = [...state.methods.values()]
    .filter(one => one.customer !== undefined || one.detached)
    .map(one => ({
      token: one.id,
      reference: referenceOf(one.metadata),
      customer: one.customer ?? '',
      label: one.last4,
      usable: !one.detached && !dead.has(one.id),
    }))
  return { effects: [...state.effects], held }
}
