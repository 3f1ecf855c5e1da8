/**
 * Adyen as its specification and documentation describe it: payments that store cards, 3-D Secure by redirect and native, UPI mandates, stored
 * payment methods, idempotency keys, the account updater, and webhooks of both kinds. Magic names and numbers: `magic.ts`.
 */
import {
  cardHash,
  createKeyStore,
  type KeyStore,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorDelivery,
  type SimulatorEvent,
  type SimulatorRequest,
} from '../simulator.ts'
import { answer, fault, isJson, type Json, type Settings, text } from './simulator-answers.ts'
import { contradict } from './simulator-odd.ts'
import { isPage, page } from './simulator-page.ts'
import { conclude, details, pay } from './simulator-payments.ts'
import { booksOf, disable, drawReference, newState, note, type State, type Stored, tellToken } from './simulator-state.ts'
import { answerPayer } from './simulator-upi.ts'
import { signatureHeader, signBody, signItem, standardItem } from './webhook.ts'

export type AdyenSimulatorOptions = {
  readonly merchantAccount?: string
  /** The only key that is let in; without it any key is. */
  readonly apiKey?: string
  readonly showTokens?: boolean
  readonly hashKey?: string
}

/** "Valid for a minimum period of 7 days": here exactly so long, so that nobody comes to rely on more. */
const keyWindowMs = 7 * 86_400_000
const keyLengthMax = 64
/** Our adapter speaks v71, the official library v72; what we use of them is the same. */
const updaterPath = '/pal/servlet/Recurring/v68/scheduleAccountUpdater'
const base = /^\/v7[12](?=\/)/

type Inside = { readonly state: State; readonly settings: Settings; readonly keys: KeyStore; readonly apiKey: string | undefined }

export function createAdyenSimulator(options: AdyenSimulatorOptions = {}): Simulator {
  const state = newState(options.merchantAccount ?? 'BinderyECOM')
  const settings = { hashKey: options.hashKey ?? 'adyen simulator', showTokens: options.showTokens ?? true }
  const inside: Inside = { state, settings, keys: createKeyStore(keyWindowMs), apiKey: options.apiKey }
  return {
    channel: 'adyen',
    handle: (request, context) => (isPage(request) ? page(state, request, context) : api(inside, request, context)),
    takeEvents: () => state.events.splice(0),
    sign,
    reject: (violations, _request, context) => {
      const list = violations.map(one => `${one.pointer || 'body'} ${one.message}`).join('; ')
      return fault(400, '702', `Structure of the request is not valid: ${list}`, 'validation', context)
    },
    trouble: (kind, context) =>
      kind === 'error'
        ? fault(500, '903', 'Internal error', 'internal', context)
        : fault(429, '000', 'HTTP Status Response - Too Many Requests', 'security', context),
    disguise,
    miscount,
    contradict,
    books: () => booksOf(state),
    acts: { disable: 'gone', update_card: 'updated' },
    act: (name, token, context) => act(inside, name, token, context),
  }
}

function api(inside: Inside, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const key = request.headers['x-api-key'] ?? ''
  if (key === '' || (inside.apiKey !== undefined && key !== inside.apiKey))
    return fault(401, '000', 'HTTP Status Response - Unauthorized', 'security', context)
  if (request.method === 'POST' && request.path === updaterPath) return schedule(inside.state, request, context)
  const path = base.test(request.path) ? request.path.replace(base, '') : ''
  if (request.method === 'POST' && (path === '/payments' || path === '/payments/details')) return once(inside, path, request, context)
  if (path === '/storedPaymentMethods' && request.method === 'GET') return list(inside.state, request, context)
  if (path.startsWith('/storedPaymentMethods/') && request.method === 'DELETE')
    return remove(inside.state, decodeURIComponent(path.slice('/storedPaymentMethods/'.length)), request, context)
  return fault(404, '000', 'Not found', 'validation', context)
}

