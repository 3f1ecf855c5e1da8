/**
 * The receiver's bank, as API Pix 2.9.0 describes it: access tokens with scopes, locations, recurrences, requests to the payer's bank, and
 * notifications over a connection that its client certificate proves. What payers do is asked for by `act`; magic values: `magic.ts`.
 */
import { createHash } from 'node:crypto'
import { derOf } from '../certificate.ts'
import { isRecord } from '../json.ts'
import type { Credentials } from '../sandbox-channel.ts'
import {
  drawName,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorDelivery,
  type SimulatorRequest,
} from '../simulator.ts'
import { answer, problem, rejection, unauthorized } from './simulator-input.ts'
import { contradict } from './simulator-odd.ts'
import {
  askPayer,
  cancel,
  createRecurrence,
  expire,
  getRecurrence,
  listRecurrences,
  payerActs,
  reviseRecurrence,
} from './simulator-recurrence.ts'
import { booksOf, makeLocation, newState, type Recurrence, type State, showLocation } from './simulator-state.ts'
import { certificateField, certificateHeader } from './webhook.ts'

const tokenLifeMs = 3_600_000

export function createPixSimulator(credentials: Credentials): Simulator {
  const state = newState()
  return {
    channel: 'pix',
    handle: (request, context) => handle(state, credentials, request, context),
    takeEvents: () => state.events.splice(0),
    sign: (event, { secrets }) => deliver(event.body, secrets[0] ?? ''),
    reject: (violations, request) => rejection(violations, request),
    trouble: kind =>
      kind === 'error'
        ? problem(500, 'ErroInternoDoServidor', 'Condição inesperada ao processar requisição.')
        : { status: 429, headers: { 'content-type': 'text/plain', 'retry-after': '1' }, body: 'Too Many Requests' },
    disguise: of => changed(of, strange),
    miscount: of => {
      const other = changed(of, dearer)
      return other.body === of.body ? undefined : other
    },
    contradict,
    books: () => booksOf(state),
    acts: { payer_cancels: 'gone', bank_cancels: 'gone', expire: 'gone' },
    act: (name, token, context) => act(state, name, token, context),
  }
}

/** The certificate of the connection, as our TLS terminator would hand it on. What is no certificate is handed on too, and fits nothing. */
function deliver(body: string, certificate: string): SimulatorDelivery {
  const der = derOf(certificate) ?? Buffer.from(certificate)
  return { headers: { 'content-type': 'application/json', [certificateHeader]: certificateField(der) }, body }
}

function handle(state: State, credentials: Credentials, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const certificate = request.headers[certificateHeader]
  const expected = derOf(credentials.secrets.clientCertificate ?? '')
  // Over TLS the server in front of us tells whose connection it is; on plain loopback nobody does.
  if (certificate !== undefined && (expected === undefined || certificate !== certificateField(expected))) return unauthorized()
  if (request.method === 'POST' && request.path === '/oauth/token') return giveToken(state, credentials, request, context)
  const path = request.path.replace(/^\/api(?=\/)/, '')
  const route = routes.find(one => one.method === request.method && one.path.test(path))
  if (route === undefined) return problem(404, 'NaoEncontrado', 'Entidade não encontrada.')
  const token = state.tokens.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '')
  if (token === undefined || token.untilMs <= context.nowMs) return unauthorized()
  if (!token.scopes.includes(route.scope))
    return problem(403, 'AcessoNegado', 'Requisição de participante autenticado que viola alguma regra de autorização.')
  return route.act({ state, request, context, id: route.path.exec(path)?.[1] ?? '' })
}

type Called = { readonly state: State; readonly request: SimulatorRequest; readonly context: SimulatorContext; readonly id: string }
type Route = { readonly method: string; readonly path: RegExp; readonly scope: string; readonly act: (of: Called) => SimulatorAnswer }

