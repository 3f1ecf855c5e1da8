/** Reading: `get` calls that wait while a read is in flight share one statement a table, `find` and `due` are plain statements. */
import type { Pool, QueryArrayConfig, QueryArrayResult } from 'pg'
import { isUnreachable } from './ride-lane.ts'
import { inKeyOrder, keyEquals, list, nameOf, sqlTypes } from './ride-sql-pieces.ts'
import { type Store, Unavailable } from './store.ts'
import { allColumns, type ColumnLayout, type Layout, type TableLayout } from './store-layout.ts'
import { fromText, toJson } from './store-value.ts'
import { findable, keyValues, rowsMax } from './store-write.ts'
import { type AnyTable, rowOf } from './table.ts'

export type Reader = Pick<Store, 'get' | 'find' | 'due'>

/** Keys that share one statement. */
const keysMax = 500

type Found = Readonly<Record<string, unknown>>
type Asked = {
  readonly key: readonly unknown[]
  readonly answer: (row: Found | undefined) => void
  readonly fail: (error: unknown) => void
}
type Desk = { readonly table: TableLayout; readonly columns: readonly ColumnLayout[]; waiting: Asked[]; reading: number }

export function createReader(pool: Pool, schema: string, layout: Layout): Reader {
  const desks = new Map(layout.tables.map(table => [table.name, { table, columns: allColumns(table), waiting: [] as Asked[], reading: 0 }]))
  const deskOf = (table: AnyTable): Desk => {
    const desk = desks.get(table.name)
    if (desk === undefined) throw new TypeError(`the table ${table.name} is not among the tables of this store`)
    return desk
  }
  return {
    async get(table, key) {
      const desk = deskOf(table)
      const values = keyValues(desk.table, key).map((value, i) => parameter(desk.table.key[i], value))
      const found = await new Promise<Found | undefined>((answer, fail) => {
        desk.waiting.push({ key: values, answer, fail })
        if (desk.reading === 0) read(pool, schema, desk)
      })
      return found === undefined ? undefined : rowOf(table, found)
    },
    async find(table, by, limit = rowsMax) {
      const desk = deskOf(table)
      const columns = findable(desk.table, by)
      const rows = await select(pool, desk, {
        name: `find ${table.name} ${columns.map(column => column.name).join()}`,
        text: findSql(schema, desk, columns),
        values: [Math.min(limit, rowsMax), ...columns.map(column => parameter(column, by[column.name]))],
      })
      return rows.map(row => rowOf(table, row))
    },
    async due(table, { now, clock, limit }) {
      const desk = deskOf(table)
      const rows = await select(pool, desk, {
        text: dueSql(schema, desk, clock),
        values: [Math.min(limit, rowsMax), new Date(now).toISOString(), ...(clock === null ? [] : [clock])],
      })
      return rows.map(row => rowOf(table, row))
    },
  }
}

const columnsOf = ({ columns }: Desk): string => list(columns, column => `t."${column.name}"`)
const selectFrom = (schema: string, desk: Desk): string => `select ${columnsOf(desk)} from ${nameOf(schema, desk.table)} as t`
const inOrder = ({ table }: Desk): string => inKeyOrder(table, column => `t."${column.name}"`)

/** Rows are looked up by key as in a ride, see `keyEquals`. */
const getSql = (schema: string, desk: Desk): string =>
  `${selectFrom(schema, desk)}
     join unnest(${list(desk.table.key, (column, i) => `$${i + 1}::${sqlTypes[column.type]}[]`)}) as e (${list(desk.table.key, (_, i) => `k${i}`)})
       on ${keyEquals(desk.table)}`

/** Found first and ordered then: while a table is small, the planner would rather read all of it in order, and keep doing so. */
const findSql = (schema: string, desk: Desk, columns: readonly ColumnLayout[]): string =>
  `select ${columnsOf(desk)}
     from (
       ${selectFrom(schema, desk)}
        where ${columns.map((column, i) => `t."${column.name}" = $${i + 2}`).join(' and ')}
       offset 0
     ) as t
    order by ${inOrder(desk)}
    limit $1`

/** Without a name: planned each time, for what has fallen due may be a handful or half the table. */
const dueSql = (schema: string, desk: Desk, clock: string | null): string =>
  `${selectFrom(schema, desk)}
    where t.due_at <= $2
      and ${clock === null ? 't.clock is null' : 't.clock = $3'}
    order by t.due_at, ${inOrder(desk)}
    limit $1`

/** Everything asked of the table until now, in one statement. The rows come in any order; each says its own key. */
async function read(pool: Pool, schema: string, desk: Desk): Promise<void> {
  const asked = desk.waiting.splice(0, keysMax)
  const { key } = desk.table
  desk.reading += 1
  try {
    const rows = await select(pool, desk, {
      name: `get ${desk.table.name}`,
      text: getSql(schema, desk),
      values: key.map((_, i) => asked.map(one => one.key[i])),
    })
    answer(asked, rows, desk.table)
  } catch (error) {
    for (const one of asked) one.fail(error)
  }
  desk.reading -= 1
  if (desk.waiting.length > 0) read(pool, schema, desk)
}

function answer(asked: readonly Asked[], rows: readonly Found[], table: TableLayout): void {
  if (asked.length === 1) {
    asked[0]?.answer(rows[0])
    return
  }
  const textOf = (values: readonly unknown[]): string => JSON.stringify(values)
  const byKey = new Map(rows.map(row => [textOf(table.key.map(column => parameter(column, row[column.name]))), row]))
  for (const one of asked) one.answer(byKey.get(textOf(one.key)))
}

async function select(pool: Pool, desk: Desk, query: { name?: string; text: string; values: unknown[] }): Promise<readonly Found[]> {
  const config: QueryArrayConfig = { ...query, rowMode: 'array', types: { getTypeParser: () => asText } }
  const result = await ask(pool, config)
  return result.rows.map(values => {
    const row: Record<string, unknown> = {}
    for (const [i, column] of desk.columns.entries()) {
      const value = values[i]
      row[column.name] = value === null || value === undefined ? null : fromText(column.type, value)
    }
    return row
  })
}

/** A second time if the connection had died meanwhile; reading twice does no harm. Throws `Unavailable` when that fails too. */
async function ask(pool: Pool, config: QueryArrayConfig): Promise<QueryArrayResult<(string | null)[]>> {
  try {
    return await pool.query<(string | null)[]>(config)
  } catch (first) {
    if (!isUnreachable(first)) throw first
    return await pool.query<(string | null)[]>(config).catch(error => {
      throw isUnreachable(error) ? new Unavailable('the database cannot be reached', { cause: error }) : error
    })
  }
}

const asText = (text: string): string => text

/** A value as a parameter: its JSON form, which PostgreSQL reads as text. */
function parameter(column: ColumnLayout | undefined, value: unknown): unknown {
  if (column === undefined) throw new TypeError('no such column')
  return toJson({ ...column, nullable: false }, value)
}
