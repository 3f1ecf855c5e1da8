/**
 * Erasing an instrument. It begins with one commit, from which on nothing can be done with it; then every step is taken by whoever comes, the
 * request that asked or the worker, and each may be taken twice. Nobody is asked to agree: who relies on it is told.
 */
import { Problem } from '../core/problem.ts'
import { giveTokenUp } from '../network/giveUp.ts'
import { insert, moveTo, remove, Unavailable, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { passOn } from './defaults.ts'
import { dependents, dependentsOf, viewDependent } from './dependent.ts'
import { againMs, type ErasureRow, erasureLeaseMs, erasureLimitMs, erasures, holdUp, looksAfterMs, orphanOf } from './erasure.ts'
import { giveUp } from './giveUp.ts'
import { derive } from './instrument.ts'
import { learn } from './learn.ts'
import { notice } from './notice.ts'
import { foldOwn } from './own.ts'
import { carryOut } from './settle.ts'
import { customersDefault, sharingWrites } from './sharing.ts'
import {
  type BindingRow,
  bindings,
  channelNames,
  type InstrumentRow,
  instrumentFacts,
  instruments,
  type OperationRow,
  operations,
} from './tables.ts'
import { asOwnFact, mindsAt, ownFactRow, readOwnRows } from './tell.ts'
import { forgetKept, tombstone } from './tombstone.ts'

const collisionsMax = 20

type At = { readonly tenant: string; readonly id: string; readonly request: string | null }

/** Begins it, or takes up what was begun; gives the row as it stands after as many steps as can be taken now. */
export async function erase(world: World, at: At): Promise<ErasureRow> {
  const { row, asked } = await beginErasure(world, at)
  await Promise.all(asked.map(operation => carryOut(world, operation)))
  const instrument = await world.store.get(instruments, { tenant: at.tenant, id: at.id })
  if (instrument !== undefined) await passOn(world, instrument)
  return asked.length === 0 && row.stage === 'erased' ? row : proceed(world, row)
}

type Begun = { readonly row: ErasureRow; readonly asked: readonly OperationRow[] }

/** From this commit on nothing can be done with the instrument. Twice: what the first did. */
export async function beginErasure(world: World, { tenant, id, request }: At): Promise<Begun> {
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const before = await world.store.get(erasures, { tenant, subject: id })
    if (before !== undefined) return { row: before, asked: [] }
    const rows = await readOwnRows(world, tenant, id)
    const affected = await dependentsOf(world, rows.instrument)
    const now = world.now()
    const { instrument } = rows
    const sequence = instrument.sequence + 1
    const gone = giveUp(world, rows.bindings, { request, sequence })
    const fact = ownFactRow(world, instrument, {
      source: 'bindery',
      event: 'erasing',
      news: { kind: 'erasing' },
      ...(request === null ? {} : { request }),
    })
    const erasing = { ...instrument, own: foldOwn([...rows.facts, fact].map(asOwnFact)), unbound_at: instrument.unbound_at ?? now }
    const derived: InstrumentRow = { ...erasing, ...derive(erasing, gone.all), updated_at: now }
    const row = newErasure(instrument, { subject: id, request, now })
    const more = affected.length === 0 ? {} : { dependents: { moved_to: null, affected: affected.map(viewDependent) } }
    const told = notice({ before: { instrument, all: rows.bindings }, instrument: derived, all: gone.all, more }, mindsAt(world, now))
    const after: InstrumentRow = { ...derived, sequence: told.sequence }
    const writes: Write[] = [
      ...gone.writes,
      insert(instrumentFacts, fact),
      insert(erasures, row),
      ...affected.map(one => remove(dependents, one)),
      moveTo(instruments, instrument, after),
      ...sharingWrites(instrument, after, customersDefault),
      ...told.writes,
    ]
    if ((await world.store.commit(writes)).ok) return { row, asked: gone.asked }
  }
  throw new Problem('conflict', 'the instrument keeps changing')
}

export const newErasure = (
  of: Pick<InstrumentRow, 'tenant' | 'mode' | 'customer'>,
  more: { readonly subject: string; readonly request: string | null; readonly now: number },
): ErasureRow => ({
  tenant: of.tenant,
  subject: more.subject,
  mode: of.mode,
  customer: of.customer,
  stage: 'revoking',
  told_to: 0,
  looks: 0,
  stuck: false,
  orphans: [],
  hidden: [],
  cause: null,
  tries: 0,
  request: more.request,
  created_at: more.now,
  erased_at: null,
  due_at: more.now,
  // Channels and the vault live in real time, whatever clock the customer is on.
  clock: null,
  version: 1,
})

/** One turn: takes every step that can be taken now. Claimed by a move, so that no two turns run at once. */
export async function proceed(world: World, due: ErasureRow): Promise<ErasureRow> {
  const claimed = await moved(world, due, { due_at: world.now() + erasureLeaseMs, tries: due.tries + 1 })
  if (claimed === undefined) return (await world.store.get(erasures, { tenant: due.tenant, subject: due.subject })) ?? due
  try {
    return await steps(world, claimed)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return outOfReach(world, claimed)
  }
}

/** As far as it came; it is taken up again when its turn comes. */
export async function outOfReach(world: World, claimed: ErasureRow): Promise<ErasureRow> {
  const row = (await world.store.get(erasures, { tenant: claimed.tenant, subject: claimed.subject })) ?? claimed
  const later = { cause: 'the vault or the database was out of reach', due_at: world.now() + againMs(world.now() - row.created_at) }
  return (await moved(world, row, later)) ?? row
}

