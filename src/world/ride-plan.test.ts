/** A plan is kept as long as its connection lives. It must be right for the table that will be, not for the small one that is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { tables } from '../tables.ts'
import { vaultTables } from '../vault/tables.ts'
import { laneSettings } from './ride-lane.ts'
import { rideFunctionSql } from './ride-sql.ts'
import { suiteSql, suiteTables } from './store.suite.ts'
import { layoutOf, type TableLayout } from './store-layout.ts'
import type { AnyTable } from './table.ts'
import { testDatabase } from './testing.ts'

const samples = { text: 'x', int: 1, big: '1', time: '2026-01-01T00:00:00Z', bool: true, json: {}, bytes: '\\x00' }

test('a ride looks every row up by an index, even with plans made while all tables were empty', async () => {
  const all: [string, readonly AnyTable[]][] = [
    ['bindery', [...tables, ...suiteTables]],
    ['vault', vaultTables],
  ]
  const functions = all.map(([schema, of]) => rideFunctionSql(schema, of))
  const database = await testDatabase({ extraSql: [suiteSql, ...functions.map(one => one.sql)] })
  const client = new Client(database.connection)
  const plans: string[] = []
  client.on('notice', notice => plans.push(notice.message ?? ''))
  await client.connect()
  try {
    await client.query(twoRows)
    await client.query('vacuum analyze')
    await client.query(`${laneSettings}; load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;
      set auto_explain.log_timing = off; set client_min_messages = log`)
    for (const [i, [schema, of]] of all.entries()) {
      for (const table of layoutOf(of).tables) {
        // One row and many have statements of their own.
        for (const [verb, row] of rowsFor(table))
          for (const rows of [[row], [row, row]]) {
            plans.length = 0
            const writes = JSON.stringify({ [verb]: { [table.name]: rows } })
            await client.query(`select "${schema}"."${functions[i]?.name}"(gen_random_uuid(), $1)`, [writes]).catch(() => undefined)
            const scans = plans.filter(
              plan => /jsonb_array_elements\(the_rows\)|the_row->>1/.test(plan) && /^\s+->.* on "?\w+"? t\b/m.test(plan),
            )
            assert.ok(scans.length > 0, `${verb} ${table.name}: no plan was seen`)
            for (const plan of scans) {
              // With two rows already the key's own index is the cheapest; while there are none, any index is (see replanAt).
              const index = suiteTables.some(one => one === table.table) ? `${table.name}_pkey` : ''
              assert.match(plan, new RegExp(`Index Scan using ${index}\\w* on ${table.name} t[^\n]*\n *Index Cond: `), plan)
              assert.doesNotMatch(plan, /Join Filter:.*= (ANY|e\.k|s\.k)/, plan)
            }
          }
      }
    }
  } finally {
    await client.end()
    await database.close()
  }
})

const twoRows = `
insert into bindery.parents (id, name, version) values ('a', 'a', 1), ('b', 'b', 1);
insert into bindery.things (tenant, id, code, parent, state, count, amount, at, ok, version)
  values ('t', 'a', 'a', 'a', 'new', 1, 1, now(), true, 1), ('t', 'b', 'b', 'a', 'new', 1, 1, now(), true, 1);
insert into bindery.counters (tenant, name, n, m, version) values ('t', 'a', 1, 1, 1), ('t', 'b', 1, 1, 1);
insert into bindery.notes (id, body) values ('a', ''), ('b', '');
`

/** Rows of no row that is there: the statement is planned and finds nothing. */
function rowsFor(table: TableLayout): [string, unknown[]][] {
  const key = table.key.map(column => samples[column.type])
  const version = [0, ...key, 1]
  const amounts = table.addable.flatMap(() => ['1', '9', null])
  const versioned: [string, unknown[]][] = [
    ['expect', version],
    ['remove', version],
    ['move', [...version, {}]],
  ]
  return [
    ...(table.versioned ? versioned : []),
    ...(table.addable.length > 0 ? [['add', [0, ...key, {}, ...amounts]] satisfies [string, unknown[]]] : []),
  ]
}
