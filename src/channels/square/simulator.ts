/**
 * Square as its specification describes cards on file: customers, cards under idempotency keys, lists by reference, disabling, and signed
 * webhooks. Tokens and what they bring about: `magic.ts`. No card number ever comes here.
 */
import {
  cardHash,
  createKeyStore,
  drawName,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorRequest,
} from '../simulator.ts'
import { verdicts } from './magic.ts'
import { categories } from './refusals.ts'
import { contradict } from './simulator-odd.ts'
import {
  act,
  type Card,
  disable,
  isJson,
  type Json,
  type SquareSimulatorOptions,
  type State,
  shown,
  tell,
  text,
} from './simulator-state.ts'
import { signatureHeader, signatureOf } from './webhook.ts'

/** Square publishes no retention; here exactly as long as our adapter relies on, so that nobody comes to rely on more. */
const keyWindowMs = 86_400_000
const keyLengthMax = 45

export function createSquareSimulator(options: SquareSimulatorOptions): Simulator {
  const state: State = { options, customers: new Map(), cards: new Map(), keys: createKeyStore(keyWindowMs), effects: [], events: [] }
  return {
    channel: 'square',
    handle: (request, context) => versioned(handle(state, request, context), request),
    takeEvents: () => state.events.splice(0),
    sign: (event, { secrets }) => ({
      headers: {
        'content-type': 'application/json',
        'square-environment': 'Sandbox',
        [signatureHeader]: signatureOf(secrets[0] ?? '', options.notificationUrl, event.body).toString('base64'),
      },
      body: event.body,
    }),
    reject: violations => fault(400, 'BAD_REQUEST', violations.map(one => `${one.pointer || 'body'} ${one.message}`).join('; ')),
    trouble: kind =>
      kind === 'error' ? fault(500, 'INTERNAL_SERVER_ERROR', 'Something went wrong') : fault(429, 'RATE_LIMITED', 'Slow down'),
    disguise,
    contradict,
    books: () => ({
      effects: [...state.effects],
      held: [...state.cards.values()].map(one => ({
        token: one.id,
        reference: one.reference,
        customer: one.customer,
        label: one.last4,
        usable: one.enabled,
      })),
    }),
    acts: { update_card: 'updated', close_account: 'suspended', lift_alert: 'resumed', disable: 'gone', forget: 'gone' },
    act: (name, token, context) => act(state, name, token, context),
  }
}

const answer = (status: number, body: Json): SimulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** Square's error form. A decline is 402, as its guide has it; what was asked wrongly 400. */
function fault(status: number, code: string, detail: string): SimulatorAnswer {
  const kinds: Readonly<Record<number, string>> = {
    401: 'AUTHENTICATION_ERROR',
    402: 'PAYMENT_METHOD_ERROR',
    429: 'RATE_LIMIT_ERROR',
    500: 'API_ERROR',
  }
  return answer(status, { errors: [{ category: kinds[status] ?? 'INVALID_REQUEST_ERROR', code, detail }] })
}

/**
 * What succeeded says in which version it was answered: the one asked for, else the application's (here one far too old).
 * developer.squareup.com/docs/build-basics/versioning, and Square's forum: "Successful API responses include the Square-Version header".
 */
const versioned = (of: SimulatorAnswer, { headers }: SimulatorRequest): SimulatorAnswer =>
  of.status === 200 ? { ...of, headers: { ...of.headers, 'square-version': headers['square-version'] ?? '2018-07-12' } } : of

const onCard = /^\/v2\/cards\/([^/]+?)(\/disable)?$/
function handle(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  if (request.headers.authorization !== `Bearer ${state.options.accessToken}`)
    return fault(401, 'UNAUTHORIZED', 'This request could not be authorized.')
  const { method, path } = request
  if (method === 'POST' && (path === '/v2/customers' || path === '/v2/cards')) return once(state, request, context)
  if (method === 'GET' && path === '/v2/cards') return list(state, new URLSearchParams(request.query))
  const [, id = '', disabling] = onCard.exec(path) ?? []
  const card = state.cards.get(decodeURIComponent(id))
  if (card === undefined || card.forgotten || (method === 'GET') !== (disabling === undefined))
    return fault(404, 'NOT_FOUND', 'Resource not found.')
  return answer(200, { card: shown(disabling === undefined ? card : disable(state, card, 'card.disabled', context)) })
}