async function steps(world: World, claimed: ErasureRow): Promise<ErasureRow> {
  let row = claimed
  for (;;) {
    const after = await step(world, row)
    if (after === undefined || after.stage === row.stage || after.stage === 'erased') return after ?? row
    row = after
  }
}

/** One step; the same stage again: nothing more can be done now. Undefined: somebody else has it. */
async function step(world: World, row: ErasureRow): Promise<ErasureRow | undefined> {
  switch (row.stage) {
    case 'revoking':
      return awaitRevocations(world, row)
    case 'shredding': {
      await shredAll(world, row)
      return moved(world, row, { stage: 'forgetting', cause: null })
    }
    case 'forgetting':
      return tombstone(world, row)
    case 'erased':
      return lookAgain(world, row)
  }
}

/** Also what was sealed under an instrument that was merged into it; and that instrument's own traces go by an erasure of its own. */
async function shredAll(world: World, { tenant, subject, customer, request }: ErasureRow): Promise<void> {
  const legs = await world.store.find(bindings, { tenant, instrument: subject })
  const asked = await Promise.all(legs.map(one => world.store.find(operations, { tenant, binding: one.id })))
  const owners = new Set([subject, ...asked.flat().map(one => one.instrument)])
  await Promise.all([...owners].map(owner => world.vault.shred({ tenant, owner })))
  const theirs = await world.store.find(instruments, { tenant, customer })
  for (const one of theirs) if (one.merged_into === subject) await erase(world, { tenant, id: one.id, request })
}

async function awaitRevocations(world: World, row: ErasureRow): Promise<ErasureRow | undefined> {
  const { tenant, subject } = row
  const rows = await readOwnRows(world, tenant, subject)
  const waitsFor = await stillAsked(world, rows.bindings)
  const now = world.now()
  const late = now >= row.created_at + erasureLimitMs
  const network = late ? undefined : await giveTokenUp(world, rows.instrument, row.request)
  if (waitsFor.length === 0 && network !== undefined)
    return moved(world, row, { cause: network, due_at: now + againMs(now - row.created_at) })
  if (waitsFor.length === 0) return moved(world, row, { stage: 'shredding', cause: null })
  if (late) {
    await giveUpWaiting(world, waitsFor)
    return moved(world, row, { stage: 'shredding', cause: null, orphans: waitsFor.map(orphanOf) })
  }
  const parked = waitsFor.filter(one => one.status === 'parked')
  const told = parked.length > 0 && !row.stuck
  const next = { ...row, cause: causeOf(waitsFor), stuck: row.stuck || told, due_at: now + againMs(now - row.created_at) }
  const writes: Write[] = [moveTo(erasures, row, next)]
  if (told) {
    const { instrument, bindings: all } = rows
    const after = { ...instrument, updated_at: now }
    const more = { erasure: { stage: row.stage, waits_for: parked.map(orphanOf) } }
    const notices = notice({ before: { instrument, all }, instrument: after, all, type: 'instrument.erasing', more }, mindsAt(world, now))
    writes.push(moveTo(instruments, instrument, { ...after, sequence: notices.sequence }), ...notices.writes)
  }
  // Refused because the instrument changed: what there is to wait for changed with it, and is looked at again.
  return (await world.store.commit(writes)).ok ? { ...next, version: row.version + 1 } : moved(world, row, { due_at: now })
}

const causeOf = (waitsFor: readonly OperationRow[]): string => {
  const [first] = waitsFor
  const more = waitsFor.length > 1 ? ` and ${waitsFor.length - 1} more` : ''
  return first === undefined ? '' : `waits for ${first.channel} (${first.verb}: ${first.cause ?? 'no answer yet'})${more}`
}

/** All that is asked of channels about these and holds an erasure up. */
export async function stillAsked(world: World, of: readonly BindingRow[]): Promise<readonly OperationRow[]> {
  const asked = await Promise.all(of.map(one => world.store.find(operations, { tenant: one.tenant, binding: one.id })))
  return holdUp(asked.flat())
}

/** Binds that never had an end get one, as if the customer had taken too long: should they come alive after all, they are given up. */
async function giveUpWaiting(world: World, waitsFor: readonly OperationRow[]): Promise<void> {
  for (const one of waitsFor) {
    if (one.verb !== 'bind') continue
    const news = { kind: 'abandoned', reason: 'erased' } as const
    const fact = { source: 'bindery', event: `${one.id}:abandoned`, news, operation: one.id, rank: 3 } as const
    await learn(world, { tenant: one.tenant, binding: one.binding, change: { facts: [fact] } })
  }
}

/** A request that was slow, or a key store that was restored, may have brought something back. */
async function lookAgain(world: World, row: ErasureRow): Promise<ErasureRow | undefined> {
  const { keys } = await world.vault.shred({ tenant: row.tenant, owner: row.subject })
  if (keys > 0) world.log.error('something sealed had come back after its erasure, and was shredded again', { id: row.subject, keys })
  await forgetKept(world, row)
  const looks = row.looks + 1
  const next = looksAfterMs[looks]
  if (next !== undefined) return moved(world, row, { looks, due_at: (row.erased_at ?? row.created_at) + next })
  const names = await Promise.all(row.hidden.map(one => world.store.get(channelNames, one)))
  for (const one of names) if (one !== undefined) await world.store.commit([remove(channelNames, one)])
  return moved(world, row, { looks, hidden: [], due_at: null })
}

/** Undefined: somebody else moved it. */
export async function moved(world: World, row: ErasureRow, set: Partial<ErasureRow>): Promise<ErasureRow | undefined> {
  const after = { ...row, ...set }
  return (await world.store.commit([moveTo(erasures, row, after)])).ok ? { ...after, version: row.version + 1 } : undefined
}
