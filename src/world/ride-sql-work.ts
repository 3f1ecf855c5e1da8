/** The statements by which a ride does its work, in the order in which it does them: expect, remove, insert, move, add, post. */
import {
  countAndCompare,
  inKeyOrder,
  insertBoth,
  isRow,
  keyEquals,
  keyValues,
  list,
  miss,
  nameOf,
  oneOrMany,
  orMiss,
  valueAt,
} from './ride-sql-pieces.ts'
import type { ColumnLayout, Layout, TableLayout } from './store-layout.ts'

/** Where an add's amounts start: after tag, key and the object of created values; three places a column: amount, min, max. */
export const amountsFrom = (table: TableLayout): number => table.key.length + 2

export function workOf(schema: string, layout: Layout): string {
  const versioned = layout.tables.filter(one => one.versioned)
  const verbs: [string, readonly TableLayout[], (schema: string, table: TableLayout) => string][] = [
    ['expect', versioned, expectSql],
    ['remove', versioned.toReversed(), removeSql],
    ['insert', layout.tables, insertSql],
    ['move', versioned, moveSql],
    ['add', layout.tables.filter(one => one.addable.length > 0), addSql],
  ]
  const parts = verbs.map(([verb, tables, sql]) => phase(verb, tables, table => sql(schema, table)))
  const ledger = ledgerOf(layout)
  if (ledger !== undefined) parts.push(phase('post', [ledger.transfers], () => postSql(schema, ledger.accounts)))
  return parts.join('\n')
}

/** Each statement runs only if its group is there. */
function phase(verb: string, tables: readonly TableLayout[], sql: (table: TableLayout) => string): string {
  if (tables.length === 0) return ''
  const groups = tables.map(
    table => `        if the_verb ? '${table.name}' then
          the_rows := the_verb->'${table.name}';
${sql(table)}
        end if;`,
  )
  return `      the_verb := the_writes->'${verb}';
      if the_verb is not null then
${groups.join('\n')}
      end if;`
}

function expectSql(schema: string, table: TableLayout): string {
  const one = `          perform 1
             from ${nameOf(schema, table)} as t
            where ${isRow(table)}
              for share of t;
${orMiss}`
  const many = `          perform 1
             from (
               select ${keyValues(table)}, (e->>${table.key.length + 1})::integer as v
                 from jsonb_array_elements(the_rows) as e
                order by ${inKeyOrder(table, (column, i) => valueAt('e', i + 1, column))}
             ) as e
             join ${nameOf(schema, table)} as t on ${keyEquals(table)}
            where t.version = e.v
              for share of t;
${countAndCompare}`
  return oneOrMany(one, many)
}

function removeSql(schema: string, table: TableLayout): string {
  const one = `          delete from ${nameOf(schema, table)} as t
           where ${isRow(table)};
${orMiss}`
  const many = `          delete from ${nameOf(schema, table)} as t
           using (
             select ${keyValues(table)}, (e->>${table.key.length + 1})::integer as v
               from jsonb_array_elements(the_rows) as e
              order by ${inKeyOrder(table, (column, i) => valueAt('e', i + 1, column))}
           ) as e
           where ${keyEquals(table)}
             and t.version = e.v;
${countAndCompare}`
  return oneOrMany(one, many)
}

function insertSql(schema: string, table: TableLayout): string {
  const version = table.versioned ? { name: ', version', value: ', 1' } : { name: '', value: '' }
  const into = `          insert into ${nameOf(schema, table)} (${list(table.columns, column => `"${column.name}"`)}${version.name})`
  const one = `${into}
          values (${list(table.columns, (column, i) => valueAt('the_row', i + 1, column))}${version.value})`
  const many = `${into}
          select ${list(table.columns, (column, i) => valueAt('e', i + 1, column))}${version.value}
            from jsonb_array_elements(the_rows) as e
           order by ${inKeyOrder(table, column => valueAt('e', table.columns.indexOf(column) + 1, column))}`
  return insertBoth(oneOrMany(`${one};`, `${many};`), many)
}

