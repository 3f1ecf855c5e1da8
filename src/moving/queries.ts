/** What an export reads: everything of one tenant and mode, as it stood at one moment. */
import type { Pool, PoolClient } from 'pg'
import type { References, Shown } from '../channels/channel.ts'
import type { BindingStatus } from '../instruments/binding.ts'
import type { Reason } from '../instruments/instrument.ts'
import type { Own } from '../instruments/own.ts'
import type { Display } from '../instruments/tables.ts'
import { asTenant, type TenantReader } from '../world/tenant-reader.ts'
import type { Mode } from '../world/world.ts'

/** One binding with what stands around it. Times in Unix milliseconds. */
export type Moved = {
  readonly instrument: string
  readonly kind: string
  readonly instrument_status: string
  readonly reasons: readonly Reason[]
  readonly display: Display
  readonly own: Own
  readonly card_version: number
  readonly merged_into: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly instrument_created_at: number
  readonly customer: string
  readonly reference: string | null
  readonly channel_customers: Readonly<Record<string, string>>
  readonly binding: string
  readonly channel: string
  readonly status: BindingStatus
  readonly token: string
  readonly names: References
  readonly network_transaction_id: string | null
  readonly transaction_link_id: string | null
  readonly shown: Shown | null
  readonly reason: string | null
  readonly created_at: number
  /** `<kind> <value>` of every name by which the instrument is known again. */
  readonly identities: readonly string[]
  readonly terms: unknown
}
/** Pages of rows, in the order of their instruments. */
export type Snapshot = (page: number) => AsyncIterable<readonly Moved[]>
/** Runs over one snapshot and closes it. */
export type ReadSnapshot = <T>(owner: { readonly tenant: string; readonly mode: Mode }, act: (read: Snapshot) => Promise<T>) => Promise<T>

const pageSql = `
select i.position::text as position,
  i.id as instrument, i.kind, i.status as instrument_status, i.reasons, i.display, i.own, i.card_version, i.merged_into, i.metadata,
  (extract(epoch from i.created_at) * 1000)::float8 as instrument_created_at,
  c.id as customer, c.reference, c.channel_customers,
  b.id as binding, b.channel, b.status, b.token, b.names, b.network_transaction_id, b.transaction_link_id, b.shown, b.reason,
  (extract(epoch from b.created_at) * 1000)::float8 as created_at,
  (
    select coalesce(jsonb_agg(n.kind || ' ' || n.value order by n.kind, n.value), '[]')
    from identities n
    where n.tenant = i.tenant
    and n.customer = i.customer
    and n.instrument = i.id
  ) as identities,
  (
    select f.news->'terms'
    from facts f
    where f.tenant = b.tenant
    and f.binding = b.id
    and f.kind = 'bound'
    and f.news ? 'terms'
    order by f.id
    limit 1
  ) as terms
from (
  select *
  from instruments
  where tenant = $1
  and mode = $2
  and position > $3
  and status <> 'erased'
  order by instruments.position
  limit $4
) i
join customers c on c.tenant = i.tenant and c.id = i.customer
left join bindings b on b.tenant = i.tenant and b.instrument = i.id and b.token is not null
order by i.position, b.id`

type Row = Moved & { readonly position: string }

export function createSnapshots(pool: Pick<Pool, 'connect'>): ReadSnapshot {
  return async (owner, act) => {
    const client = await pool.connect()
    try {
      await client.query(`begin isolation level repeatable read read only; ${asTenant(owner.tenant)}`)
      const done = await act(page => pages(client, owner, page))
      await client.query('commit')
      client.release()
      return done
    } catch (error) {
      // The connection holds a snapshot that nobody wants any more.
      client.release(true)
      throw error
    }
  }
}

async function* pages(client: PoolClient, { tenant, mode }: { readonly tenant: string; readonly mode: Mode }, page: number) {
  let after = '-1'
  for (;;) {
    const { rows } = await client.query<Row>({ name: 'export page', text: pageSql, values: [tenant, mode, after, page] })
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.position
    yield rows.filter(one => one.binding !== null)
  }
}

export type ListedCard = { readonly card: string; readonly instrument: string; readonly instrumentVersion: number }

/** Cards of one tenant and mode whose numbers may be in the vault, in the order of their instruments. `next`: null where there are no more. */
export async function listCards(
  reader: TenantReader,
  { tenant, mode }: { readonly tenant: string; readonly mode: Mode },
  page: { readonly after: string; readonly limit: number },
): Promise<{ readonly cards: readonly ListedCard[]; readonly next: string | null }> {
  const text = `
select id, card_version, position::text as position
from instruments
where tenant = $1
and mode = $2
and position > $3
and kind = 'card'
and sharing is not null
and status not in ('erased', 'unbound', 'replaced', 'failed')
order by instruments.position
limit $4`
  type Found = { readonly id: string; readonly card_version: number; readonly position: string }
  const { rows } = await reader.query<Found>({ tenant, name: 'list cards', text, values: [tenant, mode, page.after, page.limit + 1] })
  const here = rows.slice(0, page.limit)
  const cards = here.map(({ id, card_version }) => ({ card: id, instrument: id, instrumentVersion: card_version }))
  return { cards, next: rows.length > page.limit ? (here.at(-1)?.position ?? null) : null }
}
