/**
 * A sweep: walks over a tenant's customers at one channel, compares what the channel says it keeps for them with our bindings, and changes
 * nothing until it has seen them all. If it would then change more than a person expects it stops and asks. Each customer is one commit with the
 * sweep's cursor, so that it goes on where it stood whoever dies; it goes at a quarter of the pace that the channel grants.
 */
import type { Channel, ChannelAccount, ChannelName } from '../channels/channel.ts'
import type { Listed, ListOutcome } from '../channels/listing.ts'
import { learn } from '../instruments/learn.ts'
import { leaseMs } from '../instruments/operation.ts'
import { type BindingRow, bindings, instruments } from '../instruments/tables.ts'
import { insert, move, moveTo, refusedBy, remove, type Write } from '../world/store.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import { compare, isTooMuch, youngMs } from './compare.ts'
import { notListed, type SweepQueries } from './queries.ts'
import { type FindingRow, misses, type SweepRow, sweepFindings, sweeps } from './tables.ts'

/** Customers that one turn looks at, and findings that one turn applies. */
const page = 20
/** Pages of one owner's list; whoever has more is looked at by a person. */
const pagesMax = 20
/** How long a planned one waits for one that somebody began meanwhile. */
const waitForSlotMs = 3_600_000
/** The rest is for customers who wait. */
const shareOfPace = 0.25

export type SweepWish = {
  readonly tenant: string
  readonly mode: Mode
  readonly channel: ChannelName
  readonly misses: number
  readonly change_percent_max: number
  readonly repeat_hours: number | null
}

const slotOf = ({ mode, channel }: Pick<SweepWish, 'mode' | 'channel'>): string => `${mode}/${channel}`

/** One that begins now, or is planned. */
export const newSweep = (world: World, wish: SweepWish): SweepRow => ({
  ...plannedSweep(world, wish, world.now()),
  status: 'walking',
  slot: slotOf(wish),
})

export const plannedSweep = (world: World, wish: SweepWish, dueAt: number): SweepRow => ({
  tenant: wish.tenant,
  mode: wish.mode,
  channel: wish.channel,
  misses: wish.misses,
  change_percent_max: wish.change_percent_max,
  repeat_hours: wish.repeat_hours,
  id: nextId(world, 'swp'),
  status: 'planned',
  slot: null,
  cursor: null,
  looked: 0,
  missing: 0,
  changes: 0,
  unanswered: 0,
  changed: 0,
  created_at: world.now(),
  ended_at: null,
  due_at: dueAt,
  clock: null,
  version: 1,
})

/** One turn with a sweep that is due. */
export async function sweepOn(world: World, queries: SweepQueries, due: SweepRow): Promise<void> {
  const begun = due.status === 'planned' ? { status: 'walking' as const, slot: slotOf(due) } : {}
  const claimed = { due_at: world.now() + leaseMs, ...begun }
  const result = await world.store.commit([move(sweeps, due, claimed)])
  if (refusedBy(result, 'sweeps_slot')) await world.store.commit([move(sweeps, due, { due_at: world.now() + waitForSlotMs })])
  if (!result.ok) return
  const row = { ...due, ...claimed, version: due.version + 1 }
  if (row.status === 'applying') await apply(world, row)
  else await walk(world, queries, row)
}

async function walk(world: World, queries: SweepQueries, start: SweepRow): Promise<void> {
  const { tenant, mode, channel: name } = start
  const [channel, account] = [world.channels.get(name), world.account(name, mode)]
  // Nobody is asked with a key that is gone: it waits for one.
  if (channel === undefined || account === undefined) return
  const customers = await queries.customers({ tenant, mode, channel: name, after: start.cursor, limit: page })
  if (customers.length === 0) return conclude(world, start)
  let row = start
  let calls = 0
  for (const customer of customers) {
    const look = await lookAt(world, { channel, account, sweep: row }, customer)
    calls += look.calls
    // The lease holds until the page is done; then the channel has its rest.
    const isLast = customer === customers.at(-1)
    const after = { ...row, ...look.counts(row), cursor: customer, due_at: world.now() + (isLast ? paceMs(channel, calls) : leaseMs) }
    if (!(await world.store.commit([moveTo(sweeps, row, after), ...look.writes])).ok) return
    row = { ...after, version: row.version + 1 }
  }
}

const paceMs = ({ requestsPerSecondMax }: Channel, calls: number): number =>
  Math.ceil((calls * 1_000) / (requestsPerSecondMax * shareOfPace))

type At = { readonly channel: Channel; readonly account: ChannelAccount; readonly sweep: SweepRow }
type Counts = Pick<SweepRow, 'looked' | 'missing' | 'changes' | 'unanswered'>
type Look = { readonly calls: number; readonly counts: (before: Counts) => Counts; readonly writes: readonly Write[] }

