/**
 * One declaration of a table feeds the PostgreSQL store, the memory store and the test that compares it with the database's own
 * catalogue. Values in TypeScript: text → string, int → number, big → bigint, time → Unix milliseconds (`timestamptz`),
 * bool → boolean, json → plain data (`jsonb`), bytes → Buffer (`bytea`).
 */
export type ColumnType = 'text' | 'int' | 'big' | 'time' | 'bool' | 'json' | 'bytes'

export type Column<T> = { readonly type: ColumnType; readonly nullable: boolean; readonly value?: T }

const column = <T>(type: ColumnType, nullable: boolean): Column<T> => ({ type, nullable })
export const text = <T extends string = string>(): Column<T> => column('text', false)
export const int = (): Column<number> => column('int', false)
export const big = (): Column<bigint> => column('big', false)
export const time = (): Column<number> => column('time', false)
export const bool = (): Column<boolean> => column('bool', false)
export const json = <T>(): Column<T> => column('json', false)
export const bytes = (): Column<Buffer> => column('bytes', false)
/** The same column, allowed to be null. */
export const maybe = <T>(of: Column<T>): Column<T | null> => column(of.type, true)

export type Columns = Readonly<Record<string, Column<unknown>>>
export type RowOf<C extends Columns> = { readonly [K in keyof C]: C[K] extends Column<infer T> ? T : never }

export type Table<Name extends string = string, C extends Columns = Columns> = {
  readonly name: Name
  readonly columns: C
  /** Primary key. Its constraint is named `<table>_pkey`. */
  readonly key: readonly (keyof C & string)[]
  /** Unique constraints by name; rows with a null in one of the columns do not collide (as in SQL). */
  readonly unique: Readonly<Record<string, readonly (keyof C & string)[]>>
  /** Plain indexes by name: what `find` may ask by, beside the key and the unique sets. */
  readonly indexes: Readonly<Record<string, readonly (keyof C & string)[]>>
  /** Foreign keys by name: the columns here that must name a key over there (no check where one of them is null). */
  readonly references: Readonly<Record<string, { readonly columns: readonly (keyof C & string)[]; readonly to: string }>>
  /** Check constraints by name; the SQL twin stands in the migration under the same name. */
  readonly checks: Readonly<Record<string, (row: RowOf<C>) => boolean>>
}

/**
 * Declares a table. A column `version` (int) makes its rows movable: the store sets it to 1 on insert and raises it by one on every
 * move. Columns `due_at` (time, nullable) and `clock` (text, nullable: the customer's test clock) make its rows claimable by `due`.
 */
export function table<const Name extends string, C extends Columns>(
  name: Name,
  columns: C,
  more: { readonly key: readonly (keyof C & string)[] } & Partial<Pick<Table<Name, C>, 'unique' | 'indexes' | 'references' | 'checks'>>,
): Table<Name, C> {
  return {
    name,
    columns,
    key: more.key,
    unique: more.unique ?? {},
    indexes: more.indexes ?? {},
    references: more.references ?? {},
    checks: more.checks ?? {},
  }
}

/** A table whose columns are forgotten: what the store itself works with. */
export type AnyTable = {
  readonly name: string
  readonly columns: Columns
  readonly key: readonly string[]
  readonly unique: Readonly<Record<string, readonly string[]>>
  readonly indexes: Readonly<Record<string, readonly string[]>>
  readonly references: Readonly<Record<string, { readonly columns: readonly string[]; readonly to: string }>>
  readonly checks: Readonly<Record<string, (row: never) => boolean>>
}
export type Row<T> = T extends { readonly columns: infer C extends Columns } ? RowOf<C> : never
/** What `insert` takes: the row without `version`. */
export type NewRow<T> = Omit<Row<T>, 'version'>

/** The edge where a row that a store built column by column from the declaration takes the declared type. */
export const rowOf = <T extends AnyTable>(_table: T, row: Readonly<Record<string, unknown>>): Row<T> => row as Row<T>
