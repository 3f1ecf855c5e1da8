/** What no window reaches is removed, and decisions that nobody asks about any more. */
import { remove } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { safeguardCounts, safeguardDecisions } from './tables.ts'

/** Gives how many were removed. Call until it gives fewer than `limit`. */
export async function forgetCounts(world: Pick<World, 'now' | 'store'>, limit = 500): Promise<number> {
  const at = { now: world.now(), clock: null, limit }
  const [counts, decisions] = await Promise.all([world.store.due(safeguardCounts, at), world.store.due(safeguardDecisions, at)])
  const past = [...counts.map(row => remove(safeguardCounts, row)), ...decisions.map(row => remove(safeguardDecisions, row))]
  if (past.length > 0) await world.store.commit(past)
  return past.length
}
