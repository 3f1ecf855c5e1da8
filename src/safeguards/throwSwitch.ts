/** A kill switch is a row; every throw leaves another that says who and why. Twice the same is harmless. */
import { insert, remove } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { currentSwitches, everybody, forgetSwitches } from './switches.ts'
import { killSwitches, type SwitchRow, safeguardChanges } from './tables.ts'
import type { Owner } from './tally.ts'

type About = Pick<SwitchRow, 'kind' | 'value' | 'tenant' | 'mode'>
type By = { readonly reason: string; readonly request: string; readonly by: string }
type Here = Pick<World, 'store' | 'now' | 'random'>

/** False: somebody else was faster. */
export async function switchOff(world: Here, about: About, by: By): Promise<boolean> {
  if ((await world.store.get(killSwitches, { state: 'on', ...about })) !== undefined) return true
  const row = { state: 'on' as const, ...about, reason: by.reason, set_by: by.by, set_at: world.now() }
  return thrown(world, await world.store.commit([insert(killSwitches, row), change(world, about, by, false)]))
}

export async function switchOn(world: Here, about: About, by: By): Promise<boolean> {
  const row = await world.store.get(killSwitches, { state: 'on', ...about })
  if (row === undefined) return true
  return thrown(world, await world.store.commit([remove(killSwitches, row), change(world, about, by, true)]))
}

function thrown(world: Here, result: { readonly ok: boolean }): boolean {
  forgetSwitches(world)
  return result.ok
}

const change = (world: Here, { kind, value, tenant, mode }: About, { reason, request, by }: By, on: boolean) =>
  insert(safeguardChanges, {
    tenant,
    id: nextId(world, 'chg'),
    mode,
    subject: `switch:${kind}:${value}`,
    before: { off: on },
    after: { off: !on },
    reason,
    request,
    changed_by: by,
    changed_at: world.now(),
  })

export const switchesOfTenant = async (world: Here, { tenant, mode }: Owner): Promise<readonly SwitchRow[]> =>
  (await currentSwitches(world)).rows.filter(row => row.mode === mode && (row.tenant === tenant || row.tenant === everybody))