/**
 * One answer per key. What Adyen does with another body under a known key is not documented; here it is refused like a request still
 * under way (704), which says nothing about the first.
 */
function once(inside: Inside, path: string, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const key = request.headers['idempotency-key'] ?? ''
  if (key.length > keyLengthMax) return fault(422, '702', 'Idempotency key too long', 'validation', context)
  // Hashed: a body may hold a card's number, which is not kept.
  const fingerprint = `${path} ${cardHash(inside.settings.hashKey, request.body)}`
  const seen = key === '' ? ({ kind: 'fresh' } as const) : inside.keys.recall(key, fingerprint, context.nowMs)
  if (seen.kind === 'same') return seen.answer
  if (seen.kind === 'other') return fault(422, '704', 'request already processed or in progress', 'validation', context)
  const given = post(inside, path, request.body, key, context)
  const out = key === '' ? given : { ...given, headers: { ...given.headers, 'idempotency-key': key } }
  if (key !== '' && given.status < 500) inside.keys.remember(key, fingerprint, out, context.nowMs)
  return out
}

function post(inside: Inside, path: string, raw: string, key: string, context: SimulatorContext): SimulatorAnswer {
  const body = parse(raw)
  if (body === undefined) return fault(400, '702', 'Unexpected input', 'validation', context)
  if (path === '/payments/details') return details(inside.state, inside.settings, body, context)
  if (text(body, 'merchantAccount') !== inside.state.merchantAccount)
    return fault(403, '901', 'Invalid Merchant Account', 'security', context)
  return pay(inside.state, inside.settings, body, key, context)
}

