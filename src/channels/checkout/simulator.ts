/**
 * Checkout.com as its specification and documentation describe it: payments of nothing that verify and store cards and devices' tokens,
 * 3-D Secure by redirect, idempotency keys, instruments, signed webhooks, and an account updater. Test numbers: `magic.ts`.
 */
import { z } from 'zod'
import { isRecord } from '../json.ts'
import {
  createKeyStore,
  type KeyStore,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorEvent,
  type SimulatorRequest,
} from '../simulator.ts'
import { codeOfNumber, refusedAfterwards } from './magic.ts'
import { wantsAuthentication } from './refusals.ts'
import { actions, answer, decided, details, disguise, empty, fault, instrument, miscount, pending } from './simulator-answers.ts'
import { contradict } from './simulator-odd.ts'
import { isPage, page, pageUrl } from './simulator-page.ts'
import { conclude, drawId, eventSource, fingerprintOf, lapse, newState, note, type Payment, push, type State } from './simulator-state.ts'
import { signatureHeader, signatureOf } from './webhook.ts'

export type CheckoutSimulatorOptions = {
  readonly secretKey: string
  readonly processingChannelId: string
  readonly hashKey?: string
}

const keyWindowMs = 24 * 3_600_000
type Inside = { readonly state: State; readonly keys: KeyStore; readonly options: CheckoutSimulatorOptions }

export function createCheckoutSimulator(options: CheckoutSimulatorOptions): Simulator {
  const state = newState()
  const inside = { state, keys: createKeyStore(keyWindowMs), options }
  return {
    channel: 'checkout',
    handle(request, context) {
      lapse(state, context)
      return isPage(request) ? page(state, request, context) : api(inside, request, context)
    },
    takeEvents: () => state.events.splice(0),
    sign: (event, { secrets }) => sign(event, secrets[0] ?? ''),
    reject: (violations, _request, context) =>
      fault(422, 'request_invalid', [`${(violations[0]?.pointer ?? '').replace(/^\//, '').replaceAll('/', '_')}_invalid`], context),
    // 5xx have no documented body; what is down in front of the gateway leaves its saved answers alone.
    trouble: (kind, context) => (kind === 'error' ? empty(502) : fault(429, 'request_invalid', ['api_calls_quota_exceeded'], context)),
    disguise,
    miscount,
    contradict,
    books: () => ({
      effects: [...state.effects],
      held: [...state.instruments.values()].map(one => ({
        token: one.id,
        reference: one.reference,
        customer: '',
        label: one.card.last4,
        usable: one.usable,
      })),
    }),
    acts: { card_expiry_updated: 'updated', contact_cardholder: 'suspended', card_updated: 'resumed', card_closed: 'gone' },
    act: (name, token, context) => act(state, name, token, context),
  }
}

function sign(event: SimulatorEvent, secret: string) {
  const headers = { 'content-type': 'application/json; charset=utf-8', [signatureHeader]: signatureOf(secret, event.body) }
  return { headers, body: event.body }
}

function api(inside: Inside, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const { state, options } = inside
  if (request.headers.authorization !== `Bearer ${options.secretKey}`) return empty(401)
  const [, resource, id, part] = request.path.split('/')
  const route = `${request.method} ${resource ?? ''}${id === undefined ? '' : '/{id}'}${part === undefined ? '' : `/${part}`}`
  switch (route) {
    case 'POST payments':
      return once(inside, request, context)
    case 'GET payments':
      return list(state, request, context)
    case 'GET payments/{id}':
    case 'GET payments/{id}/actions': {
      const payment = state.payments.get(id ?? '') ?? [...state.payments.values()].find(one => one.session === id)
      if (payment === undefined) return empty(404)
      return answer(200, part === undefined ? details(payment, context) : actions(payment))
    }
    case 'GET instruments/{id}': {
      const held = state.instruments.get(id ?? '')
      return held === undefined ? empty(404) : answer(200, instrument(held))
    }
    case 'PATCH instruments/{id}':
      return renew(state, id ?? '', request, context)
    case 'DELETE instruments/{id}':
      return remove(state, id ?? '', context)
    default:
      return empty(404)
  }
}