/** The bindings are read first: what is bound while the channel answers is not looked for. */
async function lookAt(world: World, at: At, customer: string): Promise<Look> {
  const { sweep, channel } = at
  const now = world.now()
  const all = await bindingsOf(world, sweep, customer)
  const writes: Write[] = []
  const found = { looked: 0, missing: 0, changes: 0, unanswered: 0 }
  let calls = 0
  const by = channel.list?.by ?? ''
  const known = all.filter(row => row.names[by] !== undefined && row.token !== null && isCompared(row, now))
  for (const owner of new Set(known.map(row => row.names[by] ?? ''))) {
    const ours = known.filter(row => row.names[by] === owner)
    const list = await listOf(world, at, owner)
    calls += list.calls
    if (list.listed === undefined) {
      found.unanswered += ours.length
      continue
    }
    for (const row of ours) {
      const before = await world.store.get(misses, { tenant: row.tenant, binding: row.id })
      const verdict = compare(row, list.listed.get(row.token ?? ''), { before, misses: sweep.misses, now })
      found.looked += 1
      if (verdict.missing) found.missing += 1
      const { count, news } = verdict
      if (count !== undefined && before === undefined)
        writes.push(insert(misses, { tenant: row.tenant, binding: row.id, count, missed_at: now }))
      if (count !== undefined && before !== undefined)
        writes.push(count === 0 ? remove(misses, before) : move(misses, before, { count, missed_at: now }))
      if (news === undefined) continue
      found.changes += 1
      const finding = { tenant: row.tenant, sweep: sweep.id, binding: row.id, instrument: row.instrument, news, found_at: now }
      writes.push(insert(sweepFindings, finding))
    }
  }
  const counts = (before: Counts): Counts => ({
    looked: before.looked + found.looked,
    missing: before.missing + found.missing,
    changes: before.changes + found.changes,
    unanswered: before.unanswered + found.unanswered,
  })
  return { calls, counts, writes }
}

const isCompared = (row: BindingRow, now: number): boolean =>
  now - row.created_at >= youngMs &&
  (row.status === 'active' || row.status === 'suspended' || (row.status === 'revoked' && row.reason === notListed))

async function bindingsOf(world: World, { tenant, mode, channel }: SweepRow, customer: string): Promise<readonly BindingRow[]> {
  const owned = await world.store.find(instruments, { customer, tenant })
  const legs = await Promise.all(owned.map(one => world.store.find(bindings, { instrument: one.id, tenant })))
  return legs.flat().filter(row => row.channel === channel && row.mode === mode)
}

/** All of an owner's list, or nothing: of a part of it nobody can say what is missing. */
async function listOf(
  world: World,
  { channel, account, sweep }: At,
  owner: string,
): Promise<{ readonly calls: number; readonly listed?: ReadonlyMap<string, Listed> }> {
  const listed = new Map<string, Listed>()
  const call = { operation: sweep.id, key: sweep.id, account, nowMs: world.now(), send: world.send }
  let cursor: string | undefined
  for (let calls = 1; calls <= pagesMax; calls += 1) {
    const answer: ListOutcome | undefined = await channel.list?.page(call, { owner, cursor })
    if (answer?.kind !== 'listed') return { calls }
    for (const one of answer.listed) listed.set(one.token, one)
    if (answer.next === undefined) return { calls, listed }
    cursor = answer.next
  }
  return { calls: pagesMax }
}

/** All have been looked at: nothing to change, a person is asked, or it is carried out. */
async function conclude(world: World, row: SweepRow): Promise<void> {
  if (row.changes === 0) return end(world, row, 'done')
  const held = isTooMuch(row)
  if (held)
    world.log.warn('a sweep would change more than is believed, and asks', { sweep: row.id, changes: row.changes, looked: row.looked })
  await world.store.commit([move(sweeps, row, held ? { status: 'held', due_at: null } : { status: 'applying', due_at: world.now() })])
}

/** Each finding is a fact as of the moment it was found; told already, it is only taken off. */
async function apply(world: World, start: SweepRow): Promise<void> {
  const { tenant, id } = start
  const findings = await world.store.find(sweepFindings, { tenant, sweep: id }, page)
  if (findings.length === 0) return end(world, start, 'done')
  let row = start
  for (const finding of findings) {
    await learn(world, { tenant, binding: finding.binding, change: { facts: [factOf(row, finding)] } })
    const after = { ...row, changed: row.changed + 1, due_at: world.now() }
    if (!(await world.store.commit([moveTo(sweeps, row, after), remove(sweepFindings, finding)])).ok) return
    row = { ...after, version: row.version + 1 }
  }
}

const factOf = (sweep: SweepRow, { binding, news, found_at }: FindingRow) => ({
  source: 'sweep',
  event: `${sweep.id}:${binding}`,
  news,
  rank: 2 as const,
  moment: { atMs: found_at },
})

async function end(world: World, row: SweepRow, status: 'done'): Promise<void> {
  const now = world.now()
  const ended = { status, slot: null, due_at: null, ended_at: now }
  const { repeat_hours: hours } = row
  const next = hours === null ? [] : [insert(sweeps, plannedSweep(world, row, now + hours * 3_600_000))]
  await world.store.commit([move(sweeps, row, ended), ...next])
}
