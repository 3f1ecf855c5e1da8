/** The duty on a real database: what is found is kept, told once, and forgotten when it is over; where one worker stopped another goes on. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { Client, Pool } from 'pg'
import { z } from 'zod'
import { events } from '../events/tables.ts'
import { scripted, trial } from '../instruments/trial.seam.ts'
import { tables } from '../tables.ts'
import { pageRows } from '../world/invariant.ts'
import { asRole, roles } from '../world/migrate.ts'
import type { PostgresStore } from '../world/postgres.ts'
import { createTenantReader } from '../world/tenant-reader.ts'
import { type StoreDatabase, storeDatabase } from '../world/testing-store.ts'
import { invariants } from './list.ts'
import { invariantChecks, invariantFindings } from './tables.ts'
import { createWatch, roundMs, stepped } from './watch.ts'

let database: StoreDatabase
let store: PostgresStore
const pools: Pool[] = []
const poolAs = (role: 'watcher' | 'reader'): Pool => {
  const pool = new Pool({ ...asRole(database.connection, roles[role]), options: `-c role=${roles[role]} -c search_path=bindery`, max: 2 })
  pools.push(pool)
  return pool
}
let watcher: Pool

before(async () => {
  database = await storeDatabase(tables, '')
  await database.query('alter table bindery.accounts drop constraint accounts_debits_limit')
  watcher = poolAs('watcher')
})
beforeEach(async () => {
  await store?.close()
  store = await database.open({ eventsTable: events.name })
})
after(async () => {
  await Promise.all(pools.map(one => one.end()))
  await store.close()
  await database.close()
})

const startMs = Date.UTC(2026, 10, 25)
/** A worker that sees the time a test gives it. */
function worker() {
  const clock = { now: startMs }
  const logged: { readonly what: string; readonly facts: unknown }[] = []
  const log = {
    info: () => {},
    warn: (what: string, facts?: object) => void logged.push({ what, facts }),
    error: (what: string, facts?: object) => void logged.push({ what, facts }),
  }
  const settings = {
    ...{ publicUrl: '', captureUrl: '', channelTimeoutMs: 1, route: [], allowLoopback: false },
    ...{ idempotencyKey: Buffer.alloc(32), grantKey: Buffer.alloc(32) },
  }
  const watch = createWatch({ store, log, now: () => clock.now, settings }, watcher)
  return { watch, clock, logged }
}
const asked = invariants
const checkOf = async (name: string) => (await store.get(invariantChecks, { name })) ?? assert.fail(name)

/** Until every question has come to its end in this round. */
async function round({ watch, clock }: ReturnType<typeof worker>): Promise<void> {
  for (let turns = 0; turns < 50; turns += 1) {
    await watch.turn()
    const due = await store.due(invariantChecks, { now: clock.now, clock: null, limit: 1 })
    if (due.length === 0) return
  }
  assert.fail('it never comes to its end')
}
const account = (tenant: string, id: string, debits: number): Promise<unknown> =>
  database.query(`insert into bindery.accounts values ('${tenant}', '${id}', 'EUR', ${debits}, 0, true, false, 1)`)

test('an empty installation is asked everything, and nothing is found', async () => {
  const on = worker()
  await round(on)
  for (const { name } of asked) {
    const row = await checkOf(name)
    assert.deepEqual([row.round, row.last_found, row.last_ended_at, row.cause], [2, 0n, startMs, null], name)
  }
  assert.deepEqual(on.logged, [])
  // Nothing is due before five minutes have passed.
  on.clock.now += roundMs - 1
  await on.watch.turn()
  assert.equal((await checkOf('never_overdrawn')).round, 2)
})

test('what is found is told once, is seen again in each round, and is gone when it is over', async () => {
  const on = worker()
  await account('ten_1', 'acc_1', 5)
  await round(on)
  const key = { subject: 'acc_1', invariant: 'never_overdrawn', tenant: 'ten_1' }
  const first = (await store.get(invariantFindings, key)) ?? assert.fail()
  assert.deepEqual([first.shown, first.first_seen_at, first.last_seen_at], [{ debits: '5', credits: '0' }, startMs, startMs])
  const told = on.logged.filter(one => JSON.stringify(one.facts).includes('never_overdrawn'))
  assert.deepEqual(told, [
    { what: 'an invariant does not hold', facts: { invariant: 'I12', name: 'never_overdrawn', id: 'acc_1', tenant: 'ten_1' } },
  ])
  on.clock.now += roundMs
  await round(on)
  const second = (await store.get(invariantFindings, key)) ?? assert.fail()
  assert.deepEqual([second.first_seen_at, second.last_seen_at], [startMs, startMs + roundMs])
  assert.equal(on.logged.filter(one => JSON.stringify(one.facts).includes('never_overdrawn')).length, 1)
  await database.query(`update bindery.accounts set debits_posted = 0`)
  on.clock.now += roundMs
  await round(on)
  assert.equal(await store.get(invariantFindings, key), undefined)
  assert.equal((await checkOf('never_overdrawn')).last_found, 0n)
})

