/**
 * The list of everything that can fall due, and the loop that looks. Each duty takes what is due and returns how much it found; a duty that
 * fails is logged and tried again, and never holds up the others.
 */

import type { Dispatcher } from './events/dispatch.ts'
import { fanOut } from './events/fanOut.ts'
import type { EventQueries } from './events/queries.ts'
import { pruneIdempotency } from './http/idempotency.ts'
import type { Audit } from './instruments/audit.ts'
import { proceedAny } from './instruments/eraseCustomer.ts'
import { erasures } from './instruments/erasure.ts'
import { dueInstruments, fallDue } from './instruments/fallDue.ts'
import { merge } from './instruments/lineage.ts'
import { hearAgain } from './instruments/news.ts'
import { settle } from './instruments/settle.ts'
import type { Settler } from './instruments/settler.ts'
import { inbox, instruments, operations } from './instruments/tables.ts'
import { twins } from './instruments/twins.ts'
import { importsDue } from './moving/carry.ts'
import { exportsDue } from './moving/export.ts'
import type { ReadSnapshot } from './moving/queries.ts'
import { askNetworkAgain } from './network/provision.ts'
import { tokenRequests } from './network/tables.ts'
import { dueSessions, lapseSession } from './sessions/current.ts'
import { carryOn, queueUp } from './updater/ask.ts'
import { updaterRuns, updateSchedules } from './updater/tables.ts'
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
    { name: 'fan out events', everyMs: 250, run: () => fanOut(world, of.queries) },
    { name: 'deliver webhooks', everyMs: 250, run: () => of.dispatcher.tick() },
    { name: 'take rows of imports', everyMs: 500, run: () => importsDue(world, batch) },
    { name: 'write exports', everyMs: 1_000, run: () => exportsDue(world, of.snapshots) },
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
    { name: 'remove ownerless cards', everyMs: 60_000, run: () => sweepOwnerless(of.vault, isOwned, batch) },
  ]
}

/** Operations that owe an answer, one page, waited for: what the simulation turns. They live in real time: the channel is real. */
export async function settleDue(world: World): Promise<number> {
  const due = await world.store.due(operations, { now: world.now(), clock: null, limit: batch })
  return count(await Promise.all(due.map(row => attend(world, 'settling an operation', row.id, () => settle(world, row)))))
}

export async function hearDue(world: World): Promise<number> {
  const due = await world.store.due(inbox, { now: world.now(), clock: null, limit: batch })
  return count(await Promise.all(due.map(row => attend(world, 'hearing news again', row.event, () => hearAgain(world, row)))))
}

export async function timeDue(world: World): Promise<number> {
  const due = await dueInstruments(world, { now: world.now(), clock: null, limit: batch })
  return count(await Promise.all(due.map(row => attend(world, 'telling an instrument what time did', row.id, () => fallDue(world, row)))))
}

export async function sessionsDue(world: World): Promise<number> {
  const due = await dueSessions(world, { now: world.now(), clock: null, limit: batch })
  return count(await Promise.all(due.map(row => attend(world, 'ending a binding session', row.id, () => lapseSession(world, row)))))
}

export async function mergeDue(world: World): Promise<number> {
  const due = await world.store.due(twins, { now: world.now(), clock: null, limit: batch })
  return count(await Promise.all(due.map(row => attend(world, 'merging instruments', row.later, () => merge(world, row)))))
}

export async function tokensDue(world: World): Promise<number> {
  const due = await world.store.due(tokenRequests, { now: world.now(), clock: null, limit: batch })
  return count(await Promise.all(due.map(row => attend(world, 'asking the network', row.id, () => askNetworkAgain(world, row)))))
}

/** Runs that wait for something, and cards whose time to be asked about has come (`clock`: a test clock's own). */
export async function updatesDue(world: World, clock: string | null = null, now: number = world.now()): Promise<number> {
  const [runs, cards] = await Promise.all([
    clock === null ? world.store.due(updaterRuns, { now, clock, limit: batch }) : [],
    world.store.due(updateSchedules, { now, clock, limit: batch }),
  ])
  const carried = runs.map(row => attend(world, 'carrying on a run', row.id, () => carryOn(world, row)))
  const queued = cards.map(row => attend(world, 'queueing a card', row.instrument, () => queueUp(world, row)))
  return count(await Promise.all([...carried, ...queued]))
}

export async function eraseDue(world: World): Promise<number> {
  const due = await world.store.due(erasures, { now: world.now(), clock: null, limit: batch })
  return count(await Promise.all(due.map(row => attend(world, 'erasing', row.subject, () => proceedAny(world, row).then(() => {})))))
}

/** Only what succeeded: a duty whose rows all fail must come to rest between its turns. */
const count = (done: readonly boolean[]): number => done.filter(Boolean).length

/** One row's bug is one row's: it is logged, its lease lapses, and it is tried again. */
async function attend(world: World, what: string, id: string, act: () => Promise<void>): Promise<boolean> {
  try {
    await act()
    return true
  } catch (error) {
    if (error instanceof Error && error.name === 'Crash') throw error
    world.log.error(`${what} failed`, { id, error: error instanceof Error ? error.message : 'unknown' })
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
