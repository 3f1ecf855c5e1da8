/**
 * Kill switches: a channel, a tenant, leading digits or a feature is off. All of them are read once a second in every process, so that one
 * bites everywhere within two seconds and no request reads them for itself.
 */
import type { World } from '../world/world.ts'
import { killSwitches, type SwitchRow } from './tables.ts'
import type { Owner } from './tally.ts'

export type SwitchKind = SwitchRow['kind']
/** What can be switched off by name. `bind`: nothing new is bound; `sessions`: no browser binds; `codes`: nothing typed is passed on. */
export const features = ['bind', 'extend', 'sessions', 'codes', 'network_tokens'] as const
export type Feature = (typeof features)[number]

export type Switches = {
  /** The one that forbids it, if there is one: the deployment's or the tenant's own. */
  off(owner: Owner, kind: SwitchKind, value: string): SwitchRow | undefined
  readonly rows: readonly SwitchRow[]
}

export const everybody = '*'
/** More than anybody throws by hand. */
export const switchesMax = 500

export function switchesOf(rows: readonly SwitchRow[]): Switches {
  return {
    rows,
    off: ({ tenant, mode }, kind, value) =>
      rows.find(
        row =>
          row.kind === kind &&
          row.mode === mode &&
          (row.tenant === everybody || row.tenant === tenant) &&
          (kind === 'bin' ? value.startsWith(row.value) : row.value === value),
      ),
  }
}

/** In ms: half of the two seconds within which a switch bites. */
const staleMs = 1_000
type Kept = { readonly atMs: number; readonly switches: Promise<Switches> }
/** By store, so that what one process knows ends with it. */
const kept = new WeakMap<World['store'], Kept>()
/** What was read last, by store: it holds on while the database is out of reach. */
const last = new WeakMap<World['store'], Switches>()

/** Never older than a second. Reads that fail leave what was known. */
export function currentSwitches(world: Pick<World, 'store' | 'now'>): Promise<Switches> {
  const found = kept.get(world.store)
  if (found !== undefined && Math.abs(world.now() - found.atMs) < staleMs) return found.switches
  const switches = world.store.find(killSwitches, { state: 'on' }, switchesMax).then(switchesOf)
  kept.set(world.store, { atMs: world.now(), switches })
  switches.then(
    read => last.set(world.store, read),
    () => kept.delete(world.store),
  )
  return switches
}
export const forgetSwitches = (world: Pick<World, 'store'>): boolean => kept.delete(world.store)

/** What was read last, for whoever cannot wait; asks anew beside it when that is a second old. */
export function lastSwitches(world: Pick<World, 'store' | 'now'>): Switches {
  currentSwitches(world).catch(() => undefined)
  return last.get(world.store) ?? switchesOf([])
}

/** The same for whoever is about to ask a channel: a process that has read nothing yet reads first. */
export async function knownSwitches(world: Pick<World, 'store' | 'now'>): Promise<Switches> {
  return last.has(world.store) ? lastSwitches(world) : currentSwitches(world)
}
