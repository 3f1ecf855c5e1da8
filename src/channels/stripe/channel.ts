/**
 * Stripe: a card or bank account is stored as a PaymentMethod by a SetupIntent (docs.stripe.com/payments/save-and-reuse). Its number goes through
 * `POST /v1/payment_methods` alone: the published specification takes no raw card anywhere else. Network transaction ids are given for
 * charges only, not for setups, so a binding made here has none.
 */
import type { BindInput, BindOutcome, Call, Channel, LookUpInput, LookUpOutcome, References, ResumeInput } from '../channel.ts'
import { currencies } from './currencies.ts'
import { lookUpRevoke, revoke, update } from './keep.ts'
import { listing } from './listing.ts'
import { sandboxValues } from './magic.ts'
import { refusals } from './refusals.ts'
import { fieldsOf, ways } from './ways.ts'
import { readWebhook, webhookScheme } from './webhook.ts'
import {
  customerShape,
  elsewhereCause,
  exchange,
  type FormField,
  get,
  type Intent,
  idOf,
  intentShape,
  listShape,
  methodShape,
  outcomeOf,
  post,
  refusal,
  refusalOfStep,
} from './wire.ts'

const hourMs = 3_600_000

export const stripe: Channel = {
  name: 'stripe',
  title: 'Stripe',
  proof: { rank: 'specification', source: 'stripe/openapi, API version 2023-08-16' },
  repeat: {
    // docs.stripe.com/api/idempotent_requests: 255 characters; pruned when at least 24 hours old. Our longest suffix is `.customer`.
    bind: { kind: 'keyed', windowMs: 24 * hourMs, keyLengthMax: 255 - '.customer'.length },
    resume: { kind: 'repeatable', times: 10 },
    // The same end set twice is the same end; without a key, since a saved 500 would come back for a day.
    update: { kind: 'repeatable', times: 10 },
    revoke: { kind: 'repeatable', times: 10 },
  },
  ways,
  currencies,
  refusals,
  webhookScheme,
  stepsUp: true,
  sandboxValues,
  // docs.stripe.com/rate-limits: 100 a second live, but 25 on one endpoint; a bind spreads over at least two endpoints.
  requestsPerSecondMax: 50,
  account: { secrets: ['secretKey'], settings: [] },
  bind,
  resume,
  lookUp,
  update,
  revoke,
  list: listing,
  webhook: readWebhook,
}

const expanded: readonly FormField[] = [
  ['expand[0]', 'latest_attempt'],
  ['expand[1]', 'payment_method'],
]
const marks = (call: Call, binding: string): readonly FormField[] => [
  ['metadata[bindery_operation]', call.operation],
  ['metadata[bindery_binding]', binding],
]

/** Customer (unless there is one), payment method, setup intent: three requests under keys derived from one, so all may be sent again. */
async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const fields = fieldsOf(input)
  if (fields.kind === 'refused') return fields
  const customer = await ensureCustomer(call, input)
  if (customer.kind !== 'made') return customer
  const references = { customer: customer.id }
  const request = post(call, '/v1/payment_methods', 'method', [...fields.method, ...marks(call, input.binding)])
  const method = await exchange(call, request, methodShape)
  if (method.kind === 'uncertain') return { ...method, references }
  if (method.kind === 'error') return refusalOfStep(method, references)
  const { bindery_binding: binding, bindery_operation: operation } = method.value.metadata ?? {}
  if (binding !== input.binding || operation !== call.operation) return { kind: 'uncertain', cause: elsewhereCause, references }
  return setUp(call, input, fields.intent, { ...references, payment_method: method.value.id })
}

