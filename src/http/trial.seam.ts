/** For tests: a world over the memory store, a server with a few endpoints of every kind, and a log whose lines can be looked at. */

import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Secret } from '../core/secret.ts'
import { createHealth } from '../safeguards/health.ts'
import { noCardFiles } from '../world/card-files.ts'
import { createLog } from '../world/log.ts'
import { createMemoryStore, type MemoryStore } from '../world/memory.ts'
import { createRemembered } from '../world/remembered.ts'
import { insert, refusedBy, type Store } from '../world/store.ts'
import { type AnyTable, table, text, time } from '../world/table.ts'
import { nextId, type World } from '../world/world.ts'
import { createKey, createTenant } from './auth.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing, OnceTaken, onceConstraint } from './endpoint.ts'
import type { Limits } from './limits.ts'
import { cursorOf, listOf, listQuery, listShape, pageOf } from './list.ts'
import * as shapes from './schemas.ts'
import { createServer, type Server } from './serve.ts'
import { apiKeys, idempotency, tenants } from './tables.ts'

export const things = table(
  'things',
  { id: text(), tenant: text(), name: text(), created_at: time() },
  { key: ['id'], indexes: { things_by_tenant: ['tenant', 'id'] } },
)
export const trialTables: readonly AnyTable[] = [tenants, apiKeys, idempotency, things]

export type TrialWorld<S extends Store = MemoryStore> = World & { readonly store: S; readonly lines: string[]; advance(ms: number): void }

/** Over the memory store. The clock stands still unless told; sleeping is real, chance is a hash of a counter. */
export const trialWorld = (): TrialWorld => trialWorldOver(createMemoryStore(trialTables))

export function trialWorldOver<S extends Store>(store: S): TrialWorld<S> {
  let nowMs = Date.UTC(2026, 10, 22, 10)
  let draws = 0
  const lines: string[] = []
  const none = () => Promise.reject(new TypeError('the trial has no vault and no channels'))
  const random = (count: number): Buffer => {
    const blocks: Buffer[] = []
    for (let have = 0; have < count; have += 32) blocks.push(createHash('sha256').update(`${draws++}`).digest())
    return Buffer.concat(blocks).subarray(0, count)
  }
  return {
    now: () => nowMs,
    advance: ms => {
      nowMs += ms
    },
    random,
    sleep: ms => sleep(ms, undefined, { ref: false }),
    store,
    lines,
    vault: {
      peek: async () => undefined,
      adopt: none,
      sealAhead: none,
      forward: none,
      seal: none,
      open: none,
      updater: { writeInquiries: none, readAdvices: none, sealAdvices: none, renew: none },
      shred: none,
      detokenize: none,
      cardFiles: noCardFiles(none),
    },
    send: none,
    health: createHealth(),
    remembered: createRemembered(),
    channels: new Map(),
    account: () => undefined,
    log: createLog('info', { write: line => lines.push(line) }),
    settings: {
      publicUrl: 'https://bindery.example.com',
      captureUrl: 'https://capture.example.com',
      channelTimeoutMs: 1000,
      route: [],
      idempotencyKey: Buffer.alloc(32, 7),
      grantKey: Buffer.alloc(32, 9),
      allowLoopback: false,
    },
  }
}

export const thingBody = z.strictObject({
  name: shapes.name(),
  reference: shapes.reference(),
  price: shapes.positiveMoney,
  website: shapes.url,
  client: z.strictObject({ ip: shapes.ip, user_agent: shapes.userAgent }).optional(),
  month: shapes.month.optional(),
  at: shapes.timestamp.optional(),
  metadata: shapes.metadata.optional(),
})
export const thingSample = {
  name: 'José Ñandú',
  reference: 'order-17/4',
  price: { amount: '9007199254740993', currency: 'EUR' },
  website: 'https://shop.example.com/return?a=1',
  client: { ip: '2001:db8::1', user_agent: 'curl/8.5' },
  month: 12,
  at: '2026-11-22T10:00:00Z',
  metadata: { cart: 'c-1' },
}

const thingShape = z
  .object({ id: z.string(), name: z.string(), price: shapes.moneyShape, created_at: shapes.timestampShape })
  .meta({ id: 'Thing' })
const thingAnswers = { 201: { description: 'Made.', schema: thingShape } }

/** What a test may put between the two commits of `makeThing`. */
export type Trial = { between: () => Promise<void>; before: () => Promise<void>; runs: number }

