/**
 * The server: every endpoint of the list behind one path: read, authenticate, look for card numbers, validate, once, act, answer.
 * fastify routes and reads the body; the answer is written to the socket here, in one place.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { idBytes, newId } from '../core/id.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import type { Log, World } from '../world/world.ts'
import { needApproval } from './approval.ts'
import { type Authenticator, authenticator, nobody } from './auth.ts'
import { brokenOff, frameworkProblem, problemOf } from './breakage.ts'
import { channelPages } from './channelPages.ts'
import { clientAddress } from './clientAddress.ts'
import { isCrossOrigin, preflight, readableFrom } from './crossOrigin.ts'
import { docsPages } from './docs.ts'
import { drain } from './drain.ts'
import { type Answer, type Context, type Endpoint, keepsKeys } from './endpoint.ts'
import { eventPages } from './eventPages.ts'
import { needsTwo } from './fourEyes.ts'
import { healthPages } from './health.ts'
import { answerOnce, inputHash, noOnce, type Rendered, readKey } from './idempotency.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { createMetrics, type Metrics, type Told } from './metrics.ts'
import { openApi, type WebhookDescription } from './openapi.ts'
import { registerPages } from './pages.ts'
import { renderProblem } from './problems.ts'
import { hasBody, readHeaders, readRequest } from './request.ts'
import { renderAnswer, send } from './send.ts'
import { refuseShed } from './shed.ts'
import type { Watch } from './watch.ts'
import { createWithhold, type Withhold } from './withhold.ts'

export type Server = {
  /** Port 0 takes a free one. */
  listen(port: number, host?: string): Promise<{ readonly host: string; readonly port: number }>
  /** `http://127.0.0.1:8080`; throws before `listen`. */
  address(): string
  /** Stops accepting, lets what is running finish (at most `drainTimeoutMs`), then closes. */
  close(): Promise<void>
  /** True once `close` was called. */
  draining(): boolean
}

export type ServerOptions = {
  readonly world: World
  readonly endpoints: readonly Endpoint[]
  readonly limits?: Partial<Limits>
  readonly log: Log
  /** Told in the OpenAPI document. */
  readonly version?: string
  readonly webhooks?: readonly WebhookDescription[]
  /** Makes the AsyncAPI document of the events. */
  readonly asyncApi?: (of: { readonly webhooks: readonly WebhookDescription[]; readonly version: string }) => unknown
  /** What others count, for the metrics. */
  readonly counts?: readonly Told[]
  readonly watch?: Watch
}

/** What every request needs; made once. */
type House = {
  readonly world: World
  readonly limits: Limits
  readonly log: Log
  readonly keys: Authenticator
  readonly metrics: Metrics
  readonly watch: Watch | undefined
  readonly withhold: Withhold
  readonly onceSecret: KeyObject
  /** The next request's id. */
  readonly nextRequest: () => string
  readonly state: { draining: boolean; running: number }
}

