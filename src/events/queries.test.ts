import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Pool } from 'pg'
import { tables } from '../tables.ts'
import { asRole, roles } from '../world/migrate.ts'
import { createPostgresStore, type PostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { type TestDatabase, testDatabase } from '../world/testing.ts'
import { deliver } from './deliver.ts'
import { fanOut } from './fanOut.ts'
import { beginning, createEventQueries, type EventQueries } from './queries.ts'
import { replay } from './replay.ts'
import { events, webhookEndpoints } from './tables.ts'
import { createEndpoint, createReceiver, createStage, eventOf, recordAll, type Stage } from './testing.ts'

let database: TestDatabase
let store: PostgresStore
let pool: Pool
let queries: EventQueries

before(async () => {
  database = await testDatabase({ extraSql: [rideFunctionSql('bindery', tables).sql] })
  store = createPostgresStore({ connection: database.connection, schema: 'bindery', tables, eventsTable: events.name })
  pool = new Pool({ ...asRole(database.connection, roles.watcher), options: `-c role=${roles.watcher} -c search_path=bindery` })
  queries = createEventQueries(pool)
})
after(async () => {
  await pool.end()
  await store.close()
  await database.close()
})

const owner = (tenant: string) => ({ tenant, mode: 'test' as const })
const stageOn = (): Stage => createStage({ on: { store, queries } })

async function work(stage: Stage): Promise<void> {
  while ((await fanOut(stage.world, queries)) > 0);
  for (const due of await queries.due(stage.world.now(), 100)) await deliver(stage.world, stage.outbound, due)
}

test('from record to receiver on PostgreSQL: in order, once, in the tenant it belongs to, and again when asked', async () => {
  const stage = stageOn()
  const receiver = await createReceiver()
  const mine = (instrument: string, sequence: number) => eventOf(stage, instrument, sequence, { tenant: 'ten_path' })
  await recordAll(stage, mine('ins_path', 1))
  const endpoint = await createEndpoint(stage, receiver.url, ['*'], 'ten_path')
  const all = [2, 3, 4].map(sequence => mine('ins_path', sequence))
  await recordAll(stage, ...all, eventOf(stage, 'ins_path', 1, { tenant: 'ten_other' }))
  await Promise.all([fanOut(stage.world, queries), fanOut(stage.world, queries)])
  await work(stage)
  await work(stage)
  assert.deepEqual(
    receiver.received.map(one => one.sequence),
    [2, 3, 4],
  )
  const listed = await queries.listDeliveries({ tenant: 'ten_path', endpoint: endpoint.id }, { limit: 2 })
  assert.deepEqual(
    listed.rows.map(one => [one.event, one.state, one.tries, one.last_status, one.due_at, one.created_at]),
    [
      [all[2]?.id, 'delivered', 1, 200, null, stage.world.now()],
      [all[1]?.id, 'delivered', 1, 200, null, stage.world.now()],
    ],
  )
  const rest = await queries.listDeliveries({ tenant: 'ten_path', endpoint: endpoint.id }, { limit: 2, after: listed.next })
  assert.deepEqual([rest.rows.map(one => one.event), rest.next], [[all[0]?.id], undefined])
  const within = await queries.recordedWithin(owner('ten_path'), { from: stage.world.now(), to: stage.world.now(), limit: 10 })
  assert.deepEqual(
    within.map(one => one.type),
    Array.from({ length: 4 }, () => 'binding.active'),
  )
  assert.deepEqual(await queries.recordedWithin(owner('ten_path'), { from: 0, to: stage.world.now() - 1, limit: 10 }), [])
  await replay(
    stage.world,
    endpoint,
    within.map(one => one.id),
  )
  await work(stage)
  assert.deepEqual(
    receiver.received.slice(3).map(one => one.sequence),
    [1, 2, 3, 4],
  )
  await receiver.close()
  await stage.close()
})

test('an event whose transaction is still open is never passed over', async () => {
  const stage = stageOn()
  const receiver = await createReceiver()
  await createEndpoint(stage, receiver.url, ['*'], 'ten_open')
  const slow = eventOf(stage, 'ins_slow', 1, { tenant: 'ten_open' })
  const quick = eventOf(stage, 'ins_quick', 1, { tenant: 'ten_open' })
  const client = await new Pool({ ...database.connection, max: 1 }).connect()
  try {
    await client.query('begin')
    await client.query(
      `insert into bindery.events (tenant, id, mode, instrument, customer, sequence, type, data, created_at)
       values ($1, $2, 'test', $3, null, 1, $4, '{}', to_timestamp($5::float8 / 1000))`,
      [slow.tenant, slow.id, slow.instrument, slow.type, slow.created_at],
    )
    await recordAll(stage, quick)
    // The later one is committed, but a reader that took it now would never come back for the earlier one.
    assert.deepEqual(await queries.after(owner('ten_open'), beginning, 10), [])
    assert.deepEqual((await queries.listEvents(owner('ten_open'), { limit: 10 })).rows, [])
    assert.equal(await fanOut(stage.world, queries), 0)
    await client.query('commit')
  } finally {
    client.release(true)
  }
  assert.deepEqual(
    (await queries.after(owner('ten_open'), beginning, 10)).map(one => one.id),
    [slow.id, quick.id],
  )
  await work(stage)
  assert.deepEqual(receiver.received.map(one => one.id).sort(), [slow.id, quick.id].sort())
  await receiver.close()
  await stage.close()
})

test('lists give back what was recorded, by page, type and instrument', async () => {
  const stage = stageOn()
  const all = Array.from({ length: 5 }, (_, index) =>
    eventOf(stage, index < 3 ? 'ins_a' : 'ins_b', (index % 3) + 1, {
      tenant: 'ten_list',
      type: index === 0 ? 'instrument.active' : 'binding.active',
      created_at: stage.world.now() + index,
      data: { index, text: 'grüße' },
    }),
  )
  for (const one of all) await recordAll(stage, one)
  const newest = await queries.listEvents(owner('ten_list'), { limit: 3 })
  assert.deepEqual(newest.rows, all.toReversed().slice(0, 3))
  const rest = await queries.listEvents(owner('ten_list'), { limit: 3, after: newest.next })
  assert.deepEqual([rest.rows, rest.next], [all.toReversed().slice(3), undefined])
  const oldest = await queries.listEvents(owner('ten_list'), { limit: 2, oldestFirst: true, type: 'binding.active' })
  assert.deepEqual(oldest.rows, all.slice(1, 3))
  assert.deepEqual((await queries.listEvents(owner('ten_list'), { limit: 9, instrument: 'ins_b' })).rows, [all[4], all[3]])
  assert.deepEqual((await queries.listEvents({ tenant: 'ten_list', mode: 'live' }, { limit: 9 })).rows, [])
  await stage.close()
})

test('while no endpoint is enabled nothing is behind, and one that is created hears from then on', async () => {
  const stage = stageOn()
  await recordAll(stage, eventOf(stage, 'ins_1', 1, { tenant: 'ten_later' }))
  assert.deepEqual(
    (await queries.behind(100)).filter(one => one.tenant === 'ten_later'),
    [],
  )
  const endpoint = await createEndpoint(stage, 'https://shop.example.com/', ['*'], 'ten_later')
  assert.deepEqual(
    (await queries.behind(100)).filter(one => one.tenant === 'ten_later'),
    [],
  )
  await recordAll(stage, eventOf(stage, 'ins_1', 2, { tenant: 'ten_later' }))
  assert.deepEqual(
    (await queries.behind(100)).filter(one => one.tenant === 'ten_later'),
    [{ tenant: 'ten_later', id: endpoint.id }],
  )
  const row = await store.get(webhookEndpoints, { tenant: 'ten_later', id: endpoint.id })
  assert.ok(row)
  await store.commit([
    {
      verb: 'move',
      table: webhookEndpoints,
      key: { tenant: row.tenant, id: row.id },
      version: row.version,
      set: { status: 'disabled', disabled_reason: 'requested' },
    },
  ])
  assert.deepEqual(
    (await queries.behind(100)).filter(one => one.tenant === 'ten_later'),
    [],
  )
  await stage.close()
})

test('the feed and the lists are read through an index, not by scanning and sorting', async () => {
  const plan = async (text: string) => {
    const client = await pool.connect()
    try {
      await client.query('set enable_seqscan = off')
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${text}`)
      return rows.map(row => row['QUERY PLAN']).join('\n')
    } finally {
      client.release(true)
    }
  }
  const feed = await plan(
    `select id from events where tenant = 'a' and mode = 'test' and (xid, position) > ('5'::xid8, 6) and xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, position limit 10`,
  )
  assert.match(feed, /events_feed/)
  assert.doesNotMatch(feed, /Sort/)
})