function parse(raw: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(raw)
    return isJson(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The merchant account and shopper of a query, or the answer to a wrong one. */
function asked(state: State, request: SimulatorRequest, context: SimulatorContext): string | SimulatorAnswer {
  const query = new URLSearchParams(request.query)
  if (query.get('merchantAccount') !== state.merchantAccount) return fault(403, '901', 'Invalid Merchant Account', 'security', context)
  const shopper = query.get('shopperReference') ?? ''
  return shopper.length < 3 ? fault(422, '121', 'Required field shopperReference is missing', 'validation', context) : shopper
}

function list(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const shopper = asked(state, request, context)
  if (typeof shopper !== 'string') return shopper
  const cards = [...state.cards.values()].filter(one => one.usable && one.shopper === shopper)
  return answer(200, {
    merchantAccount: state.merchantAccount,
    shopperReference: shopper,
    storedPaymentMethods: cards.map(one => ({
      id: one.token,
      ...(one.type === 'scheme' ? cardWords(one) : { type: one.brand }),
      shopperReference: shopper,
      supportedRecurringProcessingModels: ['CardOnFile', 'Subscription', 'UnscheduledCardOnFile'],
    })),
  })
}

const cardWords = (one: Stored & { readonly type: 'scheme' }): Json => ({
  brand: one.brand,
  lastFour: one.last4,
  expiryMonth: String(one.expiryMonth).padStart(2, '0'),
  expiryYear: String(one.expiryYear % 100).padStart(2, '0'),
  networkTxReference: one.network,
  type: 'scheme',
})

function remove(state: State, token: string, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const shopper = asked(state, request, context)
  if (typeof shopper !== 'string') return shopper
  const card = state.cards.get(token)
  if (card === undefined || card.shopper !== shopper || !card.usable)
    return fault(422, '803', 'PaymentDetail not found', 'validation', context)
  disable(state, card, '', context)
  return { status: 204, headers: {}, body: '' }
}

/** Standard items carry their signature inside, one key; token events in a header over the whole body. */
function sign(event: SimulatorEvent, at: { readonly nowMs: number; readonly secrets: readonly string[] }): SimulatorDelivery {
  const key = at.secrets[0] ?? ''
  const headers = { 'content-type': 'application/json' }
  if (event.type.startsWith('recurring.token.'))
    return { headers: { ...headers, [signatureHeader]: signBody(key, event.body), protocol: 'HmacSHA256' }, body: event.body }
  return { headers, body: JSON.stringify(signItems(parse(event.body) ?? {}, key)) }
}

function signItems(body: Json, key: string): Json {
  const items = Array.isArray(body.notificationItems) ? body.notificationItems : []
  const signed = items.map(one => {
    const item: unknown = isJson(one) ? one.NotificationRequestItem : undefined
    if (!isJson(item)) throw new TypeError('adyen simulator: an event without its item')
    const data = isJson(item.additionalData) ? item.additionalData : {}
    return { NotificationRequestItem: { ...item, additionalData: { ...data, hmacSignature: signItem(key, standardItem.parse(item)) } } }
  })
  return { ...body, notificationItems: signed }
}

/** A cent more. */
function miscount(of: SimulatorAnswer): SimulatorAnswer | undefined {
  const body = parse(of.body)
  const amount = body?.amount
  if (body === undefined || !isJson(amount) || typeof amount.value !== 'number') return undefined
  return { ...of, body: JSON.stringify({ ...body, amount: { ...amount, value: amount.value + 1 } }) }
}

/** Every name in it turned into someone else's of the same length. */
function disguise(of: SimulatorAnswer): SimulatorAnswer {
  const body = parse(of.body)
  return body === undefined ? of : { ...of, body: JSON.stringify(strange(body)) }
}

const names = ['pspReference', 'merchantReference', 'shopperReference', 'merchantAccount', 'id']
function strange(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map(one => strange(one))
  if (isJson(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, strange(one, key)]))
  const known = names.includes(name) || name.startsWith('tokenization.storedPaymentMethodId') || name === 'tokenization.shopperReference'
  return known && typeof value === 'string' ? [...value].reverse().join('') : value
}

function act(inside: Inside, name: string, token: string, context: SimulatorContext): void {
  const { state, settings } = inside
  if (name === 'approve' || name === 'decline') {
    answerPayer({ state, settings, conclude }, name === 'approve', token, context)
    return
  }
  const card = state.cards.get(token)
  if (card === undefined) throw new TypeError(`adyen simulator: no card ${token}`)
  if (name === 'disable') disable(state, card, '', context)
  else if (name === 'update_card') update(state, card, context)
  else throw new TypeError(`adyen simulator: cannot ${name}`)
}

/**
 * Takes the request on. The schemes answer within days in truth; here a card that ends within the year is renewed at once, any other is
 * as it was, and of that nothing is told.
 */
function schedule(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const body = parse(request.body) ?? {}
  if (text(body, 'merchantAccount') !== state.merchantAccount) return fault(403, '901', 'Invalid Merchant Account', 'security', context)
  const shopper = text(body, 'shopperReference')
  if (![...state.cards.values()].some(one => one.shopper === shopper))
    return fault(422, '000', 'RecurringShopper not found', 'validation', context)
  const card = state.cards.get(text(body, 'selectedRecurringDetailReference'))
  if (card === undefined || card.shopper !== shopper || !card.usable)
    return fault(422, '803', 'PaymentDetail not found', 'validation', context)
  if (card.type === 'scheme' && Date.UTC(card.expiryYear, card.expiryMonth, 1) - context.nowMs < 365 * 86_400_000)
    update(state, card, context)
  return answer(200, { pspReference: drawReference(context), result: 'Success' })
}

/** The network renewed the card: the same token, four years more. */
function update(state: State, card: Stored, context: SimulatorContext): void {
  if (card.type !== 'scheme') throw new TypeError('adyen simulator: only cards are renewed')
  const renewed = { ...card, expiryYear: card.expiryYear + 4 }
  state.cards.set(card.token, renewed)
  note(state, { effect: 'changed', reference: card.reference, key: '', token: card.token, atMs: context.nowMs })
  tellToken(state, renewed, 'updated', drawReference(context), context.nowMs)
}
