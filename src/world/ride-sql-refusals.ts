/** The statements by which a ride that met a conflict finds out whose it was. They read; only rides that met one pay for them. */
import { keyEquals, keyValues, nameOf, valueAt } from './ride-sql-pieces.ts'
import { addElements, ledgerOf, postElements, postLegs } from './ride-sql-work.ts'
import type { Layout, TableLayout, UniqueLayout } from './store-layout.ts'

/** A function answering what the rows as they stand forbid, whatever else travels: these refusals are definite. */
export function refusalsSql(schema: string, layout: Layout, name: string): string {
  const versioned = layout.tables.filter(one => one.versioned)
  const parts = [
    ...['expect', 'remove', 'move'].flatMap(verb => versioned.map(table => found(verb, table.name, versionSql(schema, table)))),
    ...layout.tables.flatMap(table =>
      table.uniques.flatMap(unique => [
        found('insert', table.name, takenSql(schema, table, unique)),
        found('insert', table.name, doubleSql(table, unique, 'commit')),
      ]),
    ),
    ...layout.tables.filter(one => one.addable.length > 0).map(table => found('add', table.name, boundSql(schema, table, 'commit'))),
  ]
  if (ledgerOf(layout) !== undefined) {
    parts.push(
      ...[transferTakenSql(schema), transferDoubleSql('commit'), accountSql(schema), limitSql(schema, 'commit')].map(sql =>
        found('post', 'transfers', sql),
      ),
    )
  }
  return functionSql(schema, `${name}_refusals`, parts)
}

/** A function answering which commits stand in each other's way: the first of them may travel, the others are not yet decided. */
export function companySql(schema: string, layout: Layout, name: string): string {
  const parts = [
    ...layout.tables.flatMap(table => table.uniques.map(unique => found('insert', table.name, doubleSql(table, unique, 'ride')))),
    ...layout.tables.filter(one => one.addable.length > 0).map(table => found('add', table.name, boundSql(schema, table, 'ride'))),
  ]
  if (ledgerOf(layout) !== undefined) {
    parts.push(found('post', 'transfers', transferDoubleSql('ride')), found('post', 'transfers', limitSql(schema, 'ride')))
  }
  return functionSql(schema, `${name}_company`, parts)
}

/** Takes the commits (or single writes) whose tags were found out of the ride; null when nothing is left. */
export function droppingSql(tags: string, what: 'commit' | 'write'): string {
  const of = what === 'commit' ? ' >> 10' : ''
  return `      the_writes := (
        select jsonb_object_agg(v.verb, v.tables)
          from (
            select kept.verb, jsonb_object_agg(kept.name, kept.rows) as tables
              from (
                select verbs.key as verb, groups.key as name,
                       (select jsonb_agg(e)
                          from jsonb_array_elements(groups.value) as e
                         where ((e->>0)::integer${of}) not in (
                           select (f->>0)::integer${of} from jsonb_array_elements(${tags}) as f
                         )) as rows
                  from jsonb_each(the_writes) as verbs
                 cross join lateral jsonb_each(verbs.value) as groups
              ) as kept
             where kept.rows is not null
             group by kept.verb
          ) as v
      );`
}

/** Transfers that are there already with the same content are taken out of the ride: nothing happens a second time. */
export function repeatedPostsSql(schema: string): string {
  return `    the_rows := the_writes->'post'->'transfers';
    if the_rows is not null then
      the_found := (
        select jsonb_agg(jsonb_build_array(e.tag))
          from (${postElements}) as e
          join "${schema}".transfers as t on t.tenant = e.tenant and t.id = e.id
         where (t.debit, t.credit, t.amount, t.currency, t.reference, t.created_at)
             = (e.debit, e.credit, e.amount, e.currency, e.reference, e.created_at)
      );
      if the_found is not null then
${droppingSql('the_found', 'write')}
      end if;
    end if;
    if the_writes is null then
      exit;
    end if;`
}

