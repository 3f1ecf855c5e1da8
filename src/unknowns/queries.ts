/**
 * What is in doubt, oldest first. Five short reads of five indexes that hold nothing else (migration 0023), each at most a page long; whatever
 * is settled costs nothing here. Decides nothing: `kindOf` in unknown.ts says the same of one row.
 */
import type { Pool, QueryResultRow } from 'pg'
import type { LastCollected, Mandate } from '../instruments/mandate.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import type { Mode } from '../world/world.ts'
import { overdueMs, type Position, slowMs, type Unknown, type UnknownKind } from './unknown.ts'

export type Asked = {
  readonly kind?: UnknownKind | undefined
  readonly channel?: string | undefined
  /** Only what began before it. */
  readonly before?: number | undefined
  readonly after?: Position | undefined
  readonly limit: number
}

/** One of the tenant whose rows they are; `everybody` for who runs the deployment. */
type Whose = { readonly tenant: string; readonly mode: Mode } | 'everybody'

/**
 * $1 now less what waiting may take, $2 kind, $3 channel, $4 began before, $5 and $6 the last line of the page before, $7 limit, $8 tenant, $9 mode.
 */
function branch(
  whose: Whose,
  of: {
    readonly kind: UnknownKind
    readonly from: string
    readonly columns: string
    readonly id: string
    readonly since: string
    readonly where: string
    readonly channel: string
  },
): string {
  return `
  (
    select '${of.kind}' as kind, ${of.id} as id, tenant, mode, ${of.channel} as channel, ${of.since} as since, cause, tries, ${of.columns}
    from ${of.from}
    where ${of.where}
    and ($2::text is null or $2 = '${of.kind}')
    and ($3::text is null or ${of.channel} = $3)
    and ($4::timestamptz is null or ${of.since} < $4)
    and ($5::timestamptz is null or (${of.since} >= $5 and (${of.since}, ${of.id}) > ($5, $6)))
    ${whose === 'everybody' ? '' : 'and tenant = $8 and mode = $9'}
    order by ${of.since}, ${of.id}
    limit $7
  )`
}

const operationColumns = 'due_at, verb as what, instrument, binding'
const operations = (kind: UnknownKind, where: string) => ({
  ...{ kind, from: 'operations', columns: operationColumns, id: 'id', since: 'created_at', channel: 'channel' },
  where: `${where} and cause is not null`,
})

/** `newsId` in SQL. What is parked has a `due_at` too, but that is when it is forgotten. */
const newsId = `(coalesce(binding, '') || '.' || left(encode(sha256(convert_to(channel || ' ' || mode || ' ' || event, 'UTF8')), 'hex'), 16)) collate "C"`
const branches = (whose: Whose): string =>
  [
    operations('uncertain', `status = 'open'`),
    operations('waiting', `status = 'waiting' and created_at < $1`),
    operations('parked', `status = 'parked'`),
    {
      ...{ kind: 'news' as const, from: 'inbox', id: newsId, since: 'received_at', channel: 'channel', where: `status = 'parked'` },
      columns: `null::timestamptz as due_at, coalesce(told->'news'->>'kind', 'returned') as what, null as instrument, binding`,
    },
    {
      ...{ kind: 'erasure' as const, from: 'erasures', id: 'subject', since: 'created_at', channel: 'null::text' },
      columns: `due_at, stage as what, case when subject like 'ins\\_%' then subject end as instrument, null as binding`,
      where: `stage <> 'erased' and cause is not null and (stuck or created_at < $1)`,
    },
  ]
    .map(of => branch(whose, of))
    .join('\n  union all')

export const unknownsSql = (whose: Whose): string => `
with found as (
  select *
  from (${branches(whose)}
  ) as each
  order by since, id
  limit $7
)
select
  f.kind, f.id, f.tenant, f.mode, f.channel, f.what, f.since, f.cause, f.tries, f.due_at,
  coalesce(f.instrument, b.instrument) as instrument, f.binding, b.mandate, b.last_collected
from found f
left join bindings b on b.tenant = f.tenant and b.id = f.binding
order by f.since, f.id`