export function createServer(options: ServerOptions): Server {
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const { world, log } = options
  const state = { draining: false, running: 0 }
  const metrics = createMetrics(() => state.running, options.counts)
  const house: House = {
    world,
    limits,
    log,
    keys: authenticator(world),
    ...{ metrics, withhold: createWithhold({ log, metrics }) },
    watch: options.watch,
    onceSecret: createSecretKey(world.settings.idempotencyKey),
    nextRequest: requestIds(world),
    state,
  }
  const app = createApp(house)
  for (const one of options.endpoints) register(app, house, one)
  registerRefusals(app, house, options.endpoints)
  const { endpoints, webhooks = [], version = '0', asyncApi } = options
  const document = () => openApi({ endpoints, webhooks, version, publicUrl: world.settings.publicUrl })
  registerPages(
    app,
    [
      ...healthPages(world, house.metrics, () => state.draining),
      ...docsPages(document),
      ...channelPages(world.channels.values()),
      ...eventPages(webhooks, asyncApi && (() => asyncApi({ webhooks, version }))),
    ],
    (request, reply) => refuse(house, request, reply, new Problem('internal', 'Something went wrong on our side.')),
  )

  return {
    async listen(port, host = '127.0.0.1') {
      await app.listen({ port, host })
      const bound = app.server.address()
      if (bound === null || typeof bound === 'string') throw new TypeError('the server has no port')
      return { host: bound.address, port: bound.port }
    },
    address() {
      const bound = app.server.address()
      if (bound === null || typeof bound === 'string') throw new TypeError('the server is not listening')
      return `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
    },
    close: () => drain(app, house),
    draining: () => state.draining,
  }
}

/** Chance is drawn for many ids at once: a draw costs as much as the rest of a small request's parsing. */
const idsPerDraw = 256

function requestIds(world: Pick<World, 'now' | 'random'>): () => string {
  let pool: Buffer = Buffer.alloc(0)
  let at = 0
  return () => {
    if (at >= pool.length) {
      pool = world.random(idBytes * idsPerDraw)
      at = 0
    }
    at += idBytes
    return newId('req', world.now(), pool.subarray(at - idBytes, at))
  }
}

function createApp(house: House): FastifyInstance {
  const { limits } = house
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: {
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
      maxHeaderSize: limits.headerBytesMax,
      joinDuplicateHeaders: true,
      // Node's own refusal is no problem document; request.ts refuses instead.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: 200, querystringParser: () => ({}) },
    clientErrorHandler: (error, socket) => brokenOff(house.world.settings.publicUrl, house.nextRequest(), error, socket),
    frameworkErrors: (error, request, reply) => refuse(house, request, reply, frameworkProblem(error)),
  })
  // Node drops headers beyond this count without a word; the count is checked in request.ts instead, and refused.
  app.server.maxHeadersCount = 0
  app.server.on('checkExpectation', (_request, response) => {
    const requestId = house.nextRequest()
    const problem = fieldProblem('header/expect', 'Only 100-continue can be expected.')
    send(response, requestId, renderProblem(house.world.settings.publicUrl, requestId, problem))
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, request, reply) => refuse(house, request, reply, frameworkProblem(error)))
  app.setNotFoundHandler((request, reply) => refuse(house, request, reply, new Problem('not_found', 'There is no such address.')))
  return app
}

function register(app: FastifyInstance, house: House, endpoint: Endpoint): void {
  if (endpoint.once === 'own' && endpoint.recover === undefined) throw new TypeError(`${endpoint.name}: once 'own' needs recover`)
  const handler = (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack()
    void serve(house, endpoint, request, reply.raw)
  }
  app.route({
    method: endpoint.method,
    url: routeOf(endpoint),
    handler,
    ...(endpoint.bodyBytesMax === undefined ? {} : { bodyLimit: endpoint.bodyBytesMax }),
  })
}

const routeOf = (endpoint: Pick<Endpoint, 'path'>): string => endpoint.path.replace(/\{(\w+)\}/g, ':$1')

/** An address that exists answers the methods it does not take with 405, and says which it takes. */
function registerRefusals(app: FastifyInstance, house: House, endpoints: readonly Endpoint[]): void {
  const methods = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'HEAD'] as const
  for (const url of new Set(endpoints.map(routeOf))) {
    const taken = endpoints.filter(one => routeOf(one) === url).map(one => one.method)
    const allow = taken.join(', ')
    const handler = (request: FastifyRequest, reply: FastifyReply): void =>
      refuse(house, request, reply, new Problem('method_not_allowed', `This address takes ${allow}.`), { allow })
    const rest = methods.filter(method => !taken.some(one => one === method) && !app.hasRoute({ method, url }))
    const open = endpoints.some(one => routeOf(one) === url && isCrossOrigin(one))
    const asked = (request: FastifyRequest, reply: FastifyReply): void => {
      const isPreflight = open && request.method === 'OPTIONS'
      if (isPreflight) send(reply.hijack().raw, house.nextRequest(), preflight(request.raw.headers.origin, allow))
      else handler(request, reply)
    }
    app.route({ method: rest, url, handler: asked })
  }
}

function refuse(house: House, request: FastifyRequest, reply: FastifyReply, problem: Problem, headers?: Record<string, string>): void {
  reply.hijack()
  const requestId = house.nextRequest()
  const rendered = renderProblem(house.world.settings.publicUrl, requestId, problem)
  // The rest of a body that was refused is not worth reading.
  const closing = request.raw.complete || !hasBody(request.raw.headers) ? {} : { connection: 'close' }
  send(reply.raw, requestId, { ...rendered, headers: { ...rendered.headers, ...headers, ...closing } })
  house.metrics.observe('none', rendered.status, 0)
  if (rendered.status >= 500) house.log.error('request refused by the framework', { request: requestId, status: rendered.status })
}

/** Never rejects: whatever goes wrong becomes an answer. */
async function serve(house: House, endpoint: Endpoint, request: FastifyRequest, response: ServerResponse): Promise<void> {
  const startedAt = house.world.now()
  const requestId = house.nextRequest()
  house.state.running += 1
  let rendered: Rendered
  let caller = nobody
  let readableBy: string | undefined
  try {
    refuseShed(endpoint.method, { running: house.state.running, freePct: house.world.disk?.freePct() }, house.limits)
    if (endpoint.auth !== 'none') {
      const { authorization } = request.raw.headers
      caller = house.keys.known(authorization) ?? (await house.keys.find(authorization))
    }
    const context = contextOf(house, request, { caller, requestId })
    const permitOrigin = (origin: string): void => {
      readableBy = origin
    }
    rendered = await respond(house, endpoint, request, endpoint.bearer === undefined ? context : { ...context, permitOrigin })
  } catch (error) {
    const problem = renderProblem(house.world.settings.publicUrl, requestId, problemOf(house.log, error, endpoint, requestId))
    rendered = house.withhold(problem, { endpoint, request: requestId })
  }
  if (house.state.draining) response.shouldKeepAlive = false
  try {
    await send(response, requestId, readableFrom(rendered, readableBy))
  } catch (error) {
    // An endpoint's own header that cannot be written, or a piece that cannot be had: what was sent is then cut off, not ended.
    problemOf(house.log, error, endpoint, requestId)
    response.destroy()
  }
  house.state.running -= 1
  void house.watch?.({ endpoint: endpoint.name, caller, request: requestId, url: request.raw.url ?? '', body: request.body })
  const took = house.world.now() - startedAt
  house.metrics.observe(endpoint.name, rendered.status, took)
  if (house.limits.logRequests)
    house.log.info('request', { request: requestId, endpoint: endpoint.name, status: rendered.status, ms: took, tenant: caller.tenant })
}

function contextOf({ world, limits }: House, { raw }: FastifyRequest, of: Pick<Context, 'caller' | 'requestId'>): Omit<Context, 'once'> {
  const forwarded = raw.headers['x-forwarded-for']
  const told = typeof forwarded === 'string' ? forwarded : undefined
  return { world, ...of, peerAddress: clientAddress(raw.socket.remoteAddress, told, limits.trustedProxies) }
}

function respond(house: House, endpoint: Endpoint, request: FastifyRequest, context: Omit<Context, 'once'>): Promise<Rendered> {
  const { world, limits } = house
  const { bearer } = endpoint
  if (bearer !== undefined)
    return bearer
      .admit(context, readHeaders(request.raw.headers))
      .then(() => respond(house, { ...endpoint, bearer: undefined }, request, context))
  const { caller, requestId } = context
  const read = readRequest(endpoint, request, caller, limits)
  const hashed = { method: endpoint.method, url: request.raw.url ?? '', name: endpoint.name, body: read.body }
  const hash = (): string => inputHash(house.onceSecret, hashed)
  const prepared = endpoint.prepare(read.input)
  const act = needsTwo(endpoint.fourEyes, read.input, caller.mode, world.settings.fourEyes?.inTest === true)
    ? (once: Context) => needApproval(world, { endpoint, caller, input: read.input, ...hashed, hash: hash() }).then(() => prepared(once))
    : prepared
  const withhold = (rendered: Rendered): Rendered => house.withhold(rendered, { endpoint, request: requestId })
  const render = (answer: Answer): Rendered => withhold(renderAnswer(endpoint, answer))
  const header = request.raw.headers['idempotency-key']
  if (header === undefined || !keepsKeys(endpoint) || caller.kind === 'publishable') return act({ ...context, once: noOnce }).then(render)
  const key = readKey(String(header))
  return answerOnce({
    endpoint,
    context,
    key,
    hash: hash(),
    act,
    render,
    renderProblem: problem => withhold(renderProblem(world.settings.publicUrl, requestId, problem)),
  })
}
