/**
 * A dependent: a subscription, a wallet, an order that relies on an instrument. Who registers one is asked before the instrument is given up,
 * and told where it went. Every change of an instrument's dependents moves the instrument's row, so that a plan made on them is true or refused.
 */
import { Problem } from '../core/problem.ts'
import { insert, moveTo, remove, type Write } from '../world/store.ts'
import { int, maybe, type Row, table, text, time } from '../world/table.ts'
import { nextId, type World } from '../world/world.ts'
import { ended } from './instrument.ts'
import { type InstrumentRow, instruments } from './tables.ts'

export const dependentKinds = ['subscription', 'instalments', 'wallet', 'order', 'account', 'other'] as const
export type DependentKind = (typeof dependentKinds)[number]

export const dependents = table(
  'dependents',
  {
    tenant: text(),
    id: text(),
    customer: text(),
    instrument: text(),
    /** The tenant's own name for it, once for each instrument. */
    reference: text(),
    kind: text<DependentKind>(),
    title: maybe(text()),
    next_charge_at: maybe(time()),
    created_at: time(),
    updated_at: time(),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    unique: { dependents_reference: ['instrument', 'tenant', 'reference'] },
    references: { dependents_instrument_fkey: { columns: ['tenant', 'instrument'], to: 'instruments' } },
  },
)
export type DependentRow = Row<typeof dependents>

export type Registration = Pick<DependentRow, 'reference' | 'kind' | 'title' | 'next_charge_at'>

/** Half of what one `find` gives: a plan must never be made on a part. */
export const dependentsMax = 500
const collisionsMax = 20

export const viewDependent = (row: Omit<DependentRow, 'version'>) => ({
  id: row.id,
  object: 'dependent' as const,
  instrument: row.instrument,
  reference: row.reference,
  kind: row.kind,
  title: row.title,
  next_charge_at: row.next_charge_at === null ? null : new Date(row.next_charge_at).toISOString(),
  created_at: new Date(row.created_at).toISOString(),
  updated_at: new Date(row.updated_at).toISOString(),
})

export const dependentsOf = (world: World, { tenant, id }: Pick<InstrumentRow, 'tenant' | 'id'>): Promise<readonly DependentRow[]> =>
  world.store.find(dependents, { tenant, instrument: id })

/** Registers it, or changes what is known of it. `created`: it was not there before. */
export async function register(
  world: World,
  at: InstrumentRow,
  asked: Registration,
): Promise<{ readonly created: boolean; readonly dependent: Omit<DependentRow, 'version'> }> {
  let instrument = at
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    if (ended.includes(instrument.status)) throw new Problem('conflict', `the instrument is ${instrument.status}`)
    const here = await dependentsOf(world, instrument)
    const before = here.find(one => one.reference === asked.reference)
    if (before === undefined && here.length >= dependentsMax)
      throw new Problem('conflict', `${dependentsMax} rely on this instrument already`)
    const now = world.now()
    const { tenant, id, customer } = instrument
    const dependent =
      before === undefined
        ? { ...asked, tenant, id: nextId(world, 'dep', customer), customer, instrument: id, created_at: now, updated_at: now }
        : { ...before, ...asked, updated_at: now }
    const write = before === undefined ? insert(dependents, dependent) : moveTo(dependents, before, dependent)
    if ((await world.store.commit([write, touched(instrument, now)])).ok) return { created: before === undefined, dependent }
    instrument = await again(world, instrument)
  }
  throw new Problem('conflict', 'the instrument keeps changing')
}

/** It relies on the instrument no more. Twice: nothing is there the second time. */
export async function deregister(world: World, at: InstrumentRow, dependent: string): Promise<DependentRow> {
  let instrument = at
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const row = await world.store.get(dependents, { tenant: instrument.tenant, id: dependent })
    if (row === undefined || row.instrument !== instrument.id) throw new Problem('not_found', 'no such dependent of this instrument')
    if ((await world.store.commit([remove(dependents, row), touched(instrument, world.now())])).ok) return row
    instrument = await again(world, instrument)
  }
  throw new Problem('conflict', 'the instrument keeps changing')
}

async function again(world: World, { tenant, id }: InstrumentRow): Promise<InstrumentRow> {
  const row = await world.store.get(instruments, { tenant, id })
  if (row === undefined) throw new Problem('not_found', 'the instrument is gone')
  return row
}

/** Raises the version, so that whoever decides on its dependents at this moment has to look again. */
const touched = (row: InstrumentRow, now: number): Write => moveTo(instruments, row, { ...row, updated_at: now })

/** They rely on another instrument from now on. One that relied on it already does so once. */
export function moveDependents(
  moved: readonly DependentRow[],
  to: { readonly instrument: string; readonly dependents: readonly DependentRow[]; readonly now: number },
): readonly Write[] {
  const there = new Set(to.dependents.map(one => one.reference))
  return moved.map(one =>
    there.has(one.reference) ? remove(dependents, one) : moveTo(dependents, one, { ...one, instrument: to.instrument, updated_at: to.now }),
  )
}
