import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createPostgresStore, type PostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { type TestDatabase, testDatabase } from '../world/testing.ts'
import { revokeKey } from './auth.ts'
import { keptMs, leaseMs, pruneIdempotency } from './idempotency.ts'
import { apiKeys } from './tables.ts'
import { type TrialServer, thingSample, things, trialServerOver, trialTables, trialWorldOver } from './trial.seam.ts'

/** The trial's own table. */
const thingsSql = `create table bindery.things (id text not null, tenant text not null, name text not null, created_at timestamptz not null,
  constraint things_pkey primary key (id)); create index things_by_tenant on bindery.things (tenant, id);`
let database: TestDatabase
let one: TrialServer<PostgresStore>
before(async () => {
  database = await testDatabase({ extraSql: [thingsSql, rideFunctionSql('bindery', trialTables).sql] })
  one = await trialServerOver(
    trialWorldOver(createPostgresStore({ connection: database.connection, schema: 'bindery', tables: trialTables })),
  )
})
after(async () => {
  await one?.close()
  await one?.world.store.close()
  await database?.close()
})

const make = (key: string, body: unknown = thingSample) => one.call('POST', '/v1/things', { body, headers: { 'idempotency-key': key } })
const note = (key: string) => one.call('POST', '/v1/notes', { body: { name: 'a' }, headers: { 'idempotency-key': key } })
const made = async () => (await one.world.store.find(things, { tenant: one.tenant })).length

for (const [kind, send] of [
  ['own', make],
  ['wrapped', note],
] as const)
  test(`PostgreSQL, ${kind}: twenty at once have one effect, and all later ones the same bytes`, async () => {
    const earlier = await made()
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(`${kind}-1`)))
    assert.ok(answers.every(answer => answer.status === 201 || answer.status === 409))
    assert.equal((await made()) - earlier, 1)
    const first = answers.find(answer => answer.status === 201)
    const later = await send(`${kind}-1`)
    assert.deepEqual([later.text, later.headers.get('idempotent-replayed')], [first?.text, 'true'])
  })

test('PostgreSQL: another body is refused, a dead request is recovered, old keys are forgotten', async () => {
  await make('k-1')
  assert.equal((await make('k-1', { ...thingSample, name: 'b' })).status, 422)
  one.trial.between = async () => {
    one.trial.between = async () => {}
    throw new TypeError('a bug')
  }
  assert.equal((await make('k-2')).status, 500)
  assert.equal((await make('k-2')).json.recovered, true)
  one.world.advance(leaseMs + keptMs)
  assert.ok((await pruneIdempotency(one.world)) >= 2)
})

test('PostgreSQL: a revoked key is refused', async () => {
  const other = await trialServerOver(one.world)
  const row = (await one.world.store.find(apiKeys, { tenant: other.tenant })).find(key => key.kind === 'secret')
  assert.equal((await other.call('GET', '/v1/things')).status, 200)
  assert.equal(await revokeKey(one.world, { tenant: other.tenant, id: row?.id ?? '' }), true)
  one.world.advance(10_001)
  assert.equal((await other.call('GET', '/v1/things')).status, 401)
  await other.close()
})

test('PostgreSQL: every text that the fields take can be kept', async () => {
  for (const name of ['José', 'e\u0301', '👨‍👩‍👧‍👦', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'ﷺ', "'; drop table tenants; --", '\\', '{"a":1}', 'a\u200cb'])
    assert.equal((await make(`text-${encodeURIComponent(name).slice(0, 100)}`, { ...thingSample, name })).status, 201, name)
})