function functionSql(schema: string, name: string, parts: readonly string[]): string {
  return `create or replace function "${schema}"."${name}"(the_writes jsonb)
returns jsonb
language plpgsql
as $refusals$
#variable_conflict use_column
declare
  the_rows jsonb;
  the_found jsonb;
  the_answer jsonb;
begin
${parts.join('\n')}
  return the_answer;
end
$refusals$;
`
}

const found = (verb: string, table: string, sql: string): string => `  the_rows := the_writes->'${verb}'->'${table}';
  if the_rows is not null then
    the_found := (
${sql}
    );
    if the_found is not null then
      the_answer := coalesce(the_answer, '[]') || the_found;
    end if;
  end if;`

const refusal = (tag: string, table: string, constraint: string, kind: string, definite: boolean): string =>
  `select jsonb_agg(jsonb_build_array(${tag}, '${table}', ${constraint}, ${kind}, ${definite}))`

function versionSql(schema: string, table: TableLayout): string {
  const missing = `case when t."${table.key[0]?.name}" is null then 'missing' else 'moved' end`
  return `      ${refusal('e.tag', table.name, `'${table.name}_version'`, missing, true)}
        from (
          select (e->>0)::integer as tag, ${keyValues(table)}, (e->>${table.key.length + 1})::integer as v
            from jsonb_array_elements(the_rows) as e
        ) as e
        left join ${nameOf(schema, table)} as t on ${keyEquals(table)}
       where t.version is distinct from e.v`
}

const uniqueValues = (table: TableLayout, unique: UniqueLayout, from: string): string =>
  unique.columns.map((column, i) => `${valueAt(from, table.columns.indexOf(column) + 1, column)} as u${i}`).join(', ')

/** A row with this unique set is there, and this commit does not remove it. */
function takenSql(schema: string, table: TableLayout, unique: UniqueLayout): string {
  const own = table.key.map((column, i) => `${valueAt('r', i + 1, column)} = t."${column.name}"`).join(' and ')
  return `      ${refusal('e.tag', table.name, `'${unique.name}'`, `'exists'`, true)}
        from (select (e->>0)::integer as tag, ${uniqueValues(table, unique, 'e')} from jsonb_array_elements(the_rows) as e) as e
        join ${nameOf(schema, table)} as t on ${unique.columns.map((column, i) => `t."${column.name}" = any (array[e.u${i}])`).join(' and ')}
       where not exists (
         select 1
           from jsonb_array_elements(the_writes->'remove'->'${table.name}') as r
          where (r->>0)::integer >> 10 = e.tag >> 10
            and ${own}
       )`
}

/** The second and later of those that carry the same unique set: within one commit that is definite, within the ride it is company. */
function doubleSql(table: TableLayout, unique: UniqueLayout, within: 'commit' | 'ride'): string {
  const sets = unique.columns.map((_, i) => `u${i}`).join(', ')
  return `      ${refusal('e.tag', table.name, `'${unique.name}'`, `'exists'`, within === 'commit')}
        from (
          select e.tag, row_number() over (partition by ${within === 'commit' ? 'e.tag >> 10, ' : ''}${sets} order by e.tag) as place
            from (select (e->>0)::integer as tag, ${uniqueValues(table, unique, 'e')} from jsonb_array_elements(the_rows) as e) as e
           where ${unique.columns.map((_, i) => `u${i} is not null`).join(' and ')}
        ) as e
       where e.place > 1`
}

/**
 * Adds beyond their bounds. Within a commit: those that this commit alone would carry beyond them. Within the ride: the first on each
 * row that goes too far, and all that follow on that row, since they were counted upon it.
 */
