/** Sweeps that nobody asked for, over the memory store and over PostgreSQL. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from 'pg'
import { tenants } from '../http/tables.ts'
import { day, scripted, trial } from '../instruments/trial.seam.ts'
import { tables } from '../tables.ts'
import { createPostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { insert, moveTo } from '../world/store.ts'
import { testDatabase } from '../world/testing.ts'
import { planSweeps } from './plan.ts'
import { createSweepQueries, memorySweepQueries } from './queries.ts'
import { sweeps } from './tables.ts'

const listing = scripted('listing', { list: { by: 'customer', page: async () => ({ kind: 'listed', listed: [] }) } })
const silent = scripted('silent', {})

async function onPostgres() {
  const database = await testDatabase({ extraSql: [rideFunctionSql('bindery', tables).sql] })
  const store = createPostgresStore({ connection: database.connection, schema: 'bindery', tables, eventsTable: 'events' })
  const pool = new Pool({ ...database.connection, options: '-c search_path=bindery' })
  after(async () => {
    await pool.end()
    await store.close()
    await database.close()
  })
  return { on: await trial([listing, silent], { store }), queries: createSweepQueries(pool) }
}
async function inMemory() {
  const on = await trial([listing, silent])
  return { on, queries: memorySweepQueries(on.store) }
}

for (const [name, ground] of [
  ['memory', inMemory],
  ['PostgreSQL', onPostgres],
] as const)
  test(`a tenant's bindings are compared every thirty days, and every day while something is missing (${name})`, async () => {
    const { on, queries } = await ground()
    const { store } = on.world
    await store.commit([insert(tenants, { id: 'ten_new', name: 'Shop', created_at: on.world.now() })])
    const plan = () => planSweeps(on.world, queries)
    const mine = async () =>
      (await store.due(sweeps, { now: on.world.now(), clock: null, limit: 100 })).filter(row => row.tenant === 'ten_new')
    const end = async (missing: number): Promise<void> => {
      for (const row of await store.due(sweeps, { now: on.world.now(), clock: null, limit: 100 }))
        await store.commit([moveTo(sweeps, row, { ...row, status: 'done', slot: null, due_at: null, ended_at: on.world.now(), missing })])
    }
    await plan()
    assert.deepEqual(await mine(), [], 'it has only just come')
    on.advance(2 * day)
    await plan()
    const [first] = await mine()
    assert.deepEqual([first?.channel, first?.status, first?.repeat_hours], ['listing', 'walking', null])
    assert.equal(await plan(), 0, 'one is under way')
    await end(1)
    on.advance(day / 2)
    assert.equal(await plan(), 0)
    on.advance(day)
    assert.ok((await plan()) > 0, 'something was missing yesterday')
    await end(0)
    on.advance(29 * day)
    assert.equal(await plan(), 0)
    on.advance(2 * day)
    assert.ok((await plan()) > 0)
  })
