/**
 * The store: `get`, `find`, `due`, `commit`. Two implementations (postgres.ts, memory.ts) pass one suite (store.suite.ts).
 * A use case reads, decides purely, and hands its writes over as plain data; `commit` makes all of them durable together or refuses
 * them together, naming for each refused write the constraint that stood in the way.
 */
import type { AnyTable, NewRow, Row } from './table.ts'

export type Key = Readonly<Record<string, string | number>>

export type Insert = { readonly verb: 'insert'; readonly table: AnyTable; readonly row: Readonly<Record<string, unknown>> }
/** Compare-and-set: changes the row only if its `version` is still the one that was read. */
export type Move = {
  readonly verb: 'move'
  readonly table: AnyTable
  readonly key: Key
  readonly version: number
  readonly set: Readonly<Record<string, unknown>>
}
/**
 * Commutative: adds to whole-number columns, creating the row (from `key`, `create` and the amounts; other whole numbers start at 0)
 * if it is not there. Raises `version` like a move, so whoever expected the row notices.
 * `bounds`: after the addition each named column must lie within, else the write is refused with kind `bound`.
 */
export type Add = {
  readonly verb: 'add'
  readonly table: AnyTable
  readonly key: Key
  readonly amounts: Readonly<Record<string, bigint>>
  readonly create?: Readonly<Record<string, unknown>>
  readonly bounds?: Readonly<Record<string, { readonly min?: bigint; readonly max?: bigint }>>
}
/** A row that was read but is not changed is still the same. */
export type Expect = { readonly verb: 'expect'; readonly table: AnyTable; readonly key: Key; readonly version: number }
export type Remove = { readonly verb: 'remove'; readonly table: AnyTable; readonly key: Key; readonly version: number }
/** A ledger transfer, decided in ride order against the limits of both accounts. Same id and same content again: nothing happens. */
export type Post = { readonly verb: 'post'; readonly transfer: Transfer }
/** An event that goes out to the customer's systems. */
export type RecordEvent = { readonly verb: 'record'; readonly event: Readonly<Record<string, unknown>> }
export type Write = Insert | Move | Add | Expect | Remove | Post | RecordEvent

export type Transfer = {
  readonly tenant: string
  readonly id: string
  readonly debit: string
  readonly credit: string
  /** Minor units, above zero. */
  readonly amount: bigint
  readonly currency: string
  readonly reference: string
  readonly created_at: number
}

export type RefusedWrite = {
  /** Index into the writes that were committed. */
  readonly write: number
  readonly table: string
  /**
   * The constraint's name: `<table>_pkey`, a declared unique set, check or reference; `<table>_version` for a move, expect or remove;
   * `<table>_<column>_bound` for an add; for a post also `transfers_currency` and the accounts' limits.
   */
  readonly constraint: string
  /** exists: a unique set is taken · moved: version differs · missing: no such row · bound · check · reference */
  readonly kind: 'exists' | 'moved' | 'missing' | 'bound' | 'check' | 'reference'
}
/**
 * `refused` names every write that the rows as they stand forbid. A check, a reference or a move onto a taken unique set breaks a
 * statement on the spot and is named alone.
 */
export type Committed = { readonly ok: true } | { readonly ok: false; readonly refused: readonly RefusedWrite[] }

export interface Store {
  /** One row by its primary key. */
  get<T extends AnyTable>(table: T, key: Key): Promise<Row<T> | undefined>
  /** Rows by the columns of a declared key, unique set or index (or a leading part of one), in key order; at most `limit` (1,000). */
  find<T extends AnyTable>(table: T, by: Key, limit?: number): Promise<readonly Row<T>[]>
  /** Rows whose `due_at` has come on the given clock (null: the real one), oldest first. */
  due<T extends AnyTable>(
    table: T,
    at: { readonly now: number; readonly clock: string | null; readonly limit: number },
  ): Promise<readonly Row<T>[]>
  /**
   * All or nothing. Resolves when durable. Throws `Unavailable` when the database cannot be reached and it is certain that nothing was
   * written; a lost COMMIT answer is looked up before this settles. Throws a TypeError (a bug) for strings PostgreSQL cannot hold
   * (U+0000, lone surrogates), unknown columns, or an unnamed database error.
   */
  commit(writes: readonly Write[]): Promise<Committed>
  close(): Promise<void>
}

/** The database cannot be reached, or is too busy: nothing was written, try again. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

/** `version`, if the row has one, is left out: the store sets it. */
export const insert = <T extends AnyTable>(table: T, row: NewRow<T>): Insert => {
  const columns: Record<string, unknown> = { ...row }
  if ('version' in columns) delete columns.version
  return { verb: 'insert', table, row: columns }
}
export const move = <T extends AnyTable>(table: T, row: Row<T>, set: Partial<NewRow<T>>): Move => ({
  verb: 'move',
  table,
  key: keyOf(table, row),
  version: versionOf(row),
  set,
})
/** A move to a row as it should be: sets the columns in which the two differ. */
export const moveTo = <T extends AnyTable>(table: T, row: Row<T>, after: NewRow<T>): Move => {
  const old: Readonly<Record<string, unknown>> = { ...row }
  const set: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(after)) if (name !== 'version' && old[name] !== value) set[name] = value
  return { verb: 'move', table, key: keyOf(table, row), version: versionOf(row), set }
}
export const expect = <T extends AnyTable>(table: T, row: Row<T>): Expect => ({
  verb: 'expect',
  table,
  key: keyOf(table, row),
  version: versionOf(row),
})
export const remove = <T extends AnyTable>(table: T, row: Row<T>): Remove => ({
  verb: 'remove',
  table,
  key: keyOf(table, row),
  version: versionOf(row),
})
export const add = <T extends AnyTable>(table: T, key: Key, amounts: Add['amounts'], more: Pick<Add, 'create' | 'bounds'> = {}): Add => ({
  verb: 'add',
  table,
  key,
  amounts,
  ...more,
})
export const post = (transfer: Transfer): Post => ({ verb: 'post', transfer })

function keyOf(table: AnyTable, row: object): Key {
  const key: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(row)) {
    if (table.key.includes(name) && (typeof value === 'string' || typeof value === 'number')) key[name] = value
  }
  return key
}

function versionOf(row: object): number {
  const version = 'version' in row ? row.version : undefined
  if (typeof version !== 'number') throw new TypeError('a row without a version cannot be moved')
  return version
}

/** Whether a refusal names this constraint. */
export const refusedBy = (result: Committed, constraint: string): boolean =>
  !result.ok && result.refused.some(one => one.constraint === constraint)
