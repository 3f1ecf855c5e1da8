/** For tests and the simulation: rows of a memory store, written as they are into a real database. */
import type { Client } from 'pg'
import type { AnyTable, ColumnType } from './table.ts'

export type Rows = (table: AnyTable) => readonly Readonly<Record<string, unknown>>[]

/** Rows of one statement. */
const pageRows = 1_000

/** Empties these tables and fills them. They stand in an order in which what is referred to comes first. */
export async function copyRows(client: Pick<Client, 'query'>, schema: string, tables: readonly AnyTable[], rowsOf: Rows): Promise<void> {
  await client.query('begin')
  await client.query(`truncate ${tables.map(one => `${schema}.${one.name}`).join(', ')}`)
  for (const table of tables) {
    const columns = Object.keys(table.columns).map(name => `"${name}"`)
    const rows = rowsOf(table)
    for (let at = 0; at < rows.length; at += pageRows) {
      const page = rows.slice(at, at + pageRows).map(row => written(table, row))
      await client.query(
        `insert into ${schema}.${table.name} (${columns.join(', ')})
         select ${columns.join(', ')}
         from jsonb_populate_recordset(null::${schema}.${table.name}, $1)`,
        [JSON.stringify(page)],
      )
    }
  }
  await client.query('commit')
  // As autovacuum would have by the time anybody asks.
  await client.query('analyze')
}

const written = (table: AnyTable, row: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(table.columns).map(([name, { type }]) => [name, asJson(type, row[name])]))

function asJson(type: ColumnType, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (type === 'time' && typeof value === 'number') return new Date(value).toISOString()
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value
}