test('a round goes on where another worker died, and reads no row twice', async () => {
  const many = pageRows * 2 + 500
  await database.query(`insert into bindery.accounts
    select 'ten_1', 'acc_' || to_char(n, 'FM00000'), 'EUR', 0, 0, true, false, 1 from generate_series(1, ${many}) as n`)
  await account('ten_2', 'acc_last', 5)
  const one = worker()
  // The first worker gives up after a page of each question.
  while ((await store.get(invariantChecks, { name: 'never_overdrawn' }))?.cursor == null) await one.watch.turn()
  const halfway = await checkOf('never_overdrawn')
  assert.deepEqual([halfway.looked, halfway.cursor], [BigInt(pageRows), ['ten_1', 'acc_02000']])
  const other = worker()
  await round(other)
  const row = await checkOf('never_overdrawn')
  assert.deepEqual([row.last_looked, row.last_found], [BigInt(many + 1), 1n])
  assert.ok(await store.get(invariantFindings, { subject: 'acc_last', invariant: 'never_overdrawn', tenant: 'ten_2' }))
})

test('of workers that come at once one asks each page', async () => {
  const workers = [worker(), worker(), worker()]
  await workers[0]?.watch.turn()
  for (const one of workers) one.clock.now += roundMs
  for (let turns = 0; turns < 20; turns += 1) await Promise.all(workers.map(one => one.watch.turn()))
  for (const { name } of asked) assert.equal((await checkOf(name)).round, 3, name)
})

test('a table that is locked makes a question unfinished, with its cause, and holds up none of the others', async () => {
  const holder = new Client(database.connection)
  await holder.connect()
  try {
    await holder.query('begin; lock table bindery.accounts in access exclusive mode')
    const on = worker()
    await round(on)
    assert.match((await checkOf('never_overdrawn')).cause ?? '', /lock timeout/)
    assert.equal((await checkOf('bound_once')).last_ended_at, startMs)
    await holder.query('rollback')
    on.clock.now += roundMs
    await round(on)
    assert.deepEqual([(await checkOf('never_overdrawn')).cause, (await checkOf('never_overdrawn')).last_found], [null, 0n])
  } finally {
    await holder.end()
  }
})

test('what takes long is asked seldom', () => {
  const row = {
    ...{ name: 'any', round: 1, cursor: null, looked: 0n, found: 0n, began_at: 0, last_looked: null, last_found: null },
    ...{ last_ended_at: null, cause: null, due_at: 0, clock: null, version: 1 },
  }
  const page = { looked: 1, found: 0, findings: [], next: undefined }
  assert.equal(stepped(row, page, 0, 100).due_at, roundMs)
  assert.equal(stepped(row, page, 0, 60_000).due_at, 60_000 + 20 * 60_000)
})

const listed = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      status: z.string(),
      findings: z.array(z.object({ subject: z.string(), shown: z.unknown() })),
    }),
  ),
})

test('an operator sees what was found of their own rows and of nobody else’s', async () => {
  const silent = scripted('stripe', {})
  const on = await trial([silent], { store, reader: createTenantReader(poolAs('reader')) })
  await account(on.tenant, 'acc_mine', 5)
  await account('ten_other', 'acc_theirs', 5)
  const fresh = listed.parse((await on.call('GET', '/v1/invariants')).body).data
  assert.equal(fresh.find(one => one.name === 'never_overdrawn')?.status, 'not_asked_yet')
  await round(worker())
  const { data } = listed.parse((await on.call('GET', '/v1/invariants')).body)
  assert.deepEqual(
    data.find(one => one.name === 'never_overdrawn'),
    {
      ...{ id: 'I12', name: 'never_overdrawn', status: 'violated' },
      findings: [{ subject: 'acc_mine', shown: { debits: '5', credits: '0' } }],
    },
  )
  assert.equal(data.find(one => one.name === 'bound_once')?.status, 'holds')
  assert.equal(data.find(one => one.name === 'salts_once')?.status, 'asked_at_the_vault')
  assert.equal(data.find(one => one.id === 'I13')?.status, 'not_applicable_yet')
  assert.ok(!JSON.stringify(data).includes('acc_theirs'))
})