function parse(raw: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(raw)
    return isJson(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** One answer per key; another body under a known key is refused (`IDEMPOTENCY_KEY_REUSED`), which says nothing about the first. */
function once(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const body = parse(request.body)
  if (body === undefined) return fault(400, 'EXPECTED_JSON_BODY', 'Expected a JSON body.')
  const key = text(body, 'idempotency_key')
  if (key === '') return fault(400, 'MISSING_REQUIRED_PARAMETER', 'Missing idempotency_key.')
  if (key.length > keyLengthMax) return fault(400, 'VALUE_TOO_LONG', 'idempotency_key is too long.')
  const seen = state.keys.recall(`${request.path} ${key}`, request.body, context.nowMs)
  if (seen.kind === 'same') return seen.answer
  if (seen.kind === 'other') return fault(400, 'IDEMPOTENCY_KEY_REUSED', 'The idempotency key was used with another request.')
  const out = request.path === '/v2/customers' ? makeCustomer(state, body, key, context) : makeCard(state, body, key, context)
  state.keys.remember(`${request.path} ${key}`, request.body, out, context.nowMs)
  return out
}

function makeCustomer(state: State, body: Json, key: string, context: SimulatorContext): SimulatorAnswer {
  const named = ['given_name', 'family_name', 'company_name', 'email_address', 'phone_number'].some(one => text(body, one) !== '')
  if (!named) return fault(400, 'MISSING_REQUIRED_PARAMETER', 'At least one field is required.')
  const id = drawName(context, 26).toUpperCase()
  const reference = text(body, 'reference_id')
  state.customers.set(id, reference)
  state.effects.push({ effect: 'customer_made', reference, key, token: id, atMs: context.nowMs })
  const at = new Date(context.nowMs).toISOString()
  const { idempotency_key: _key, ...given } = body
  return answer(200, {
    customer: {
      id,
      created_at: at,
      updated_at: at,
      ...given,
      creation_source: 'THIRD_PARTY',
      preferences: { email_unsubscribed: false },
      version: 0,
    },
  })
}

function makeCard(state: State, body: Json, key: string, context: SimulatorContext): SimulatorAnswer {
  const customer = text(body.card, 'customer_id')
  const reference = text(body.card, 'reference_id')
  if (!state.customers.has(customer)) return fault(400, 'CUSTOMER_NOT_FOUND', 'The customer was not found.')
  const source = text(body, 'source_id')
  const verdict = verdicts.get(source) ?? { kind: 'error', code: 'INVALID_CARD_DATA' }
  const unverified = verdict.kind === 'card' && verdict.verified === true && text(body, 'verification_token') === ''
  if (verdict.kind === 'error' || unverified) {
    const code = verdict.kind === 'error' ? verdict.code : 'CARD_DECLINED_VERIFICATION_REQUIRED'
    state.effects.push({ effect: 'refused', reference, key, token: '', atMs: context.nowMs })
    const asked = /^(?:SOURCE|CARD_TOKEN|INVALID|UNSUPPORTED)_|_NOT_ENABLED$/.test(code) || categories.get(code) === 'misconfigured'
    return fault(asked ? 400 : 402, code, `Refused: ${code}`)
  }
  const card: Card = {
    id: `ccof:${drawName(context, 20)}`,
    brand: verdict.brand,
    last4: verdict.last4,
    expiryMonth: 11,
    expiryYear: new Date(context.nowMs).getUTCFullYear() + 3,
    fingerprint: `sq-1-${cardHash(state.options.accessToken, source)}`,
    customer,
    reference,
    enabled: true,
    forgotten: false,
    version: 1,
    alert: false,
  }
  state.cards.set(card.id, card)
  state.effects.push({ effect: 'stored', reference, key, token: card.id, atMs: context.nowMs })
  tell(state, 'card.created', shown(card), context)
  return answer(200, { card: shown(card) })
}

function list(state: State, query: URLSearchParams): SimulatorAnswer {
  const cards = [...state.cards.values()].filter(
    one =>
      !one.forgotten &&
      (one.enabled || query.get('include_disabled') === 'true') &&
      (query.get('reference_id') ?? one.reference) === one.reference &&
      (query.get('customer_id') ?? one.customer) === one.customer,
  )
  return answer(200, cards.length === 0 ? {} : { cards: cards.map(shown) })
}

const names = ['id', 'customer_id', 'reference_id', 'fingerprint']
/** Every name in it turned into someone else's of the same length. */
function disguise(of: SimulatorAnswer): SimulatorAnswer {
  const body = parse(of.body)
  return body === undefined ? of : { ...of, body: JSON.stringify(strange(body)) }
}
function strange(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map(one => strange(one))
  if (isJson(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, strange(one, key)]))
  return names.includes(name) && typeof value === 'string' ? [...value].reverse().join('') : value
}
