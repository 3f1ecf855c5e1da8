/**
 * PayPal as a state machine: access tokens, setup tokens and the page they are approved at, payment tokens, request ids, and webhooks signed
 * with a certificate it serves. What it answers is judged by the official specification on its stage.
 */
import { createHash, sign } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { isRecord, type Json } from '../json.ts'
import type { Credentials } from '../sandbox-channel.ts'
import {
  createKeyStore,
  drawName,
  type KeyStore,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorDelivery,
  type SimulatorEvent,
  type SimulatorRequest,
} from '../simulator.ts'
import { makeCertificate } from './simulator-certificate.ts'
import { contradict } from './simulator-odd.ts'
import { approvalPage, finishApproval } from './simulator-page.ts'
import { gone, PayPalRefusal, plain } from './simulator-refusal.ts'
import { createLedger, type Ledger, showPayment, showSetup } from './simulator-state.ts'

/** vault_payment_tokens_v3.json, PayPal-Request-Id: "The server stores keys for 3 hours." */
const keyWindowMs = 3 * 3_600_000
/** developer.paypal.com/api/rest/authentication: `expires_in` of the sample, nine hours. */
const accessSeconds = 32_400

type Inside = {
  readonly credentials: Credentials
  readonly ledger: Ledger
  readonly keys: KeyStore
  /** Access token → when it ends. */
  readonly access: Map<string, number>
  readonly certificate: { readonly id: string; readonly pem: string }
  /** Where we were last reached: the certificate is fetched from there. */
  address: string
}

export function createPayPalSimulator(credentials: Credentials): Simulator {
  const { publicKey = '', privateKey = '' } = credentials.simulator ?? {}
  const print = createHash('sha256').update(publicKey).digest()
  const pem = makeCertificate({ publicKey, privateKey }, 'messageverificationcerts.sandbox.paypal.com', print.subarray(0, 8))
  const state: Inside = {
    credentials,
    ledger: createLedger(),
    keys: createKeyStore(keyWindowMs),
    access: new Map(),
    certificate: { id: `CERT-${print.toString('hex').slice(0, 24)}`, pem },
    address: 'http://127.0.0.1',
  }
  return {
    channel: 'paypal',
    handle(request, context) {
      state.address = context.address
      return handle(state, request, context)
    },
    takeEvents: () => state.ledger.takeEvents(),
    sign: (event, at) => signed(state, event, at),
    reject: (violations, _request, context) =>
      failure(
        plain(
          400,
          violations.map(one => ({ issue: 'INVALID_PARAMETER_SYNTAX', field: one.pointer, description: one.message, location: 'body' })),
        ),
        context,
      ),
    trouble: (kind, context) => failure(plain(kind === 'error' ? 500 : 429), context),
    disguise,
    contradict,
    books: () => state.ledger.books(),
    acts: { payer_cancels: 'gone' },
    act(name, token, context) {
      if (name !== 'payer_cancels') throw new TypeError(`this simulator can payer_cancels, not ${name}`)
      state.ledger.remove(token, context)
    },
  }
}

const json = (status: number, body: object, context: SimulatorContext): SimulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/json', 'paypal-debug-id': debugId(context) },
  body: JSON.stringify(body),
})
const debugId = (context: SimulatorContext): string => drawName(context, 13).toLowerCase()

function failure(refusal: PayPalRefusal, context: SimulatorContext): SimulatorAnswer {
  const details = refusal.details.length > 0 ? { details: refusal.details } : {}
  const body = { name: refusal.code, message: refusal.message, debug_id: debugId(context), ...details }
  return json(refusal.status, body, context)
}

function handle(state: Inside, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const { path } = request
  if (path === '/_page/agreements/approve') return approvalPage(state.ledger, request)
  const choice = /^\/_page\/agreements\/(complete|fail)$/.exec(path)?.[1]
  if (choice !== undefined) return finishApproval(state.ledger, choice === 'complete', request)
  if (path === `/v1/notifications/certs/${state.certificate.id}`)
    return { status: 200, headers: { 'content-type': 'application/x-pem-file' }, body: state.certificate.pem }
  if (path === '/v1/oauth2/token') return giveAccess(state, request, context)
  try {
    if (!isLetIn(state, request, context)) throw plain(401)
    return route(state, request, context)
  } catch (error) {
    if (error instanceof PayPalRefusal) return failure(error, context)
    throw error
  }
}