async function ensureCustomer(call: Call, input: BindInput): Promise<{ readonly kind: 'made'; readonly id: string } | BindOutcome> {
  if (input.channelCustomer !== undefined) return { kind: 'made', id: input.channelCustomer }
  const made = await exchange(
    call,
    post(call, '/v1/customers', 'customer', [['metadata[bindery_customer]', input.customer]]),
    customerShape,
  )
  if (made.kind === 'uncertain') return made
  if (made.kind === 'error') return refusalOfStep(made, {})
  if (made.value.metadata?.bindery_customer !== input.customer) return { kind: 'uncertain', cause: elsewhereCause }
  return { kind: 'made', id: made.value.id }
}

/** For payments without the customer, which is what `usage` is when nothing is said (`off_session`). */
async function setUp(
  call: Call,
  input: BindInput,
  fields: readonly FormField[],
  references: { readonly customer: string; readonly payment_method: string },
): Promise<BindOutcome> {
  const request = post(call, '/v1/setup_intents', 'setup', [
    ['customer', references.customer],
    ['payment_method', references.payment_method],
    ...fields,
    ['confirm', 'true'],
    ['return_url', input.returnUrl],
    ...marks(call, input.binding),
    ...expanded,
  ])
  const answer = await exchange(call, request, intentShape)
  if (answer.kind === 'uncertain') return { ...answer, references }
  if (answer.kind === 'error') {
    const intent = answer.error.setup_intent
    if (intent !== undefined && !isOurs(intent, input.binding, references)) return { kind: 'uncertain', cause: elsewhereCause, references }
    const names = intent === undefined ? references : { ...references, setup_intent: intent.id }
    return refusal(answer.error, names, answer.status)
  }
  const asked = answer.value.metadata?.bindery_operation === call.operation
  if (!asked || !isOurs(answer.value, input.binding, references)) return { kind: 'uncertain', cause: elsewhereCause, references }
  return outcomeOf(answer.value, references)
}

/**
 * Whether a setup intent is that of this binding: our mark, and every name known before. A failed attempt takes the payment method off the
 * intent again; nothing else does.
 */
function isOurs(intent: Intent, binding: string, known: References): boolean {
  const same = (name: string | undefined, value: string | undefined) => name === undefined || name === value
  const method = idOf(intent.payment_method)
  return (
    intent.metadata?.bindery_binding === binding &&
    same(known.setup_intent, intent.id) &&
    same(known.customer, idOf(intent.customer)) &&
    (same(known.payment_method, method) || (method === undefined && intent.status !== 'succeeded' && intent.status !== 'requires_action'))
  )
}

/**
 * The browser is back, or the customer typed what the micro-deposits say. What a browser brings is not believed; the channel is asked. What
 * was typed counts as a try over there, so it goes under a key of its own operation, and what came of it is read from the intent.
 */
async function resume(call: Call, input: ResumeInput): Promise<BindOutcome> {
  const { references, binding } = input
  const known = references.setup_intent
  if (known === undefined) return { kind: 'uncertain', cause: 'the setup intent is not known' }
  const typed = depositsOf(input.returned)
  if (typed === undefined) return readIntent(call, known, binding, references)
  const path = `/v1/setup_intents/${encodeURIComponent(known)}/verify_microdeposits`
  const answer = await exchange(call, post(call, path, 'verify', [...typed, ...expanded]), intentShape)
  if (answer.kind === 'uncertain') return { ...answer, references }
  if (answer.kind === 'object') {
    const ours = isOurs(answer.value, binding, references)
    return ours ? outcomeOf(answer.value, references) : { kind: 'uncertain', cause: elsewhereCause, references }
  }
  const said = refusal(answer.error, references, answer.status)
  // A saved answer that decides nothing is given again for as long as the key lives: only the intent itself knows more.
  if (said.kind === 'uncertain' && !answer.replayed) return said
  const now = await readIntent(call, known, binding, references)
  return now.kind === 'challenged' && said.kind === 'refused' && isFinal(said.code) ? said : now
}

