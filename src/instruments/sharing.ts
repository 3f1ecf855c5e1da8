/**
 * How many customers of a tenant may have one card or account: two customers with one card are two instruments, and a row of a directory
 * counts them. The count moves in the very commit that begins an instrument or ends it, bounded there, so that no two hundred at once can
 * pass the limit together. What ends hands its place back; what a channel revives after that takes a place again, or is given up.
 */
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Add, add } from '../world/store.ts'
import { int, type Row, table, text } from '../world/table.ts'
import type { Mode, World } from '../world/world.ts'
import type { InstrumentStatus } from './instrument.ts'
import type { IdentityKind, InstrumentRow } from './tables.ts'

/** Directory: how many customers' living instruments are this card or account. `value`: the vault's fingerprint. */
export const sharings = table(
  'sharings',
  { tenant: text(), mode: text<Mode>(), kind: text<IdentityKind>(), value: text(), holders: int(), version: int() },
  { key: ['tenant', 'mode', 'kind', 'value'] },
)

/** A tenant's own limit, where it has one. */
export const sharingLimits = table(
  'sharing_limits',
  { tenant: text(), mode: text<Mode>(), customers_max: int(), version: int() },
  {
    key: ['tenant', 'mode'],
    checks: { sharing_limits_customers: row => row.customers_max >= 1 && row.customers_max <= customersMost },
  },
)
export type SharingLimitRow = Row<typeof sharingLimits>

/** A couple's card. A third customer is a family, or a ring that shares a stolen one: the tenant decides (reliability page, L5). */
export const customersDefault = 2
/** More than any family or small firm; beyond it a limit limits nothing. */
export const customersMost = 100

export const sharingBound = 'sharings_holders_bound'

/** What has ended or never came alive takes nobody's place. */
export const holdsPlace = (status: InstrumentStatus): boolean =>
  status === 'pending' || status === 'active' || status === 'suspended' || status === 'expired' || status === 'blocked'

type Sharer = Pick<InstrumentRow, 'tenant' | 'mode' | 'sharing' | 'status'>

/** What follows for the count when an instrument becomes `after`; whoever moves an instrument's status commits this with it. */
export function sharingWrites(before: Sharer | undefined, after: Sharer, customersMax: number): readonly Add[] {
  const { tenant, mode, sharing } = after
  const change = Number(holdsPlace(after.status)) - Number(before !== undefined && holdsPlace(before.status))
  if (sharing === null || change === 0) return []
  // Handing a place back never stands in the way of whatever ends.
  const within = change > 0 ? { bounds: { holders: { max: BigInt(customersMax) } } } : {}
  return [add(sharings, { tenant, mode, kind: sharing.kind, value: sharing.value }, { holders: BigInt(change) }, within)]
}

/** How long a changed limit may go unnoticed by other processes, in ms; as for routing rules. */
const staleMs = 1_000
type Kept = { readonly atMs: number; readonly most: Promise<number> }
/** By store, so that what one process knows ends with it. */
const kept = new WeakMap<World['store'], Map<string, Kept>>()
const keptMax = 1_000

/** Read once a second for each tenant, since every bind asks and hardly any tenant has one. */
export function customersMax(world: World, { tenant, mode }: { readonly tenant: string; readonly mode: Mode }): Promise<number> {
  const shelf = kept.get(world.store) ?? new Map<string, Kept>()
  kept.set(world.store, shelf)
  const name = `${tenant} ${mode}`
  const found = shelf.get(name)
  if (found !== undefined && Math.abs(world.now() - found.atMs) < staleMs) return found.most
  if (shelf.size >= keptMax) shelf.clear()
  const most = world.store
    .get(sharingLimits, { tenant, mode })
    .then(row => row?.customers_max ?? world.settings.customersPerInstrument ?? customersDefault)
  shelf.set(name, { atMs: world.now(), most })
  most.catch(() => shelf.delete(name))
  return most
}
export const forgetLimits = (world: World): boolean => kept.delete(world.store)

const crowdedDetail = 'belongs to as many customers already as may share it'
/** Thrown before any channel is asked: as many customers have this card as may. */
export const crowded = (pointer: string): Problem => fieldProblem(pointer, crowdedDetail, 'unprocessable')
export const isCrowded = (error: unknown): boolean => error instanceof Problem && error.errors.some(one => one.detail === crowdedDetail)
