/** What the events folder shows, and the feed it works from: plain SQL, decides nothing. In memory: memoryQueries.ts. */
import type { Pool } from 'pg'
import { idBytes, newId } from '../core/id.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import type { Mode } from '../world/world.ts'
import type { Event } from './event.ts'
import type { DeliveryState } from './tables.ts'

/** A place in commit order. Nothing is ever added at or before a place that was handed out. */
export type Place = { readonly xid: bigint; readonly position: bigint }
export const beginning: Place = { xid: 0n, position: 0n }

/** An event as the fan-out needs it. */
export type Fed = {
  readonly at: Place
  readonly id: string
  readonly instrument: string | null
  readonly sequence: number | null
  readonly type: string
}
/** A delivery by its key. */
export type DeliveryKey = { readonly tenant: string; readonly endpoint: string; readonly line: string; readonly sequence: number }
export type Due = DeliveryKey & { readonly due_at: number }
export type Named = Pick<Fed, 'id' | 'type'>
export type Owner = { readonly tenant: string; readonly mode: Mode }
export type DeliveryView = {
  readonly event: string
  readonly type: string
  readonly instrument: string | null
  readonly sequence: number | null
  readonly state: DeliveryState
  readonly tries: number
  readonly due_at: number | null
  readonly last_try_at: number | null
  readonly last_status: number | null
  readonly last_error: string | null
  readonly created_at: number
}
export type Page<T> = { readonly rows: readonly T[]; readonly next: Place | undefined }
export type Listing = { readonly limit: number; readonly after?: Place | undefined; readonly oldestFirst?: boolean }

export interface EventQueries {
  /** Enabled endpoints with events after their cursor. */
  behind(limit: number): Promise<readonly { readonly tenant: string; readonly id: string }[]>
  /** What is due at each endpoint, oldest first, at most `each` of one: no endpoint's backlog hides another's. */
  due(nowMs: number, each: number): Promise<readonly Due[]>
  /** Events of one tenant and mode after a place, oldest first. */
  after(owner: Owner, place: Place, limit: number): Promise<readonly Fed[]>
  /** The present: all that is committed up to here is seen, nothing will be added before. */
  head(): Promise<Place>
  listEvents(
    owner: Owner,
    of: Listing & { readonly type?: string | undefined; readonly instrument?: string | undefined },
  ): Promise<Page<Event>>
  listDeliveries(
    owner: { readonly tenant: string; readonly endpoint: string },
    of: Listing & { readonly state?: DeliveryState | undefined },
  ): Promise<Page<DeliveryView>>
  /** Events recorded within a time (both ends belong to it), oldest first, at most `limit`. For replays, which a person asks for. */
  recordedWithin(owner: Owner, of: { readonly from: number; readonly to: number; readonly limit: number }): Promise<readonly Named[]>
}

// A row's transaction is visible to every later reader once it is older than any that still runs.
const settled = 'xid < pg_snapshot_xmin(pg_current_snapshot())'
const millis = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8 as ${column.replace(/^.*\./, '')}`
const placeColumns = 'xid::text as xid, position::text as position'
const placeOf = (row: { readonly xid: string; readonly position: string }): Place => ({
  xid: BigInt(row.xid),
  position: BigInt(row.position),
})

/** No event recorded at this millisecond or later has a smaller id: ids begin with the time. */
export const firstIdAt = (ms: number): string => newId('evt', ms, new Uint8Array(idBytes))

type Placed<T> = T & { readonly xid: string; readonly position: string }

/** Cuts the row beyond the page that shows whether there is more. */
function pageOf<T>(rows: readonly Placed<T>[], limit: number, show: (row: Placed<T>) => T): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { rows: shown.map(show), next: rows.length > limit && last !== undefined ? placeOf(last) : undefined }
}

/** The order, and the condition to go on after a place ($1, $2 as text; both null at the start of a list). */
function ordered(oldestFirst: boolean, prefix = ''): { readonly after: string; readonly by: string } {
  const [compared, direction] = oldestFirst ? ['>', 'asc'] : ['<', 'desc']
  return {
    after: `($1::text is null or (${prefix}xid, ${prefix}position) ${compared} ($1::text::xid8, $2::text::bigint))`,
    by: `${prefix}xid ${direction}, ${prefix}position ${direction}`,
  }
}
const placeValues = (place: Place | undefined) => [place?.xid.toString() ?? null, place?.position.toString() ?? null]

/** `pool`: connections that may read everybody's rows, with the schema as search path. `reader`: what reads for one tenant. */
export function createEventQueries(pool: Pick<Pool, 'query'>, reader: TenantReader = pool): EventQueries {
  return {
    ...feedQueries(pool),
    listEvents: (owner, of) => listEvents(reader, owner, of),
    listDeliveries: (owner, of) => listDeliveries(reader, owner, of),
    recordedWithin: (owner, of) => recordedWithin(reader, owner, of),
  }
}

type FeedQueries = Pick<EventQueries, 'behind' | 'due' | 'after' | 'head'>

/** What the fan-out and the dispatcher work from. */
function feedQueries(pool: Pick<Pool, 'query'>): FeedQueries {
  return {
    async behind(limit) {
      const text = `