type Row = QueryResultRow & {
  readonly kind: UnknownKind
  readonly id: string
  readonly tenant: string | null
  readonly mode: Mode
  readonly channel: string | null
  readonly what: string
  readonly since: Date
  readonly cause: string | null
  readonly tries: number
  readonly due_at: Date | null
  readonly instrument: string | null
  readonly binding: string | null
  readonly mandate: Mandate | null
  readonly last_collected: LastCollected | null
}

const valuesOf = (whose: Whose, asked: Asked, now: number): unknown[] => [
  new Date(now - slowMs),
  ...[asked.kind ?? null, asked.channel ?? null],
  ...[asked.before === undefined ? null : new Date(asked.before), asked.after === undefined ? null : new Date(asked.after.since)],
  ...[asked.after?.id ?? null, asked.limit],
  ...(whose === 'everybody' ? [] : [whose.tenant, whose.mode]),
]

const lineOf = ({ since, due_at, ...row }: Row): Unknown => ({ ...row, since: since.getTime(), next_look_at: due_at?.getTime() ?? null })

/** A tenant's, at most `limit`. News that names nobody we know is nobody's, and not here. */
export async function unknownsOf(
  reader: TenantReader,
  owner: { readonly tenant: string; readonly mode: Mode },
  asked: Asked,
  now: number,
): Promise<readonly Unknown[]> {
  const question = { tenant: owner.tenant, name: 'unknowns', text: unknownsSql(owner), values: valuesOf(owner, asked, now) }
  return (await reader.query<Row>(question)).rows.map(lineOf)
}

/** Everybody's, for whoever runs the deployment. */
export async function unknownsOfAll(pool: Pick<Pool, 'query'>, asked: Asked, now: number): Promise<readonly Unknown[]> {
  const values = valuesOf('everybody', asked, now)
  return (await pool.query<Row>({ name: 'all unknowns', text: unknownsSql('everybody'), values })).rows.map(lineOf)
}

export type Counted = { readonly kind: UnknownKind; readonly channel: string; readonly count: number; readonly oldest: number }
/** What is due and nobody takes: the worker stands still, or has more to do than it can. Counted up to here. */
const overdueMax = 10_000

const countSql = `
select kind, channel, count(*)::integer as count, min(since) as oldest
from (
  select case status when 'open' then 'uncertain' else status end as kind, channel, created_at as since
  from operations
  where status in ('open', 'waiting', 'parked')
  and cause is not null
  and (status <> 'waiting' or created_at < $1)
  union all
  select 'news', channel, received_at
  from inbox
  where status = 'parked'
  union all
  select 'erasure', 'none', created_at
  from erasures
  where stage <> 'erased'
  and cause is not null
  and (stuck or created_at < $1)
) as each
group by kind, channel`

export async function countUnknowns(pool: Pick<Pool, 'query'>, now: number): Promise<readonly Counted[]> {
  type Group = { readonly kind: UnknownKind; readonly channel: string; readonly count: number; readonly oldest: Date }
  const { rows } = await pool.query<Group>({ name: 'count unknowns', text: countSql, values: [new Date(now - slowMs)] })
  return rows.map(row => ({ ...row, oldest: row.oldest.getTime() }))
}

const overdueSql = `
select count(*)::integer as count, min(due_at) as oldest
from (
  select due_at
  from operations
  where due_at < $1
  and clock is null
  order by due_at
  limit ${overdueMax}
) as late`

export async function countOverdue(
  pool: Pick<Pool, 'query'>,
  now: number,
): Promise<{ readonly count: number; readonly oldest: number | null }> {
  const question = { name: 'count overdue', text: overdueSql, values: [new Date(now - overdueMs)] }
  const [row] = (await pool.query<{ readonly count: number; readonly oldest: Date | null }>(question)).rows
  return { count: row?.count ?? 0, oldest: row?.oldest?.getTime() ?? null }
}
