/** Reading what was counted: each value's own rows; what many share once a second for a whole process. */
import type { World } from '../world/world.ts'
import type { Evidence } from './evidence.ts'
import type { Asked } from './guard.ts'
import { heldMax } from './linking.ts'
import { currentPolicy, type Policy } from './policy.ts'
import { type CountRow, safeguardCounts } from './tables.ts'
import { type Kind, kinds, nothing, type Owner, type Tally, tally } from './tally.ts'
import { type Tried, type Values, valuesOf } from './values.ts'

/** `all`: at every tenant. */
type Wide = { readonly own: readonly CountRow[]; readonly all: readonly CountRow[] }
/** What is read beside everything else a bind reads, before anybody knows the number's leading digits. */
export type Read = {
  readonly policy: Policy
  readonly customer: readonly CountRow[]
  /** Living instruments of the customer, where one more is to be added. */
  readonly held: number | undefined
  readonly device: Wide
  readonly address: readonly CountRow[]
  readonly subnet: Wide
  readonly autonomousSystem: readonly CountRow[]
  readonly tenant: readonly CountRow[]
}

const rowsMax = 1_000
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** `holding`: how many living instruments the customer has; asked beside the rest, of so many at most. */
export async function readCounts(world: World, tried: Omit<Tried, 'bin'>, holding?: (most: number) => Promise<number>): Promise<Read> {
  const values = valuesOf(world, { ...tried, bin: undefined })
  const mine = async (value: string | undefined): Promise<Wide> => {
    if (value === undefined) return { own: [], all: [] }
    const all = (await world.store.find(safeguardCounts, { value }, rowsMax)).filter(row => row.mode === tried.mode)
    return { own: all.filter(row => row.tenant === tried.tenant), all }
  }
  const limits = currentPolicy(world, tried)
  const [policy, held, customer, device, address, subnet, autonomousSystem, tenant] = await Promise.all([
    limits,
    limits.then(policy => (heldMax(policy) === 0 ? undefined : holding?.(heldMax(policy)))),
    mine(values.customer),
    mine(values.device),
    mine(values.address),
    mine(values.subnet),
    shared(world, tried, values.autonomousSystem),
    shared(world, tried, values.tenant),
  ])
  return { policy, held, customer: customer.own, device, address: address.own, subnet, autonomousSystem, tenant }
}

export async function evidenceOf(world: World, asked: Asked, read: Read, values: Values): Promise<Evidence> {
  const now = world.now()
  const [bin, binWeek] = await Promise.all([shared(world, asked, values.bin), shared(world, asked, values.binWeek)])
  const of = (kind: Kind, rows: readonly CountRow[], windowMs: number): Tally => tally(kind, rows, now, windowMs)
  const near = (kind: 'address' | 'subnet', rows: readonly CountRow[]) => ({
    tenMinutes: of(kind, rows, 10 * minute),
    hour: of(kind, rows, hour),
  })
  return {
    mode: asked.mode,
    held: read.held,
    customer: {
      hour: of('customer', read.customer, hour),
      day: of('customer', read.customer, day),
      week: of('customer', read.customer, 7 * day),
    },
    device:
      values.device === undefined ? undefined : { hour: of('device', read.device.own, hour), day: of('device', read.device.own, day) },
    address: values.address === undefined ? undefined : near('address', read.address),
    subnet: values.subnet === undefined ? undefined : near('subnet', read.subnet.own),
    autonomousSystem:
      values.autonomousSystem === undefined ? undefined : { tenMinutes: of('autonomous_system', read.autonomousSystem, 10 * minute) },
    bin:
      values.bin === undefined
        ? undefined
        : { hour: of('bin', bin, hour), day: of('bin_week', binWeek, day), week: of('bin_week', binWeek, 7 * day) },
    tenant: of('tenant', read.tenant, 15 * minute),
    network: worst(widely(now, 'device', read.device.all), widely(now, 'subnet', read.subnet.all)),
    seen: asked.seen,
  }
}

type Widely = NonNullable<Evidence['network']>

/** Tenants at which something was declined or refused, and all that was counted at these. */
function widely(now: number, kind: 'device' | 'subnet', rows: readonly CountRow[]): Widely | undefined {
  const byTenant = new Map<string, CountRow[]>()
  for (const row of rows) byTenant.set(row.tenant, [...(byTenant.get(row.tenant) ?? []), row])
  const tallies = [...byTenant.values()].map(of => tally(kind, of, now, day))
  const told = tallies.filter(one => one.declines > 0)
  if (told.length === 0) return undefined
  return { tenants: told.length, day: tallies.reduce(plus, nothing) }
}
const plus = (one: Tally, other: Tally): Tally => ({
  attempts: one.attempts + other.attempts,
  declines: one.declines + other.declines,
  denied: one.denied + other.denied,
})
const worst = (one: Widely | undefined, other: Widely | undefined): Widely | undefined =>
  one === undefined || (other !== undefined && other.day.declines > one.day.declines) ? other : one

/** How long what many share may be counted without what was added since, in ms. */
const staleMs = 1_000
const keptMax = 5_000
type Kept = { readonly atMs: number; readonly rows: Promise<readonly CountRow[]> }
/** By store, so that what one process knows ends with it. */
const kept = new WeakMap<World['store'], Map<string, Kept>>()

function shared(world: World, { tenant, mode }: Owner, value: string | undefined): Promise<readonly CountRow[]> {
  if (value === undefined) return Promise.resolve([])
  const shelf = kept.get(world.store) ?? new Map<string, Kept>()
  kept.set(world.store, shelf)
  const name = `${value} ${tenant} ${mode}`
  const found = shelf.get(name)
  if (found !== undefined && Math.abs(world.now() - found.atMs) < staleMs) return found.rows
  if (shelf.size >= keptMax) shelf.clear()
  const rows = world.store
    .find(safeguardCounts, { value }, Math.min(rowsMax, rowsOf(value)))
    .then(all => all.filter(row => row.mode === mode && row.tenant === tenant))
  shelf.set(name, { atMs: world.now(), rows })
  rows.catch(() => shelf.delete(name))
  return rows
}

/** The newest that can matter: of both modes, and for the systems' of several tenants. */
function rowsOf(value: string): number {
  const kind = value.slice(0, value.indexOf(':'))
  const found = Object.entries(kinds).find(([name]) => name === kind)?.[1]
  return kind === 'autonomous_system' || found === undefined ? rowsMax : 2 * Math.ceil(found.keepMs / found.slotMs) + 2
}
