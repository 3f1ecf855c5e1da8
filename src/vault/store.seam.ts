/** Stands in for world/memory.ts until it is merged: enough of a store for the vault's tests. */
import type { Committed, Key, RefusedWrite, Store, Write } from '../world/store.ts'
import type { AnyTable, Row } from '../world/table.ts'

type Held = Record<string, unknown>

export function memoryStore(): Store & { dump(): readonly Held[] } {
  const tables = new Map<string, Held[]>()
  const rowsOf = (table: AnyTable): Held[] => {
    const rows = tables.get(table.name) ?? []
    tables.set(table.name, rows)
    return rows
  }
  const matches = (row: Held, by: Key): boolean => Object.entries(by).every(([name, value]) => row[name] === value)
  const same = (one: Held, two: Held, columns: readonly string[]): boolean => columns.every(name => one[name] === two[name])
  const refusal = (write: Write, index: number): RefusedWrite | undefined => {
    if (write.verb === 'insert') {
      const uniques = { [`${write.table.name}_pkey`]: write.table.key, ...write.table.unique }
      for (const [constraint, columns] of Object.entries(uniques)) {
        if (rowsOf(write.table).some(row => same(row, write.row, columns)))
          return { write: index, table: write.table.name, constraint, kind: 'exists' }
      }
    } else if (write.verb === 'move' || write.verb === 'remove') {
      const row = rowsOf(write.table).find(one => matches(one, write.key))
      if (row?.version !== write.version)
        return { write: index, table: write.table.name, constraint: `${write.table.name}_version`, kind: 'moved' }
    }
    return undefined
  }
  const apply = (write: Write): void => {
    if (write.verb === 'insert') rowsOf(write.table).push({ ...write.row, ...('version' in write.table.columns ? { version: 1 } : {}) })
    if (write.verb === 'move') {
      const row = rowsOf(write.table).find(one => matches(one, write.key))
      if (row !== undefined) Object.assign(row, write.set, { version: write.version + 1 })
    }
    if (write.verb === 'remove')
      tables.set(
        write.table.name,
        rowsOf(write.table).filter(one => !matches(one, write.key)),
      )
  }
  // The one edge: rows were checked when they were inserted.
  const typed = <T extends AnyTable>(rows: readonly Held[]): readonly Row<T>[] =>
    rows.map(row => ({ ...row })) as unknown as readonly Row<T>[]
  return {
    get: async (table, key) => typed<typeof table>(rowsOf(table).filter(row => matches(row, key)))[0],
    find: async (table, by, limit = 1000) =>
      typed<typeof table>(
        rowsOf(table)
          .filter(row => matches(row, by))
          .slice(0, limit),
      ),
    due: async (table, { now, limit }) =>
      typed<typeof table>(
        rowsOf(table)
          .filter(row => typeof row.due_at === 'number' && row.due_at <= now)
          .slice(0, limit),
      ),
    async commit(writes): Promise<Committed> {
      const refused = writes.flatMap((write, index) => refusal(write, index) ?? [])
      if (refused.length > 0) return { ok: false, refused }
      writes.forEach(apply)
      return { ok: true }
    },
    close: async () => undefined,
    dump: () => [...tables.values()].flat(),
  }
}
