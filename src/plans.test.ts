import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { tables } from './tables.ts'
import { vaultTables } from './vault/tables.ts'
import type { AnyTable } from './world/table.ts'
import { testDatabase } from './world/testing.ts'

const lists: readonly (readonly [schema: string, tables: readonly AnyTable[]])[] = [
  ['bindery', tables],
  ['vault', vaultTables],
]

/** As lanes and readers plan: once, for any values, on whatever the table holds at that moment. */
const settings = 'set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off'

test('on a fresh database a row is looked up by its primary key, whatever other indexes look like', async () => {
  const database = await testDatabase({ on: 'embedded' })
  const client = new pg.Client(database.connection)
  await client.connect()
  try {
    await client.query(settings)
    for (const [schema, list] of lists)
      for (const { name, key } of list) {
        const where = key.map((column, i) => `${column} = $${i + 1}`).join(' and ')
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(
          `explain (generic_plan, costs off) select 1 from ${schema}.${name} where ${where} for key share`,
        )
        const plan = rows.map(row => row['QUERY PLAN']).join('\n')
        assert.match(
          plan,
          new RegExp(`using ${name}_pkey on ${name}`),
          `${name}: of two indexes that look equal the newer one is taken\n${plan}`,
        )
      }
  } finally {
    await client.end()
    await database.close()
  }
})
