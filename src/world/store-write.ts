/**
 * The writes of one commit, checked before they go anywhere: known tables, known columns, each row written once. Both stores read the
 * writes through here, so a mistake is the same TypeError in both.
 */

import type { Add, Expect, Insert, Key, Move, Post, Remove, Transfer, Write } from './store.ts'
import { type ColumnLayout, type Layout, layoutFor, type TableLayout } from './store-layout.ts'

/** Bounds of one commit. A tag holds the write in ten bits. */
export const writesMax = 1_000

export type TableWrite = Insert | Move | Add | Expect | Remove
export type Read = { readonly write: number; readonly of: TableWrite; readonly table: TableLayout } | ReadPost
export type ReadPost = { readonly write: number; readonly of: Post; readonly table: TableLayout }

export type StoreShape = {
  readonly layout: Layout
  /** Where `record` puts its rows. */
  readonly events: TableLayout | undefined
}

/** Each write with its table's layout. A transfer that stands there twice is left out the second time. */
export function readWrites(shape: StoreShape, writes: readonly Write[]): readonly Read[] {
  if (writes.length > writesMax) throw new TypeError(`a commit holds at most ${writesMax} writes`)
  const read: Read[] = []
  const posted = new Map<string, Transfer>()
  for (const [index, write] of writes.entries()) {
    if (write.verb === 'post') {
      if (!isRepeated(posted, write.transfer)) read.push({ write: index, of: write, table: transfersOf(shape) })
    } else if (write.verb === 'record') {
      const table = eventsOf(shape)
      read.push({ write: index, of: { verb: 'insert', table: table.table, row: write.event }, table })
    } else {
      read.push({ write: index, of: write, table: layoutFor(shape.layout, write.table) })
    }
  }
  return read
}

function eventsOf(shape: StoreShape): TableLayout {
  if (shape.events === undefined) throw new TypeError('this store has no table of events')
  return shape.events
}

function transfersOf(shape: StoreShape): TableLayout {
  const transfers = shape.layout.byName.get('transfers')
  if (transfers === undefined || !shape.layout.byName.has('accounts')) throw new TypeError('this store has no ledger')
  return transfers
}

/** The same transfer twice in one commit is one transfer. With different content the second is refused like any other. */
function isRepeated(posted: Map<string, Transfer>, transfer: Transfer): boolean {
  const id = `${transfer.tenant} ${transfer.id}`
  const first = posted.get(id)
  if (first === undefined) {
    posted.set(id, transfer)
    return false
  }
  return sameTransfer(first, transfer)
}

export const sameTransfer = (one: Transfer, other: Transfer): boolean =>
  one.debit === other.debit &&
  one.credit === other.credit &&
  one.amount === other.amount &&
  one.currency === other.currency &&
  one.reference === other.reference &&
  one.created_at === other.created_at

/**
 * How a commit holds a row while it travels. Commits share a row only in the same way, and a change is never shared. That a row comes
 * into being (`insert`) and that it is referred to (`refer`) are held apart from the rest, under a name of their own.
 */
/** `addAlone`: an addition to a row whose table has checks; merged with others it could hide a state between that a check forbids. */
export type Hold = 'insert' | 'expect' | 'add' | 'addAlone' | 'change' | 'refer'
export const holdOf = { insert: 'insert', expect: 'expect', add: 'add', move: 'change', remove: 'change' } as const

/** Notes how the commit holds a row. Throws a TypeError if it writes one row in two ways; to expect a row and change it is one way. */
export function hold(held: Map<string, Hold>, row: string, how: Hold): void {
  const before = held.get(row)
  if (before === undefined || (before === 'expect' && how === 'change')) held.set(row, how)
  else if (before === how ? how === 'change' : !(before === 'change' && how === 'expect')) {
    throw new TypeError(`one commit writes a row twice: ${row.replaceAll('\0', ' ')}`)
  }
}

/** The values of a key in order. Throws a TypeError unless exactly the key's columns are named. */
export function keyValues(table: TableLayout, key: Key): readonly unknown[] {
  const values = table.key.map(column => key[column.name])
  if (Object.keys(key).length !== table.key.length || values.includes(undefined)) {
    throw new TypeError(`${table.name}: its key is ${table.table.key.join(', ')}`)
  }
  return values
}

/** Throws a TypeError if the object names anything but these columns. */
export function knownOnly(table: TableLayout, given: object, known: (name: string) => boolean): void {
  for (const name in given) {
    if (!known(name)) throw new TypeError(`${table.name}: ${name} is not a column that can be written here`)
  }
}

export function versionOf(table: TableLayout, version: number): number {
  if (!table.versioned) throw new TypeError(`${table.name}: its rows have no version`)
  if (!Number.isInteger(version) || version < 1 || version > 2_147_483_646) throw new TypeError(`${table.name}: not a version: ${version}`)
  return version
}

export function addableOf(table: TableLayout, name: string): ColumnLayout {
  const column = table.addable.find(one => one.name === name)
  if (column === undefined) throw new TypeError(`${table.name}: ${name} is not a whole-number column outside the key`)
  return column
}

/** An add's parts agree: amounts and bounds are for whole-number columns; a column is either created or added to. */
export function checkAdd(table: TableLayout, add: Add): void {
  for (const name of Object.keys(add.amounts)) addableOf(table, name)
  for (const name of Object.keys(add.bounds ?? {})) addableOf(table, name)
  knownOnly(table, add.create ?? {}, name => table.settableByName.has(name) && !(name in add.amounts))
}

/** Rows one `find` or `due` answers at most. */
export const rowsMax = 1_000

/** The asked columns, if they are a key, a unique set, an index or the leading part of one. */
export function findable(table: TableLayout, by: Key): readonly ColumnLayout[] {
  const asked = Object.keys(by)
  const sets = [table.table.key, ...Object.values(table.table.unique), ...Object.values(table.table.indexes)]
  const found = sets.find(set => asked.length <= set.length && set.slice(0, asked.length).every(name => name in by))
  if (found === undefined || asked.length === 0) throw new TypeError(`${table.name}: no index begins with ${asked.join(', ')}`)
  return found.slice(0, asked.length).flatMap(name => table.columns.filter(column => column.name === name))
}
