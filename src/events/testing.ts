/** A stage for the tests of this folder: a world with a clock in hand, a memory store, and real receivers on loopback. */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { ChannelAnswer } from '../channels/channel.ts'
import { createHealth } from '../safeguards/health.ts'
import { noCardFiles } from '../world/card-files.ts'
import { createPublicSend } from '../world/http.ts'
import type { MemoryStoreOptions } from '../world/memory.ts'
import { createRemembered } from '../world/remembered.ts'
import type { Store } from '../world/store.ts'
import { nextId, type Vault, type World } from '../world/world.ts'
import type { Outbound } from './deliver.ts'
import { planEndpoint, type WebhookEndpoint } from './endpoint.ts'
import { type Event, record } from './event.ts'
import { createKeyRing } from './keys.ts'
import { createMemoryEvents } from './memoryQueries.ts'
import type { EventQueries } from './queries.ts'
import { cursors, deliveries, events, webhookEndpoints } from './tables.ts'

export const eventTables = [events, webhookEndpoints, deliveries, cursors]
export const tenant = 'ten_1'

export type Stage = {
  readonly world: World
  readonly queries: EventQueries
  readonly outbound: Outbound
  readonly logged: { readonly what: string; readonly facts: unknown }[]
  readonly clock: { nowMs: number }
  /** How often the vault was asked to open something. */
  readonly vault: { opened: number }
  close(): Promise<void>
}

/** `on`: another store and its queries, for the tests on PostgreSQL. `seed`: the same chance again. */
export function createStage(
  options: Omit<MemoryStoreOptions, 'eventsTable'> & { readonly on?: { store: Store; queries: EventQueries } } = {},
): Stage {
  const clock = { nowMs: Date.UTC(2026, 10, 22, 12) }
  const logged: { what: string; facts: unknown }[] = []
  const note = (what: string, facts: unknown = {}) => logged.push({ what, facts })
  const { store, queries } = options.on ?? createMemoryEvents(eventTables, options)
  const opened = { opened: 0 }
  let drawn = 0
  const unused = () => Promise.reject(new Error('not part of this stage'))
  const world: World = {
    now: () => clock.nowMs,
    random: count => Buffer.concat(Array.from({ length: Math.ceil(count / 32) }, () => chance(drawn++))).subarray(0, count),
    sleep: async ms => {
      clock.nowMs += ms
    },
    store,
    vault: sealing(opened),
    send: unused,
    health: createHealth(),
    remembered: createRemembered(),
    channels: new Map(),
    account: () => undefined,
    log: { info: note, warn: note, error: note },
    settings: {
      publicUrl: 'http://localhost',
      captureUrl: 'http://localhost',
      channelTimeoutMs: 1_000,
      route: [],
      idempotencyKey: Buffer.alloc(32),
      grantKey: Buffer.alloc(32),
      allowLoopback: true,
    },
  }
  const send = createPublicSend({ timeoutMs: 2_000, maxBytes: 262_144, allowLoopback: true })
  return { world, queries, outbound: { send, keys: createKeyRing() }, logged, clock, vault: opened, close: () => send.close() }
}

const chance = (count: number): Buffer => createHash('sha256').update(`chance ${count}`).digest()

/** Seals by writing the owner beside the text: enough to see that nobody opens what is not theirs. */
function sealing(opened: { opened: number }): Vault {
  const unused = () => Promise.reject(new Error('not part of this stage'))
  return {
    peek: unused,
    adopt: unused,
    sealAhead: unused,
    forward: unused,
    updater: { writeInquiries: unused, readAdvices: unused, sealAdvices: unused, renew: unused },
    detokenize: unused,
    cardFiles: noCardFiles(unused),
    seal: async ({ tenant, owner, field, text }) => Buffer.from([tenant, owner, field, text].join('|')).toString('base64'),
    open: async ({ tenant, owner, field, sealed }) => {
      opened.opened += 1
      const [t, o, f, text] = Buffer.from(sealed, 'base64').toString().split('|')
      if (t !== tenant || o !== owner || f !== field || text === undefined) throw new Error('sealed for another owner')
      return text
    },
    shred: unused,
  }
}

export async function createEndpoint(
  stage: Stage,
  url: string,
  types: readonly string[] = ['*'],
  owner = tenant,
): Promise<WebhookEndpoint> {
  const { endpoint, writes } = await planEndpoint(
    stage.world,
    stage.queries,
    { tenant: owner, mode: 'test' },
    { url, description: '', types },
  )
  const result = await stage.world.store.commit(writes)
  if (!result.ok) throw new Error('the endpoint was refused')
  return endpoint
}

/** An event of an instrument, not yet recorded. */
export function eventOf(stage: Pick<Stage, 'world'>, instrument: string | null, sequence: number | null, more: Partial<Event> = {}): Event {
  return {
    tenant,
    id: nextId(stage.world, 'evt'),
    mode: 'test',
    instrument,
    customer: 'cus_1',
    sequence,
    type: 'binding.active',
    data: { instrument: { id: instrument } },
    created_at: stage.world.now(),
    ...more,
  }
}

export async function recordAll(stage: Stage, ...all: readonly Event[]): Promise<void> {
  const result = await stage.world.store.commit(all.map(record))
  if (!result.ok) throw new Error('the events were refused')
}

export type Received = {
  readonly id: string
  readonly sequence: number
  readonly instrument: string
  readonly path: string
  readonly body: string
  readonly headers: IncomingHttpHeaders
}
export type Receiver = {
  readonly url: string
  readonly received: Received[]
  answer: (one: Received) => Partial<ChannelAnswer> | 'hang'
  close(): Promise<void>
}

/** A receiver of webhooks on loopback. Answers 200 until told otherwise. */
export async function createReceiver(answer: Receiver['answer'] = () => ({ status: 200 })): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const told: { id: string; sequence: number; instrument: string } = JSON.parse(body)
    const one = { ...told, path: request.url ?? '', body, headers: request.headers }
    receiver.received.push(one)
    const given = receiver.answer(one)
    if (given !== 'hang') response.writeHead(given.status ?? 200, given.headers).end(given.body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hooks`,
    received: [],
    answer,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return receiver
}
