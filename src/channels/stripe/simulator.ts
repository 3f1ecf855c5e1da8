/**
 * Stripe as a state machine: customers, payment methods, setup intents with their attempts, idempotency keys, events. What it answers and
 * tells is judged by the official specification on its stage; how it moves from state to state is our reading of docs.stripe.com.
 */
import { createHmac } from 'node:crypto'
import { isRecord } from '../json.ts'
import { nest } from '../judge-form.ts'
import {
  createKeyStore,
  drawName,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorEvent,
  type SimulatorRequest,
} from '../simulator.ts'
import { type StoredIntent, showCustomer, showIntent } from './objects.ts'
import { showMethod } from './objects-method.ts'
import { type Input, invalid, StripeRefusal } from './simulator-input.ts'
import { contradict } from './simulator-odd.ts'
import { challengePage, finishChallenge } from './simulator-page.ts'
import { createLedger, type Ledger } from './simulator-state.ts'

/** docs.stripe.com/api/idempotent_requests: keys can be removed once they are at least 24 hours old. */
const keyWindowMs = 24 * 3_600_000

type Route = readonly [method: string, path: RegExp, run: (ledger: Ledger, input: Input) => object]

const shown = (ledger: Ledger, intent: StoredIntent, input: Input) =>
  showIntent(
    intent,
    { method: ledger.methods.get(intent.method ?? ''), failed: ledger.methods.get(intent.failure?.method ?? '') },
    input.expand,
    input.context.address,
  )

const routes: readonly Route[] = [
  ['POST', /^\/v1\/customers$/, (ledger, input) => showCustomer(ledger.makeCustomer(input))],
  ['GET', /^\/v1\/customers\/([^/]+)$/, (ledger, input) => showCustomer(ledger.customer(input.id))],
  ['GET', /^\/v1\/customers\/([^/]+)\/payment_methods$/, listMethods],
  ['POST', /^\/v1\/payment_methods$/, (ledger, input) => showMethod(ledger.makeMethod(input))],
  ['GET', /^\/v1\/payment_methods\/([^/]+)$/, (ledger, input) => showMethod(ledger.method(input.id))],
  ['POST', /^\/v1\/payment_methods\/([^/]+)$/, (ledger, input) => showMethod(ledger.updateMethod(input.id, input))],
  ['POST', /^\/v1\/payment_methods\/([^/]+)\/detach$/, (ledger, input) => showMethod(ledger.detach(input.id, input))],
  ['POST', /^\/v1\/setup_intents$/, (ledger, input) => shown(ledger, ledger.makeIntent(input), input)],
  ['GET', /^\/v1\/setup_intents\/([^/]+)$/, (ledger, input) => shown(ledger, ledger.intent(input.id), input)],
  ['POST', /^\/v1\/setup_intents\/([^/]+)\/cancel$/, (ledger, input) => shown(ledger, ledger.cancel(input.id, input), input)],
  ['POST', /^\/v1\/setup_intents\/([^/]+)\/verify_microdeposits$/, (ledger, input) => shown(ledger, ledger.verify(input.id, input), input)],
  ['GET', /^\/v1\/setup_intents$/, listIntents],
]

function listIntents(ledger: Ledger, input: Input): object {
  const { customer, payment_method, starting_after: after } = input.form
  const limit = Number(input.form.limit ?? 10)
  const fits = [...ledger.intents.values()]
    .reverse()
    .filter(one => (customer === undefined || one.customer === customer) && (payment_method === undefined || one.method === payment_method))
  const from = after === undefined ? 0 : fits.findIndex(one => one.id === after) + 1
  const data = fits.slice(from, from + limit).map(one => shown(ledger, one, input))
  return { data, has_more: from + limit < fits.length, object: 'list', url: '/v1/setup_intents' }
}

function listMethods(ledger: Ledger, input: Input): object {
  const customer = ledger.customer(input.id)
  const { starting_after: after } = input.form
  const limit = Number(input.form.limit ?? 10)
  const attached = [...ledger.methods.values()].reverse().filter(one => one.customer === customer.id && !one.detached)
  const from = after === undefined ? 0 : attached.findIndex(one => one.id === after) + 1
  const data = attached.slice(from, from + limit).map(showMethod)
  return { data, has_more: from + limit < attached.length, object: 'list', url: `/v1/customers/${customer.id}/payment_methods` }
}

