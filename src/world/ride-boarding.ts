/** A commit made ready to ride: its rows as JSON text, the rows it holds, its size. Whatever is wrong with it is found here. */

import type { Add, Insert, Move, Write } from './store.ts'
import type { ColumnLayout, ReferenceLayout, TableLayout } from './store-layout.ts'
import { digits, type JsonValue, refusePoison, toJson } from './store-value.ts'
import {
  checkAdd,
  type Hold,
  hold,
  holdOf,
  keyValues,
  knownOnly,
  type ReadPost,
  readWrites,
  type StoreShape,
  type TableWrite,
  versionOf,
} from './store-write.ts'

export type Boarding = {
  readonly writes: readonly Write[]
  /** `text` is the row's JSON array without its opening bracket and tag. */
  readonly rows: readonly { readonly verb: string; readonly table: string; readonly write: number; readonly text: string }[]
  readonly holds: ReadonlyMap<string, Hold>
  readonly size: number
}

/** Bytes of JSON one commit may have. */
const sizeMax = 8_000_000

/** Throws a TypeError for writes that no database state could make right. */
export function board(shape: StoreShape, writes: readonly Write[]): Boarding {
  const holds = new Map<string, Hold>()
  const rows: { verb: string; table: string; write: number; text: string }[] = []
  let size = 0
  for (const { write, of, table } of readWrites(shape, writes)) {
    const row = of.verb === 'post' ? postRow(holds, of) : tableRow(holds, table, of)
    const text = JSON.stringify(row)
    refusePoison(text)
    size += text.length
    rows.push({ verb: of.verb, table: table.name, write, text: `,${text.slice(1)}` })
  }
  if (size > sizeMax) throw new TypeError(`a commit holds at most ${sizeMax} characters`)
  return { writes, rows, holds, size }
}

function tableRow(holds: Map<string, Hold>, table: TableLayout, of: TableWrite): JsonRow {
  const row: JsonRow = []
  if (of.verb === 'insert') {
    insertRow(table, of, row)
    const name = rowName(
      table.name,
      table.key.map(column => row[table.columns.indexOf(column)]),
    )
    hold(holds, name, 'insert')
    if (table.referredTo) holds.set(`${name}>`, 'insert')
    for (const reference of table.references) refer(holds, reference, column => row[table.columns.indexOf(column)])
    return row
  }
  const values = keyValues(table, of.key)
  for (let i = 0; i < table.key.length; i += 1) row.push(toJson(columnAt(table, i), values[i]))
  hold(holds, rowName(table.name, row), of.verb === 'add' && Object.keys(table.table.checks).length > 0 ? 'addAlone' : holdOf[of.verb])
  if (of.verb === 'add') return addRow(table, of, row)
  row.push(versionOf(table, of.version))
  if (of.verb === 'move') row.push(settings(holds, table, of))
  return row
}

type JsonRow = (JsonValue | undefined)[]

const rowName = (table: string, key: readonly (JsonValue | undefined)[]): string =>
  key.length === 1 ? `${table} ${String(key[0])}` : `${table} ${JSON.stringify(key)}`

/** A commit that refers to a row comes after the one that makes it: they do not share a ride, unless they are the same commit. */
function refer(holds: Map<string, Hold>, { columns, to }: ReferenceLayout, value: (column: ColumnLayout) => JsonValue | undefined): void {
  const key = columns.map(value)
  if (key.includes(null) || key.includes(undefined)) return
  const name = `${rowName(to, key)}>`
  if (!holds.has(name)) holds.set(name, 'refer')
}

function columnAt(table: TableLayout, index: number): ColumnLayout {
  const column = table.key[index]
  if (column === undefined) throw new TypeError(`${table.name}: no such key column`)
  return column
}

function insertRow(table: TableLayout, { row }: Insert, into: JsonRow): void {
  let given = 0
  for (const column of table.columns) {
    if (column.name in row) given += 1
    into.push(toJson(column, row[column.name]))
  }
  if (given !== Object.keys(row).length) knownOnly(table, row, name => table.columns.some(column => column.name === name))
}

function settings(holds: Map<string, Hold>, table: TableLayout, { key, set }: Move): object {
  const settings: Record<string, JsonValue> = {}
  for (const name of Object.keys(set)) {
    const column = table.settableByName.get(name)
    if (column === undefined) throw new TypeError(`${table.name}: ${name} is not a column that can be moved`)
    settings[name] = toJson(column, set[name])
  }
  for (const reference of table.references) {
    if (reference.columns.some(column => column.name in set)) refer(holds, reference, ({ name }) => settings[name] ?? key[name])
  }
  return settings
}

function addRow(table: TableLayout, add: Add, row: JsonRow): JsonRow {
  checkAdd(table, add)
  const made: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(add.create ?? {})) {
    const column = table.settableByName.get(name)
    if (column !== undefined) made[name] = toJson(column, value)
  }
  row.push(made)
  for (const { name } of table.addable) {
    const bounds = add.bounds?.[name]
    for (const value of [add.amounts[name], bounds?.min, bounds?.max]) row.push(value === undefined ? null : digits(name, value))
  }
  return row
}

const postColumns = (['tenant', 'id', 'debit', 'credit', 'amount', 'currency', 'reference', 'created_at'] as const).map(name => ({
  name,
  type: name === 'amount' ? ('big' as const) : name === 'created_at' ? ('time' as const) : ('text' as const),
  nullable: false,
}))

function postRow(holds: Map<string, Hold>, { transfer }: ReadPost['of']): JsonRow {
  for (const account of [transfer.debit, transfer.credit]) hold(holds, `accounts ${JSON.stringify([transfer.tenant, account])}`, 'add')
  return postColumns.map(column => toJson(column, transfer[column.name]))
}
