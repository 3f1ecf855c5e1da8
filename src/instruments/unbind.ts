/**
 * Unbinding: from the commit on the instrument cannot be used, and each channel that holds it is told to forget it. What a channel does not
 * answer stays owed and is asked again by the worker; a bind that comes alive after this is given up at once (see decide.ts). Where somebody
 * relies on it the caller agrees to a plan first (unbindPlan.ts), or names another instrument, to which they move in the same commit.
 */
import { Problem } from '../core/problem.ts'
import { removalOf } from '../network/provision.ts'
import { tokenRequests } from '../network/tables.ts'
import { insert, moveTo, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import type { Bound, Companions } from './bind.ts'
import { passOn } from './defaults.ts'
import { dependentsOf, moveDependents, viewDependent } from './dependent.ts'
import { giveUp } from './giveUp.ts'
import { derive } from './instrument.ts'
import { inOrder } from './learn.ts'
import { notice } from './notice.ts'
import { foldOwn } from './own.ts'
import { carryOut } from './settle.ts'
import { customersDefault, sharingWrites } from './sharing.ts'
import { bindings, type InstrumentRow, instrumentFacts, instruments, type OperationRow } from './tables.ts'
import { asOwnFact, mindsAt, type OwnRows, ownFactRow, readOwnRows } from './tell.ts'
import { agreed, type Consent, readPlan, readReplacement, type UnbindPlan } from './unbindPlan.ts'

const collisionsMax = 8

export type Unbinding = {
  readonly tenant: string
  readonly instrument: InstrumentRow
  readonly request: string | null
  readonly consent: Consent
}

export async function unbind(world: World, at: Unbinding, companions: Companions): Promise<Bound> {
  const { tenant, consent } = at
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const rows = await readOwnRows(world, tenant, at.instrument.id)
    const { instrument } = rows
    if (instrument.unbound_at !== null) return done(world, { created: false, instrument, bindings: rows.bindings }, companions)
    const [plan, replacement] = await Promise.all([
      readPlan(world, instrument),
      consent.replacement === undefined ? undefined : readReplacement(world, instrument, consent.replacement),
    ])
    agreed(plan, consent)
    const decided = planUnbind(world, rows, { request: at.request, plan, replacement })
    const moving = replacement === undefined ? [] : await moveOver(world, { from: instrument, to: replacement, plan })
    const result = await world.store.commit([...companions.claim(instrument.id), ...decided.writes, ...moving])
    if (result.ok) return revokeAll(world, decided.instrument, decided.operations, companions)
    companions.check(result)
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
  await passOn(world, instrument)
  // The instrument first: its bindings are then at least as new.
  const now = await world.store.get(instruments, { tenant: instrument.tenant, id: instrument.id })
  const rows = await world.store.find(bindings, { tenant: instrument.tenant, instrument: instrument.id })
  const bound: Bound = { created: false, instrument: now ?? instrument, bindings: inOrder(rows) }
  await world.store.commit(companions.answer(bound))
  return bound
}

type Deciding = { readonly request: string | null; readonly plan: UnbindPlan; readonly replacement: InstrumentRow | undefined }

function planUnbind(world: World, rows: OwnRows, { request, plan, replacement }: Deciding) {
  const now = world.now()
  const before = rows.instrument
  const sequence = before.sequence + 1
  const { writes, asked, all } = giveUp(world, rows.bindings, { request, sequence })
  const by = replacement?.id
  const fact =
    by === undefined || before.own.replacedBy === by
      ? undefined
      : ownFactRow(world, before, {
          source: 'tenant',
          event: `replaced:${by}`,
          news: { kind: 'replaced', by },
          ...(request === null ? {} : { request }),
        })
  const own = fact === undefined ? before.own : foldOwn([...rows.facts, fact].map(asOwnFact))
  const gone = { ...before, own, unbound_at: now }
  const derived: InstrumentRow = { ...gone, ...derive(gone, all), updated_at: now }
  const affected = plan.affected.length === 0 ? {} : { dependents: { moved_to: by ?? null, affected: plan.affected.map(viewDependent) } }
  const [first] = rows.bindings
  const of = first === undefined ? {} : { binding: first }
  const told = notice(
    {
      before: { instrument: before, all: rows.bindings, ...of },
      instrument: derived,
      ...(all[0] === undefined ? {} : { binding: all[0] }),
      all,
      more: affected,
    },
    mindsAt(world, now),
  )
  const after: InstrumentRow = { ...derived, sequence: told.sequence }
  const token = removalOf(world, before, request)
  return {
    writes: [
      ...writes,
      ...(token === undefined ? [] : [insert(tokenRequests, token)]),
      ...(fact === undefined ? [] : [insert(instrumentFacts, fact)]),
      moveTo(instruments, before, after),
      ...sharingWrites(before, after, customersDefault),
      ...told.writes,
    ],
    operations: asked,
    instrument: { ...after, version: before.version + 1 },
  }
}

/** The dependents' rows, and the notice of the instrument that they rely on from now on. */
async function moveOver(
  world: World,
  of: { readonly from: InstrumentRow; readonly to: InstrumentRow; readonly plan: UnbindPlan },
): Promise<readonly Write[]> {
  const { from, to, plan } = of
  const [there, legs] = await Promise.all([dependentsOf(world, to), world.store.find(bindings, { tenant: to.tenant, instrument: to.id })])
  const now = world.now()
  const moved = plan.affected.map(one => ({ ...viewDependent(one), instrument: to.id }))
  const telling = { before: { instrument: to, all: legs }, instrument: { ...to, updated_at: now }, all: legs } as const
  const told = notice({ ...telling, type: 'dependent.moved', more: { from: from.id, moved } }, mindsAt(world, now))
  return [
    ...moveDependents(plan.affected, { instrument: to.id, dependents: there, now }),
    moveTo(instruments, to, { ...telling.instrument, sequence: told.sequence }),
    ...told.writes,
  ]
}
