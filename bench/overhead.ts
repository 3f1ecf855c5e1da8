/**
 * What our code adds to a bind: an open load of so many binds a second over HTTP, through a channel's adapter (Adyen's: one request a bind;
 * Stripe's: three) to an upstream that takes its time, and of each bind's latency the upstream's own time subtracted. Everything else counts as ours: parsing, two durable
 * commits and the vault's, filling the card in, the sockets to the upstream. The upstream measures itself from the last byte of a request to
 * the first of its answer, so that nothing of ours hides in its time.
 */

import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { loadSandboxes } from '../src/channels/sandbox-list.ts'
import { accountVariables } from '../src/config-accounts.ts'
import { signGrant } from '../src/core/grant.ts'
import { startEmbedded } from '../src/world/embedded.ts'
import { newKeyPair } from '../src/world/keypair.ts'
import { type Ready, startChild } from './child.ts'
import { median } from './measure.ts'
import { numberOf } from './units.ts'
import { openWire, type Wire } from './wire.ts'

export type OverheadOptions = {
  readonly perSecond: number
  readonly seconds: number
  readonly rounds: number
  readonly channel: string
  /** How long the upstream takes over each request. */
  readonly upstreamMs: number
  /** Binds before the clock starts: a server is measured as it runs, its code compiled and its plans made, not as it starts. */
  readonly warmBinds: number
  readonly say: (line: string) => void
}
export type OverheadLine = {
  readonly bench: 'overhead'
  readonly channel: string
  readonly per_second: number
  readonly p50_ms: number
  readonly p99_ms: number
  readonly upstream_p50_ms: number
  readonly binds: number
}
type Bound = { readonly oursMs: number; readonly upstreamMs: number }

export async function benchOverhead(options: OverheadOptions): Promise<OverheadLine> {
  // What was opened is closed in the reverse order, also when the next thing does not open: a server left behind would keep us waiting.
  const closing: (() => unknown)[] = []
  try {
    const folder = mkdtempSync(join(tmpdir(), 'bindery-overhead-'))
    closing.unshift(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
    const upstream = await openUpstream(options)
    closing.unshift(upstream.close)
    const database = await startEmbedded({ dataFolder: join(folder, 'database') })
    closing.unshift(() => database.stop())
    const { host = '', user = '', database: name = '' } = database.connection
    const databaseUrl = `postgres://${user}@localhost/${typeof name === 'string' ? name : ''}?host=${encodeURIComponent(host)}`
    mkdirSync(join(folder, 'server'))
    const settings = { databaseUrl, folder: join(folder, 'server'), account: upstream.account, route: options.channel }
    const child = await startChild('overhead-server.ts', settings)
    closing.unshift(() => child.stop())
    const caller = openCaller(child)
    closing.unshift(caller.close)
    return await measure({ child, caller, upstream }, options)
  } finally {
    for (const close of closing) await close()
  }
}

type Setting = { readonly child: Ready; readonly caller: Caller; readonly upstream: Upstream }

async function measure(setting: Setting, options: OverheadOptions): Promise<OverheadLine> {
  await run(setting, { ...options, seconds: options.warmBinds / options.perSecond })
  const rounds: (readonly Bound[])[] = []
  for (let round = 0; round < options.rounds; round += 1) {
    const bound = await run(setting, options)
    rounds.push(bound)
    options.say(`round ${round + 1}: p50 ${at(bound, 0.5).toFixed(2)} ms, p99 ${at(bound, 0.99).toFixed(2)} ms`)
  }
  const rounded = (value: number): number => Math.round(value * 100) / 100
  return {
    bench: 'overhead',
    channel: options.channel,
    per_second: options.perSecond,
    p50_ms: rounded(median(rounds.map(one => at(one, 0.5)))),
    p99_ms: rounded(median(rounds.map(one => at(one, 0.99)))),
    upstream_p50_ms: rounded(median(rounds.flat().map(one => one.upstreamMs))),
    binds: rounds.flat().length,
  }
}

const at = (all: readonly Bound[], share: number): number => {
  const sorted = all.map(one => one.oursMs).toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

type Upstream = {
  readonly account: Readonly<Record<string, string>>
  readonly close: () => void
  readonly spentMs: Map<string, number>
}

/** The channel's simulator behind HTTP, slowed down; how long each of our operations was over there, by the operation in its keys. */
async function openUpstream({ channel, upstreamMs }: OverheadOptions): Promise<Upstream> {
  const sandbox = (await loadSandboxes()).get(channel)
  if (sandbox === undefined) throw new TypeError(`there is no channel ${channel}`)
  const credentials = sandbox.credentials({ random: randomBytes, keyPair: newKeyPair })
  const simulator = sandbox.createSimulator(credentials)
  const spentMs = new Map<string, number>()
  const server = createServer(async (incoming, response) => {
    const body = await bodyOf(incoming)
    const from = performance.now()
    const url = new URL(incoming.url ?? '/', 'http://upstream')
    const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]))
    const request = { method: incoming.method ?? 'GET', path: url.pathname, query: url.search.slice(1), headers, body }
    const answer = simulator.handle(request, { nowMs: Date.now(), random: randomBytes, address: 'http://upstream' })
    simulator.takeEvents()
    await sleep(upstreamMs)
    const operation = /^opn_[0-9a-z]{26}/.exec(headers['idempotency-key'] ?? '')?.[0] ?? ''
    spentMs.set(operation, (spentMs.get(operation) ?? 0) + performance.now() - from)
    response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) }).end(answer.body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  const address = `http://127.0.0.1:${bound.port}`
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  return { account: Object.fromEntries(accountVariables(channel, 'test', credentials, address)), close, spentMs }
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

let made = 0
const named = z.object({ id: z.string() })

/** Binds leave at their time whether or not those before them are done: a slow one is seen as slow, and holds up nobody. */
async function run({ child, caller, upstream }: Setting, { perSecond, seconds }: OverheadOptions): Promise<readonly Bound[]> {
  const count = Math.round(perSecond * seconds)
  const ready = await prepare(child, caller, count)
  const from = performance.now()
  const timed = ready.map(async (body, i) => {
    await sleep(Math.max(0, from + (i * 1_000) / perSecond - performance.now()))
    const began = performance.now()
    const answer = await caller.post('/v1/instruments', body, `overhead-${made}-${i}`)
    return { id: named.parse(answer).id, active: answer.status === 'active', tookMs: performance.now() - began }
  })
  const bound = await Promise.all(timed)
  if (bound.some(one => !one.active)) throw new Error('a bind did not end active')
  return Promise.all(
    bound.map(async ({ id, tookMs }) => {
      const upstreamMs = upstream.spentMs.get(await operationOf(child, id)) ?? Number.NaN
      return { oursMs: tookMs - upstreamMs, upstreamMs }
    }),
  )
}

/** A customer and a captured card for each, before the clock starts. */
async function prepare(child: Ready, caller: Caller, count: number): Promise<readonly object[]> {
  const out: object[] = []
  for (let done = 0; done < count; done += 50)
    out.push(...(await Promise.all(Array.from({ length: Math.min(50, count - done) }, () => prepareOne(child, caller)))))
  return out
}

async function prepareOne(child: Ready, caller: Caller): Promise<object> {
  made += 1
  const number = numberOf(made)
  const nonce = randomBytes(12).toString('hex')
  const grant = { tenant: child.tenant, mode: 'test' as const, captures: 1, expiresAt: Date.now() + 600_000, nonce, origins: [] }
  const [customer, captured] = await Promise.all([
    caller.post('/v1/customers', {}),
    fetch(child.captureUrl, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${signGrant(Buffer.from(child.grantKey, 'hex'), Date.now(), grant)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ number, expiry_month: 12, expiry_year: 2030, security_code: '737', holder: 'Ada Lovelace' }),
    }).then(answer => answer.json()),
  ])
  const { reference } = z.object({ reference: z.string() }).parse(captured)
  return {
    customer: named.parse(customer).id,
    card: { capture: reference },
    return_url: 'https://shop.example/cards/back',
    client: { ip: '203.0.113.7', user_agent: 'Mozilla/5.0' },
  }
}

