/** GoCardless as its documentation and its official library describe it: billing requests, flows, mandates, scenario simulators. */
import { isRecord, type Json } from '../json.ts'
import {
  createKeyStore,
  type KeyStore,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorDelivery,
  type SimulatorEvent,
  type SimulatorRequest,
} from '../simulator.ts'
import { keyWindowMs } from './channel.ts'
import { act, acts, end } from './simulator-acts.ts'
import { answer, disguise, fault, flowBody, invalid, mandateBody, miscount, parse, requestBody } from './simulator-answers.ts'
import { contradict, split } from './simulator-odd.ts'
import { flowUrl, isPage, page } from './simulator-page.ts'
import {
  booksOf,
  drawId,
  hear,
  hearAction,
  livingStatuses,
  newState,
  note,
  type Request,
  requestNews,
  type State,
  tell,
} from './simulator-state.ts'
import { takeStep } from './simulator-steps.ts'
import { signatureHeader, sign as signatureOf } from './webhook.ts'
import { apiVersion, schemes } from './wire.ts'

type Inside = { readonly state: State; readonly keys: KeyStore; readonly accessToken: string }

export function createGoCardlessSimulator(accessToken: string): Simulator {
  const state = newState()
  const inside: Inside = { state, keys: createKeyStore(keyWindowMs), accessToken }
  return {
    channel: 'gocardless',
    handle: (request, context) => (isPage(request) ? page(state, request, context) : handle(inside, request, context)),
    takeEvents: () => state.events.splice(0),
    sign,
    reject: violations => invalid('body', violations[0]?.message ?? 'is invalid'),
    trouble: kind =>
      kind === 'rate_limited'
        ? fault(429, 'invalid_api_usage', { reason: 'rate_limit_exceeded', message: 'Rate limit exceeded' })
        : fault(500, 'gocardless', { reason: 'internal_server_error', message: 'Internal server error' }),
    disguise,
    miscount,
    split,
    contradict,
    books: () => booksOf(state),
    acts,
    act: (name, token, context) => act(state, name, token, context),
  }
}

/** One secret signs: while one is rotated out, GoCardless has a second endpoint with its own. */
function sign(event: SimulatorEvent, at: { readonly secrets: readonly string[] }): SimulatorDelivery {
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'gocardless-webhook-service/1.1',
    origin: 'https://api-sandbox.gocardless.com',
    [signatureHeader]: signatureOf(at.secrets[0] ?? '', event.body),
  }
  return { headers, body: event.body }
}

function handle(inside: Inside, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const refused = admit(inside, request)
  if (refused !== undefined) return refused
  const [, resource = '', id, actions, name] = request.path.split('/')
  const action = actions === 'actions' ? name : undefined
  if (request.method === 'GET') return id === undefined ? list(inside.state, resource, request) : show(inside.state, resource, id)
  if (request.method !== 'POST') return missing('path_not_found')
  const body = request.body === '' ? {} : parse(request.body)
  if (!isRecord(body)) return fault(400, 'invalid_api_usage', { reason: 'bad_request', message: 'The request body is not JSON' })
  if (id === undefined) return create(inside, resource, body, request, context)
  return perform(inside, { resource, id, action: action ?? '', body, key: request.headers['idempotency-key'] ?? '' }, context)
}

const missing = (reason: string): SimulatorAnswer => fault(404, 'invalid_api_usage', { reason, message: 'Resource not found' })

function admit(inside: Inside, { headers, body }: SimulatorRequest): SimulatorAnswer | undefined {
  const bad = (status: number, reason: string) => fault(status, 'invalid_api_usage', { reason, message: reason.replaceAll('_', ' ') })
  if (headers.authorization === undefined) return bad(401, 'missing_authorization_header')
  if (headers.authorization !== `Bearer ${inside.accessToken}`) return bad(401, 'access_token_not_found')
  if (headers['gocardless-version'] === undefined) return bad(400, 'missing_version_header')
  if (headers['gocardless-version'] !== apiVersion) return bad(400, 'version_not_found')
  if (body !== '' && !(headers['content-type'] ?? '').startsWith('application/json')) return bad(415, 'unsupported_media_type')
  if ((headers['idempotency-key'] ?? '').length > 128) return bad(400, 'idempotency_key_too_long')
  return undefined
}