select e.tenant, e.id
from webhook_endpoints e
join cursors c on c.tenant = e.tenant and c.endpoint = e.id
where e.status = 'enabled'
and exists (
  select 1
  from events v
  where v.tenant = e.tenant
  and v.mode = e.mode
  and (v.xid, v.position) > (c.xid::text::xid8, c.position)
  and v.${settled}
)
limit $1`
      return (await pool.query<{ tenant: string; id: string }>({ name: 'events behind', text, values: [limit] })).rows
    },
    async due(nowMs, each) {
      // Every endpoint there is or was has a cursor; of one that was deleted the last deliveries are still to be skipped.
      const text = `
select d.tenant, d.endpoint, d.line, d.sequence, ${millis('d.due_at')}
from cursors c
cross join lateral (
  select tenant, endpoint, line, sequence, due_at
  from deliveries
  where tenant = c.tenant
  and endpoint = c.endpoint
  and due_at <= to_timestamp($1::float8 / 1000)
  order by due_at
  limit $2
) d
order by d.due_at`
      return (await pool.query<Due>({ name: 'deliveries due', text, values: [nowMs, each] })).rows
    },
    async after({ tenant, mode }, place, limit) {
      const text = `
select id, instrument, sequence, type, ${placeColumns}
from events
where tenant = $3
and mode = $4
and (xid, position) > ($1::text::xid8, $2::text::bigint)
and ${settled}
order by events.xid, events.position
limit $5`
      const values = [...placeValues(place), tenant, mode, limit]
      const { rows } = await pool.query<Placed<Omit<Fed, 'at'>>>({ name: 'events after', text, values })
      return rows.map(({ xid, position, ...fed }) => ({ ...fed, at: placeOf({ xid, position }) }))
    },
    async head() {
      const text = 'select (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)::text as xid'
      const { rows } = await pool.query<{ xid: string }>({ name: 'events head', text })
      // Above every position of the transactions that have ended.
      return { xid: BigInt(rows[0]?.xid ?? '0'), position: 9_223_372_036_854_775_807n }
    },
  }
}

async function recordedWithin(
  reader: TenantReader,
  { tenant, mode }: Owner,
  { from, to, limit }: Parameters<EventQueries['recordedWithin']>[1],
): Promise<readonly Named[]> {
  const text = `
select id, type
from events
where tenant = $1
and mode = $2
and id >= $3
and id < $4
order by xid, position
limit $5`
  const values = [tenant, mode, firstIdAt(from), firstIdAt(to + 1), limit]
  return (await reader.query<Named>({ tenant, name: 'events within', text, values })).rows
}

async function listEvents(
  reader: TenantReader,
  { tenant, mode }: Owner,
  of: Parameters<EventQueries['listEvents']>[1],
): Promise<Page<Event>> {
  const order = ordered(of.oldestFirst === true, 'events.')
  const text = `
select tenant, id, mode, instrument, customer, sequence, type, data, ${millis('created_at')}, ${placeColumns}
from events
where ${order.after}
and tenant = $3
and mode = $4
and ($5::text is null or type = $5)
and ($6::text is null or instrument = $6)
and ${settled}
order by ${order.by}
limit $7`
  const values = [...placeValues(of.after), tenant, mode, of.type ?? null, of.instrument ?? null, of.limit + 1]
  const { rows } = await reader.query<Placed<Event>>({ tenant, text, values })
  return pageOf<Event>(rows, of.limit, ({ xid: _xid, position: _position, ...event }) => event)
}

async function listDeliveries(
  reader: TenantReader,
  owner: { readonly tenant: string; readonly endpoint: string },
  of: Parameters<EventQueries['listDeliveries']>[1],
): Promise<Page<DeliveryView>> {
  const order = ordered(of.oldestFirst === true, 'd.')
  const text = `
select d.event, e.type, e.instrument, e.sequence, d.state, d.tries, ${millis('d.due_at')}, ${millis('d.last_try_at')},
  d.last_status, d.last_error, ${millis('d.created_at')}, d.xid::text as xid, d.position::text as position
from deliveries d
join events e on e.tenant = d.tenant and e.id = d.event
where ${order.after}
and d.tenant = $3
and d.endpoint = $4
and ($5::text is null or d.state = $5)
and d.${settled}
order by ${order.by}
limit $6`
  const values = [...placeValues(of.after), owner.tenant, owner.endpoint, of.state ?? null, of.limit + 1]
  const { rows } = await reader.query<Placed<DeliveryView>>({ tenant: owner.tenant, text, values })
  return pageOf<DeliveryView>(rows, of.limit, ({ xid: _xid, position: _position, ...view }) => view)
}
