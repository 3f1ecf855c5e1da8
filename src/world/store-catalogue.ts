/** Compares declared tables with what the database itself says they are. */
import type { ClientBase, Pool } from 'pg'
import { allColumns, layoutOf, type TableLayout } from './store-layout.ts'
import type { AnyTable, ColumnType } from './table.ts'

const typeNames: Readonly<Record<ColumnType, string>> = {
  text: 'text',
  int: 'integer',
  big: 'bigint',
  time: 'timestamp with time zone',
  bool: 'boolean',
  json: 'jsonb',
  bytes: 'bytea',
}

type Catalogue = {
  readonly columns: readonly { table: string; name: string; type: string; nullable: boolean; fills: boolean }[]
  readonly constraints: readonly {
    table: string
    name: string
    kind: string
    columns: readonly string[]
    to: string | null
    deferrable: boolean
  }[]
  readonly indexes: readonly { table: string; name: string; unique: boolean; partial: boolean; columns: readonly string[] }[]
}

/** Every difference between the declarations and the schema, in words; none if they agree. */
export async function compareCatalogue(
  database: Pool | ClientBase,
  schema: string,
  tables: readonly AnyTable[],
): Promise<readonly string[]> {
  const catalogue = await readCatalogue(database, schema)
  return layoutOf(tables).tables.flatMap(table => {
    if (!catalogue.columns.some(column => column.table === table.name)) return [`${table.name}: no such table`]
    return [
      ...compareColumns(table, catalogue),
      ...compareKeys(table, catalogue),
      ...compareReferences(table, catalogue),
      ...compareChecks(table, catalogue),
      ...compareIndexes(table, catalogue),
    ].map(difference => `${table.name}: ${difference}`)
  })
}

async function readCatalogue(database: Pool | ClientBase, schema: string): Promise<Catalogue> {
  const columns = await database.query<Catalogue['columns'][number]>(
    `select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable,
            a.atthasdef or a.attidentity <> '' or a.attgenerated <> '' as fills
       from pg_attribute as a
       join pg_class as c on c.oid = a.attrelid
      where c.relnamespace = $1::regnamespace
        and c.relkind in ('r', 'p')
        and a.attnum > 0
        and not a.attisdropped`,
    [schema],
  )
  const constraints = await database.query<Catalogue['constraints'][number]>(
    `select c.relname as table, o.conname as name, o.contype as kind, o.condeferrable as deferrable, t.relname as to,
            array(
              select a.attname::text
                from unnest(o.conkey) with ordinality as k (number, place)
                join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.number
               order by k.place
            ) as columns
       from pg_constraint as o
       join pg_class as c on c.oid = o.conrelid
       left join pg_class as t on t.oid = o.confrelid
      where c.relnamespace = $1::regnamespace
        and o.contype in ('p', 'u', 'f', 'c')`,
    [schema],
  )
  const indexes = await database.query<Catalogue['indexes'][number]>(
    `select c.relname as table, n.relname as name, i.indisunique as unique, i.indpred is not null as partial,
            array(
              select a.attname::text
                from unnest(i.indkey::smallint[]) with ordinality as k (number, place)
                join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.number
               order by k.place
            ) as columns
       from pg_index as i
       join pg_class as c on c.oid = i.indrelid
       join pg_class as n on n.oid = i.indexrelid
      where c.relnamespace = $1::regnamespace`,
    [schema],
  )
  return { columns: columns.rows, constraints: constraints.rows, indexes: indexes.rows }
}

function compareColumns(table: TableLayout, catalogue: Catalogue): string[] {
  const there = catalogue.columns.filter(column => column.table === table.name)
  const differences = allColumns(table).flatMap(column => {
    const found = there.find(one => one.name === column.name)
    if (found === undefined) return [`column ${column.name} is missing in the database`]
    const type = typeNames[column.type]
    return [
      ...(found.type === type ? [] : [`column ${column.name} is ${found.type}, declared ${type}`]),
      ...(found.nullable === column.nullable ? [] : [`column ${column.name} is ${found.nullable ? '' : 'not '}nullable in the database`]),
    ]
  })
  const names = allColumns(table).map(column => column.name)
  // A column that fills itself (a position in commit order) may stand beside the declared ones.
  const more = there.filter(column => !names.includes(column.name) && !column.fills)
  return [...differences, ...more.map(column => `column ${column.name} is not declared`)]
}

function compareKeys(table: TableLayout, catalogue: Catalogue): string[] {
  const there = catalogue.constraints.filter(one => one.table === table.name && (one.kind === 'p' || one.kind === 'u'))
  const declared = table.uniques.map(({ name, columns }) => ({
    name,
    columns: columns.map(column => column.name).join(),
    kind: name === `${table.name}_pkey` ? 'p' : 'u',
  }))
  const differences = declared.flatMap(({ name, columns, kind }) => {
    const found = there.find(one => one.name === name)
    if (found === undefined) return [`${name} is missing in the database`]
    return [
      ...(found.kind === kind && found.columns.join() === columns
        ? []
        : [`${name} is on (${found.columns.join()}), declared on (${columns})`]),
      ...(found.deferrable ? [`${name} is deferrable, so conflicts with it cannot be skipped`] : []),
    ]
  })
  const names = declared.map(one => one.name)
  const loose = catalogue.indexes.filter(one => one.table === table.name && one.unique && !names.includes(one.name))
  return [...differences, ...loose.map(one => `${one.name} is unique and not declared`)]
}

function compareReferences(table: TableLayout, catalogue: Catalogue): string[] {
  const there = catalogue.constraints.filter(one => one.table === table.name && one.kind === 'f')
  const declared = Object.entries(table.table.references)
  const differences = declared.flatMap(([name, { columns, to }]) => {
    const found = there.find(one => one.name === name)
    if (found === undefined) return [`${name} is missing in the database`]
    const same = found.to === to && found.columns.join() === columns.join()
    return same ? [] : [`${name} is (${found.columns.join()}) to ${found.to}, declared (${columns.join()}) to ${to}`]
  })
  return [
    ...differences,
    ...undeclared(
      there,
      declared.map(([name]) => name),
    ),
  ]
}

function compareChecks(table: TableLayout, catalogue: Catalogue): string[] {
  const there = catalogue.constraints.filter(one => one.table === table.name && one.kind === 'c')
  const declared = Object.keys(table.table.checks)
  const missing = declared.filter(name => !there.some(one => one.name === name)).map(name => `${name} is missing in the database`)
  return [...missing, ...undeclared(there, declared)]
}

const undeclared = (there: readonly { name: string }[], declared: readonly string[]): string[] =>
  there.filter(one => !declared.includes(one.name)).map(one => `${one.name} is not declared`)

function compareIndexes(table: TableLayout, catalogue: Catalogue): string[] {
  const there = catalogue.indexes.filter(one => one.table === table.name)
  const differences = Object.entries(table.table.indexes).flatMap(([name, columns]) => {
    const found = there.find(one => one.name === name)
    if (found === undefined) return [`index ${name} is missing in the database`]
    if (found.partial) return [`index ${name} is partial, so it does not serve every search`]
    return found.columns.slice(0, columns.length).join() === columns.join()
      ? []
      : [`index ${name} is on (${found.columns.join()}), declared on (${columns.join()})`]
  })
  const claimable = table.settableByName.has('due_at') && table.settableByName.has('clock')
  const served = there.some(one => one.columns[0] === 'due_at' || (one.columns[0] === 'clock' && one.columns[1] === 'due_at'))
  return [...differences, ...(claimable && !served ? ['no index on due_at'] : [])]
}