function show(state: State, resource: string, id: string): SimulatorAnswer {
  const request = resource === 'billing_requests' ? state.requests.get(id) : undefined
  if (request !== undefined) return answer(200, { billing_requests: requestBody(request) })
  const mandate = resource === 'mandates' ? state.mandates.get(id) : undefined
  return mandate === undefined ? missing('resource_not_found') : answer(200, { mandates: mandateBody(mandate) })
}

/** Newest first; `after` is the id of the last one of the page before. */
function list(state: State, resource: string, request: SimulatorRequest): SimulatorAnswer {
  const query = new URLSearchParams(request.query)
  if (resource === 'mandates') {
    const customer = query.get('customer')
    const mandates = [...state.mandates.values()].reverse().filter(one => customer === null || one.customer === customer)
    const { some, meta } = pageOf(mandates, query)
    return answer(200, { mandates: some.map(mandateBody), meta })
  }
  if (resource !== 'billing_requests') return missing('path_not_found')
  const { some, meta } = pageOf([...state.requests.values()].reverse(), query)
  return answer(200, { billing_requests: some.map(requestBody), meta })
}

function pageOf<T extends { readonly id: string }>(all: readonly T[], query: URLSearchParams) {
  const limit = Math.min(500, Number(query.get('limit') ?? 50))
  const from = all.findIndex(one => one.id === query.get('after')) + 1
  const some = all.slice(from, from + limit)
  const after = from + limit < all.length ? (some.at(-1)?.id ?? null) : null
  return { some, meta: { cursors: { before: null, after }, limit } }
}

/**
 * A key that was used for this kind of resource is answered with what came of it, whatever the body says now: GoCardless' pages describe
 * no comparison of bodies.
 */
function create(inside: Inside, resource: string, body: Json, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const key = request.headers['idempotency-key'] ?? ''
  const seen = key === '' ? undefined : inside.keys.recall(`${resource} ${key}`, '', context.nowMs)
  if (seen?.kind === 'same') {
    const message = 'A resource has already been created with this idempotency key'
    const links = { conflicting_resource_id: seen.answer.body }
    return fault(409, 'invalid_state', { reason: 'idempotent_creation_conflict', message, links })
  }
  const input = body[resource]
  if (!isRecord(input)) return fault(400, 'invalid_api_usage', { reason: 'invalid_document_structure', message: `No ${resource}` })
  const made =
    resource === 'billing_requests'
      ? createRequest(inside.state, input, key, context)
      : resource === 'billing_request_flows'
        ? createFlow(inside.state, input, key, context)
        : missing('path_not_found')
  if (!('answer' in made)) return made
  if (key !== '') inside.keys.remember(`${resource} ${key}`, '', { status: 201, headers: {}, body: made.id }, context.nowMs)
  return made.answer
}

type Made = { readonly id: string; readonly answer: SimulatorAnswer }

const textOf = (of: unknown, name: string): string | undefined => {
  const value = isRecord(of) ? of[name] : undefined
  return typeof value === 'string' ? value : undefined
}
const metadataOf = (of: unknown): Readonly<Record<string, string>> | undefined => {
  const given = isRecord(of) && isRecord(of.metadata) ? Object.entries(of.metadata) : []
  const fits = given.length <= 3 && given.every(([name, value]) => name.length <= 50 && typeof value === 'string' && value.length <= 500)
  return fits ? Object.fromEntries(given.map(([name, value]) => [name, String(value)])) : undefined
}

