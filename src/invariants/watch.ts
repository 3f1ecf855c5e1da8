/**
 * The invariants of a running installation, asked again and again: each goes through its table a page at a time, is at its beginning again five
 * minutes after it began, and keeps where it stands in a row of its own, so that any worker goes on. A turn spends a fifth of a second of one
 * connection and no more, so what a round costs grows with the rows and what it takes away from customers does not.
 */
import type { Count } from '../http/metrics.ts'
import { customersDefault } from '../instruments/sharing.ts'
import { type Asking, askPage, type Page } from '../world/ask.ts'
import type { Finding, Invariant } from '../world/invariant.ts'
import { insert, move, remove, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { given } from './given.ts'
import { invariants } from './list.ts'
import { staleFindings } from './queries.ts'
import { type CheckRow, invariantChecks, invariantFindings } from './tables.ts'

/** From the beginning of one round to that of the next (reliability page: every five minutes). */
export const roundMs = 5 * 60_000
/** Longer than the longest statement may run: whoever took it and died is replaced after this. */
const leaseMs = 180_000
const spendMs = 200
const dueMax = 32
/** What takes long is asked seldom: it rests so many times as long as it took. */
const restTimes = 20
const staleMax = 200

type Ports = Pick<World, 'store' | 'log' | 'now' | 'settings'>
export type Watch = {
  /** Some pages of what is due. */
  turn(): Promise<number>
  /** Since the process started. */
  readonly counts: { pages: number; rows: number; findings: number; unfinished: number }
}

/** `pool`: connections that may read everybody's rows. */
export function createWatch(world: Ports, pool: Asking & Parameters<typeof staleFindings>[0]): Watch {
  const counts = { pages: 0, rows: 0, findings: 0, unfinished: 0 }
  let known = false
  return {
    counts,
    async turn() {
      if (!known) await begin(world, invariants)
      known = true
      const began = world.now()
      for (const row of await world.store.due(invariantChecks, { now: began, clock: null, limit: dueMax })) {
        const invariant = invariants.find(one => one.name === row.name)
        if (invariant === undefined) await world.store.commit([remove(invariantChecks, row)])
        else await turnOf({ world, pool, counts }, invariant, row)
        if (world.now() - began >= spendMs) break
      }
      // A full page must not make the next turn come at once.
      return 0
    },
  }
}

/** Rows for questions that are new. */
async function begin({ store, now }: Ports, asked: readonly Invariant[]): Promise<void> {
  const at = now()
  const fresh = { round: 1, cursor: null, looked: 0n, found: 0n, began_at: at, last_looked: null, last_found: null, last_ended_at: null }
  for (const { name } of asked)
    if ((await store.get(invariantChecks, { name })) === undefined)
      await store.commit([insert(invariantChecks, { ...fresh, name, cause: null, due_at: at, clock: null })])
}

type At = { readonly world: Ports; readonly pool: Parameters<typeof createWatch>[1]; readonly counts: Watch['counts'] }

async function turnOf({ world, pool, counts }: At, invariant: Invariant, due: CheckRow): Promise<void> {
  const { store, log, settings } = world
  const began = world.now()
  const lease = { due_at: began + leaseMs }
  if (!(await store.commit([move(invariantChecks, due, lease)])).ok) return
  const row: CheckRow = { ...due, ...lease, version: due.version + 1 }
  const customersMax = settings.customersPerInstrument ?? customersDefault
  try {
    const page = await askPage(pool, invariant, given({ now: began, customersMax }), row.cursor ?? undefined)
    const fresh = await keep(world, invariant, row, page, began)
    if (fresh === undefined) return
    counts.pages += 1
    counts.rows += page.looked
    counts.findings += fresh.length
    for (const { subject, tenant } of fresh)
      log.error('an invariant does not hold', { invariant: invariant.id, name: invariant.name, id: subject, tenant })
    if (page.next === undefined) await forgetStale(world, pool, row)
  } catch (error) {
    counts.unfinished += 1
    const cause = error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 200) : 'unknown'
    log.warn('an invariant could not be asked', { invariant: invariant.id, name: invariant.name, error: cause })
    await store.commit([move(invariantChecks, row, { cause, due_at: world.now() + roundMs })])
  }
}

/** What the page told, and where to go on: one commit. Gives back what was not known before; undefined: another was faster. */
async function keep(world: Ports, { name }: Invariant, row: CheckRow, page: Page, began: number): Promise<readonly Finding[] | undefined> {
  const { store } = world
  const [now, writes, fresh]: [number, Write[], Finding[]] = [
    world.now(),
    [move(invariantChecks, row, stepped(row, page, began, world.now()))],
    [],
  ]
  for (const one of onceEach(page.findings)) {
    const key = { subject: one.subject, invariant: name, tenant: one.tenant ?? '' }
    const seen = { round: row.round, last_seen_at: now, shown: one.shown }
    const before = await store.get(invariantFindings, key)
    if (before === undefined) fresh.push(one)
    writes.push(
      before === undefined
        ? insert(invariantFindings, { ...key, ...seen, mode: one.mode ?? '', first_seen_at: now })
        : move(invariantFindings, before, seen),
    )
  }
  return (await store.commit(writes)).ok ? fresh : undefined
}

/** A row may break one rule in several ways: it is told of once. */
const onceEach = (found: readonly Finding[]): readonly Finding[] =>
  found.filter((one, i) => found.findIndex(other => other.subject === one.subject && other.tenant === one.tenant) === i)

/** Pure: the row after a page. */
export function stepped(row: CheckRow, page: Page, began: number, now: number): Partial<CheckRow> {
  const [looked, found] = [row.looked + BigInt(page.looked), row.found + BigInt(page.found)]
  const rested = now + restTimes * Math.max(0, now - began)
  if (page.next !== undefined) return { cursor: page.next, looked, found, cause: null, due_at: now }
  return {
    ...{ round: row.round + 1, cursor: null, looked: 0n, found: 0n, began_at: Math.max(rested, row.began_at + roundMs), cause: null },
    ...{ last_looked: looked, last_found: found, last_ended_at: now, due_at: Math.max(rested, row.began_at + roundMs) },
  }
}

/** What was not seen again in a whole round is over. */
async function forgetStale({ store }: Ports, pool: Parameters<typeof staleFindings>[0], { name, round }: CheckRow): Promise<void> {
  const stale = await staleFindings(pool, { invariant: name, round, limit: staleMax })
  for (const key of stale) {
    const row = await store.get(invariantFindings, { ...key, invariant: name })
    if (row !== undefined && row.round < round) await store.commit([remove(invariantFindings, row)])
  }
}

/** For the metrics. */
export const watchCounts = ({ counts }: Pick<Watch, 'counts'>): readonly Count[] => [
  { name: 'bindery_invariant_rows_total', help: 'Rows that were held against an invariant.', read: () => counts.rows },
  {
    name: 'bindery_invariant_findings_total',
    help: 'Rows newly found that must never be there. Anything above zero is for a person: npx bindery invariants.',
    read: () => counts.findings,
  },
  {
    name: 'bindery_invariant_unfinished_total',
    help: 'Invariants that could not be asked: it took too long.',
    read: () => counts.unfinished,
  },
]
