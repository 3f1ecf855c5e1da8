/** Which limits hold for a tenant: the deployment's, unless the tenant has set its own. Read once a second for each tenant. */
import type { Mode, World } from '../world/world.ts'
import { isTunable, type Limit, limits, type TunableLayer } from './limits.ts'
import { type PolicyRow, safeguardPolicies } from './tables.ts'
import type { Owner } from './tally.ts'

export type Policy = {
  limit<L extends TunableLayer>(layer: L, name: keyof (typeof limits)[L] & string): number
  isOff(layer: string): boolean
  /** The same by a name that was looked up. */
  named(layer: TunableLayer, name: string): number
}

/**
 * In test mode limits of numbers are so many times as high, unless the tenant set them: a developer binds a hundred test cards a day from one
 * address. Everything is counted and decided there as well.
 */
export const looserInTest = 50

const limitOf = (layer: TunableLayer, name: string): Limit => {
  const found: Limit | undefined = Object.entries(limits[layer]).find(([one]) => one === name)?.[1]
  if (found === undefined) throw new TypeError(`${layer} has no limit ${name}`)
  return found
}
/** Shares, switches and multiples are no numbers of tries. */
const isShare = (name: string): boolean => /_pct$|^tenants$|_usual$|_at_many$/.test(name)

export function policyOf(mode: Mode, rows: readonly Pick<PolicyRow, 'layer' | 'limits' | 'off'>[], factor?: number): Policy {
  const times = factor ?? (mode === 'test' ? looserInTest : 1)
  const own = new Map(rows.map(row => [row.layer, row]))
  const named = (layer: TunableLayer, name: string): number => {
    const standard = limitOf(layer, name).default
    return own.get(layer)?.limits[name] ?? (isShare(name) || layer === 'code' ? standard : standard * times)
  }
  return {
    limit: named,
    named,
    isOff: layer => own.get(layer)?.off === true,
  }
}

/** How long a changed limit may go unnoticed by other processes, in ms; this one's own changes hold at once. */
const staleMs = 1_000
const keptMax = 1_000
type Kept = { readonly atMs: number; readonly policy: Promise<Policy> }
/** By store, so that what one process knows ends with it. */
const kept = new WeakMap<World['store'], Map<string, Kept>>()

export function currentPolicy(world: World, { tenant, mode }: Owner): Promise<Policy> {
  const shelf = kept.get(world.store) ?? new Map<string, Kept>()
  kept.set(world.store, shelf)
  const name = `${tenant} ${mode}`
  const found = shelf.get(name)
  if (found !== undefined && Math.abs(world.now() - found.atMs) < staleMs) return found.policy
  if (shelf.size >= keptMax) shelf.clear()
  const policy = world.store.find(safeguardPolicies, { tenant, mode }).then(rows => policyOf(mode, rows, world.settings.safeguards?.times))
  shelf.set(name, { atMs: world.now(), policy })
  policy.catch(() => shelf.delete(name))
  return policy
}
export const forgetPolicies = (world: World): boolean => kept.delete(world.store)

export type Wanted = Readonly<Record<string, number>>
export type Fault = { readonly name: string; readonly detail: string }

/** What is wrong with limits that a tenant wants, and whether they need a reason. */
export function weigh(
  layer: string,
  wanted: Wanted,
  off: boolean,
  mode: Mode,
): { readonly faults: readonly Fault[]; readonly needsReason: boolean } {
  if (!isTunable(layer)) return { faults: [{ name: '', detail: 'is no layer with limits' }], needsReason: false }
  const known: ReadonlyMap<string, Limit> = new Map(Object.entries(limits[layer]))
  let needsReason = off
  const faults = Object.entries(wanted).flatMap(([name, value]): Fault[] => {
    const of = known.get(name)
    if (of === undefined) return [{ name, detail: `is no limit of ${layer}` }]
    const times = mode === 'test' && !isShare(name) ? looserInTest : 1
    if (!Number.isInteger(value) || value < of.least || value > of.most * times)
      return [{ name, detail: `must be a whole number from ${of.least} to ${of.most * times}` }]
    needsReason ||= value > of.free * times
    return []
  })
  return { faults, needsReason }
}