function createRequest(state: State, input: Json, key: string, context: SimulatorContext): Made | SimulatorAnswer {
  const wanted = input.mandate_request
  const scheme = textOf(wanted, 'scheme')
  const known = Object.values(schemes).find(one => one.name === scheme)
  if (known === undefined) return invalid('scheme', 'is not included in the list', '/billing_requests/mandate_request/scheme')
  const currency = textOf(wanted, 'currency') ?? known.currency
  if (currency !== known.currency) return invalid('currency', 'is not supported', '/billing_requests/mandate_request/currency')
  const metadata = metadataOf(input)
  const mandateMetadata = metadataOf(wanted)
  if (metadata === undefined || mandateMetadata === undefined) return invalid('metadata', 'is invalid', '/billing_requests/metadata')
  const request: Request = {
    id: drawId('BRQ', context),
    status: 'pending',
    scheme: known.name,
    currency,
    description: textOf(wanted, 'description'),
    metadata,
    mandateMetadata,
    customer: textOf(input.links, 'customer') ?? drawId('CU', context),
    account: undefined,
    steps: { collect_customer_details: false, collect_bank_account: false, confirm_payer_details: false },
    blocked: false,
    mandate: undefined,
    key,
    createdMs: context.nowMs,
  }
  for (const name of ['currency', 'authorisation_source', 'consent_type']) hear(state, mandateMetadata, name, textOf(wanted, name) ?? '')
  state.requests.set(request.id, request)
  tell(state, context, [requestNews(request, 'created')])
  return { id: request.id, answer: answer(201, { billing_requests: requestBody(request) }) }
}

function createFlow(state: State, input: Json, key: string, context: SimulatorContext): Made | SimulatorAnswer {
  const request = state.requests.get(textOf(input.links, 'billing_request') ?? '')
  if (request === undefined) return fault(404, 'invalid_api_usage', { reason: 'link_not_found', message: 'Billing request not found' })
  const redirectUri = textOf(input, 'redirect_uri') ?? 'https://pay.gocardless.com/billing/static/thankyou'
  const exitUri = textOf(input, 'exit_uri') ?? redirectUri
  const id = drawId('BRF', context)
  const first = ![...state.flows.values()].some(one => one.request === request.id)
  const flow = { id, request: request.id, redirectUri, exitUri, createdMs: context.nowMs, url: flowUrl(id, context) }
  state.flows.set(id, flow)
  hear(state, request.metadata, 'flow key', key)
  if (first) note(state, 'challenged', request, request.id, context.nowMs)
  tell(state, context, [requestNews(request, 'flow_created', { billing_request_flow: id })])
  return { id, answer: answer(201, { billing_request_flows: flowBody(flow) }) }
}

type Action = { readonly resource: string; readonly id: string; readonly action: string; readonly body: Json; readonly key: string }

function perform(inside: Inside, of: Action, context: SimulatorContext): SimulatorAnswer {
  const { state } = inside
  if (of.resource === 'billing_requests') return takeStep(state, of, context)
  if (of.resource === 'billing_request_flows' && of.action === 'initialise') {
    const flow = state.flows.get(of.id)
    hearAction(state, state.requests.get(flow?.request ?? '')?.metadata ?? {}, of)
    return flow === undefined ? missing('resource_not_found') : answer(200, { billing_request_flows: flowBody(flow) })
  }
  if (of.resource === 'mandates' && of.action === 'cancel') return cancel(state, of, context)
  if (of.resource === 'scenario_simulators' && of.action === 'run') return run(state, of, context)
  return missing('path_not_found')
}

function cancel(state: State, of: Action, context: SimulatorContext): SimulatorAnswer {
  const mandate = state.mandates.get(of.id)
  if (mandate === undefined) return missing('resource_not_found')
  hearAction(state, mandate.metadata, of)
  if (!livingStatuses.includes(mandate.status))
    return fault(422, 'invalid_state', { reason: 'cancellation_failed', message: 'Mandate cannot be cancelled' })
  const ending = { status: 'cancelled', action: 'cancelled', origin: 'api', cause: 'mandate_cancelled' } as const
  return answer(200, { mandates: mandateBody(end(state, mandate, ending, context, of.key)) })
}

/** In GoCardless' sandbox some of these take no SEPA or ACH mandate; here all take all, so that every state can be seen. */
function run(state: State, of: Action, context: SimulatorContext): SimulatorAnswer {
  const links = isRecord(of.body.data) && isRecord(of.body.data.links) ? of.body.data.links : {}
  const token = textOf(links, 'resource') ?? ''
  if (!state.mandates.has(token)) return fault(404, 'invalid_api_usage', { reason: 'link_not_found', message: 'Mandate not found' })
  if (of.id !== 'mandate_activated' && !(of.id in acts)) return missing('resource_not_found')
  act(state, of.id, token, context)
  return answer(200, { scenario_simulators: { id: of.id } })
}
