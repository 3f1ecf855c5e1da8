/** Whom a sweep looks at next. Decides nothing. */
import type { Pool } from 'pg'
import { tenants } from '../http/tables.ts'
import { bindings } from '../instruments/tables.ts'
import type { MemoryStore } from '../world/memory.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import type { Mode } from '../world/world.ts'
import type { Place, Unswept } from './plan.ts'
import { sweeps } from './tables.ts'

/** What a sweep calls an absence that it has seen often enough: the reason of the fact, and of the binding. */
export const notListed = 'not_listed'

export type SweptAt = {
  readonly tenant: string
  readonly mode: Mode
  readonly channel: string
  readonly after: string | null
  readonly limit: number
}
export type SweepQueries = {
  /** Customers with something at the channel that may be compared, by id, after this one. */
  readonly customers: (at: SweptAt) => Promise<readonly string[]>
  /** Tenants and places that are to be swept though nobody asked. */
  readonly unswept: (of: Unswept) => Promise<readonly (Place & { readonly tenant: string })[]>
}

export const createSweepQueries = (pool: Pick<Pool, 'query'>): SweepQueries => ({
  customers: async at => {
    const text = `
select distinct customer
from bindings
where channel = $3
and tenant = $1
and mode = $2
and customer > $4
and (status in ('active', 'suspended') or reason = 'not_listed')
order by customer
limit $5`
    const values = [at.tenant, at.mode, at.channel, at.after ?? '', at.limit]
    const { rows } = await pool.query<{ readonly customer: string }>({ name: 'customers to sweep', text, values })
    return rows.map(row => row.customer)
  },
  unswept: async ({ places, before, limit }) => {
    const text = `
select t.id as tenant, p.mode, p.channel
from tenants t
cross join unnest($1::text[], $2::text[]) as p(mode, channel)
where t.created_at < $5
and not exists (
  select 1
  from sweeps s
  where s.tenant = t.id
  and s.mode = p.mode
  and s.channel = p.channel
  and (s.ended_at is null or s.ended_at > case when s.missing > 0 then $4::timestamptz else $3::timestamptz end)
)
order by t.id, p.mode, p.channel
limit $6`
    const times = [before.whole, before.missing, before.tenant].map(at => new Date(at))
    const values = [places.map(one => one.mode), places.map(one => one.channel), ...times, limit]
    const { rows } = await pool.query<Place & { readonly tenant: string }>({ name: 'places to sweep', text, values })
    return rows
  },
})

/** The same over the memory store, for simulation and tests. */
export const memorySweepQueries = (store: Pick<MemoryStore, 'rows'>): SweepQueries => ({
  customers: async ({ tenant, mode, channel, after, limit }) => {
    const fits = store
      .rows(bindings)
      .filter(
        row =>
          row.tenant === tenant &&
          row.mode === mode &&
          row.channel === channel &&
          (row.status === 'active' || row.status === 'suspended' || row.reason === notListed) &&
          row.customer > (after ?? ''),
      )
    return [...new Set(fits.map(row => row.customer))].sort().slice(0, limit)
  },
  unswept: async ({ places, before, limit }) => {
    const lately = store
      .rows(sweeps)
      .filter(row => row.ended_at === null || row.ended_at > (row.missing > 0 ? before.missing : before.whole))
    const owners = store.rows(tenants).filter(row => row.created_at < before.tenant)
    const all = owners.flatMap(({ id }) => places.map(place => ({ ...place, tenant: id })))
    const open = all.filter(one => !lately.some(row => row.tenant === one.tenant && row.mode === one.mode && row.channel === one.channel))
    return open.slice(0, limit)
  },
})

/** A tenant's sweeps, newest first: ids, one more than `limit` so that it is known whether more follow. Ids are in the order of time. */
export async function listSweeps(
  reader: TenantReader,
  owner: { readonly tenant: string; readonly mode: Mode },
  of: { readonly before: string | undefined; readonly channel: string | undefined; readonly limit: number },
): Promise<readonly string[]> {
  const text = `
select id
from sweeps
where tenant = $1
and mode = $2
and ($3::text is null or id < $3)
and ($4::text is null or channel = $4)
order by sweeps.id desc
limit $5`
  const values = [owner.tenant, owner.mode, of.before ?? null, of.channel ?? null, of.limit + 1]
  return (await reader.query<{ readonly id: string }>({ tenant: owner.tenant, name: 'list sweeps', text, values })).rows.map(row => row.id)
}