/** With the scope that the specification's `security` names for each. */
const routes: readonly Route[] = [
  {
    method: 'POST',
    path: /^\/locrec$/,
    scope: 'payloadlocationrec.write',
    act: of => answer(201, showLocation(makeLocation(of.state, of.context))),
  },
  { method: 'GET', path: /^\/locrec\/([^/]+)$/, scope: 'payloadlocationrec.read', act: of => getLocation(of.state, of.id) },
  { method: 'POST', path: /^\/rec$/, scope: 'rec.write', act: of => createRecurrence(of.state, of.request, of.context) },
  { method: 'GET', path: /^\/rec$/, scope: 'rec.read', act: of => listRecurrences(of.state, of.request) },
  { method: 'GET', path: /^\/rec\/([^/]+)$/, scope: 'rec.read', act: of => getRecurrence(of.state, of.id) },
  { method: 'PATCH', path: /^\/rec\/([^/]+)$/, scope: 'rec.write', act: of => reviseRecurrence(of.state, of.id, of.request, of.context) },
  { method: 'POST', path: /^\/solicrec$/, scope: 'solicrec.write', act: of => askPayer(of.state, of.request, of.context) },
  { method: 'PUT', path: /^\/webhookrec$/, scope: 'webhookrec.write', act: () => ({ status: 200, headers: {}, body: '' }) },
]

function getLocation(state: State, id: string): SimulatorAnswer {
  const found = state.locations.get(Number(id))
  return found === undefined ? problem(404, 'NaoEncontrado', 'Entidade não encontrada.') : answer(200, showLocation(found))
}

/** RFC 6749: errors of 5.2, a token of 5.1, and the bank's clock in `Date` (RFC 9110, 6.6.1). */
function giveToken(state: State, credentials: Credentials, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const form = new URLSearchParams(request.body)
  const named = Buffer.from(/^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '', 'base64').toString()
  const expected = `${encodeURIComponent(credentials.settings.clientId ?? '')}:${encodeURIComponent(credentials.secrets.clientSecret ?? '')}`
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
  if (digest(named) !== digest(expected)) return answer(401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic' })
  if (!(request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded'))
    return answer(400, { error: 'invalid_request' })
  if (form.get('grant_type') !== 'client_credentials') return answer(400, { error: 'unsupported_grant_type' })
  const scopes = (form.get('scope') ?? '').split(' ')
  const known = ['webhookrec.read', 'solicrec.read', ...routes.map(one => one.scope)]
  if (!scopes.every(one => known.includes(one))) return answer(400, { error: 'invalid_scope' })
  const token = drawName(context, 43)
  state.tokens.set(token, { scopes, untilMs: context.nowMs + tokenLifeMs })
  const body = { access_token: token, token_type: 'Bearer', expires_in: tokenLifeMs / 1_000, scope: scopes.join(' ') }
  return answer(200, body, { 'cache-control': 'no-store', date: new Date(context.nowMs).toUTCString() })
}

function changed(of: SimulatorAnswer, change: (value: unknown, name: string) => unknown): SimulatorAnswer {
  try {
    return { ...of, body: JSON.stringify(change(JSON.parse(of.body), '')) }
  } catch {
    return of
  }
}

const everywhere = (value: unknown, change: (value: unknown, name: string) => unknown): unknown => {
  if (Array.isArray(value)) return value.map(one => change(one, ''))
  return isRecord(value) ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, change(one, name)])) : value
}

/** Every name turned into somebody else's. */
const names = ['idRec', 'idSolicRec', 'contrato', 'access_token', 'location']
function strange(value: unknown, name: string): unknown {
  if (name === 'id' && typeof value === 'number') return value + 100_000
  if (typeof value === 'string' && names.includes(name)) return [...value].reverse().join('')
  return everywhere(value, strange)
}

function dearer(value: unknown, name: string): unknown {
  if ((name === 'valorRec' || name === 'valorMinimoRecebedor') && typeof value === 'string') return `1${value}`
  return everywhere(value, dearer)
}

function act(state: State, name: string, token: string, context: SimulatorContext): void {
  const found = state.recurrences.get(token)
  if (found === undefined) throw new TypeError(`pix simulator: no recurrence ${token}`)
  const acts: Readonly<Record<string, (of: Recurrence) => void>> = {
    approve: of => payerActs(state, of, true, context),
    decline: of => payerActs(state, of, false, context),
    payer_cancels: of => cancel(state, of, 'SLDB', 'USUARIO_PAGADOR', context),
    bank_cancels: of => cancel(state, of, 'ACCL', 'PSP_PAGADOR', context),
    expire: of => expire(state, of, context),
  }
  const perform = acts[name]
  if (perform === undefined) throw new TypeError(`pix simulator: cannot ${name}`)
  perform(found)
}