/** "Subsequent requests with the same key will return the same HTTP status code and response body as the original request", whatever is in them. */
function once({ state, keys, options }: Inside, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const key = request.headers['cko-idempotency-key'] ?? ''
  const seen = key === '' ? ({ kind: 'fresh' } as const) : keys.recall(key, '', context.nowMs)
  if (seen.kind === 'same') return seen.answer
  const given = pay(state, options, { request, key }, context)
  // "This key is cached in our system if the request returns a 2xx response code."
  if (key !== '' && given.status < 300) keys.remember(key, '', given, context.nowMs)
  return given
}

const month = z.int().min(1).max(12)
const paymentShape = z.looseObject({
  source: z.discriminatedUnion('type', [
    z.looseObject({ type: z.literal('card'), number: z.string(), expiry_month: month, expiry_year: z.int(), cvv: z.string().optional() }),
    z.looseObject({ type: z.literal('network_token'), token: z.string(), expiry_month: month, expiry_year: z.int() }),
  ]),
  amount: z.literal(0),
  currency: z.string().regex(/^[A-Z]{3}$/),
  reference: z.string().default(''),
  processing_channel_id: z.string().optional(),
  '3ds': z.looseObject({ enabled: z.boolean(), challenge_indicator: z.string().default('no_preference') }).optional(),
  success_url: z.string().optional(),
  failure_url: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()).default({}),
})
type Asked = z.infer<typeof paymentShape>

function pay(
  state: State,
  options: CheckoutSimulatorOptions,
  { request, key }: { readonly request: SimulatorRequest; readonly key: string },
  context: SimulatorContext,
): SimulatorAnswer {
  const read = paymentShape.safeParse(parse(request.body))
  if (!read.success) return fault(422, 'request_invalid', ['request_json_invalid'], context)
  const asked = read.data
  const { source } = asked
  const number = source.type === 'card' ? source.number : source.token
  const wrong = wrongSource(asked, number, options, context)
  if (wrong !== undefined) return fault(422, 'request_invalid', [wrong], context)
  const code = codeOfNumber[number] ?? '10000'
  const threeDs = asked['3ds']?.enabled === true
  const payment: Payment = {
    ...namesOf(context),
    key,
    reference: asked.reference,
    currency: asked.currency,
    metadata: asked.metadata,
    card: cardOf(options, number, source),
    atMs: context.nowMs,
    threeDs,
    challenged: asked['3ds']?.challenge_indicator.startsWith('challenge_requested') === true,
    securityCode: source.type === 'card' && source.cvv !== undefined,
    back: { success: asked.success_url ?? '', failure: asked.failure_url ?? '' },
    status: 'Pending',
    // After 3-D Secure the issuer has what it wanted.
    code: threeDs
      ? (refusedAfterwards[number] ?? (wantsAuthentication.has(code) ? '10000' : code))
      : number in refusedAfterwards
        ? '20154'
        : code,
  }
  state.payments.set(payment.id, payment)
  if (!threeDs) return decided(conclude(state, payment, payment.code, context), context)
  note(state, 'challenged', { payment, token: payment.id }, context.nowMs)
  return pending(payment, pageUrl(payment.session, context), context)
}

const namesOf = (context: SimulatorContext) => ({
  id: drawId('pay', context),
  action: drawId('act', context),
  session: drawId('sid', context),
  network: String(100_000_000_000_000 + context.random(6).readUIntBE(0, 6)).slice(0, 15),
})

