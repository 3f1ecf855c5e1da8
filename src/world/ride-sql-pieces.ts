/** The pieces of which a ride's statements are made. */
import type { ColumnLayout, TableLayout } from './store-layout.ts'
import type { ColumnType } from './table.ts'

export const miss = `raise exception 'conflict' using errcode = 'RIDE1';`

export const sqlTypes: Readonly<Record<ColumnType, string>> = {
  text: 'text',
  int: 'integer',
  big: 'bigint',
  time: 'timestamptz',
  bool: 'boolean',
  json: 'jsonb',
  bytes: 'bytea',
}

/** The value at a place of the JSON array (or under a name of an object), as its column's type. */
export function valueAt(from: string, place: number | string, column: ColumnLayout): string {
  const at = typeof place === 'number' ? String(place) : `'${place}'`
  if (column.type === 'text') return `${from}->>${at}`
  if (column.type === 'json') return column.nullable ? `nullif(${from}->${at}, 'null')` : `${from}->${at}`
  return `(${from}->>${at})::${sqlTypes[column.type]}`
}

/** The same key order in every ride, whatever the database's collation: two rides that touch the same rows never lock each other out. */
export const inKeyOrder = (table: TableLayout, from: (column: ColumnLayout, index: number) => string): string =>
  table.key.map((column, index) => (column.type === 'text' ? `(${from(column, index)}) collate "C"` : from(column, index))).join(', ')

export const nameOf = (schema: string, table: { readonly name: string }): string => `"${schema}"."${table.name}"`
export const list = (columns: readonly ColumnLayout[], of: (column: ColumnLayout, index: number) => string): string =>
  columns.map(of).join(', ')
/**
 * The table's key is the element's. Written as `= any (array[…])` because a plain equality also offers the planner a join the other way
 * round: over the whole index, once for every element. While a table is small and has been analysed that looks cheaper, and the plan
 * is then kept while the table grows.
 */
export const keyEquals = (table: TableLayout, from = 'e'): string =>
  table.key.map((column, i) => `t."${column.name}" = any (array[${from}.k${i}])`).join(' and ')
export const keyValues = (table: TableLayout): string => list(table.key, (column, i) => `${valueAt('e', i + 1, column)} as k${i}`)

/**
 * A single row is the only one of its table in most commits that travel alone. A statement over one variable needs no scan of a
 * function, no sort and no join to be set up, which is a good part of what so small a statement costs.
 */
export const oneOrMany = (one: string, many: string): string => `          if jsonb_array_length(the_rows) = 1 then
            the_row := the_rows->0;
${one}
          else
${many}
          end if;`
export const orMiss = `          if not found then
            ${miss}
          end if;`
/** The row that `the_row` names, at its version. */
export const isRow = (table: TableLayout): string =>
  [
    ...table.key.map((column, i) => `t."${column.name}" = ${valueAt('the_row', i + 1, column)}`),
    `t.version = (the_row->>${table.key.length + 1})::integer`,
  ].join('\n             and ')

export const countAndCompare = `          get diagnostics the_count = row_count;
          if the_count <> jsonb_array_length(the_rows) then
            ${miss}
          end if;`

/**
 * Hopeful: a unique violation ends the pass. Careful: every row that can be inserted is, and fewer than were given is a miss. Hope costs
 * PostgreSQL a tenth less and 450 bytes of log a bind less, since no row is inserted speculatively and then confirmed.
 */
export const insertBoth = (hopeful: string, insert: string): string => `          if the_care then
${insert}
              on conflict do nothing;
${countAndCompare}
          else
${hopeful}
          end if;`
