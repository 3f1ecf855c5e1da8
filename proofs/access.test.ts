/** Keys, tenants, modes, repetitions, lists and stopping, over HTTP on the server as it is started. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { endpoints } from '../src/endpoints.ts'
import { createMemoryEvents } from '../src/events/memoryQueries.ts'
import { roles } from '../src/http/role.ts'
import { tables } from '../src/tables.ts'
import { newSender } from '../src/vault/card-files.seam.ts'
import { type Caller, callerOf, cardNumber, type Reply, until } from './caller.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'
import { letters, whoMay } from './roles.ts'
import type { ServerProgram } from './server.ts'
import { type Story, storyOf } from './story.ts'

const undo: (() => unknown)[] = []
let ground: Ground
let server: ServerProgram
let story: Story
let publishable: Caller
let live: Caller
let stranger: Caller
let tenant: string
let owned: ReturnType<typeof makeOwn> | undefined
let next = 2_000
const fresh = (): { number: string } => {
  next += 1
  return { number: cardNumber(next) }
}

before(async () => {
  ground = await prepareGround(undo, { durable: false })
  server = await ground.start()
  undo.push(() => server.end('SIGKILL'))
  const first = await ground.newKey({ mode: 'test', kind: 'secret' })
  tenant = first.tenant
  const keyOf = async (of: Parameters<Ground['newKey']>[0]): Promise<Caller> => callerOf(ground.address, (await ground.newKey(of)).key)
  story = storyOf(ground, callerOf(ground.address, first.key))
  publishable = await keyOf({ tenant, mode: 'test', kind: 'publishable' })
  live = await keyOf({ tenant, mode: 'live', kind: 'secret', person: 'ann' })
  stranger = await keyOf({ mode: 'test', kind: 'secret' })
})
after(() => undoAll(undo))

test('the same key and body gets the same bytes, another body 422, a running one 409', async () => {
  const body = await story.bodyOf(await story.customer(), fresh(), ['stripe'])
  await ground.addFault('stripe', { match: { path: '/v1/setup_intents' }, fault: 'slow', times: 1, delayMs: 1_500 })
  const running = story.caller.call('/v1/instruments', { body, key: 'once-1' })
  await sleep(600)
  const early = await story.caller.call('/v1/instruments', { body, key: 'once-1' })
  assert.deepEqual([early.status, early.json.code], [409, 'idempotency_in_progress'])
  const first = await running
  assert.equal(first.status, 201, first.text)
  const again = await story.caller.call('/v1/instruments', { body, key: 'once-1' })
  assert.deepEqual([again.status, again.text], [first.status, first.text])
  const reordered = JSON.stringify(Object.fromEntries(Object.entries(body).reverse()))
  assert.equal((await story.caller.call('/v1/instruments', { body: reordered, key: 'once-1' })).text, first.text)
  const other = await story.caller.call('/v1/instruments', { body: { ...body, return_url: 'https://shop.example/other' }, key: 'once-1' })
  assert.deepEqual([other.status, other.json.code], [422, 'idempotency_mismatch'])
  const elsewhere = await story.caller.call('/v1/customers', { body: {}, key: 'once-1' })
  assert.equal(elsewhere.status, 422)
  const foreign = await stranger.call('/v1/customers', { body: {}, key: 'once-1' })
  assert.equal(foreign.status, 201, 'a key is its tenant’s own')
  assert.equal((await ground.auditor.instruments()).filter(one => one.id === first.json.id).length, 1)
})

test('a publishable key may ask for one capture, and for nothing else', async () => {
  assert.equal((await publishable.call('/v1/capture_grants', { body: {} })).status, 201)
  const many = await publishable.call('/v1/capture_grants', { body: { captures: 2 } })
  assert.equal(many.status, 403, many.text)
  for (const { method, path } of await addresses())
    if (path !== '/v1/capture_grants') {
      const url = path.replace('{id}', `ins_${'0'.repeat(26)}`)
      const reply = await publishable.call(url, { method, ...(method === 'POST' ? { body: {} } : {}) })
      assert.equal(reply.status, 403, `${method} ${path}: ${reply.text}`)
    }
})

test('without a key, or with one that is not known, nothing is told', async () => {
  for (const key of [undefined, `sk_test_${'0'.repeat(40)}`, 'nonsense'])
    for (const { method, path } of await addresses()) {
      const reply = await callerOf(ground.address, key).call(path.replace('{id}', 'x'), {
        method,
        ...(method === 'POST' ? { body: {} } : {}),
      })
      assert.equal(reply.status, 401, `${method} ${path}: ${reply.text}`)
    }
})

test('no tenant, and no other mode, reads or changes what is somebody else’s', async () => {
  const ids = await ownIds()
  const before = await ground.auditor.rowCounts()
  let asked = 0
  for (const [whose, caller] of [
    ['another tenant', stranger],
    ['the live mode', live],
  ] as const)
    for (const { method, path, name } of (await addresses()).filter(one => one.path.includes('{id}'))) {
      const reply = await caller.call(filled(path, ids), { method, ...bodyFor(method, name) })
      if (isHeld(reply)) continue
      assert.equal(reply.status, 404, `${whose}: ${method} ${path}: ${reply.text}`)
      assert.ok(!reply.text.includes('4111'), reply.text)
      asked += 1
    }
  assert.ok(asked > 20, `${asked} asked`)
  for (const path of ['/v1/instruments', '/v1/customers', '/v1/events', '/v1/webhook_endpoints'])
    for (const caller of [stranger, live]) {
      const reply = await caller.call(`${path}?limit=100`.replace('endpoints?limit=100', 'endpoints'))
      for (const id of Object.values(ids)) assert.ok(!reply.text.includes(id), `${path} tells ${id}`)
    }
  assert.deepEqual(without(await ground.auditor.rowCounts()), without(before), 'nothing was written')
})

test('a card captured for one tenant or mode is of no use to another', async () => {
  const capture = await story.reference(fresh())
  for (const caller of [stranger, live]) {
    const customer = z.object({ id: z.string() }).parse((await caller.call('/v1/customers', { body: {} })).json).id
    const body = { customer, card: { capture }, channels: ['stripe'], return_url: 'https://shop.example/back' }
    const reply = await caller.call('/v1/instruments', { body })
    assert.ok(reply.status === 410 || reply.status === 422, reply.text)
  }
  const theirs = z.object({ id: z.string() }).parse((await stranger.call('/v1/customers', { body: {} })).json).id
  const body = { customer: theirs, card: { capture }, channels: ['stripe'], return_url: 'https://shop.example/back' }
  const reply = await story.caller.call('/v1/instruments', { body })
  assert.equal(reply.status, 422, 'nor is another tenant’s customer')
})

test('every endpoint × role × whose: who may is let in, who may not is told which permission is missing', async t => {
  const found = endpoints({
    reader: { query: () => Promise.reject(new TypeError('nothing is read')) },
    queries: createMemoryEvents(tables).queries,
  })
  const keyed = found.filter(one => one.auth !== 'none')
  assert.deepEqual(
    keyed.map(one => one.name).filter(name => whoMay[name] === undefined),
    [],
    'an endpoint without a row in proofs/roles.ts',
  )
  assert.deepEqual(
    Object.keys(whoMay).filter(name => !keyed.some(one => one.name === name)),
    [],
    'a row of an endpoint that is gone',
  )
  const ids = await ownIds()
  const other = (await ground.newKey({ mode: 'test', kind: 'secret' })).tenant
  let asked = 0
  for (const role of roles) {
    const kind = role === 'browser' ? 'publishable' : 'secret'
    const of = async (at: { readonly tenant: string; readonly mode: 'test' | 'live' }) =>
      callerOf(ground.address, (await ground.newKey({ ...at, kind, role, person: `${role}@shop.example` })).key)
    const own = await of({ tenant, mode: 'test' })
    const foreign = [await of({ tenant: other, mode: 'test' }), await of({ tenant, mode: 'live' })]
    for (const { method, path, name, action = '', fourEyes: isTwo } of keyed) {
      const may = whoMay[name]?.includes(letters[role]) ?? false
      const body = bodyFor(method, name)
      const judge = (whose: string, reply: Reply, fits: (status: number) => boolean): void => {
        asked += 1
        if (may && isTwo && isHeld(reply)) return
        const what = `${role}, ${whose}: ${name} ${reply.status} ${reply.text.slice(0, 300)}`
        if (may) assert.ok(fits(reply.status), what)
        else {
          assert.deepEqual([reply.status, reply.json.code], [403, 'forbidden'], what)
          assert.deepEqual([reply.json.permission, reply.json.role], [action, role], what)
        }
      }
      const nothingThere = path.replace(/\{(?:id|dependent)\}/g, 'ins_'.concat('0'.repeat(26))).replace('{number}', '1')
      judge('own', await own.call(nothingThere, { method, ...body }), status => status < 500 && status !== 401 && status !== 403)
      if (!path.includes('{id}')) continue
      for (const caller of foreign) judge('foreign', await caller.call(filled(path, ids), { method, ...body }), status => status === 404)
    }
  }
  t.diagnostic(`${keyed.length} endpoints × ${roles.length} roles: ${asked} requests`)
  assert.ok(asked > 1_200, `${asked}`)
})

const pageShape = z.object({ data: z.array(z.object({ id: z.string() })), has_more: z.boolean(), next_cursor: z.string().nullable() })
async function walk(path: string): Promise<readonly string[]> {
  const ids: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const at = `${path}${path.includes('?') ? '&' : '?'}limit=7${cursor === '' ? '' : `&starting_after=${cursor}`}`
    const page = pageShape.parse((await story.caller.call(at)).json)
    assert.ok(page.data.length <= 7)
    ids.push(...page.data.map(one => one.id))
    assert.equal(page.has_more, page.next_cursor !== null)
    cursor = page.next_cursor
  }
  return ids
}

test('lists page without loss and without repetition, while rows are added', async () => {
  const make = async (): Promise<string> => {
    const customer = await story.customer()
    return (await story.bind(customer, fresh(), ['stripe'])).id
  }
  const made = new Set(await Promise.all(Array.from({ length: 24 }, make)))
  const adding = Promise.all(Array.from({ length: 12 }, make))
  for (const path of ['/v1/instruments', '/v1/instruments?status=active', '/v1/events', '/v1/events?order=oldest_first', '/v1/customers']) {
    const ids = await walk(path)
    assert.equal(new Set(ids).size, ids.length, `${path} repeats`)
    if (path.startsWith('/v1/instruments')) for (const id of made) assert.ok(ids.includes(id), `${path} lost ${id}`)
    assert.ok(ids.length >= 24, path)
  }
  await adding
  const known = new Set((await ground.auditor.events()).map(one => one.id))
  const events = await walk('/v1/events')
  assert.ok(events.every(id => known.has(id)))
  const wrong = await story.caller.call('/v1/customers?starting_after=cur_aW5zdHJ1bWVudHM6MQ')
  assert.equal(wrong.status, 400, 'a cursor of one list does not open another')
})

test('told to stop, the server finishes what runs, and nothing more is answered', async () => {
  const body = await story.bodyOf(await story.customer(), fresh(), ['stripe'])
  await ground.addFault('stripe', { match: { path: '/v1/setup_intents' }, fault: 'slow', times: 1, delayMs: 1_500 })
  const running = story.caller.call('/v1/instruments', { body, key: 'last-1' })
  await sleep(500)
  const ended = server.end('SIGTERM')
  const reply = await running
  assert.equal(reply.status, 201, reply.text)
  assert.equal(await ended, 0, server.output().slice(-2_000))
  await assert.rejects(story.caller.call('/healthz'))
  await until('the vault to end', async () => ((await server.vaultPid()) === undefined ? true : undefined))
  server = await ground.start()
  const again = await story.caller.call('/v1/instruments', { body, key: 'last-1' })
  assert.deepEqual([again.status, again.text], [reply.status, reply.text])
})

type Address = { readonly method: string; readonly path: string; readonly name: string }
/** Every address that asks for a key, by the server's own description. */
async function addresses(): Promise<readonly Address[]> {
  const security = z.array(z.record(z.string(), z.unknown()))
  const shape = z.object({ paths: z.record(z.string(), z.record(z.string(), z.object({ operationId: z.string(), security }))) })
  const { paths } = shape.parse((await callerOf(ground.address, undefined).call('/openapi.json')).json)
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, security: asked }]) => ({
      ...{ method: method.toUpperCase(), path, name: operationId },
      keyed: asked.some(one => 'secretKey' in one),
    })),
  )
  const found = all.filter(one => one.keyed && one.path.startsWith('/v1/'))
  assert.ok(found.length >= 20, `${found.length} addresses`)
  return found
}