function boundSql(schema: string, table: TableLayout, within: 'commit' | 'ride'): string {
  const keys = table.key.map((_, i) => `k${i}`).join(', ')
  const window = `over (partition by ${within === 'commit' ? 'tag >> 10, ' : ''}${keys} order by tag)`
  const sums = table.addable.map(
    (column, i) =>
      `coalesce(t."${column.name}", (first_value(made) ${window}->>'${column.name}')::bigint, 0) + coalesce(sum(a${i}) ${window}, 0) as c${i}`,
  )
  const bounds = table.addable.map((column, i) => `('${table.name}_${column.name}_bound', c${i}, min${i}, max${i})`)
  const beyond = `      with e as (
        ${addElements(table)}
      ), s as (
        select e.*, ${sums.join(',\n               ')}
          from e
          left join ${nameOf(schema, table)} as t on ${keyEquals(table)}
      ), beyond as (
        select s.tag, ${keys}, b.name
          from s
         cross join lateral (values ${bounds.join(', ')}) as b (name, value, least, most)
         where b.value < b.least or b.value > b.most
      )`
  if (within === 'commit') return `${beyond}\n      ${refusal('tag', table.name, 'name', `'bound'`, true)} from beyond`
  return `${beyond}
      ${refusal('e.tag', table.name, 'f.name', `'bound'`, false)}
        from (select distinct on (${keys}) tag, ${keys}, name from beyond order by ${keys}, tag) as f
        join e on ${table.key.map((_, i) => `e.k${i} = f.k${i}`).join(' and ')} and e.tag >= f.tag`
}

const transferTakenSql = (schema: string): string => `      ${refusal('e.tag', 'transfers', `'transfers_pkey'`, `'exists'`, true)}
        from (${postElements}) as e
        join "${schema}".transfers as t on t.tenant = e.tenant and t.id = e.id`

const transferDoubleSql = (
  within: 'commit' | 'ride',
): string => `      ${refusal('e.tag', 'transfers', `'transfers_pkey'`, `'exists'`, within === 'commit')}
        from (
          select e.tag, row_number() over (partition by ${within === 'commit' ? 'e.tag >> 10, ' : ''}e.tenant, e.id order by e.tag) as place
            from (${postElements}) as e
        ) as e
       where e.place > 1`

/** Accounts that are not there, or of another currency. */
const accountSql = (schema: string): string => `      ${refusal('e.tag', 'transfers', 'w.name', 'w.kind', true)}
        from (${postElements}) as e
        left join "${schema}".accounts as d on d.tenant = e.tenant and d.id = e.debit
        left join "${schema}".accounts as c on c.tenant = e.tenant and c.id = e.credit
       cross join lateral (values
         ('transfers_debit_fkey', 'reference', d.id is null),
         ('transfers_credit_fkey', 'reference', c.id is null),
         ('transfers_currency', 'check', d.currency <> e.currency or c.currency <> e.currency)
       ) as w (name, kind, so)
       where w.so`

function limitSql(schema: string, within: 'commit' | 'ride'): string {
  const window = `over (partition by ${within === 'commit' ? 'tag >> 10, ' : ''}tenant, account order by tag)`
  const beyond = `      with e as (
        ${postElements}
      ), legs as (
        select legs.*, sum(c - d) ${window} as more
          from (${postLegs}) as legs
      ), beyond as (
        select legs.tag, legs.tenant, legs.account, b.name
          from legs
          join "${schema}".accounts as t on t.tenant = legs.tenant and t.id = legs.account and t.currency = legs.currency
         cross join lateral (values
           ('accounts_debits_limit', t.limit_debits and t.credits_posted - t.debits_posted + legs.more < 0),
           ('accounts_credits_limit', t.limit_credits and t.credits_posted - t.debits_posted + legs.more > 0)
         ) as b (name, so)
         where b.so
      )`
  if (within === 'commit') return `${beyond}\n      ${refusal('tag', 'accounts', 'name', `'check'`, true)} from beyond`
  return `${beyond}
      ${refusal('legs.tag', 'accounts', 'f.name', `'check'`, false)}
        from (select distinct on (tenant, account) tag, tenant, account, name from beyond order by tenant, account, tag) as f
        join legs on legs.tenant = f.tenant and legs.account = f.account and legs.tag >= f.tag`
}
