/** What the writer, the reader and the generated ride function all know about a list of declared tables, worked out once. */
import type { AnyTable, ColumnType } from './table.ts'

export type ColumnLayout = { readonly name: string; readonly type: ColumnType; readonly nullable: boolean }
export type UniqueLayout = { readonly name: string; readonly columns: readonly ColumnLayout[] }
export type ReferenceLayout = { readonly columns: readonly ColumnLayout[]; readonly to: string }
export type TableLayout = {
  readonly table: AnyTable
  readonly name: string
  /** Place in the order of work: a table comes after the tables its references name. */
  readonly index: number
  readonly versioned: boolean
  /** Every column but `version`, in declared order: what an insert carries. */
  readonly columns: readonly ColumnLayout[]
  readonly key: readonly ColumnLayout[]
  /** What a move may set: neither key nor version. */
  readonly settable: readonly ColumnLayout[]
  readonly settableByName: ReadonlyMap<string, ColumnLayout>
  /** Whole-number columns outside the key: what an add may add to. */
  readonly addable: readonly ColumnLayout[]
  /** The primary key first, then the declared unique sets. */
  readonly uniques: readonly UniqueLayout[]
  readonly references: readonly ReferenceLayout[]
  /** Whether another of these tables refers to it. */
  readonly referredTo: boolean
}
export type Layout = { readonly tables: readonly TableLayout[]; readonly byName: ReadonlyMap<string, TableLayout> }

/** Lays the tables out, parents first. Throws a TypeError for a declaration that cannot be stored. */
export function layoutOf(tables: readonly AnyTable[]): Layout {
  const ordered = parentsFirst(tables)
  const parents = new Set(tables.flatMap(table => Object.values(table.references).map(reference => reference.to)))
  const layouts = ordered.map((table, index) => layOut(table, index, parents.has(table.name)))
  return { tables: layouts, byName: new Map(layouts.map(one => [one.name, one])) }
}

/** What a read answers: every column, `version` last. */
export const allColumns = (table: TableLayout): readonly ColumnLayout[] =>
  table.versioned ? [...table.columns, { name: 'version', type: 'int', nullable: false }] : table.columns

/** The table's layout in this store. A table the store was not given is a bug. */
export function layoutFor(layout: Layout, table: { readonly name: string }): TableLayout {
  const found = layout.byName.get(table.name)
  if (found === undefined) throw new TypeError(`the table ${table.name} is not among the tables of this store`)
  return found
}

function layOut(table: AnyTable, index: number, referredTo: boolean): TableLayout {
  plainName(table.name)
  const all = Object.entries(table.columns).map(
    ([name, column]): ColumnLayout => ({
      name: plainName(name),
      type: column.type,
      nullable: column.nullable,
    }),
  )
  const named = (name: string): ColumnLayout => {
    const found = all.find(one => one.name === name)
    if (found === undefined) throw new TypeError(`${table.name}: no column ${name}`)
    return found
  }
  const key = table.key.map(named)
  if (key.length === 0) throw new TypeError(`${table.name}: a table needs a key`)
  const settable = all.filter(one => !table.key.includes(one.name) && one.name !== 'version')
  return {
    table,
    name: table.name,
    index,
    versioned: all.some(one => one.name === 'version'),
    columns: all.filter(one => one.name !== 'version'),
    key,
    settable,
    settableByName: new Map(settable.map(one => [one.name, one])),
    addable: settable.filter(one => one.type === 'int' || one.type === 'big'),
    uniques: [
      { name: `${table.name}_pkey`, columns: key },
      ...Object.entries(table.unique).map(([name, columns]) => ({ name: plainName(name), columns: columns.map(named) })),
    ],
    references: Object.values(table.references).map(({ columns, to }) => ({ columns: columns.map(named), to })),
    referredTo,
  }
}

/** Names end up in generated SQL, so they are held to what needs no escaping. PostgreSQL cuts names at 63 bytes. */
function plainName(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new TypeError(`${name}: a name is lower case letters, digits and _, at most 63`)
  return name
}

/** By name, then each table after those it refers to; a circle is cut where it is met, its references must then allow null. */
function parentsFirst(tables: readonly AnyTable[]): readonly AnyTable[] {
  const byName = new Map(tables.map(one => [one.name, one]))
  if (byName.size !== tables.length) throw new TypeError('two tables of one name')
  const placed = new Map<string, AnyTable>()
  const underWay = new Set<string>()
  const place = (table: AnyTable): void => {
    if (placed.has(table.name) || underWay.has(table.name)) return
    underWay.add(table.name)
    for (const reference of Object.values(table.references)) {
      const parent = byName.get(reference.to)
      if (parent !== undefined) place(parent)
    }
    placed.set(table.name, table)
  }
  for (const name of [...byName.keys()].sort()) {
    const table = byName.get(name)
    if (table !== undefined) place(table)
  }
  return [...placed.values()]
}
