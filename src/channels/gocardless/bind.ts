/**
 * Binding at GoCardless: a billing request that asks for a mandate, which the payer grants on GoCardless' page (a flow), or which we
 * complete in the payer's name with what the vault holds. Either way the request has the mandate in the end.
 */
import {
  type BindInput,
  type BindOutcome,
  type Call,
  type ChannelAnswer,
  type ChannelRequest,
  NoAnswer,
  type References,
  type Refused,
  type ResumeInput,
  type Uncertain,
} from '../channel.ts'
import type { PayerView } from '../source.ts'
import { categoryOf } from './refusals.ts'
import {
  accountRequest,
  type BillingRequest,
  boundOf,
  createRequest,
  customerRequest,
  type Flow,
  flowRequest,
  flowShape,
  get,
  leftParameter,
  type Mandate,
  mandateShape,
  marks,
  post,
  read,
  readFailure,
  requestId,
  requestShape,
  type Scheme,
  schemes,
  stepRequest,
  takesPaymentsAtOnce,
  uncertain,
  unlessMoved,
} from './wire.ts'

/** What was asked for, or the outcome that there is without it. */
export type Got<T> = { readonly kind: 'got'; readonly value: T } | Refused | Uncertain
const got = <T>(value: T): Got<T> => ({ kind: 'got', value })

export async function ask(call: Call, request: ChannelRequest): Promise<ChannelAnswer | undefined> {
  try {
    return await call.send(request)
  } catch (error) {
    if (error instanceof NoAnswer) return undefined
    throw error
  }
}

const refusedBy = (code: string, category: Refused['category'], elsewhere: boolean, references: References = {}): Refused => ({
  kind: 'refused',
  by: 'channel',
  category,
  code,
  elsewhere,
  references,
})

export async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const { source, terms } = input
  const scheme = source.type === 'bank_account' ? schemes[source.scheme] : undefined
  if (source.type !== 'bank_account' || scheme === undefined) return refusedBy('scheme_not_offered', 'not_supported', true)
  // GoCardless proves an account by the payer's bank (open banking), never by small amounts.
  if (source.verify === 'micro_deposits') return refusedBy('micro_deposits_not_offered', 'not_supported', true)
  if (terms !== undefined && terms.currency !== scheme.currency) return refusedBy('currency_of_another_scheme', 'misconfigured', true)
  const made = await create(call, input, scheme, source.verify === 'instant')
  if (made.kind !== 'got') return made
  const references = referencesOf(made.value, scheme)
  if (!isAbout(made.value, marks.operation, call.operation)) return uncertain('another_operation', {})
  if (!asks(made.value, scheme)) return uncertain('another_scheme', references)
  const direct = call.account.settings.paymentPages === 'own' && canBeDirect(source.payer, scheme)
  const ready = direct ? await complete(call, made.value, source.payer, references) : made
  if (ready.kind !== 'got') return ready
  return outcomeOf(call, ready.value, references, () => send(call, ready.value.id, input.returnUrl, references))
}

export function referencesOf(request: BillingRequest, scheme: Pick<Scheme, 'currency'> | undefined): References {
  const { customer } = request.links
  return {
    billing_request: request.id,
    ...(customer == null ? {} : { customer }),
    ...(scheme === undefined ? {} : { currency: scheme.currency }),
  }
}

const isAbout = (of: { readonly metadata?: BillingRequest['metadata'] }, mark: string, ours: string): boolean =>
  of.metadata?.[mark] === ours
const asks = ({ mandate_request: wanted }: BillingRequest, scheme: Pick<Scheme, 'currency'>): boolean => wanted.currency === scheme.currency

/** What GoCardless wants of a payer before it makes a mandate by itself. ACH needs the kind of account as well, which nobody told us. */
function canBeDirect({ held }: PayerView, scheme: Scheme): boolean {
  const account = held.includes('iban') || (held.includes('accountNumber') && held.includes('branch'))
  return scheme.name !== 'ach' && account && held.includes('name') && held.includes('email')
}

/** Made, or made before under the same key: then GoCardless names what came of it, and we fetch that. */
async function create(call: Call, input: BindInput, scheme: Scheme, verify: boolean): Promise<Got<BillingRequest>> {
  const answer = await ask(call, createRequest(call, input, scheme, verify))
  if (answer === undefined) return uncertain('no_answer', {})
  const made = read(answer, 'billing_requests', requestShape)
  if (made !== undefined) return got(made)
  const failure = readFailure(answer, {})
  if (failure.kind !== 'conflict') return failure
  const id = requestId.safeParse(failure.resource)
  return id.success ? fetchRequest(call, id.data, {}) : uncertain('conflict_with_something_else', {})
}