type Caller = {
  post(path: string, body: object, key?: string): Promise<Readonly<Record<string, unknown>>>
  close(): void
}
/** More than are ever under way at once are closed again. */
const wiresMax = 50

/** Keep-alive connections as lean as can be: what a caller's own HTTP client costs is not ours. Bodies are ASCII. */
function openCaller({ address, apiKey }: Ready): Caller {
  const url = new URL(address)
  const free: Wire[] = []
  return {
    async post(path, body, key) {
      const wire = free.pop() ?? (await openWire(url))
      const once = key === undefined ? '' : `idempotency-key: ${key}\r\n`
      const head = `POST ${path} HTTP/1.1\r\nhost: ${url.host}\r\nauthorization: Bearer ${apiKey}\r\ncontent-type: application/json\r\n${once}`
      const answer = await wire.send(head, JSON.stringify(body))
      if (free.length < wiresMax) free.push(wire)
      else wire.close()
      if (answer.status >= 300) throw new Error(`${path} was answered ${answer.status}: ${answer.body}`)
      return z.record(z.string(), z.unknown()).parse(JSON.parse(answer.body))
    },
    close() {
      for (const wire of free) wire.close()
    },
  }
}

const timelineShape = z.object({
  data: z.array(z.object({ type: z.string(), what: z.string(), operation: z.string().nullable(), details: z.unknown() })),
})
/** The fact that answers the bind names its operation. */
async function operationOf(child: Ready, instrument: string): Promise<string> {
  const answer = await fetch(`${child.address}/v1/instruments/${instrument}/timeline`, {
    headers: { authorization: `Bearer ${child.apiKey}` },
  })
  const { data } = timelineShape.parse(await answer.json())
  return data.find(one => one.type === 'fact' && one.what === 'bound')?.operation ?? ''
}
