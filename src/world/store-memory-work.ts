/** What a commit does in memory, in the order of a ride's statements; undone whole if anything stands against it. */
import type { Add, Committed, Write } from './store.ts'
import { blame, type Named, passes } from './store-blame.ts'
import type { TableLayout } from './store-layout.ts'
import { isRepeated, type PostTask, postAll, transferOf } from './store-memory-post.ts'
import { refusals } from './store-memory-refusals.ts'
import { inKeyOrder, keyText, type MemoryRow, replace, rowsBy, type Shelf, takenBy, type Undo } from './store-shelf.ts'
import { checked, toKeep } from './store-value.ts'
import {
  checkAdd,
  type Hold,
  hold,
  holdOf,
  keyValues,
  knownOnly,
  type Read,
  readWrites,
  type StoreShape,
  versionOf,
} from './store-write.ts'

export type Books = {
  readonly shape: StoreShape
  readonly shelves: ReadonlyMap<string, Shelf>
  readonly shelfOf: (table: { readonly name: string }) => Shelf
}
/** A write made ready: `key` names the row; `row` holds the key's columns and what an insert brings, a move sets or an add creates. */
export type Task = {
  readonly verb: 'insert' | 'move' | 'add' | 'expect' | 'remove'
  readonly write: number
  readonly shelf: Shelf
  readonly key: string
  readonly row: MemoryRow
  readonly version: number
  readonly add: Add | undefined
}
export type Work = { readonly tasks: readonly Task[]; readonly posts: readonly PostTask[] }

/** Thrown inside and caught here: a conflict that the refusals will name, or a constraint named at once. */
export const conflict = Symbol('conflict')
export class Broken extends Error {
  readonly named: Named
  constructor(named: Named) {
    super(named.constraint)
    this.named = named
  }
}

export function carryOut(books: Books, writes: readonly Write[]): Committed {
  const work = prepare(books, writes)
  const undo: Undo[] = []
  try {
    for (const verb of ['expect', 'remove', 'insert', 'move', 'add'] as const) phase(books, undo, verb, work.tasks)
    if (work.posts.length > 0) postAll(books, undo, work.posts)
    return { ok: true }
  } catch (error) {
    for (const { shelf, before, after } of undo.reverse()) replace(shelf, after, before)
    if (error === conflict) return { ok: false, refused: refusals(books, work) }
    const refused = error instanceof Broken ? blame(books.shape, writes, error.named) : undefined
    if (refused === undefined) throw error
    return { ok: false, refused: [refused] }
  }
}

function prepare(books: Books, writes: readonly Write[]): Work {
  const held = new Map<string, Hold>()
  const tasks: Task[] = []
  const posts: PostTask[] = []
  for (const read of readWrites(books.shape, writes)) {
    if (read.of.verb === 'post') {
      for (const account of [read.of.transfer.debit, read.of.transfer.credit])
        hold(held, `accounts ${read.of.transfer.tenant}\0${account}\0`, 'add')
      const transfer = transferOf(books.shelfOf(read.table).table, read.of.transfer)
      if (!isRepeated(books, transfer)) posts.push({ write: read.write, transfer })
    } else {
      const task = taskOf(books, read, read.of)
      hold(held, `${read.table.name} ${task.key}`, holdOf[task.verb])
      tasks.push(task)
    }
  }
  return { tasks, posts }
}

function taskOf(books: Books, { write, table }: Read, of: Exclude<Read['of'], { verb: 'post' }>): Task {
  const shelf = books.shelfOf(table)
  const row: Record<string, unknown> = {}
  if (of.verb === 'insert') {
    knownOnly(table, of.row, name => table.columns.some(column => column.name === name))
    for (const column of table.columns) row[column.name] = toKeep(column, of.row[column.name])
    if (table.versioned) row.version = 1
    return { verb: of.verb, write, shelf, key: keyText(table, row), row: Object.freeze(row), version: 1, add: undefined }
  }
  for (const [i, value] of keyValues(table, of.key).entries()) {
    const column = table.key[i]
    if (column !== undefined) row[column.name] = toKeep(column, value)
  }
  const key = keyText(table, row)
  if (of.verb === 'add') {
    checkAdd(table, of)
    bigs(of)
    keep(table, row, of.create ?? {})
    return { verb: of.verb, write, shelf, key, row, version: 0, add: of }
  }
  if (of.verb === 'move') {
    knownOnly(table, of.set, name => table.settableByName.has(name))
    keep(table, row, of.set)
  }
  return { verb: of.verb, write, shelf, key, row, version: versionOf(table, of.version), add: undefined }
}

