/**
 * HTTP around a stage: the simulator on a loopback port, its webhooks delivered with the channel's signatures and repeated until they are
 * taken, faults by `POST /_sandbox/faults`, and its books for whoever wants to compare.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { TLSSocket } from 'node:tls'
import { z } from 'zod'
import { answerFaults, type Faults, webhookFaults } from './faults.ts'
import type { Books, Simulator, SimulatorContext, SimulatorRequest, StageJudge } from './simulator.ts'
import { createPostman, type Delivered, type Sign } from './simulator-post.ts'
import { createStage, type Recorded, type StagedAnswer, type StagedViolation } from './stage.ts'

export type { Delivered } from './simulator-post.ts'

/** Time and chance come from the entry point. `sleep` rejects when the signal is aborted. */
export type ServeOptions = {
  /** 0: any free one. */
  readonly port?: number
  readonly judge?: StageJudge | undefined
  readonly webhookTarget?: string | undefined
  readonly webhookSecrets: readonly string[]
  readonly now: () => number
  readonly random: (count: number) => Buffer
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** HTTPS, for those alone who show a certificate that `clientAuthority` signed (or is). The simulator reads it in `client-cert` (RFC 9440). PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientAuthority: string }
}
export type ServedSimulator = {
  readonly simulator: Simulator
  /** `http://127.0.0.1:<port>`, or https. */
  readonly address: string
  readonly faults: Faults
  setWebhookTarget(url: string | undefined): void
  setWebhookSecrets(secrets: readonly string[]): void
  act(name: string, token: string): void
  requests(): readonly Recorded[]
  violations(): readonly StagedViolation[]
  deliveries(): readonly Delivered[]
  books(): Books
  close(): Promise<void>
}

const bodyBytesMax = 1_000_000
const releaseAfterMs = 1_000

const faultInput = z.strictObject({
  match: z.strictObject({ method: z.string().optional(), path: z.string().optional(), event: z.string().optional() }),
  fault: z.enum([...answerFaults, ...webhookFaults]),
  times: z.int().min(1).max(10_000).default(1),
  delayMs: z.int().min(0).max(600_000).optional(),
})
const actInput = z.strictObject({ name: z.string(), token: z.string() })