/** RFC 6749, section 4.4; the errors in the words of section 5.2. */
function giveAccess(state: Inside, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  if (!(request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) return failure(plain(415), context)
  const { clientId = '', clientSecret = '' } = state.credentials.secrets
  const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  if (request.headers.authorization !== basic)
    return json(401, { error: 'invalid_client', error_description: 'Client Authentication failed' }, context)
  if (new URLSearchParams(request.body).get('grant_type') !== 'client_credentials')
    return json(400, { error: 'unsupported_grant_type', error_description: 'Grant Type is NULL' }, context)
  const token = `A21AA${drawName(context, 75)}`
  state.access.set(token, context.nowMs + accessSeconds * 1_000)
  const nonce = `${new Date(context.nowMs).toISOString()}${drawName(context, 32)}`
  const scope = 'https://uri.paypal.com/services/vault/payment-tokens/readwrite'
  return json(
    200,
    { scope, access_token: token, token_type: 'Bearer', app_id: 'APP-80W284485P519543T', expires_in: accessSeconds, nonce },
    context,
  )
}

function isLetIn(state: Inside, request: SimulatorRequest, context: SimulatorContext): boolean {
  const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
  return context.nowMs < (state.access.get(token) ?? 0)
}

function route(state: Inside, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const [, collection = '', id] = /^\/v3\/vault\/(setup-tokens|payment-tokens)(?:\/([^/]+))?$/.exec(request.path) ?? []
  const { ledger } = state
  const at = `${request.method} ${collection}${id === undefined ? '' : '/id'}`
  const name = decodeURIComponent(id ?? '')
  switch (at) {
    case 'POST setup-tokens':
      return once(state, request, context, (body, key) => showSetup(ledger.makeSetup(body, key, context), context.address))
    case 'GET setup-tokens/id':
      return json(200, showSetup(ledger.setup(name, context.nowMs), context.address), context)
    case 'POST payment-tokens':
      return once(state, request, context, (body, key) => showPayment(ledger.makePayment(body, key, context), context.address))
    case 'GET payment-tokens/id':
      return json(200, showPayment(ledger.payment(name), context.address), context)
    case 'DELETE payment-tokens/id':
      ledger.remove(name, context)
      return { status: 204, headers: { 'paypal-debug-id': debugId(context) }, body: '' }
    case 'GET payment-tokens':
      return listPayments(ledger, request, context)
    default:
      throw gone()
  }
}

function listPayments(ledger: Ledger, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const query = new URLSearchParams(request.query)
  const customer = query.get('customer_id') ?? ''
  const size = Number(query.get('page_size') ?? 5)
  const page = Number(query.get('page') ?? 1)
  const tokens = ledger.ofCustomer(customer).slice((page - 1) * size, page * size)
  const links = [{ href: `${context.address}${request.path}?${request.query}`, rel: 'self', method: 'GET' }]
  return json(200, { customer: { id: customer }, payment_tokens: tokens.map(one => showPayment(one, context.address)), links }, context)
}

/**
 * developer.paypal.com/api/rest/reference/idempotency: a request id that was used gets "the latest status of the previous request with that
 * same header", whatever the body says now; 200 instead of 201. Only what was carried out is kept.
 */
function once(
  state: Inside,
  request: SimulatorRequest,
  context: SimulatorContext,
  run: (body: Json, key: string) => object,
): SimulatorAnswer {
  const key = request.headers['paypal-request-id'] ?? ''
  if (key === '')
    throw plain(400, [{ issue: 'PAYPAL_REQUEST_ID_REQUIRED', description: 'A PayPal-Request-Id is required.', location: 'header' }])
  const known = state.keys.recall(`${request.path} ${key}`, '', context.nowMs)
  if (known.kind === 'same') return { ...known.answer, status: 200 }
  const answer = json(201, run(read(request.body), key), context)
  state.keys.remember(`${request.path} ${key}`, '', answer, context.nowMs)
  return answer
}

function read(body: string): Json {
  try {
    const value: unknown = JSON.parse(body)
    if (isRecord(value)) return value
  } catch {
    // Told apart from other faults below.
  }
  throw plain(400, [{ issue: 'MALFORMED_REQUEST_JSON', description: 'The request JSON is not well formed.', location: 'body' }])
}

/** Every id another's: of tokens, of the customer, of our binding; an access token that opens no door. */
function disguise(answer: SimulatorAnswer): SimulatorAnswer {
  if (!answer.body.startsWith('{')) return answer
  const names = new Set(['id', 'merchant_customer_id', 'access_token'])
  const body: unknown = JSON.parse(answer.body, (name, value: unknown) =>
    names.has(name) && typeof value === 'string' ? 'SOMEBODYELSE' : value,
  )
  return { ...answer, body: JSON.stringify(body) }
}

/** Signed for one listener: with two webhook ids known here, the first is the one that is delivered to. */
function signed(
  state: Inside,
  event: SimulatorEvent,
  at: { readonly nowMs: number; readonly secrets: readonly string[] },
): SimulatorDelivery {
  const id = createHash('sha256')
    .update(`${event.id} ${at.nowMs}`)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, 'e$1-$2-$3-$4-$5')
  const time = new Date(at.nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z')
  const text = `${id}|${time}|${at.secrets[0] ?? ''}|${crc32(event.body)}`
  return {
    headers: {
      'content-type': 'application/json',
      'paypal-auth-algo': 'SHA256withRSA',
      'paypal-auth-version': 'v2',
      'paypal-cert-url': `${state.address}/v1/notifications/certs/${state.certificate.id}`,
      'paypal-transmission-id': id,
      'paypal-transmission-sig': sign('sha256', Buffer.from(text), state.credentials.simulator?.privateKey ?? '').toString('base64'),
      'paypal-transmission-time': time,
      'user-agent': 'PayPal/AUHD-214.0-58843436',
    },
    body: event.body,
  }
}