export function trialEndpoints(trial: Trial): readonly Endpoint[] {
  const show = (id: string, name: string, price: z.output<typeof thingBody>['price'], at: number) => ({
    id,
    name,
    price: shapes.showMoney(price),
    created_at: shapes.showTime(at),
  })
  /** Two commits, as a bind has: the intent with the claim, the outcome with the answer. */
  const makeThing = endpoint({
    method: 'POST',
    path: '/v1/things',
    name: 'makeThing',
    summary: 'Make a thing',
    tag: 'things',
    auth: 'secret',
    action: 'instruments.write',
    params: nothing,
    query: nothing,
    body: thingBody,
    answers: thingAnswers,
    once: 'own',
    handle: async ({ world, caller, once }, { body }) => {
      trial.runs += 1
      await trial.before()
      const id = nextId(world, 'ins')
      const row = { id, tenant: caller.tenant, name: body.name, created_at: world.now() }
      const claimed = await world.store.commit([insert(things, row), ...once.claim(id)])
      if (refusedBy(claimed, onceConstraint)) throw new OnceTaken()
      await trial.between()
      const answer: Answer = { status: 201, body: show(id, body.name, body.price, world.now()) }
      await world.store.commit(once.answer(answer))
      return answer
    },
    recover: async ({ world }, id) => {
      const row = await world.store.get(things, { id })
      return { status: 201, body: { id, name: row?.name ?? '', recovered: true } }
    },
  })
  const note = async ({ world, caller }: Context, name: string): Promise<Answer> => {
    trial.runs += 1
    await trial.before()
    const id = nextId(world, 'ins')
    await world.store.commit([insert(things, { id, tenant: caller.tenant, name, created_at: world.now() })])
    await trial.between()
    return { status: 201, body: { id, name } }
  }
  const makeNote = endpoint({
    method: 'POST',
    path: '/v1/notes',
    name: 'makeNote',
    summary: 'Make a note',
    tag: 'things',
    auth: 'publishable',
    action: 'captures.grant',
    params: nothing,
    query: nothing,
    body: z.strictObject({ name: shapes.name() }),
    answers: { 201: { description: 'Made.' } },
    handle: (context, { body }) => note(context, body.name),
  })
  return [makeThing, makeNote, ...readers(), ...oddOnes()]
}

function readers(): readonly Endpoint[] {
  const getThing = endpoint({
    method: 'GET',
    path: '/v1/things/{id}',
    name: 'getThing',
    summary: 'Get a thing',
    tag: 'things',
    auth: 'secret',
    action: 'instruments.write',
    params: z.strictObject({ id: shapes.id('ins') }),
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'It.', schema: thingShape } },
    handle: async ({ peerAddress }, { params }) => ({ status: 200, body: { id: params.id, peer: peerAddress } }),
  })
  const listThings = endpoint({
    method: 'GET',
    path: '/v1/things',
    name: 'listThings',
    summary: 'List things',
    tag: 'things',
    auth: 'secret',
    action: 'instruments.write',
    params: nothing,
    query: z.strictObject({ ...listQuery, reference: shapes.reference().optional() }),
    body: nothing,
    answers: { 200: { description: 'Them.', schema: listShape(thingShape) } },
    handle: async (_context, { query }) => {
      const page = pageOf('things', query)
      const rows = Array.from({ length: 30 }, (_, index) => BigInt(index + 1)).filter(position => position > (page.after ?? 0n))
      return {
        status: 200,
        body: listOf('things', page, rows.slice(0, page.limit + 1), { position: row => row, show: row => cursorOf('things', row) }),
      }
    },
  })
  return [getThing, listThings]
}

function oddOnes(): readonly Endpoint[] {
  const hear = endpoint({
    method: 'POST',
    path: '/hooks/{channel}',
    name: 'hear',
    summary: 'Hear a channel',
    tag: 'hooks',
    auth: 'none',
    rawBody: true,
    params: z.strictObject({ channel: shapes.reference(20) }),
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'Heard.', contentType: 'text/plain' } },
    handle: async (_context, { raw, headers }) => ({ status: 200, body: `[${raw.length} bytes]${headers['client-cert'] ?? ''}` }),
  })
  const fail = endpoint({
    method: 'GET',
    path: '/v1/bug',
    name: 'bug',
    summary: 'Fail',
    tag: 'things',
    auth: 'secret',
    action: 'instruments.write',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: {},
    handle: async () => {
      throw new TypeError(`a bug that quotes 4111111111111111 and ${new Secret('x')}`)
    },
  })
  return [hear, fail]
}

export type TrialServer<S extends Store = MemoryStore> = {
  readonly world: TrialWorld<S>
  readonly trial: Trial
  readonly server: Server
  readonly tenant: string
  readonly secretKey: string
  readonly publishableKey: string
  /** With the secret key unless a header says otherwise. */
  call(method: string, path: string, more?: { readonly body?: unknown; readonly headers?: Record<string, string> }): Promise<TrialAnswer>
  close(): Promise<void>
}
export type TrialAnswer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Record<string, unknown>
}

export const trialServer = (limits: Partial<Limits> = {}, world = trialWorld()): Promise<TrialServer> => trialServerOver(world, limits)

export async function trialServerOver<S extends Store>(world: TrialWorld<S>, limits: Partial<Limits> = {}): Promise<TrialServer<S>> {
  const trial: Trial = { between: async () => {}, before: async () => {}, runs: 0 }
  const server = createServer({ world, endpoints: trialEndpoints(trial), log: world.log, limits })
  await server.listen(0)
  const tenant = await createTenant(world, { name: 'Trial' })
  const { key: secretKey } = await createKey(world, { tenant, mode: 'test', kind: 'secret' })
  const { key: publishableKey } = await createKey(world, { tenant, mode: 'test', kind: 'publishable' })
  const call: TrialServer['call'] = async (method, path, { body, headers } = {}) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const response = await fetch(server.address() + path, {
      method,
      headers: { authorization: `Bearer ${secretKey}`, ...type, ...headers },
      ...sent,
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: text.startsWith('{') ? JSON.parse(text) : {} }
  }
  return { world, trial, server, tenant, secretKey, publishableKey, call, close: () => server.close() }
}
