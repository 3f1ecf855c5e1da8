/** The declarations of all tables are what the migrations make. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { tables } from '../tables.ts'
import { vaultTables } from '../vault/tables.ts'
import { suiteSql, suiteTables } from './store.suite.ts'
import { compareCatalogue } from './store-catalogue.ts'
import { int, maybe, table, text } from './table.ts'
import { testDatabase } from './testing.ts'

test('declared tables and the catalogue agree, and every difference is noticed', async () => {
  const database = await testDatabase({ extraSql: [suiteSql] })
  const client = new Client(database.connection)
  await client.connect()
  try {
    assert.deepEqual(await compareCatalogue(client, 'bindery', [...tables, ...suiteTables]), [])
    assert.deepEqual(await compareCatalogue(client, 'vault', vaultTables), [])
    assert.deepEqual(await compareCatalogue(client, 'bindery', differing), [
      'parents: column name is not nullable in the database',
      'parents: parents_name is unique and not declared',
      'counters: column n is bigint, declared integer',
      'counters: column ceiling is bigint, declared text',
      'counters: column ceiling is nullable in the database',
      'counters: column more is missing in the database',
      'counters: column label is not declared',
      'counters: counters_pkey is on (tenant,name), declared on (name)',
      'counters: counters_more is missing in the database',
      'counters: counters_fkey is missing in the database',
      'counters: counters_check is missing in the database',
      'counters: counters_ceiling is not declared',
      'counters: index counters_name is missing in the database',
      'nowhere: no such table',
    ])
  } finally {
    await client.end()
    await database.close()
  }
})

const differing = [
  table('parents', { id: text(), name: maybe(text()), version: int() }, { key: ['id'] }),
  table(
    'counters',
    { tenant: text(), name: text(), n: int(), m: int(), ceiling: text(), more: maybe(text()), version: int() },
    {
      key: ['name'],
      unique: { counters_more: ['more'] },
      indexes: { counters_name: ['name'] },
      references: { counters_fkey: { columns: ['tenant'], to: 'parents' } },
      checks: { counters_check: () => true },
    },
  ),
  table('nowhere', { id: text() }, { key: ['id'] }),
]
