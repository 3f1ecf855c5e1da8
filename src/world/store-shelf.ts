/** One table in memory: rows by key, its unique sets, and look-ups by whatever columns were asked for once. */
import { allColumns, type ColumnLayout, type TableLayout } from './store-layout.ts'

export type MemoryRow = Readonly<Record<string, unknown>>
export type Shelf = {
  readonly table: TableLayout
  readonly rows: Map<string, MemoryRow>
  readonly uniques: readonly { readonly name: string; readonly columns: readonly ColumnLayout[]; readonly taken: Map<string, MemoryRow> }[]
  readonly lookUps: Map<string, LookUp>
  /** Rows with a `due_at`, by clock. */
  readonly dues: Map<unknown, Set<MemoryRow>> | undefined
}
type LookUp = { readonly columns: readonly ColumnLayout[]; readonly rows: Map<string, Set<MemoryRow>> }
/** What puts the shelf back as it was. */
export type Undo = { readonly shelf: Shelf; readonly before: MemoryRow | undefined; readonly after: MemoryRow | undefined }

export function createShelf(table: TableLayout): Shelf {
  const names = allColumns(table).map(column => column.name)
  return {
    table,
    rows: new Map(),
    // The primary key is the rows' own map.
    uniques: table.uniques.slice(1).map(unique => ({ ...unique, taken: new Map() })),
    lookUps: new Map(),
    dues: names.includes('due_at') && names.includes('clock') ? new Map() : undefined,
  }
}

/** The values as one text, the same for equal values only: no stored text holds U+0000. Undefined if one is null. */
export function textOf(columns: readonly ColumnLayout[], row: MemoryRow): string | undefined {
  const [first] = columns
  if (columns.length === 1 && first !== undefined) {
    const value = row[first.name]
    return value === null ? undefined : String(value)
  }
  let text = ''
  for (const column of columns) {
    const value = row[column.name]
    if (value === null) return undefined
    text += `${String(value)}\0`
  }
  return text
}

export const keyText = (table: TableLayout, row: MemoryRow): string => textOf(table.key, row) ?? ''

/** Puts `after` in the place of `before`; the undo of it is the same the other way round. */
export function replace(shelf: Shelf, before: MemoryRow | undefined, after: MemoryRow | undefined): void {
  if (before !== undefined) {
    if (after === undefined) shelf.rows.delete(keyText(shelf.table, before))
    for (const unique of shelf.uniques) {
      const text = textOf(unique.columns, before)
      if (text !== undefined && unique.taken.get(text) === before) unique.taken.delete(text)
    }
    for (const lookUp of shelf.lookUps.values()) forget(lookUp, before)
    shelf.dues?.get(before.clock)?.delete(before)
  }
  if (after === undefined) return
  shelf.rows.set(keyText(shelf.table, after), after)
  for (const unique of shelf.uniques) {
    const text = textOf(unique.columns, after)
    if (text !== undefined) unique.taken.set(text, after)
  }
  for (const lookUp of shelf.lookUps.values()) remember(lookUp, after)
  if (shelf.dues !== undefined && after.due_at !== null) {
    const dues = shelf.dues.get(after.clock)
    if (dues === undefined) shelf.dues.set(after.clock, new Set([after]))
    else dues.add(after)
  }
}

/** The name of the first unique set (declared order, the key first) that another row has taken. */
export function takenBy(shelf: Shelf, row: MemoryRow, self: MemoryRow | undefined): string | undefined {
  if (self === undefined && shelf.rows.has(keyText(shelf.table, row))) return `${shelf.table.name}_pkey`
  for (const unique of shelf.uniques) {
    const text = textOf(unique.columns, row)
    const other = text === undefined ? undefined : unique.taken.get(text)
    if (other !== undefined && other !== self) return unique.name
  }
  return undefined
}

/** All rows with these values in these columns. The first asking builds the look-up, which is then kept current. */
export function rowsBy(shelf: Shelf, columns: readonly ColumnLayout[], values: MemoryRow): Iterable<MemoryRow> {
  const name = columns.map(column => column.name).join()
  let lookUp = shelf.lookUps.get(name)
  if (lookUp === undefined) {
    lookUp = { columns, rows: new Map() }
    for (const row of shelf.rows.values()) remember(lookUp, row)
    shelf.lookUps.set(name, lookUp)
  }
  const text = textOf(columns, values)
  return text === undefined ? [] : (lookUp.rows.get(text) ?? [])
}

function remember({ columns, rows }: LookUp, row: MemoryRow): void {
  const text = textOf(columns, row)
  if (text === undefined) return
  const those = rows.get(text)
  if (those === undefined) rows.set(text, new Set([row]))
  else those.add(row)
}

function forget({ columns, rows }: LookUp, row: MemoryRow): void {
  const text = textOf(columns, row)
  if (text === undefined) return
  const those = rows.get(text)
  those?.delete(row)
  if (those?.size === 0) rows.delete(text)
}

/** As PostgreSQL orders them under the collation "C": by UTF-8 bytes, which differs from UTF-16 only above the surrogates. */
export function inKeyOrder(table: TableLayout): (one: MemoryRow, other: MemoryRow) => number {
  return (one, other) => {
    for (const column of table.key) {
      const order = compare(one[column.name], other[column.name])
      if (order !== 0) return order
    }
    return 0
  }
}

export function compare(one: unknown, other: unknown): number {
  if (one === other) return 0
  if (typeof one === 'string' && typeof other === 'string') {
    if (/[\ud800-\uffff]/.test(one) || /[\ud800-\uffff]/.test(other)) return Buffer.compare(Buffer.from(one), Buffer.from(other))
    return one < other ? -1 : 1
  }
  if (typeof one === 'bigint' && typeof other === 'bigint') return one < other ? -1 : 1
  return Number(one) < Number(other) ? -1 : 1
}