/** Two amounts in cents, or the six characters at the head of the statement line. Undefined: nothing that could be either. */
function depositsOf({ amounts = '', descriptor_code: code = '' }: ResumeInput['returned']): readonly FormField[] | undefined {
  if (/^SM[0-9A-Za-z]{4}$/.test(code.trim())) return [['descriptor_code', code.trim()]]
  const [, first, second] = /^\s*(\d{1,3})\s*,\s*(\d{1,3})\s*$/.exec(amounts) ?? []
  return first === undefined || second === undefined
    ? undefined
    : [
        ['amounts[0]', first],
        ['amounts[1]', second],
      ]
}

/** docs.stripe.com/error-codes: after these the account cannot be proven any more; after a mismatch it can. */
const isFinal = (code: string): boolean => /^payment_method_microdeposit_verification_(attempts_exceeded|timeout)$/.test(code)

/** An error while reading says nothing about what was asked before: it never becomes a refusal. */
async function readIntent(call: Call, id: string, binding: string, references: References): Promise<BindOutcome> {
  const answer = await exchange(call, get(call, `/v1/setup_intents/${encodeURIComponent(id)}`, expanded), intentShape)
  if (answer.kind === 'uncertain') return { ...answer, references }
  if (answer.kind === 'error')
    return { kind: 'uncertain', cause: `stripe ${answer.status} while reading: ${answer.error.code ?? answer.error.type}`, references }
  if (!isOurs(answer.value, binding, references)) return { kind: 'uncertain', cause: elsewhereCause, references }
  return outcomeOf(answer.value, references)
}

/**
 * Within the key's window a repeated `bind` is surer. After it: by the setup intent's name, else among the customer's setup intents by our
 * mark. `none` only when the customer is known, every page was read, and ours was not there; so ask when nothing of it is on its way.
 */
async function lookUp(call: Call, input: LookUpInput): Promise<LookUpOutcome> {
  const { references } = input
  if (input.verb === 'revoke') return lookUpRevoke(call, input)
  if (references.setup_intent !== undefined) return readIntent(call, references.setup_intent, input.binding, references)
  if (references.customer === undefined)
    return { kind: 'uncertain', cause: 'neither the setup intent nor the customer is known', references }
  return searchIntents(call, input, references.customer)
}

/** 100 a page is Stripe's largest; a customer with more than 1,000 setup intents is looked at by a person. */
const pageSize = 100
const pagesMax = 10

async function searchIntents(call: Call, { binding, references, verb }: LookUpInput, customer: string): Promise<LookUpOutcome> {
  // The intent carries the mark of the operation that made it: a resume only finds the binding's.
  const isAsked = (one: Intent) =>
    (verb !== 'bind' || one.metadata?.bindery_operation === call.operation) && isOurs(one, binding, references)
  let after: string | undefined
  for (let page = 0; page < pagesMax; page += 1) {
    const query: readonly FormField[] = [
      ['customer', customer],
      ['limit', String(pageSize)],
      ...(after === undefined ? [] : [['starting_after', after] as const]),
      ['expand[0]', 'data.latest_attempt'],
      ['expand[1]', 'data.payment_method'],
    ]
    const answer = await exchange(call, get(call, '/v1/setup_intents', query), listShape)
    if (answer.kind === 'uncertain') return { ...answer, references }
    if (answer.kind === 'error') return { kind: 'uncertain', cause: `stripe ${answer.status} while listing`, references }
    const found = answer.value.data.find(isAsked)
    if (found !== undefined) return outcomeOf(found, references)
    // Absence proves something only in a list that is about whom we asked for, and that has nothing with our mark that does not fit.
    const isOdd = (one: Intent) => idOf(one.customer) !== customer || one.metadata?.bindery_operation === call.operation
    if (answer.value.data.some(isOdd)) return { kind: 'uncertain', cause: elsewhereCause, references }
    after = answer.value.data.at(-1)?.id
    if (!answer.value.has_more) return { kind: 'none' }
    if (after === undefined) break
  }
  return { kind: 'uncertain', cause: 'the list of setup intents did not end', references }
}
