/**
 * The list of everything that can fall due, and the loop that looks. Each duty takes what is due and returns how much it found; a duty that
 * fails is logged and tried again, and never holds up the others.
 */

import type { Dispatcher } from './events/dispatch.ts'
import { fanOut } from './events/fanOut.ts'
import type { EventQueries } from './events/queries.ts'
import { pruneIdempotency } from './http/idempotency.ts'
import type { Audit } from './instruments/audit.ts'
import { type Due, dueDeaths, dueInstruments, dueNews, dueOperations, dueSessions, dueUpdates } from './instruments/due.ts'
import { proceedAny } from './instruments/eraseCustomer.ts'
import { erasures } from './instruments/erasure.ts'
import { merge } from './instruments/lineage.ts'
import type { Settler } from './instruments/settler.ts'
import { instruments } from './instruments/tables.ts'
import { twins } from './instruments/twins.ts'
import type { Watch } from './invariants/watch.ts'
import { importsDue } from './moving/carry.ts'
import { exportsDue } from './moving/export.ts'
import type { ReadSnapshot } from './moving/queries.ts'
import { askNetworkAgain } from './network/provision.ts'
import { tokenRequests } from './network/tables.ts'
import { forgetCounts } from './safeguards/forget.ts'
import { currentSwitches } from './safeguards/switches.ts'
import { planSweeps } from './sweeps/plan.ts'
import type { SweepQueries } from './sweeps/queries.ts'
import { sweepOn } from './sweeps/sweep.ts'
import { sweeps } from './sweeps/tables.ts'
import { carryOn } from './updater/ask.ts'
import { updaterRuns } from './updater/tables.ts'
import type { VaultClient } from './vault/client.ts'
import { sweepOwnerless } from './vault/sweep.ts'
import type { PostgresStore } from './world/postgres.ts'
import type { World } from './world/world.ts'

export type Duty = { readonly name: string; readonly everyMs: number; readonly run: () => Promise<number> }

/** From one page of the audit to the next. */
const auditEveryMs = 120_000

/** How many due rows one turn takes. They are carried out together, so that their commits share rides. */
const batch = 64

export function duties(
  world: World,
  of: {
    readonly queries: EventQueries
    readonly dispatcher: Dispatcher
    readonly settler: Settler
    readonly snapshots: ReadSnapshot
    readonly sweeps: SweepQueries
  },
): readonly Duty[] {
  return [
    { name: 'settle operations', everyMs: 500, run: () => of.settler.tick() },
    { name: 'hear news again', everyMs: 1_000, run: () => hearDue(world) },
    { name: 'tell instruments what time did', everyMs: 10_000, run: () => timeDue(world) },
    { name: 'end binding sessions', everyMs: 5_000, run: () => sessionsDue(world) },
    { name: 'merge what is one', everyMs: 1_000, run: () => mergeDue(world) },
    { name: 'ask the card network', everyMs: 1_000, run: () => tokensDue(world) },
    { name: 'ask account updaters', everyMs: 5_000, run: () => updatesDue(world) },
    { name: 'erase what is to be erased', everyMs: 2_000, run: () => eraseDue(world) },
    { name: 'compare with what channels keep', everyMs: 1_000, run: () => sweepDue(world, of.sweeps) },
    { name: 'plan what is to be compared', everyMs: 3_600_000, run: () => planSweeps(world, of.sweeps) },
    { name: 'heal what died', everyMs: 5_000, run: () => healDue(world) },
    { name: 'fan out events', everyMs: 250, run: () => fanOut(world, of.queries) },
    { name: 'deliver webhooks', everyMs: 250, run: () => of.dispatcher.tick() },
    { name: 'take rows of imports', everyMs: 500, run: () => importsDue(world, batch) },
    { name: 'write exports', everyMs: 1_000, run: () => exportsDue(world, of.snapshots) },
    { name: 'read kill switches', everyMs: 500, run: () => currentSwitches(world).then(() => 0) },
    { name: 'forget what was tried', everyMs: 30_000, run: () => forgetCounts(world) },
    { name: 'forget idempotency keys', everyMs: 60_000, run: () => pruneIdempotency(world) },
  ]
}

/** What only a live installation has to do: forget what is settled, verify what is stored, and remove sealed cards that no instrument owns. */
export function chores(
  world: World,
  of: {
    readonly store: Pick<PostgresStore, 'forgetRides'>
    readonly vault: Pick<VaultClient, 'unsettled' | 'settle'>
    readonly audit: Pick<Audit, 'turn'>
    readonly watch: Pick<Watch, 'turn'>
  },
): readonly Duty[] {
  // What was erased owns nothing any more.
  const isOwned = async ({ tenant, instrument }: { readonly tenant: string; readonly instrument: string }): Promise<boolean> => {
    const row = await world.store.get(instruments, { tenant, id: instrument })
    return row !== undefined && row.own.erasure !== 'erased'
  }
  return [
    { name: 'forget rides', everyMs: 60_000, run: () => of.store.forgetRides() },
    { name: 'verify what is stored', everyMs: auditEveryMs, run: () => of.audit.turn() },
    { name: 'ask what must never be found', everyMs: 1_000, run: () => of.watch.turn() },
    { name: 'remove ownerless cards', everyMs: 60_000, run: () => sweepOwnerless(of.vault, isOwned, batch) },
  ]
}