function keep(table: TableLayout, row: Record<string, unknown>, values: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(values)) {
    const column = table.settableByName.get(name)
    if (column !== undefined) row[name] = toKeep(column, values[name])
  }
}

function bigs(add: Add): void {
  const given = [...Object.values(add.amounts), ...Object.values(add.bounds ?? {}).flatMap(bounds => [bounds.min, bounds.max])]
  for (const value of given) if (value !== undefined) checked({ name: 'amount', type: 'big', nullable: false }, value)
}

function phase(books: Books, undo: Undo[], verb: Task['verb'], tasks: readonly Task[]): void {
  const mine = tasks.filter(task => task.verb === verb)
  if (mine.length === 0) return
  const groups = new Map<Shelf, Task[]>()
  for (const task of mine) groups.set(task.shelf, [...(groups.get(task.shelf) ?? []), task])
  const shelves = [...groups.keys()].sort((one, other) => (one.table.index - other.table.index) * (verb === 'remove' ? -1 : 1))
  for (const shelf of shelves) {
    const group = groups.get(shelf) ?? []
    const inOrder = inKeyOrder(shelf.table)
    if (group.length > 1) group.sort((one, other) => inOrder(one.row, other.row))
    const whole = group.map(task => statements[verb](books, undo, task, group)).every(touched => touched)
    if (verb !== 'expect') checkReferences(books, undo, shelf)
    if (!whole) throw conflict
  }
}

type Statement = (books: Books, undo: Undo[], task: Task, group: readonly Task[]) => boolean

/** Each answers whether the row was touched, as the count of a statement's rows would tell. */
const statements: Readonly<Record<Task['verb'], Statement>> = {
  expect: (_books, _undo, { shelf, key, version }) => shelf.rows.get(key)?.version === version,
  remove: (_books, undo, { shelf, key, version }) => {
    const row = shelf.rows.get(key)
    if (row === undefined || row.version !== version) return false
    put(undo, shelf, row, undefined)
    return true
  },
  insert: (_books, undo, { shelf, row }) => {
    checkChecks(shelf, row)
    if (takenBy(shelf, row, undefined) !== undefined) return false
    put(undo, shelf, undefined, row)
    return true
  },
  move: (_books, undo, { shelf, key, row, version }) => {
    const before = shelf.rows.get(key)
    if (before === undefined || before.version !== version) return false
    change(undo, shelf, before, Object.freeze({ ...before, ...row, version: version + 1 }))
    return true
  },
  add: (_books, undo, task, group) => {
    const same = group.filter(other => other.key === task.key)
    // Adds to one row are one change.
    return same[0] !== task || addMerged(undo, task, same)
  },
}

function addMerged(undo: Undo[], { shelf, key, row }: Task, adds: readonly Task[]): boolean {
  const before = shelf.rows.get(key)
  const after = sumUp(shelf, before ?? row, adds, () => false)
  if (after === undefined) return false
  if (shelf.table.versioned) after.version = Number(before?.version ?? 0) + adds.length
  if (before === undefined) {
    for (const column of shelf.table.settable) after[column.name] = checked(column, after[column.name])
    // The row of a primary key that is there is raised; any other unique set in the way breaks the statement.
    const taken = takenBy(shelf, after, undefined)
    checkChecks(shelf, after)
    if (taken !== undefined) throw new Broken({ kind: 'exists', table: shelf.table.name, constraint: taken })
    put(undo, shelf, undefined, Object.freeze(after))
  } else change(undo, shelf, before, Object.freeze(after))
  return true
}