export async function serveSimulator(simulator: Simulator, options: ServeOptions): Promise<ServedSimulator> {
  const stage = createStage(simulator, options.judge)
  const stop = new AbortController()
  const hooks = { target: options.webhookTarget, secrets: options.webhookSecrets }
  let address = ''
  const context = (): SimulatorContext => ({ nowMs: options.now(), random: options.random, address })
  const sign: Sign = event => simulator.sign(event, { nowMs: options.now(), secrets: hooks.secrets })
  const post = createPostman({ sleep: options.sleep, stop: stop.signal, target: () => hooks.target, sign })
  const tell = () => {
    for (const one of stage.deliveries({ nowMs: options.now(), secrets: hooks.secrets })) post.send(one)
    if (!stage.holding()) return
    options.sleep(releaseAfterMs, stop.signal).then(
      () => stage.release().forEach(post.send),
      () => undefined,
    )
  }
  const server = createListener(options.tls, (incoming, response) => {
    const answer = async () => {
      const request = await read(incoming)
      if (request.path.startsWith('/_sandbox/')) give(response, administer(request, served))
      else await play(response, stage.answer(request, context()), tell, ms => options.sleep(ms, stop.signal))
    }
    answer().catch(() => response.destroy())
  })
  address = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${await listen(server, options.port ?? 0)}`
  const served: ServedSimulator = {
    simulator,
    address,
    faults: stage.faults,
    setWebhookTarget: url => {
      hooks.target = url
    },
    setWebhookSecrets: list => {
      hooks.secrets = list
    },
    act(name, token) {
      simulator.act(name, token, context())
      tell()
    },
    requests: stage.requests,
    violations: stage.violations,
    deliveries: post.delivered,
    books: () => simulator.books(),
    close: () => close(server, stop),
  }
  return served
}

/** Webhooks go out after the answer, as they do in life; where the answer is lost or slow, at once. */
async function play(response: ServerResponse, staged: StagedAnswer, tell: () => void, sleep: (ms: number) => Promise<void>): Promise<void> {
  if (staged.kind === 'lost') response.destroy()
  else if (staged.drips) {
    tell()
    await drip(response, staged, sleep)
  } else {
    if (staged.delayMs > 0) {
      tell()
      await sleep(staged.delayMs)
    }
    response.writeHead(staged.answer.status, { ...staged.answer.headers })
    response.end(staged.answer.body)
  }
  tell()
}

const dripsMax = 90

/** Head and first bytes at once, then a few at a time: each pause is far below any idle timeout, so only a deadline for the whole ends it. */
async function drip(
  response: ServerResponse,
  { answer, delayMs }: Extract<StagedAnswer, { kind: 'answer' }>,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  const body = Buffer.from(answer.body)
  const size = Math.max(1, Math.ceil(body.length / dripsMax))
  const drops = Math.max(1, Math.ceil(body.length / size))
  response.writeHead(answer.status, { ...answer.headers })
  response.flushHeaders()
  for (let at = 0; at < drops && !response.destroyed; at += 1) {
    response.write(body.subarray(at * size, (at + 1) * size))
    await sleep(delayMs / drops)
  }
  response.end()
}

function give(response: ServerResponse, { status, body }: Administered): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function createListener(tls: ServeOptions['tls'], listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener)
  const { certificate, key, clientAuthority } = tls
  return createTlsServer({ cert: certificate, key, ca: clientAuthority, requestCert: true, rejectUnauthorized: true }, listener)
}

/** Whose connection it is, by the connection alone: what a client writes into the header is dropped. */
function certificateOf({ socket }: IncomingMessage): Readonly<Record<string, string>> {
  const raw = socket instanceof TLSSocket ? socket.getPeerCertificate().raw : undefined
  return raw === undefined ? {} : { 'client-cert': `:${raw.toString('base64')}:` }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const bound = server.address()
      if (bound === null || typeof bound === 'string') reject(new Error('no port'))
      else resolve(bound.port)
    })
  })
}

function close(server: Server, stop: AbortController): Promise<void> {
  stop.abort()
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

async function read(incoming: IncomingMessage): Promise<SimulatorRequest> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > bodyBytesMax) throw new RangeError('body too large')
    chunks.push(bytes)
  }
  const url = new URL(incoming.url ?? '/', 'http://simulator')
  const { 'client-cert': _claimed, ...sent } = incoming.headers
  const headers = Object.fromEntries(
    Object.entries(sent).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  )
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.search.slice(1),
    headers: { ...headers, ...certificateOf(incoming) },
    body: Buffer.concat(chunks).toString('utf8'),
  }
}

type Administered = { readonly status: number; readonly body: unknown }

/** `/_sandbox/…`: what tests, demos and people use to look behind and to break things. */
function administer(request: SimulatorRequest, served: ServedSimulator): Administered {
  const shown: Record<string, () => unknown> = {
    books: served.books,
    requests: served.requests,
    violations: served.violations,
    deliveries: served.deliveries,
    faults: served.faults.list,
  }
  const name = request.path.slice('/_sandbox/'.length)
  const show = shown[name]
  if (request.method === 'GET' && show !== undefined) return { status: 200, body: show() }
  if (request.method === 'DELETE' && name === 'faults') {
    served.faults.clear()
    return { status: 200, body: [] }
  }
  if (request.method === 'POST' && name === 'faults') return addFault(request.body, served)
  if (request.method === 'POST' && name === 'act') return act(request.body, served)
  return { status: 404, body: { error: `GET ${Object.keys(shown).join(', ')}; POST faults, act; DELETE faults` } }
}

function addFault(text: string, served: ServedSimulator): Administered {
  const input = faultInput.safeParse(parse(text))
  if (!input.success) return { status: 400, body: { error: input.error.issues } }
  const { match, delayMs, ...rest } = input.data
  served.faults.add({ ...rest, match: defined(match), ...(delayMs === undefined ? {} : { delayMs }) })
  return { status: 201, body: served.faults.list() }
}

function act(text: string, served: ServedSimulator): Administered {
  const input = actInput.safeParse(parse(text))
  if (!input.success) return { status: 400, body: { error: input.error.issues } }
  try {
    served.act(input.data.name, input.data.token)
    return { status: 200, body: {} }
  } catch (error) {
    return { status: 400, body: { error: String(error) } }
  }
}

function defined(match: z.infer<typeof faultInput>['match']) {
  const { method, path, event } = match
  return { ...(method === undefined ? {} : { method }), ...(path === undefined ? {} : { path }), ...(event === undefined ? {} : { event }) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