/** One page of what is due by the real clock, waited for. */
export async function attendDue(world: World, due: Due): Promise<number> {
  const turns = await due.turns(world, { now: world.now(), clock: null, limit: batch })
  return count(await Promise.all(turns.map(turn => attend(world, due.doing, turn))))
}
/** Operations that owe an answer: what the simulation turns; a server has the settler for them. */
export const settleDue = (world: World): Promise<number> => attendDue(world, dueOperations)
export const hearDue = (world: World): Promise<number> => attendDue(world, dueNews)
export const timeDue = (world: World): Promise<number> => attendDue(world, dueInstruments)
export const sessionsDue = (world: World): Promise<number> => attendDue(world, dueSessions)
export const healDue = (world: World): Promise<number> => attendDue(world, dueDeaths)

/** Sweeps take their turns one page at a time, at their channel's pace. */
export async function sweepDue(world: World, queries: SweepQueries): Promise<number> {
  const due = await world.store.due(sweeps, { now: world.now(), clock: null, limit: batch })
  const turns = due.map(row => ({ id: row.id, take: () => sweepOn(world, queries, row) }))
  return count(await Promise.all(turns.map(turn => attend(world, 'sweeping a channel', turn))))
}

export async function mergeDue(world: World): Promise<number> {
  const due = await world.store.due(twins, { now: world.now(), clock: null, limit: batch })
  const turns = due.map(row => ({ id: row.later, take: () => merge(world, row) }))
  return count(await Promise.all(turns.map(turn => attend(world, 'merging instruments', turn))))
}

export async function tokensDue(world: World): Promise<number> {
  const due = await world.store.due(tokenRequests, { now: world.now(), clock: null, limit: batch })
  const turns = due.map(row => ({ id: row.id, take: () => askNetworkAgain(world, row) }))
  return count(await Promise.all(turns.map(turn => attend(world, 'asking the network', turn))))
}

/** Runs that wait for something, and cards whose time to be asked about has come. */
export async function updatesDue(world: World): Promise<number> {
  const due = await world.store.due(updaterRuns, { now: world.now(), clock: null, limit: batch })
  const turns = due.map(row => ({ id: row.id, take: () => carryOn(world, row) }))
  const carried = turns.map(turn => attend(world, 'carrying on a run', turn))
  const [queued, ...done] = await Promise.all([attendDue(world, dueUpdates), ...carried])
  return queued + count(done)
}

export async function eraseDue(world: World): Promise<number> {
  const due = await world.store.due(erasures, { now: world.now(), clock: null, limit: batch })
  const turns = due.map(row => ({ id: row.subject, take: () => proceedAny(world, row) }))
  return count(await Promise.all(turns.map(turn => attend(world, 'erasing', turn))))
}

/** Only what succeeded: a duty whose rows all fail must come to rest between its turns. */
const count = (done: readonly boolean[]): number => done.filter(Boolean).length

/** One row's bug is one row's: it is logged, its lease lapses, and it is tried again. */
async function attend(
  world: World,
  doing: string,
  { id, take }: { readonly id: string; readonly take: () => Promise<unknown> },
): Promise<boolean> {
  try {
    await take()
    return true
  } catch (error) {
    if (error instanceof Error && error.name === 'Crash') throw error
    world.log.error(`${doing} failed`, { id, error: error instanceof Error ? error.message : 'unknown' })
    return false
  }
}

/** Runs every duty at its pace until `stopped`; a duty that found a full batch runs again at once. Resolves when all have come to rest. */
export async function work(world: World, list: readonly Duty[], stopped: AbortSignal): Promise<void> {
  await Promise.all(list.map(duty => loop(world, duty, stopped)))
}

async function loop(world: World, duty: Duty, stopped: AbortSignal): Promise<void> {
  while (!stopped.aborted) {
    let found = 0
    try {
      found = await duty.run()
    } catch (error) {
      world.log.error('a duty failed', { duty: duty.name, error: error instanceof Error ? error.message : 'unknown' })
    }
    if (found < batch) await rest(world, duty.everyMs, stopped)
  }
}

/** Sleeps in short steps, so that stopping does not wait for the slowest duty. */
async function rest(world: World, ms: number, stopped: AbortSignal): Promise<void> {
  for (let left = ms; left > 0 && !stopped.aborted; left -= 250) await world.sleep(Math.min(left, 250))
}