/** What takes two persons says so in live mode before it looks whose it is. */
const isHeld = (reply: Reply): boolean => reply.status === 403 && reply.json.code === 'approval_required'

/** The address of something that is the first tenant's own. */
function filled(path: string, ids: Readonly<Record<string, string>>): string {
  const kind = /^\/v1\/(\w+)/.exec(path)?.[1] ?? ''
  const id = ids[kind]
  assert.ok(id !== undefined, `no id of ${kind}: name one in this test`)
  return path
    .replace('{id}', id)
    .replace('{number}', '1')
    .replace('{dependent}', `dep_${'0'.repeat(26)}`)
}
const bodyFor = (method: string, name: string) => (method === 'POST' || method === 'PATCH' ? { body: bodies[name] ?? {} } : {})

/** Where an empty object would be refused before anybody looks whose it is. */
const bodies: Readonly<Record<string, unknown>> = {
  detokenizeInstrument: { purpose: 'dispute', reason: 'case 4711 of the bank', public_key: 'C'.repeat(43) },
  extendInstrument: { channel: 'adyen', return_url: 'https://shop.example/back' },
  resumeInstrument: { returned: {} },
  advanceTestClock: { to: '2027-01-01T00:00:00Z' },
  registerDependent: { reference: 'sub-1', kind: 'subscription' },
  setDefaultInstrument: { instrument: null },
  blockInstrument: { reason: 'asked for' },
  pauseMandate: { reason: 'asked for' },
  canCharge: { amount: '1000', currency: 'EUR', initiator: 'merchant', purpose: 'recurring' },
  reportCharge: { id: 'c-1', channel: 'stripe', amount: '1000', currency: 'EUR', outcome: 'approved', charged_at: '2026-11-01T00:00:00Z' },
  recordPreDebitNotice: { amount: '1000', currency: 'EUR', charge_at: '2026-12-01T00:00:00Z' },
  postUpdaterResults: { file: 'AAAA' },
  createPortalLink: { return_url: 'https://shop.example/back' },
  settleUnknown: { outcome: 'not_bound', evidence: 'seen in the dashboard' },
  replayToWebhookEndpoint: { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' },
}

/** An id of each kind, of the first tenant in test mode. */
function ownIds(): ReturnType<typeof makeOwn> {
  owned ??= makeOwn()
  return owned
}
async function makeOwn(): Promise<Readonly<Record<string, string>>> {
  const customers = await story.customer()
  const instruments = (await story.bind(customers, fresh(), ['stripe'])).id
  const named = z.object({ id: z.string() })
  const webhook_endpoints = named.parse((await story.caller.call('/v1/webhook_endpoints', { body: { url: ground.receiver.url } })).json).id
  const events = pageShape.parse((await story.caller.call('/v1/events?limit=1')).json).data[0]?.id ?? ''
  const test_clocks = named.parse((await story.caller.call('/v1/test_clocks', { body: {} })).json).id
  const rule = { priority: 1, when: {}, channels: ['stripe', 'adyen'] }
  const routing_rules = named.parse((await story.caller.call('/v1/routing_rules', { body: rule })).json).id
  const return_url = 'https://shop.example/back'
  const opened = await story.caller.call('/v1/binding_sessions', { body: { customer: customers, return_url } })
  const linked = await story.caller.call(`/v1/customers/${customers}/portal_links`, { body: { return_url } })
  const [binding_sessions, portal_links] = [named.parse(opened.json).id, named.parse(linked.json).id]
  const moved = { format: 'csv', channel: 'stripe', source_name: 'old system' }
  const imports = named.parse((await story.caller.call('/v1/imports', { body: moved })).json).id
  const exports = named.parse((await story.caller.call('/v1/exports', { body: {} })).json).id
  const { pem: sender } = newSender('another vault')
  const card_files = named.parse((await story.caller.call('/v1/card_files', { body: { sender } })).json).id
  const policy = { policy: 'scheduled' }
  await story.caller.call(`/v1/instruments/${instruments}/update_policy`, { body: policy })
  const run = await story.caller.call('/v1/updater/runs', { body: { instruments: [instruments] } })
  assert.equal(run.status, 201, run.text)
  const updater = named.parse(run.json).id
  const safeguard_decisions = await refusedFor(customers)
  const sweeps = named.parse((await story.caller.call('/v1/sweeps', { body: { channel: 'stripe' } })).json).id
  const [first] = z.object({ data: z.array(named) }).parse((await story.caller.call('/v1/api_keys')).json).data
  const api_keys = first?.id ?? ''
  // Whose approvals are is tried where there are some: src/approvals.
  const approvals = `apr_${'0'.repeat(26)}`
  // And whose doubts: src/unknowns.
  const unknowns = `opn_${'0'.repeat(26)}`
  const decided = { api_keys, approvals, safeguard_decisions, unknowns, canaries: instruments }
  const bound = { ...decided, customers, instruments, sweeps, webhook_endpoints, events, test_clocks, routing_rules }
  return { ...bound, binding_sessions, portal_links, imports, exports, card_files, updater }
}

/** A bind that a switch refuses: why is the operator's to know. */
async function refusedFor(customer: string): Promise<string> {
  const thrown = (off: boolean) => ({ body: { kind: 'bin', value: '42424242', off, reason: 'a test' } })
  await story.caller.call('/v1/kill_switches', thrown(true))
  const card = { capture: await story.reference({ number: '4242424242424242' }) }
  await story.caller.call('/v1/instruments', { body: { customer, return_url: 'https://shop.example/back', card } })
  await story.caller.call('/v1/kill_switches', thrown(false))
  const told = z.object({ data: z.array(z.object({ id: z.string() })) })
  return told.parse((await story.caller.call(`/v1/safeguard_decisions?customer=${customer}`)).json).data[0]?.id ?? ''
}

/** What the server does on its own: rides of the store, deliveries and their cursors. */
const without = (counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(counts).filter(
      ([name]) => !/\.(rides|deliveries|cursors|inbox|facts|events|export_parts|approvals|audit_\w+)$/.test(name),
    ),
  )
