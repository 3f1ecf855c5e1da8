/**
 * Square as its specification describes cards on file: customers, cards under idempotency keys, lists by reference, disabling, and signed
 * webhooks. Tokens and what they bring about: `magic.ts`. No card number ever comes here.
 */
import {
  cardHash,
  createKeyStore,
  drawName,
  type Effect,
  type KeyStore,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorEvent,
  type SimulatorRequest,
} from '../simulator.ts'
import { verdicts } from './magic.ts'
import { categories } from './refusals.ts'
import { signatureHeader, signatureOf } from './webhook.ts'

/** `notificationUrl`: as it was set "at Square"; it is signed with every webhook. */
export type SquareSimulatorOptions = { readonly accessToken: string; readonly notificationUrl: string }

type Json = Readonly<Record<string, unknown>>
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (from: unknown, name: string): string => {
  const value = isJson(from) ? from[name] : undefined
  return typeof value === 'string' ? value : ''
}

type Card = {
  readonly id: string
  readonly brand: string
  readonly last4: string
  readonly expiryMonth: number
  readonly expiryYear: number
  readonly fingerprint: string
  readonly customer: string
  readonly reference: string
  readonly enabled: boolean
  readonly forgotten: boolean
  readonly version: number
  readonly alert: boolean
}
type State = {
  readonly options: SquareSimulatorOptions
  readonly customers: Map<string, string>
  readonly cards: Map<string, Card>
  readonly keys: KeyStore
  readonly effects: Effect[]
  readonly events: SimulatorEvent[]
}

/** Square publishes no retention; here exactly as long as our adapter relies on, so that nobody comes to rely on more. */
const keyWindowMs = 86_400_000
const keyLengthMax = 45
const merchant = 'ML0000SIMULATED'

export function createSquareSimulator(options: SquareSimulatorOptions): Simulator {
  const state: State = { options, customers: new Map(), cards: new Map(), keys: createKeyStore(keyWindowMs), effects: [], events: [] }
  return {
    channel: 'square',
    handle: (request, context) => handle(state, request, context),
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

const shown = (card: Card): Json => ({
  id: card.id,
  card_brand: card.brand,
  last_4: card.last4,
  exp_month: card.expiryMonth,
  exp_year: card.expiryYear,
  fingerprint: card.fingerprint,
  customer_id: card.customer,
  merchant_id: merchant,
  reference_id: card.reference,
  enabled: card.enabled,
  version: card.version,
  ...(card.alert ? { issuer_alert: 'ISSUER_ALERT_CARD_CLOSED' } : {}),
})

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

function tell(state: State, type: string, card: Json, context: SimulatorContext): void {
  const id = context
    .random(16)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  const created_at = new Date(context.nowMs).toISOString()
  const body = JSON.stringify({
    merchant_id: merchant,
    type,
    event_id: id,
    created_at,
    data: { type: 'card', id: card.id, object: { card } },
  })
  state.events.push({ id, type, body })
}

/** A change of the card, one version on. */
function change(state: State, card: Card, to: Partial<Card>, effect: Effect['effect'], context: SimulatorContext): Card {
  const changed = { ...card, ...to, version: card.version + 1 }
  state.cards.set(card.id, changed)
  state.effects.push({ effect, reference: card.reference, key: '', token: card.id, atMs: context.nowMs })
  return changed
}

function disable(state: State, card: Card, type: string, context: SimulatorContext): Card {
  if (!card.enabled) return card
  const disabled = change(state, card, { enabled: false }, 'removed', context)
  tell(state, type, shown(disabled), context)
  return disabled
}

function act(state: State, name: string, token: string, context: SimulatorContext): void {
  const card = state.cards.get(token)
  if (card === undefined) throw new TypeError(`square simulator: no card ${token}`)
  const automatically = (to: Partial<Card>) => {
    tell(state, 'card.automatically_updated', shown(change(state, card, to, 'changed', context)), context)
  }
  switch (name) {
    case 'update_card':
      automatically({ expiryYear: card.expiryYear + 4, last4: '2222' })
      break
    case 'close_account':
      automatically({ alert: true })
      break
    case 'lift_alert':
      automatically({ alert: false })
      break
    case 'disable':
      disable(state, card, 'card.disabled', context)
      break
    case 'forget':
      forget(state, card, context)
      break
    default:
      throw new TypeError(`square simulator: cannot ${name}`)
  }
}

/** What is left of a forgotten card is its name (`CardForgottenEventCard`). */
function forget(state: State, card: Card, context: SimulatorContext): void {
  const gone = card.enabled ? change(state, card, { enabled: false, forgotten: true }, 'removed', context) : { ...card, forgotten: true }
  state.cards.set(card.id, gone)
  const { id, customer, enabled, reference, version } = gone
  tell(state, 'card.forgotten', { id, customer_id: customer, enabled, reference_id: reference, version, merchant_id: merchant }, context)
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
