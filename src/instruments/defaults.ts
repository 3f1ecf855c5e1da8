/**
 * A customer's default instrument. That there is at most one is a row of its own, which every change of it moves; the instrument knows it too
 * (`preferred`), so that one that ends says by itself that another has to take over.
 */
import { Problem } from '../core/problem.ts'
import { insert, moveTo, type Write } from '../world/store.ts'
import { int, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode, World } from '../world/world.ts'
import { derive, isOver } from './instrument.ts'
import { standIns } from './nextBest.ts'
import { notice } from './notice.ts'
import { type Succession, successions } from './reuse.ts'
import { customersDefault, sharingWrites } from './sharing.ts'
import { bindings, type CustomerRow, customers, type InstrumentRow, instruments } from './tables.ts'
import { mindsAt } from './tell.ts'

/** asked: somebody said so · next_best: its predecessor ended · none_left: and nothing could take over · no_succession: and nothing should */
export const defaultReasons = ['asked', 'next_best', 'none_left', 'no_succession'] as const
export type DefaultReason = (typeof defaultReasons)[number]

export const defaults = table(
  'defaults',
  {
    tenant: text(),
    customer: text(),
    instrument: maybe(text()),
    because: text<DefaultReason>(),
    updated_at: time(),
    version: int(),
  },
  { key: ['tenant', 'customer'], checks: { defaults_because: row => defaultReasons.includes(row.because) } },
)
export type DefaultRow = Row<typeof defaults>

/** A tenant's own rule for customers who have none of theirs. Without a row: `next_best`. */
export const successionRules = table(
  'successions',
  { tenant: text(), mode: text<Mode>(), succession: text<Succession>(), version: int() },
  { key: ['tenant', 'mode'], checks: { successions_known: row => successions.includes(row.succession) } },
)

const collisionsMax = 20

export const readDefault = (world: World, of: { readonly tenant: string; readonly id: string }): Promise<DefaultRow | undefined> =>
  world.store.get(defaults, { tenant: of.tenant, customer: of.id })

export async function readSuccession(world: World, of: { readonly tenant: string; readonly mode: Mode }): Promise<Succession> {
  const row = await world.store.get(successionRules, { tenant: of.tenant, mode: of.mode })
  return row?.succession ?? 'next_best'
}

export async function setSuccession(
  world: World,
  of: { readonly tenant: string; readonly mode: Mode; readonly succession: Succession },
): Promise<void> {
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const row = await world.store.get(successionRules, { tenant: of.tenant, mode: of.mode })
    const write = row === undefined ? insert(successionRules, of) : moveTo(successionRules, row, { ...row, succession: of.succession })
    if ((await world.store.commit([write])).ok) return
  }
  throw new Problem('conflict', 'somebody else changes it too')
}

/** Makes this one the default, or none (undefined). `choose` looks at the instrument as it is at that moment, and throws where it cannot be. */
export async function makeDefault(
  world: World,
  customer: Pick<CustomerRow, 'tenant' | 'id'>,
  instrument: string | undefined,
  check: (row: InstrumentRow | undefined) => void,
): Promise<Omit<DefaultRow, 'version'>> {
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const [row, chosen] = await Promise.all([
      readDefault(world, customer),
      instrument === undefined ? undefined : world.store.get(instruments, { tenant: customer.tenant, id: instrument }),
    ])
    if (instrument !== undefined) check(chosen)
    if (row?.instrument === (chosen?.id ?? null) && row !== undefined) return row
    const change = await planChange(world, customer, { row, chosen, because: 'asked' })
    if ((await world.store.commit(change.writes)).ok) return change.after
  }
  throw new Problem('conflict', "the customer's default keeps changing")
}

/** Where it was its customer's default and has ended, another takes over, or none. Otherwise nothing happens; twice, nothing the second time. */
export async function passOn(world: World, ending: Pick<InstrumentRow, 'tenant' | 'id' | 'customer' | 'preferred'>): Promise<void> {
  if (!ending.preferred) return
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const { tenant, id, customer } = ending
    const [row, now] = await Promise.all([readDefault(world, { tenant, id: customer }), world.store.get(instruments, { tenant, id })])
    if (now === undefined || !now.preferred || !isOver(now.status)) return
    const { chosen, because } = await successor(world, now)
    const change = await planChange(world, { tenant, id: customer }, { row, chosen, because })
    if ((await world.store.commit(change.writes)).ok) return
  }
  throw new Problem('conflict', "the customer's default keeps changing")
}

async function successor(
  world: World,
  ended: InstrumentRow,
): Promise<{ readonly chosen: InstrumentRow | undefined; readonly because: DefaultReason }> {
  const { tenant, customer, mode } = ended
  const owner = await world.store.get(customers, { tenant, id: customer })
  const succession = owner?.reuse.succession ?? (await readSuccession(world, { tenant, mode }))
  // Nothing takes over for a customer who is being erased.
  if (succession === 'none' || owner === undefined || owner.erased_at !== null) return { chosen: undefined, because: 'no_succession' }
  const [chosen] = standIns(ended, await world.store.find(instruments, { tenant, customer }))
  return chosen === undefined ? { chosen, because: 'none_left' } : { chosen, because: 'next_best' }
}

type Changing = {
  readonly row: DefaultRow | undefined
  readonly chosen: InstrumentRow | undefined
  readonly because: DefaultReason
}

/** The row, the two instruments, and a notice of each. */
async function planChange(world: World, customer: Pick<CustomerRow, 'tenant' | 'id'>, { row, chosen, because }: Changing) {
  const { tenant, id } = customer
  const now = world.now()
  const before =
    row === undefined || row.instrument === null ? undefined : await world.store.get(instruments, { tenant, id: row.instrument })
  const after = { tenant, customer: id, instrument: chosen?.id ?? null, because, updated_at: now }
  const more = { default: { customer: id, instrument: after.instrument, before: row?.instrument ?? null, because } }
  const writes: Write[] = [row === undefined ? insert(defaults, after) : moveTo(defaults, row, { ...row, ...after })]
  // The change itself is told once, by the new default if there is one.
  if (before !== undefined && before.id !== chosen?.id)
    writes.push(...(await told(world, before, false, chosen === undefined ? { type: 'default.changed', more } : {})))
  if (chosen !== undefined) writes.push(...(await told(world, chosen, true, { type: 'default.changed', more })))
  return { writes, after }
}

async function told(
  world: World,
  before: InstrumentRow,
  preferred: boolean,
  how: { readonly type?: 'default.changed'; readonly more?: Readonly<Record<string, unknown>> },
): Promise<readonly Write[]> {
  const now = world.now()
  const legs = await world.store.find(bindings, { tenant: before.tenant, instrument: before.id })
  const marked = { ...before, preferred }
  const instrument = { ...marked, ...derive(marked, legs), updated_at: now }
  const notices = notice({ before: { instrument: before, all: legs }, instrument, all: legs, ...how }, mindsAt(world, now))
  const after = { ...instrument, sequence: notices.sequence }
  return [moveTo(instruments, before, after), ...sharingWrites(before, after, customersDefault), ...notices.writes]
}