function moveSql(schema: string, table: TableLayout): string {
  const version = table.key.length + 1
  const sets = (from: string): string =>
    [...table.settable.map(column => `"${column.name}" = ${movedTo(from, column)}`), 'version = t.version + 1'].join(',\n                 ')
  const one = `            the_set := the_row->${version + 1};
          update ${nameOf(schema, table)} as t
             set ${sets('the_set')}
           where ${isRow(table)};
${orMiss}`
  const many = `          update ${nameOf(schema, table)} as t
             set ${sets('e.s')}
            from (
              select ${keyValues(table)}, (e->>${version})::integer as v, e->${version + 1} as s
                from jsonb_array_elements(the_rows) as e
               order by ${inKeyOrder(table, (column, i) => valueAt('e', i + 1, column))}
            ) as e
           where ${keyEquals(table)}
             and t.version = e.v;
${countAndCompare}`
  return oneOrMany(one, many)
}

const movedTo = (from: string, column: ColumnLayout): string =>
  `case when ${from} ? '${column.name}' then ${valueAt(from, column.name, column)} else t."${column.name}" end`

/** The elements of an add group with their amounts; `low`/`high` say where the value before the ride must lie for all bounds to hold. */
export function addElements(table: TableLayout): string {
  const from = amountsFrom(table)
  const amounts = table.addable.map(
    (_, i) =>
      `(e->>${from + 3 * i})::bigint as a${i}, (e->>${from + 3 * i + 1})::bigint as min${i}, (e->>${from + 3 * i + 2})::bigint as max${i}`,
  )
  return `select (e->>0)::integer as tag, ${keyValues(table)}, e->${table.key.length + 1} as made, ${amounts.join(', ')}
                from jsonb_array_elements(the_rows) as e`
}

/** Adds to one row are merged. Rows that are there are raised, the others made; a row whose bounds would not hold is left alone and so missed. */
function addSql(schema: string, table: TableLayout): string {
  const keys = list(table.key, (_, i) => `k${i}`)
  const window = `over (partition by ${keys} order by tag)`
  const within = (i: number, value: string): string =>
    `(s.low${i} is null or ${value} >= s.low${i}) and (s.high${i} is null or ${value} <= s.high${i})`
  const made = (column: ColumnLayout): string => {
    const at = table.addable.indexOf(column)
    const given = valueAt('s.made', column.name, column)
    if (at < 0) return given
    return column.nullable ? `case when s.a${at} is null then ${given} else coalesce(${given}, 0) + s.a${at} end` : start(column, at)
  }
  const start = (column: ColumnLayout, at: number): string =>
    `coalesce(${valueAt('s.made', column.name, column)}, 0) + coalesce(s.a${at}, 0)`
  const sets = table.addable.map(
    (column, i) =>
      `"${column.name}" = case when s.a${i} is null then t."${column.name}" else coalesce(t."${column.name}", 0) + s.a${i} end`,
  )
  if (table.versioned) sets.push('version = t.version + s.n')
  return `          with e as (
            ${addElements(table)}
          ), s as (
            select ${keys}, count(*)::integer as n, (array_agg(made order by tag))[1] as made,
                   ${table.addable.map((_, i) => `sum(a${i})::bigint as a${i}, max(min${i} - c${i}) as low${i}, min(max${i} - c${i}) as high${i}`).join(', ')}
              from (select e.*, ${table.addable.map((_, i) => `coalesce(sum(a${i}) ${window}, 0) as c${i}`).join(', ')} from e) as e
             group by ${keys}
             order by ${table.key.map((column, i) => (column.type === 'text' ? `k${i} collate "C"` : `k${i}`)).join(', ')}
          ), raised as (
            update ${nameOf(schema, table)} as t
               set ${sets.join(',\n                   ')}
              from s
             where ${keyEquals(table, 's')}
               and ${table.addable.map((column, i) => within(i, `coalesce(t."${column.name}", 0)`)).join('\n               and ')}
            returning 1
          ), made as (
            insert into ${nameOf(schema, table)} (${list(table.key, column => `"${column.name}"`)}, ${list(table.settable, column => `"${column.name}"`)}${table.versioned ? ', version' : ''})
            select ${list(table.key, (_, i) => `s.k${i}`)}, ${list(table.settable, made)}${table.versioned ? ', s.n' : ''}
              from s
              left join ${nameOf(schema, table)} as t on ${keyEquals(table, 's')}
             where t."${table.key[0]?.name}" is null
               and ${table.addable.map((column, i) => within(i, `coalesce(${valueAt('s.made', column.name, column)}, 0)`)).join('\n               and ')}
                on conflict (${list(table.key, column => `"${column.name}"`)}) do nothing
            returning 1
          )
          select (select count(*) from s) - (select count(*) from raised) - (select count(*) from made)
            into the_count;
          if the_count <> 0 then
            ${miss}
          end if;`
}

