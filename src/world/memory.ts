/**
 * The store in memory, for simulation and fast tests: the same rules and refusals as PostgreSQL's, one commit after the other, decided
 * at once and in the same order of work as a ride (ride-sql-work.ts), so that the same constraint is named where several would do.
 */
import type { Store, Write } from './store.ts'
import { layoutOf } from './store-layout.ts'
import { type Books, carryOut } from './store-memory-work.ts'
import { compare, createShelf, inKeyOrder, keyText, type MemoryRow, rowsBy } from './store-shelf.ts'
import { toKeep } from './store-value.ts'
import { findable, keyValues, rowsMax } from './store-write.ts'
import { type AnyTable, type Row, rowOf } from './table.ts'

export type MemoryStoreOptions = {
  readonly eventsTable?: string
  /** Called around every commit that lands; what they throw is what the caller gets. Before: nothing was written. After: all was. */
  readonly before?: (writes: readonly Write[]) => void
  readonly after?: (writes: readonly Write[]) => void
}
export type MemoryStore = Store & {
  /** All rows of all tables in key order: what two runs of one seed must agree on. */
  snapshot(): Readonly<Record<string, readonly MemoryRow[]>>
  /** Those of one table, as they were first inserted. */
  rows<T extends AnyTable>(table: T): readonly Row<T>[]
  /** How many rows a table has. */
  count(table: AnyTable): number
}

export function createMemoryStore(tables: readonly AnyTable[], options: MemoryStoreOptions = {}): MemoryStore {
  const layout = layoutOf(tables)
  const events = options.eventsTable === undefined ? undefined : layout.byName.get(options.eventsTable)
  if (options.eventsTable !== undefined && events === undefined) throw new TypeError(`no table ${options.eventsTable} among the tables`)
  const shelves = new Map(layout.tables.map(table => [table.name, createShelf(table)]))
  const books: Books = { shape: { layout, events }, shelves, shelfOf }
  function shelfOf(table: { readonly name: string }) {
    const shelf = shelves.get(table.name)
    if (shelf === undefined) throw new TypeError(`the table ${table.name} is not among the tables of this store`)
    return shelf
  }
  return {
    async get(table, key) {
      const shelf = shelfOf(table)
      const given: Record<string, unknown> = {}
      for (const [i, value] of keyValues(shelf.table, key).entries()) {
        const column = shelf.table.key[i]
        if (column !== undefined) given[column.name] = toKeep(column, value)
      }
      const row = shelf.rows.get(keyText(shelf.table, given))
      return row === undefined ? undefined : rowOf(table, row)
    },
    async find(table, by, limit = rowsMax) {
      const shelf = shelfOf(table)
      const columns = findable(shelf.table, by)
      const given: Record<string, unknown> = {}
      for (const column of columns) given[column.name] = toKeep({ ...column, nullable: false }, by[column.name])
      const rows = [...rowsBy(shelf, columns, given)].sort(inKeyOrder(shelf.table))
      return rows.slice(0, Math.min(limit, rowsMax)).map(row => rowOf(table, row))
    },
    async due(table, { now, clock, limit }) {
      const shelf = shelfOf(table)
      const inOrder = inKeyOrder(shelf.table)
      const rows = [...(shelf.dues?.get(clock) ?? [])]
        .filter(row => Number(row.due_at) <= now)
        .sort((one, other) => compare(one.due_at, other.due_at) || inOrder(one, other))
      return rows.slice(0, Math.min(limit, rowsMax)).map(row => rowOf(table, row))
    },
    async commit(writes) {
      if (writes.length === 0) return { ok: true }
      options.before?.(writes)
      const committed = carryOut(books, writes)
      if (committed.ok) options.after?.(writes)
      return committed
    },
    async close() {},
    snapshot() {
      const all = layout.tables.map(table => [table.name, [...shelfOf(table).rows.values()].sort(inKeyOrder(table))] as const)
      return Object.fromEntries(all)
    },
    rows: table => [...shelfOf(table).rows.values()].map(row => rowOf(table, row)),
    count: table => shelfOf(table).rows.size,
  }
}