export async function fetchRequest(call: Call, id: string, references: References): Promise<Got<BillingRequest>> {
  return expectRequest(id, await ask(call, get(call, `/billing_requests/${id}`)), references)
}

/** Reading refuses nothing: whatever is wrong with a look says nothing about what is looked at. */
function expectRequest(id: string, answer: ChannelAnswer | undefined, references: References): Got<BillingRequest> {
  if (answer === undefined) return uncertain('no_answer', references)
  const found = read(answer, 'billing_requests', requestShape)
  if (found === undefined) return uncertain(`not_read_${answer.status}`, references)
  return found.id === id ? got(found) : uncertain('another_request', references)
}

/** One step of a request: its answer is the request as it is then. */
async function step(call: Call, request: string, wanted: ChannelRequest, references: References): Promise<Got<BillingRequest>> {
  const answer = await ask(call, wanted)
  if (answer === undefined || read(answer, 'billing_requests', requestShape) !== undefined)
    return expectRequest(request, answer, references)
  const failure = readFailure(answer, references)
  // A key of a step is not kept for a resource, so there is none to go to.
  return failure.kind === 'conflict' ? uncertain('step_in_conflict', references) : unlessMoved(failure, references)
}

const isOpen = (request: BillingRequest, type: string): boolean =>
  request.actions?.some(one => one.type === type && one.required && one.status === 'pending') === true

/** The steps that are still open, in the order in which they depend on one another. Each may be taken again; what is done stays done. */
async function complete(call: Call, made: BillingRequest, payer: PayerView, references: References): Promise<Got<BillingRequest>> {
  const { id } = made
  const steps = [
    ['collect_customer_details', customerRequest(call, id, payer)],
    ['collect_bank_account', accountRequest(call, id, payer)],
    ['confirm_payer_details', stepRequest(call, id, 'confirm_payer_details')],
  ] as const
  let now = made
  for (const [type, wanted] of steps) {
    if (now.status !== 'pending' || !isOpen(now, type)) continue
    const next = await step(call, id, wanted, references)
    if (next.kind !== 'got') return next
    now = next.value
  }
  // Not ready: something else is wanted of the payer (the bank's own approval), and GoCardless' page asks for it.
  return now.status === 'ready_to_fulfil' ? step(call, id, stepRequest(call, id, 'fulfil'), references) : got(now)
}

/** Sends the payer to GoCardless' page. A second flow of the same request does no harm: it is fulfilled once. */
export async function send(call: Call, request: string, returnUrl: string, references: References): Promise<BindOutcome> {
  const answer = await ask(call, flowRequest(call, request, returnUrl))
  if (answer === undefined) return uncertain('no_answer', references)
  const made = read(answer, 'billing_request_flows', flowShape)
  if (made !== undefined) return challengeOf(made, request, references)
  const failure = readFailure(answer, references)
  if (failure.kind !== 'conflict') return unlessMoved(failure, references)
  if (!failure.resource.startsWith('BRF')) return uncertain('conflict_with_something_else', references)
  // Flows cannot be fetched. To initialise one gives it a fresh session, and gives it back.
  const path = `/billing_request_flows/${failure.resource}/actions/initialise`
  const again = await ask(call, post(call, path, `${call.key}.initialise`))
  const flow = again === undefined ? undefined : read(again, 'billing_request_flows', flowShape)
  return flow === undefined ? uncertain('flow_not_read', references) : challengeOf(flow, request, references)
}

function challengeOf(flow: Flow, request: string, references: References): BindOutcome {
  if (flow.links.billing_request !== request) return uncertain('another_request', references)
  const expiresAtMs = flow.expires_at == null ? Number.NaN : Date.parse(flow.expires_at)
  return {
    kind: 'challenged',
    action: {
      type: 'redirect',
      url: flow.authorisation_url,
      method: 'GET',
      ...(Number.isNaN(expiresAtMs) ? {} : { expiresAtMs }),
    },
    references: { ...references, challenge: flow.authorisation_url },
  }
}

