/** Whom a sweep looks at next. Decides nothing. */
import type { Pool } from 'pg'
import { bindings } from '../instruments/tables.ts'
import type { MemoryStore } from '../world/memory.ts'
import { rowOf } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

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
})

/** The same over the memory store, for simulation and tests. */
export const memorySweepQueries = (store: Pick<MemoryStore, 'snapshot'>): SweepQueries => ({
  customers: async ({ tenant, mode, channel, after, limit }) => {
    const rows = (store.snapshot().bindings ?? []).map(row => rowOf(bindings, row))
    const fits = rows.filter(
      row =>
        row.tenant === tenant &&
        row.mode === mode &&
        row.channel === channel &&
        (row.status === 'active' || row.status === 'suspended' || row.reason === notListed) &&
        row.customer > (after ?? ''),
    )
    return [...new Set(fits.map(row => row.customer))].sort().slice(0, limit)
  },
})
