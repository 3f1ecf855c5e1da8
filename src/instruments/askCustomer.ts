/** The customer is asked to bind an instrument again: a notice to the tenant, once for each death. */
import type { IdPrefix } from '../core/id.ts'
import { move } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { type DeathRow, deaths } from './death.ts'
import { notice } from './notice.ts'
import { bindings, instruments } from './tables.ts'

/**
 * False if somebody else attended the death meanwhile. Here, and nowhere else, is where a binding session is opened for the customer once there is
 * one: its link belongs into `asks`.
 */
export async function askCustomer(world: World, death: DeathRow, cause: string): Promise<boolean> {
  const { tenant } = death
  const before = await world.store.get(instruments, { tenant, id: death.instrument })
  if (before === undefined) throw new TypeError(`no instrument ${death.instrument}`)
  const all = await world.store.find(bindings, { instrument: before.id, tenant })
  const now = world.now()
  const asks = { next_best_action: 'ask_customer' as const, cause, died: { binding: death.binding, channel: death.channel } }
  const minds = { now, mint: (prefix: IdPrefix, near: string) => nextId(world, prefix, near) }
  const notices = notice({ before: { instrument: before, all }, instrument: { ...before, updated_at: now }, all, asks }, minds)
  const result = await world.store.commit([
    move(deaths, death, { status: 'asked', cause, due_at: null }),
    move(instruments, before, { sequence: notices.sequence, updated_at: now }),
    ...notices.writes,
  ])
  return result.ok
}