export function createStripeSimulator(secretKey: string): Simulator {
  const ledger = createLedger()
  const keys = createKeyStore(keyWindowMs)
  return {
    channel: 'stripe',
    handle: (request, context) => versioned(handle(ledger, keys, secretKey, request, context), request),
    takeEvents: () => ledger.takeEvents(),
    sign: (event, at) => sign(event, at.nowMs, at.secrets),
    reject(violations, _request, context) {
      const first = violations[0]
      const param = (first?.pointer ?? '').replace(/^(query)?\//, '').replace(/\/([^/]+)/g, '[$1]')
      return failure(
        invalid(`Invalid request: ${param} ${first?.message ?? ''}`, { code: 'parameter_unknown', param }),
        drawRequestId(context),
      )
    },
    trouble(kind, context, request) {
      if (kind === 'rate_limited')
        return failure(invalid('Too many requests hit the API too quickly.', { code: 'rate_limit' }, 429), drawRequestId(context))
      const answer = failure(new StripeRefusal(500, { message: 'An unknown error occurred', type: 'api_error' }), drawRequestId(context))
      // The first answer given under a key is the one that is saved, a 500 too.
      const key = request?.headers['idempotency-key']
      const known = key !== undefined && request !== undefined ? keys.recall(key, fingerprint(request), context.nowMs) : undefined
      // Only if this very request was the first: one that repeats it changes nothing of what is saved.
      if (key !== undefined && request !== undefined && known?.kind === 'same' && known.atMs === context.nowMs)
        keys.remember(key, fingerprint(request), answer, context.nowMs)
      return answer
    },
    disguise: answer => ({
      ...answer,
      body: answer.body.replaceAll(/"(seti|pm|cus|bnd|opn|mandate)_[0-9A-Za-z]+"/g, '"$1_SomebodyElse0000000000000"'),
    }),
    contradict,
    books: () => ledger.books(),
    acts: { update_card: 'updated', detach: 'gone' },
    act: (name, token, context) => ledger.act(name, token, context),
  }
}

const drawRequestId = (context: SimulatorContext) => `req_${drawName(context, 14)}`

function handle(
  ledger: Ledger,
  keys: ReturnType<typeof createKeyStore>,
  secretKey: string,
  request: SimulatorRequest,
  context: SimulatorContext,
): SimulatorAnswer {
  const page = /^\/_page\/challenge\/([^/]+)(?:\/(complete|fail))?$/.exec(request.path)
  if (page !== null) {
    const [, id = '', choice] = page
    return choice === undefined ? challengePage(ledger, id, request) : finishChallenge(ledger, id, choice === 'complete', request, context)
  }
  ledger.lapse(context)
  const requestId = drawRequestId(context)
  const authorization = request.headers.authorization ?? ''
  if (authorization === '') return failure(invalid('You did not provide an API key.', {}, 401), requestId)
  if (authorization !== `Bearer ${secretKey}`) return failure(invalid('Invalid API Key provided', {}, 401), requestId)
  const key = request.method === 'POST' ? (request.headers['idempotency-key'] ?? '') : ''
  const print = fingerprint(request)
  const before = key === '' ? { kind: 'fresh' as const } : keys.recall(key, print, context.nowMs)
  if (before.kind === 'other') {
    const message = 'Keys for idempotent requests can only be used with the same parameters they were first used with.'
    return failure(new StripeRefusal(400, { message, type: 'idempotency_error' }), requestId)
  }
  if (before.kind === 'same') return { ...before.answer, headers: { ...before.answer.headers, 'idempotent-replayed': 'true' } }
  const { answer, save } = run(ledger, request, key, context, requestId)
  if (save && key !== '') keys.remember(key, print, answer, context.nowMs)
  return answer
}

/** Requests that fail validation are not saved under their key; what came after execution began is. */
function run(ledger: Ledger, request: SimulatorRequest, key: string, context: SimulatorContext, requestId: string) {
  const route = routes.find(([method, path]) => method === request.method && path.test(request.path))
  if (route === undefined) {
    return { answer: failure(invalid(`Unrecognized request URL (${request.method}: ${request.path}).`, {}, 404), requestId), save: false }
  }
  const { tree } = nest([...new URLSearchParams(request.method === 'GET' ? request.query : request.body)])
  const names = isRecord(tree.expand) ? Object.values(tree.expand).map(name => String(name).replace(/^data\./, '')) : []
  const id = route[1].exec(request.path)?.[1] ?? ''
  const input = { id: decodeURIComponent(id), form: tree, key, expand: new Set(names), context, requestId }
  try {
    return { answer: success(route[2](ledger, input), requestId), save: true }
  } catch (error) {
    if (error instanceof StripeRefusal) return { answer: failure(error, requestId), save: error.status === 402 }
    throw error
  }
}

/** What an account was made with stays its version, until it says otherwise: that of a request without one. */
const accountVersion = '2022-11-15'
/** Stripe says in which version it answered. */
const versioned = (answer: SimulatorAnswer, request: SimulatorRequest): SimulatorAnswer =>
  answer.headers['request-id'] === undefined
    ? answer
    : { ...answer, headers: { ...answer.headers, 'stripe-version': request.headers['stripe-version'] ?? accountVersion } }

const answerHeaders = (requestId: string) => ({
  'content-type': 'application/json',
  'request-id': requestId,
})
const success = (body: object, requestId: string): SimulatorAnswer => ({
  status: 200,
  headers: answerHeaders(requestId),
  body: JSON.stringify(body, null, 2),
})
const failure = (refusal: StripeRefusal, requestId: string): SimulatorAnswer => ({
  status: refusal.status,
  headers: answerHeaders(requestId),
  body: JSON.stringify({ error: { ...refusal.error, request_log_url: `https://dashboard.stripe.com/test/logs/${requestId}` } }, null, 2),
})

/** Parameters, not bytes: another order is the same request. The card number goes in hashed, as it may not be kept. */
function fingerprint(request: SimulatorRequest): string {
  const fields = [...new URLSearchParams(request.body)].map(([name, value]) => `${name}=${value}`).sort()
  return createHmac('sha256', 'stripe simulator')
    .update(`${request.method} ${request.path}\n${fields.join('\n')}`)
    .digest('hex')
}

function sign(event: SimulatorEvent, nowMs: number, secrets: readonly string[]) {
  const stamp = Math.floor(nowMs / 1_000)
  const signatures = secrets.map(secret => `v1=${createHmac('sha256', secret).update(`${stamp}.${event.body}`).digest('hex')}`)
  return {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'stripe-signature': [`t=${stamp}`, ...signatures].join(','),
      'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
    },
    body: event.body,
  }
}