/** What is refused before anyone is asked. */
function wrongSource(asked: Asked, number: string, options: CheckoutSimulatorOptions, { nowMs }: SimulatorContext): string | undefined {
  const { source } = asked
  if (!/^\d{12,19}$/.test(number) || !luhn(number)) return source.type === 'card' ? 'card_number_invalid' : 'token_invalid'
  if (Date.UTC(source.expiry_year, source.expiry_month) <= nowMs) return 'card_expired'
  if (source.type === 'card' && source.cvv !== undefined && !/^\d{3,4}$/.test(source.cvv)) return 'cvv_invalid'
  if (asked.processing_channel_id !== options.processingChannelId) return 'processing_channel_id_required'
  const redirected = asked['3ds']?.enabled === true
  return redirected && (!URL.canParse(asked.success_url ?? '') || !URL.canParse(asked.failure_url ?? ''))
    ? 'success_url_invalid'
    : undefined
}

function luhn(number: string): boolean {
  const sum = [...number].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return sum % 10 === 0
}

const cardOf = (options: CheckoutSimulatorOptions, number: string, { expiry_month, expiry_year }: Asked['source']): Payment['card'] => ({
  bin: number.slice(0, 6),
  last4: number.slice(-4),
  expiryMonth: expiry_month,
  expiryYear: expiry_year,
  scheme: number.startsWith('4') ? 'Visa' : number.startsWith('3') ? 'American Express' : 'Mastercard',
  fingerprint: fingerprintOf(options.hashKey ?? 'checkout simulator', number),
})

function list(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const query = new URLSearchParams(request.query)
  const limit = Number(query.get('limit') ?? 10)
  const found = [...state.payments.values()].filter(one => one.reference === query.get('reference')).reverse()
  const data = found.slice(0, limit).map(one => details(one, context))
  return answer(200, { limit, skip: 0, total_count: found.length, data })
}

function remove(state: State, id: string, context: SimulatorContext): SimulatorAnswer {
  const held = state.instruments.get(id)
  if (held === undefined) return empty(404)
  state.instruments.delete(id)
  note(state, 'removed', { token: id }, context.nowMs)
  return empty(204)
}

const renewalShape = z.looseObject({ type: z.literal('card'), expiry_month: month.optional(), expiry_year: z.int().optional() })

/** What is not said stays as it is. */
function renew(state: State, id: string, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const held = state.instruments.get(id)
  if (held === undefined) return empty(404)
  const read = renewalShape.safeParse(parse(request.body))
  if (!read.success) return fault(422, 'request_invalid', ['request_json_invalid'], context)
  const { expiry_month: expiryMonth = held.card.expiryMonth, expiry_year: expiryYear = held.card.expiryYear } = read.data
  if (Date.UTC(expiryYear, expiryMonth) <= context.nowMs) return fault(422, 'request_invalid', ['card_expired'], context)
  state.instruments.set(id, { ...held, card: { ...held.card, expiryMonth, expiryYear } })
  note(state, 'changed', { token: id }, context.nowMs)
  return answer(200, { type: 'card', fingerprint: held.card.fingerprint })
}

function parse(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Somebody charges the stored card, and the account updater has something to say about it. */
function act(state: State, name: string, token: string, context: SimulatorContext): void {
  const held = state.instruments.get(token)
  if (held === undefined) throw new TypeError(`checkout simulator: no instrument ${token}`)
  if (!['card_expiry_updated', 'contact_cardholder', 'card_updated', 'card_closed'].includes(name))
    throw new TypeError(`checkout simulator: cannot ${name}`)
  const renewed = name.endsWith('updated') ? { ...held.card, expiryYear: held.card.expiryYear + 4 } : held.card
  state.instruments.set(token, { ...held, card: renewed, usable: name.endsWith('updated') })
  note(state, name === 'card_closed' ? 'removed' : 'changed', { token }, context.nowMs)
  push(state, name.endsWith('updated') ? 'payment_approved' : 'payment_declined', context, {
    id: drawId('pay', context),
    action_id: drawId('act', context),
    amount: 1_000,
    currency: 'USD',
    response_code: name.endsWith('updated') ? '10000' : name === 'card_closed' ? '30046' : '20001',
    source: { ...eventSource(renewed, token), account_update_status: name },
  })
}