/** `pending`: what to do about a request that nobody has completed yet. */
export async function outcomeOf(
  call: Call,
  request: BillingRequest,
  references: References,
  pending: () => BindOutcome | Promise<BindOutcome>,
): Promise<BindOutcome> {
  switch (request.status) {
    case 'pending':
    case 'ready_to_fulfil':
      return pending()
    case 'fulfilling':
      return { kind: 'verifying', references }
    case 'cancelled':
      return refusedBy('billing_request_cancelled', categoryOf('billing_request_cancelled'), false, references)
    case 'fulfilled': {
      const id = request.links.mandate_request_mandate ?? request.mandate_request.links?.mandate
      if (id == null) return uncertain('fulfilled_without_mandate', references)
      const mandate = await fetchSuccessor(call, id, references)
      return mandate.kind === 'got' ? outcomeOfMandate(mandate.value, request, references) : mandate
    }
    default:
      return uncertain(`request_${request.status}`, references)
  }
}

export async function fetchMandate(call: Call, id: string, references: References): Promise<Got<Mandate>> {
  const answer = await ask(call, get(call, `/mandates/${id}`))
  if (answer === undefined) return uncertain('no_answer', references)
  const found = read(answer, 'mandates', mandateShape)
  if (found === undefined) return uncertain(`not_read_${answer.status}`, references)
  return found.id === id ? got(found) : uncertain('another_mandate', references)
}

/** A mandate that was replaced is called cancelled and lives on under another id (`links.new_mandate`, API reference, "Mandates"). */
async function fetchSuccessor(call: Call, id: string, references: References): Promise<Got<Mandate>> {
  let found = await fetchMandate(call, id, references)
  // Replaced again with each change of the creditor's identifier, which are rare.
  for (let step = 0; step < 5 && found.kind === 'got' && found.value.links?.new_mandate != null; step += 1)
    found = await fetchMandate(call, found.value.links.new_mandate, references)
  return found
}

/** Statuses as `MandateStatus` of the official library lists them; what each means for the one who just asked for the mandate. */
export function outcomeOfMandate(mandate: Mandate, request: BillingRequest | undefined, references: References): BindOutcome {
  const known = { ...references, mandate: mandate.id }
  const refused = (code: string): Refused => ({ ...refusedBy(code, categoryOf(code), false, known), by: 'issuer' })
  const blocked = 'mandate_blocked'
  switch (mandate.status) {
    case 'active':
      return boundOf(mandate.id, request, references)
    case 'pending_submission':
    case 'submitted':
      return takesPaymentsAtOnce(mandate.scheme ?? '') ? boundOf(mandate.id, request, references) : { kind: 'verifying', references: known }
    case 'pending_customer_approval':
      return { kind: 'verifying', references: known }
    case 'failed':
      // The cause is told by the event, not by the mandate.
      return refused('other')
    case 'cancelled':
      return refused('mandate_cancelled')
    case 'expired':
      return refused('mandate_expired')
    case 'consumed':
      return refused('mandate_consumed')
    case 'blocked':
      return refusedBy(blocked, categoryOf(blocked), false, known)
    default:
      return uncertain(`mandate_${mandate.status}`, known)
  }
}

/**
 * What comes back with the browser decides nothing: the request is asked. A payer who left without finishing ends the request, so that it
 * cannot be finished in another tab after we called it refused.
 */
export async function resume(call: Call, input: ResumeInput): Promise<BindOutcome> {
  const { references } = input
  const id = requestId.safeParse(references.billing_request)
  if (!id.success) return uncertain('no_billing_request', references)
  const found = await fetchRequest(call, id.data, references)
  if (found.kind !== 'got') return found
  if (!isAbout(found.value, marks.binding, input.binding)) return uncertain('another_binding', references)
  if (references.currency !== undefined && !asks(found.value, { currency: references.currency }))
    return uncertain('another_scheme', references)
  const left = input.returned[leftParameter] !== undefined
  return outcomeOf(call, found.value, references, () => (left ? cancel(call, id.data, references) : waiting(references)))
}

/** The payer may still be on GoCardless' page, or go there again. */
export function waiting(references: References): BindOutcome {
  if (references.challenge === undefined) return uncertain('not_finished', references)
  return { kind: 'challenged', action: { type: 'redirect', url: references.challenge, method: 'GET' }, references }
}

async function cancel(call: Call, id: string, references: References): Promise<BindOutcome> {
  const ended = await step(call, id, stepRequest(call, id, 'cancel'), references)
  // Refused: it may have been fulfilled in the meantime, and the next look tells.
  if (ended.kind !== 'got') return uncertain('cancel_not_confirmed', references)
  return outcomeOf(call, ended.value, references, () => uncertain('cancel_not_confirmed', references))
}
