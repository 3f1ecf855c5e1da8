/**
 * That two are one: a card that was reissued under another number is a version of the instrument that had the old one, and two instruments of
 * a customer that turn out to be one (the same wallet, the same account behind two cards' numbers) become the older of them. The later one's
 * bindings move, its id answers with the other from then on, and nothing is asked of anybody but to give up what is held twice.
 */
import type { IdPrefix } from '../core/id.ts'
import { insert, moveTo, remove, type Write } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { derive, ended } from './instrument.ts'
import { notice } from './notice.ts'
import { foldOwn } from './own.ts'
import { isKept, retire } from './retire.ts'
import { customersDefault, sharingWrites } from './sharing.ts'
import {
  type BindingRow,
  bindings,
  type IdentityKind,
  type InstrumentFactRow,
  type InstrumentRow,
  identities,
  instrumentFacts,
  instruments,
  slotOf,
} from './tables.ts'
import { asOwnFact, type OwnRows, readOwnRows } from './tell.ts'
import { type TwinRow, twins } from './twins.ts'

const collisionsMax = 8

/** A new number, PAR or token of a card becomes one more name of its instrument. Where another instrument of the customer has it, they are one. */
export async function takeName(world: World, instrument: InstrumentRow, kind: IdentityKind, value: string): Promise<void> {
  const { tenant, customer, id } = instrument
  const key = { tenant, customer, kind, value }
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const held = await world.store.get(identities, key)
    if (held?.instrument === id) return
    const other = held === undefined ? undefined : await world.store.get(instruments, { tenant, id: held.instrument })
    const writes: readonly Write[] =
      held === undefined
        ? [insert(identities, { ...key, instrument: id, created_at: world.now() })]
        : other === undefined || ended.includes(other.status)
          ? [moveTo(identities, held, { ...held, instrument: id })]
          : [twinWrite(world, instrument, held.instrument)]
    const result = await world.store.commit(writes)
    // Known to be twins already.
    if (result.ok || result.refused.some(one => one.constraint === 'twins_pkey')) return
  }
  throw new TypeError(`a name of ${id} keeps changing hands`)
}

/** That they are one, durable with whatever told so; the worker merges them. */
export const twinWrite = (world: World, one: Pick<InstrumentRow, 'tenant' | 'id'>, other: string): Write => {
  const [older, later] = [one.id, other].toSorted()
  return insert(twins, { tenant: one.tenant, later: later ?? '', older: older ?? '', due_at: world.now(), clock: null })
}

/** The worker's turn with two that are one. */
export async function merge(world: World, twin: TwinRow): Promise<void> {
  const [older, later] = await Promise.all([readOwnRows(world, twin.tenant, twin.older), readOwnRows(world, twin.tenant, twin.later)])
  const over = [older, later].some(one => ended.includes(one.instrument.status) || one.instrument.own.erasure !== undefined)
  const names = over ? [] : await namesOf(world, later.instrument)
  const writes = over ? [] : mergeWrites(world, { older, later })
  // Refused where anything moved meanwhile: the row is still due.
  await world.store.commit([
    remove(twins, twin),
    ...names.map(one => moveTo(identities, one, { ...one, instrument: twin.older })),
    ...writes,
  ])
}

/** The directory of one customer is short. */
async function namesOf(world: World, { tenant, customer, id }: InstrumentRow) {
  return (await world.store.find(identities, { tenant, customer })).filter(one => one.instrument === id)
}

function mergeWrites(world: World, { older, later }: { readonly older: OwnRows; readonly later: OwnRows }): readonly Write[] {
  const now = world.now()
  const minds = { now, mint: (prefix: IdPrefix, near: string) => nextId(world, prefix, near) }
  const into = older.instrument
  const sequence = into.sequence + 1
  const moved = later.bindings.map(one => moveBinding({ one, into, sequence, beside: older.bindings }, minds))
  const fact: InstrumentFactRow = {
    tenant: into.tenant,
    id: minds.mint('fct', into.customer),
    instrument: later.instrument.id,
    source: 'bindery',
    source_event: `merged:${into.id}`,
    kind: 'merged',
    news: { kind: 'merged', into: into.id },
    standing: { sequence: 0, at: now },
    effective_at: now,
    seen_at: now,
    request: null,
    version: 1,
  }
  const own = foldOwn([...later.facts, fact].map(asOwnFact))
  const gone = { ...later.instrument, own, merged_into: into.id }
  const ended: InstrumentRow = { ...gone, ...derive(gone, []), updated_at: now }
  const last = notice({ before: { instrument: later.instrument, all: [] }, instrument: ended, all: [] }, minds)
  const replaced: InstrumentRow = { ...ended, sequence: last.sequence }
  const all = [...older.bindings, ...moved.map(one => one.binding)]
  const versions = Math.max(into.versions, later.instrument.versions)
  const joined: InstrumentRow = { ...into, ...derive(into, all), versions, updated_at: now }
  // Both had their mandates told before: what is new is whose they are.
  const told = notice({ before: { instrument: into, all: [...older.bindings, ...later.bindings] }, instrument: joined, all }, minds)
  const kept: InstrumentRow = { ...joined, sequence: told.sequence }
  return [
    insert(instrumentFacts, fact),
    ...moved.flatMap(one => one.writes),
    moveTo(instruments, later.instrument, replaced),
    ...sharingWrites(later.instrument, replaced, customersDefault),
    ...last.writes,
    moveTo(instruments, into, kept),
    ...sharingWrites(into, kept, customersDefault),
    ...told.writes,
  ]
}

type Moving = {
  readonly one: BindingRow
  readonly into: InstrumentRow
  readonly sequence: number
  readonly beside: readonly BindingRow[]
}

/** What is held twice at one channel is given up once; what is under way there takes the other's place when it comes alive. */
function moveBinding(
  { one, into, sequence, beside }: Moving,
  minds: Parameters<typeof retire>[2],
): { readonly binding: BindingRow; readonly writes: readonly Write[] } {
  const there = beside.find(other => other.channel === one.channel && other.slot !== null && one.slot !== null)
  if (there !== undefined && isKept(one)) {
    const { binding, intent } = retire({ ...one, instrument: into.id }, { sequence }, minds)
    return { binding, writes: [...intent, moveTo(bindings, one, binding)] }
  }
  const replaces = there === undefined ? one.replaces : there.id
  const binding: BindingRow = {
    ...one,
    instrument: into.id,
    replaces,
    slot: one.slot === null ? null : slotOf({ ...one, instrument: into.id, replaces }),
  }
  return { binding, writes: [moveTo(bindings, one, binding)] }
}
