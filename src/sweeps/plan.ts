/**
 * What nobody has asked for: each tenant's bindings at each channel that shows a list are compared with it once in thirty days, and every day
 * while something is missing. So an instrument that nobody has used for months is known to be held still, and that costs nothing: lists are free.
 */
import { insert } from '../world/store.ts'
import type { Mode, World } from '../world/world.ts'
import type { SweepQueries } from './queries.ts'
import { newSweep } from './sweep.ts'
import { sweeps } from './tables.ts'

const modes: readonly Mode[] = ['test', 'live']
const day = 24 * 3_600_000
const everyMs = 30 * day
/** What is missing counts once a day (compare.ts). */
const whileMissingMs = day
/** Whoever has just come looks at what was bound by asking. */
const tenantAgeMs = day
/** Of one turn; the others have theirs an hour later. */
const batch = 100

const own = { misses: 3, change_percent_max: 2, repeat_hours: null }

/** How many were begun. */
export async function planSweeps(world: World, queries: SweepQueries): Promise<number> {
  const now = world.now()
  const listed = [...world.channels.values()].filter(one => one.list !== undefined)
  const places = listed.flatMap(({ name }) =>
    modes.filter(mode => world.account(name, mode) !== undefined).map(mode => ({ mode, channel: name })),
  )
  const wanted = await queries.unswept({
    places,
    before: { whole: now - everyMs, missing: now - whileMissingMs, tenant: now - tenantAgeMs },
    limit: batch,
  })
  let begun = 0
  for (const of of wanted) {
    const result = await world.store.commit([insert(sweeps, newSweep(world, { ...of, ...own }))])
    if (result.ok) begun += 1
  }
  return begun
}

export type Place = { readonly mode: Mode; readonly channel: string }
/** Whose last sweep of a place ended before `whole`, or before `missing` where something was missing; tenants older than `tenant`. Unix milliseconds. */
export type Unswept = {
  readonly places: readonly Place[]
  readonly before: { readonly whole: number; readonly missing: number; readonly tenant: number }
  readonly limit: number
}
