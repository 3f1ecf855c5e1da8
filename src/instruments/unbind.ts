/**
 * Unbinding: from the commit on the instrument cannot be used, and each channel that holds it is told to forget it. What a channel does not
 * answer stays owed and is asked again by the worker; a bind that comes alive after this is given up at once (see decide.ts).
 */
import { Problem } from '../core/problem.ts'
import { insert, moveTo, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import type { Bound, Companions } from './bind.ts'
import { standing } from './binding.ts'
import { derive } from './instrument.ts'
import { inOrder, mindsOf } from './learn.ts'
import { notice } from './notice.ts'
import { leaseMs } from './operation.ts'
import { newRevoke } from './revoke.ts'
import { carryOut } from './settle.ts'
import { type BindingRow, bindings, type FactRow, facts, type InstrumentRow, instruments, type OperationRow, operations } from './tables.ts'

const collisionsMax = 8

export async function unbind(
  world: World,
  at: { readonly tenant: string; readonly instrument: InstrumentRow; readonly request: string | null },
  companions: Companions,
): Promise<Bound> {
  let instrument = at.instrument
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const rows = await world.store.find(bindings, { tenant: at.tenant, instrument: instrument.id })
    if (instrument.unbound_at !== null) return done(world, { created: false, instrument, bindings: rows }, companions)
    const plan = planUnbind(world, instrument, rows, at.request)
    const result = await world.store.commit([...companions.claim(instrument.id), ...plan.writes])
    if (result.ok) return revokeAll(world, plan.instrument, plan.operations, companions)
    companions.check(result)
    const again = await world.store.get(instruments, { tenant: at.tenant, id: instrument.id })
    if (again === undefined) throw new Problem('not_found', 'the instrument is gone')
    instrument = again
  }
  throw new Problem('conflict', 'the instrument keeps changing')
}

async function done(world: World, bound: Bound, companions: Companions): Promise<Bound> {
  const result = await world.store.commit(companions.both(bound))
  if (!result.ok) companions.check(result)
  return bound
}

/** Asks every channel; what is not answered stays for the worker. */
async function revokeAll(world: World, instrument: InstrumentRow, asked: readonly OperationRow[], companions: Companions): Promise<Bound> {
  await Promise.all(asked.map(operation => carryOut(world, operation)))
  // The instrument first: its bindings are then at least as new.
  const now = await world.store.get(instruments, { tenant: instrument.tenant, id: instrument.id })
  const rows = await world.store.find(bindings, { tenant: instrument.tenant, instrument: instrument.id })
  const bound: Bound = { created: false, instrument: now ?? instrument, bindings: inOrder(rows) }
  await world.store.commit(companions.answer(bound))
  return bound
}

function planUnbind(world: World, before: InstrumentRow, rows: readonly BindingRow[], request: string | null) {
  const now = world.now()
  const writes: Write[] = []
  const asked: OperationRow[] = []
  const sequence = before.sequence + 1
  const all = rows.map(binding => {
    // What has expired may still be kept over there.
    const kept = binding.status === 'expired' && binding.token !== null
    if (binding.status !== 'active' && binding.status !== 'suspended' && !kept) return binding
    const minds = mindsOf(world)({ instrument: before, binding, siblings: [], operations: [], facts: [] })
    const operation = newRevoke(binding, { tries: 1, dueAt: now + leaseMs, request }, minds)
    const fact: FactRow = {
      tenant: binding.tenant,
      id: minds.mint('fct', binding.customer),
      instrument: binding.instrument,
      binding: binding.id,
      source: 'customer',
      source_event: `${operation.id}:intent`,
      kind: 'revoking',
      operation: operation.id,
      standing: standing('revoking', { place: operation.place, rank: 3, id: `customer/${operation.id}:intent` }),
      news: { kind: 'revoking' },
      effective_at: now,
      seen_at: now,
      request,
    }
    const revoking: BindingRow = {
      ...binding,
      status: 'revoking',
      slot: null,
      action: null,
      reason: null,
      notified: sequence,
      operations: binding.operations + 1,
      updated_at: now,
    }
    asked.push(operation)
    writes.push(insert(facts, fact), insert(operations, operation), moveTo(bindings, binding, revoking))
    return revoking
  })
  const gone = { ...before, unbound_at: now }
  const derived: InstrumentRow = { ...gone, ...derive(gone, all), sequence, updated_at: now }
  const [first] = rows
  let after = derived
  if (first !== undefined) {
    const minds = mindsOf(world)({ instrument: before, binding: first, siblings: [], operations: [], facts: [] })
    const told = notice(
      { before: { instrument: before, binding: first, all: rows }, instrument: derived, binding: all[0] ?? first, all },
      minds,
    )
    writes.push(...told.writes)
    after = { ...derived, sequence: told.sequence }
  }
  writes.push(moveTo(instruments, before, after))
  return { writes, operations: asked, instrument: { ...after, version: before.version + 1 } }
}