/** Stores that have both ledger tables can post. */
export function ledgerOf(layout: Layout): { readonly accounts: TableLayout; readonly transfers: TableLayout } | undefined {
  const accounts = layout.byName.get('accounts')
  const transfers = layout.byName.get('transfers')
  return accounts === undefined || transfers === undefined ? undefined : { accounts, transfers }
}

export const postElements = `select (e->>0)::integer as tag, e->>1 as tenant, e->>2 as id, e->>3 as debit, e->>4 as credit, (e->>5)::bigint as amount,
                     e->>6 as currency, e->>7 as reference, (e->>8)::timestamptz as created_at
                from jsonb_array_elements(the_rows) as e`
/** Both sides of every transfer. */
export const postLegs = `select tag, tenant, debit as account, currency, amount as d, 0 as c from e
            union all
            select tag, tenant, credit, currency, 0, amount from e`

/**
 * Accounts are locked in key order first; what is found afterwards about doubles is then current. The limits must hold after every
 * single transfer, so the lowest point of each account's running difference is compared, not its end.
 */
function postSql(schema: string, accounts: TableLayout): string {
  const transfers = `          insert into "${schema}".transfers (tenant, id, debit, credit, amount, currency, reference, created_at)
          select tenant, id, debit, credit, amount, currency, reference, created_at
            from (${postElements}) as e
           order by tenant collate "C", id collate "C"`
  return `          with e as (
            ${postElements}
          ), s as (
            select distinct tenant collate "C" as k0, account collate "C" as k1 from (${postLegs}) as legs order by 1, 2
          ), held as (
            select 1
              from s
              join "${schema}".accounts as t on ${keyEquals(accounts, 's')}
               for no key update of t
          )
          select (select count(*) from s) - (select count(*) from held)
            into the_count;
          if the_count <> 0 then
            ${miss}
          end if;
${insertBoth(`${transfers};`, transfers)}
          with e as (
            ${postElements}
          ), legs as (
            select legs.*, sum(c - d) over (partition by tenant, account, currency order by tag) as more
              from (${postLegs}) as legs
          ), s as (
            select tenant as k0, account as k1, currency, count(*)::integer as n, sum(d)::bigint as d, sum(c)::bigint as c,
                   min(more) as least, max(more) as most
              from legs
             group by tenant, account, currency
             order by tenant collate "C", account collate "C"
          ), raised as (
            update "${schema}".accounts as t
               set debits_posted = t.debits_posted + s.d,
                   credits_posted = t.credits_posted + s.c,
                   version = t.version + s.n
              from s
             where ${keyEquals(accounts, 's')}
               and t.currency = s.currency
               and (not t.limit_debits or t.credits_posted - t.debits_posted + s.least >= 0)
               and (not t.limit_credits or t.credits_posted - t.debits_posted + s.most <= 0)
            returning 1
          )
          select (select count(*) from s) - (select count(*) from raised)
            into the_count;
          if the_count <> 0 then
            ${miss}
          end if;`
}
