/**
 * The customer is asked to bind an instrument again: a notice to the tenant, once for each death, with a link for the customer by which it can be
 * replaced. The notice names the link and does not hold its address, which is a key.
 */
import type { IdPrefix } from '../core/id.ts'
import { newLink } from '../portal/link.ts'
import { type LinkRow, portalLinks } from '../portal/tables.ts'
import { insert, move } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { type DeathRow, deaths } from './death.ts'
import { notice } from './notice.ts'
import { type BindingRow, bindings, instruments } from './tables.ts'

/** People read what they are sent within days. */
const linkLifeMs = 7 * 24 * 3_600_000

/** False if somebody else attended the death meanwhile. */
export async function askCustomer(world: World, death: DeathRow, cause: string): Promise<boolean> {
  const { tenant } = death
  const before = await world.store.get(instruments, { tenant, id: death.instrument })
  if (before === undefined) throw new TypeError(`no instrument ${death.instrument}`)
  const all = await world.store.find(bindings, { instrument: before.id, tenant })
  const now = world.now()
  const link = linkFor(world, death, all)
  const died = { binding: death.binding, channel: death.channel }
  const asks = { next_best_action: 'ask_customer' as const, cause, died, portal_link: link?.id ?? null }
  const minds = { now, mint: (prefix: IdPrefix, near: string) => nextId(world, prefix, near) }
  const notices = notice({ before: { instrument: before, all }, instrument: { ...before, updated_at: now }, all, asks }, minds)
  const result = await world.store.commit([
    move(deaths, death, { status: 'asked', cause, due_at: null }),
    move(instruments, before, { sequence: notices.sequence, updated_at: now }),
    ...(link === undefined ? [] : [insert(portalLinks, link)]),
    ...notices.writes,
  ])
  return result.ok
}

/** Back to where it was bound; an import came from nowhere. */
function linkFor(world: World, { tenant, mode, customer, binding }: DeathRow, all: readonly BindingRow[]): LinkRow | undefined {
  const returnUrl = all.find(one => one.id === binding)?.return_url ?? ''
  if (returnUrl === '') return undefined
  return newLink(world, { tenant, mode, customer, may: ['list', 'replace'], returnUrl, lifeMs: linkLifeMs, hosted: true })
}