/** Adds one after the other. Undefined if one goes beyond its bounds, unless `beyond` (told which and where) says to go on. */
export function sumUp(
  shelf: Shelf,
  from: MemoryRow,
  adds: readonly Task[],
  beyond: (task: Task, column: string) => boolean,
): Record<string, unknown> | undefined {
  const sums: Record<string, unknown> = { ...from }
  for (const task of adds) {
    for (const { name, type, nullable } of shelf.table.addable) {
      const amount = task.add?.amounts[name]
      const bounds = task.add?.bounds?.[name]
      const value = BigInt(Number.isInteger(sums[name]) || typeof sums[name] === 'bigint' ? String(sums[name]) : 0) + (amount ?? 0n)
      if (amount !== undefined || (!nullable && sums[name] === undefined)) sums[name] = type === 'int' ? Number(value) : value
      const out = (bounds?.min !== undefined && value < bounds.min) || (bounds?.max !== undefined && value > bounds.max)
      if (out && !beyond(task, name)) return undefined
    }
  }
  return sums
}

export function put(undo: Undo[], shelf: Shelf, before: MemoryRow | undefined, after: MemoryRow | undefined): void {
  undo.push({ shelf, before, after })
  replace(shelf, before, after)
}

function change(undo: Undo[], shelf: Shelf, before: MemoryRow, after: MemoryRow): void {
  for (const column of shelf.table.addable) checked(column, after[column.name])
  checkChecks(shelf, after)
  const taken = takenBy(shelf, after, before)
  if (taken !== undefined) throw new Broken({ kind: 'exists', table: shelf.table.name, constraint: taken })
  put(undo, shelf, before, after)
}

/** PostgreSQL tries a row's checks in the order of their names. */
export function checkChecks(shelf: Shelf, row: MemoryRow): void {
  for (const check of Object.keys(shelf.table.table.checks).sort()) {
    if (!passes(shelf.table, check, row)) throw new Broken({ kind: 'check', table: shelf.table.name, constraint: check })
  }
}

/** At the end of a statement: what it wrote refers to rows that are there, what it removed is referred to by none. */
function checkReferences(books: Books, undo: readonly Undo[], shelf: Shelf): void {
  for (const { shelf: of, before, after } of undo) {
    if (of !== shelf) continue
    if (after !== undefined && shelf.rows.get(keyText(shelf.table, after)) === after) checkParents(books, shelf, after)
    if (before !== undefined && after === undefined) checkChildren(books, shelf, before)
  }
}

function checkParents(books: Books, shelf: Shelf, row: MemoryRow): void {
  for (const [constraint, { columns, to }] of Object.entries(shelf.table.table.references)) {
    const parents = books.shelves.get(to)
    if (parents === undefined) continue
    const key: Record<string, unknown> = {}
    for (const [i, column] of parents.table.key.entries()) key[column.name] = row[columns[i] ?? '']
    const whole = Object.values(key).every(value => value !== null)
    if (whole && !parents.rows.has(keyText(parents.table, key)))
      throw new Broken({ kind: 'reference', table: shelf.table.name, constraint })
  }
}

function checkChildren(books: Books, shelf: Shelf, row: MemoryRow): void {
  if (shelf.rows.has(keyText(shelf.table, row))) return
  for (const child of books.shelves.values()) {
    for (const [constraint, { columns, to }] of Object.entries(child.table.table.references)) {
      if (to !== shelf.table.name) continue
      const values: Record<string, unknown> = {}
      for (const [i, column] of shelf.table.key.entries()) values[columns[i] ?? ''] = row[column.name]
      const asked = columns.flatMap(name => child.table.columns.filter(column => column.name === name))
      for (const _ of rowsBy(child, asked, values)) throw new Broken({ kind: 'reference', table: child.table.name, constraint })
    }
  }
}
