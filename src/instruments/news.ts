/**
 * News from a channel's webhook. Each piece finds its binding by what it echoes or by the channel's names; what finds none (it came before
 * our own answer, or is about something we never made) is kept and tried again, then parked with its cause. Nothing is dropped in silence.
 */
import { createHash } from 'node:crypto'
import type { ChannelName, Told } from '../channels/channel.ts'
import { same } from '../core/same.ts'
import { insert, move, refusedBy, remove } from '../world/store.ts'
import type { Mode, World } from '../world/world.ts'
import { customerNow } from './customer.ts'
import { aheadMs } from './fact.ts'
import { hiddenName } from './hiddenName.ts'
import { learn } from './learn.ts'
import { backoffMs, leaseMs } from './operation.ts'
import { resume } from './resume.ts'
import { bindings, channelNames, customers, facts, type InboxRow, inbox, operations } from './tables.ts'

/** About eight hours of backoff: longer than any operation takes to become known. */
const triesMax = 40

/** Longer than any term that a channel announces (a year, and the notice before it): what is dated later is a mistake. */
const aheadMaxMs = 400 * 24 * 3_600_000
/**
 * News that is parked and names an account or a person nobody knows is kept for a month, the time that GDPR gives for an erasure (Art. 12 (3)),
 * since no erasure could find it. Where its binding is known it stays until a person has looked, or its instrument is erased.
 */
const parkedMs = 30 * 24 * 3_600_000

const parkedUntil = (world: World, at: Found | undefined): number | null => (at === undefined ? world.now() + parkedMs : null)

/** How one piece of news was taken. */
export type Taken = 'learned' | 'kept' | 'nothing'
type From = { readonly channel: ChannelName; readonly mode: Mode }
/** Where it belongs, if that is known, and why it is not learned now. */
type Waiting = {
  readonly at: Found | undefined
  readonly cause: string | null
  /** Undefined: as soon as its binding may have appeared; null: a person has to look. */
  readonly until?: number | null
  /** The customer's test clock, on which it is waited for. */
  readonly clock?: string | null
}

export async function hear(world: World, from: From, told: Told): Promise<Taken> {
  const { news, returned } = told
  if (news === undefined && returned === undefined) return 'nothing'
  const waiting = await tell(world, from, told)
  if (waiting === undefined) return 'learned'
  const row = inboxRow(world, from, told, {
    ...waiting,
    until: waiting.until === undefined ? world.now() + backoffMs(1, 0.5) : waiting.until,
  })
  const result = await world.store.commit([insert(inbox, row)])
  if (!result.ok && !refusedBy(result, 'inbox_pkey')) throw new TypeError('news could not be kept')
  if (!result.ok) await compareWithKept(world, from, told)
  return 'kept'
}

function inboxRow(world: World, from: From, told: Told, { at, cause, until = null, clock = null }: Waiting): Omit<InboxRow, 'version'> {
  const { event, ...kept } = told
  return {
    ...from,
    event,
    told: kept,
    status: until === null ? 'parked' : 'waiting',
    tries: 0,
    cause,
    received_at: world.now(),
    due_at: until ?? parkedUntil(world, at),
    clock: until === null ? null : clock,
    tenant: at?.tenant ?? null,
    binding: at?.binding ?? null,
  }
}

/** The turn of news that found no binding, or whose time has come; how it stands then. */
export async function hearAgain(world: World, waiting: InboxRow): Promise<InboxRow['status'] | 'claimed' | 'done' | 'forgotten'> {
  if (waiting.status === 'parked') return forgetParked(world, waiting)
  const tries = waiting.tries + 1
  // Claimed first: whatever goes wrong below, it waits its turn and does not stand in the way of other news. A test clock has its own time.
  const since = waiting.clock === null || waiting.due_at === null ? world.now() : waiting.due_at
  const claimed = { due_at: since + leaseMs }
  if (!(await world.store.commit([move(inbox, waiting, claimed)])).ok) return 'claimed'
  const row: InboxRow = { ...waiting, ...claimed, version: waiting.version + 1 }
  const why = await tell(world, { channel: row.channel, mode: row.mode }, { event: row.event, ...row.told })
  if (why === undefined) {
    // It is a fact by now, or an operation: nothing else is to say whose it was.
    await world.store.commit([remove(inbox, row)])
    return 'done'
  }
  const over = why.until === null || (why.until === undefined && tries >= triesMax)
  const next = {
    tries,
    status: over ? ('parked' as const) : ('waiting' as const),
    cause: over && why.until === undefined ? 'no binding has any of its names' : why.cause,
    due_at: over ? parkedUntil(world, why.at) : (why.until ?? world.now() + backoffMs(tries, 0.5)),
    clock: over ? null : (why.clock ?? null),
    tenant: why.at?.tenant ?? null,
    binding: why.at?.binding ?? null,
  }
  await world.store.commit([move(inbox, row, next)])
  return next.status
}

async function forgetParked(world: World, row: InboxRow): Promise<'forgotten'> {
  world.log.warn('news that nobody could learn within a month is forgotten', { channel: row.channel, mode: row.mode, type: row.told.type })
  await world.store.commit([remove(inbox, row)])
  return 'forgotten'
}

/** Undefined: learned. */
async function tell(world: World, from: From, told: Told): Promise<Waiting | undefined> {
  const at = await findBinding(world, from, told)
  if (at === undefined) return { at, cause: null }
  // That a customer is done is not believed but looked into, whatever its date.
  const ahead = told.news === undefined ? undefined : await aheadOf(world, from, at, told)
  if (ahead !== undefined) return { at, ...ahead }
  // The customer approved in an app and never came back: go on as if the browser had. Told again, it is the same return.
  if (told.returned !== undefined) {
    const binding = await world.store.get(bindings, { tenant: at.tenant, id: at.binding })
    // Faster than our own answer, which has what is needed to go on: it waits its turn.
    if (binding?.status === 'initiated') return { at, cause: null }
    await resume(world, { tenant: at.tenant, binding: at.binding, returned: told.returned, request: null, event: told.event })
  }
  if (told.news === undefined) return undefined
  const fact = {
    source: `${from.channel}:${from.mode}`,
    event: told.event,
    news: told.news,
    rank: 2 as const,
    ...(told.moment === undefined ? {} : { moment: told.moment }),
    ...(at.operation === undefined ? {} : { operation: at.operation }),
  }
  const { contradicted = [] } = await learn(world, { tenant: at.tenant, binding: at.binding, change: { facts: [fact] } })
  if (contradicted.length > 0) await keepContradiction(world, from, told, at)
  return undefined
}

/**
 * What is dated ahead is learned when its time comes, on the customer's clock. A channel's own clock is real: while a test clock is behind
 * the real time, what is dated now is not ahead.
 */
async function aheadOf(
  world: World,
  from: From,
  at: Found,
  { event, moment }: Told,
): Promise<{ readonly cause: string; readonly until: number | null; readonly clock: string | null } | undefined> {
  const dated = moment?.atMs
  if (dated === undefined || dated <= world.now() + aheadMs) return undefined
  // Learned before our clock was set back: it had happened.
  const learned = await world.store.find(facts, { tenant: at.tenant, source: `${from.channel}:${from.mode}`, source_event: event })
  if (learned.length > 0) return undefined
  const binding = await world.store.get(bindings, { tenant: at.tenant, id: at.binding })
  const customer = await world.store.get(customers, { tenant: at.tenant, id: binding?.customer ?? '' })
  const clock = customer?.clock ?? null
  const now = Math.max(world.now(), await customerNow(world, { tenant: at.tenant, clock }))
  if (dated <= now + aheadMs) return undefined
  const said = new Date(Math.min(dated, lastDate)).toISOString()
  if (dated > now + aheadMaxMs) return { cause: `dated more than 400 days ahead: ${said}`, until: null, clock }
  return { cause: `dated ahead: ${said}`, until: dated, clock }
}
/** 9999-12-31T23:59:59.999Z */
const lastDate = 253_402_300_799_999

/** The same event of the channel with other words: the first stand, and a person can see the others. */
async function keepContradiction(world: World, from: From, told: Told, at: Found | undefined): Promise<void> {
  const words = createHash('sha256')
    .update(JSON.stringify([told.news, told.returned, told.moment]))
    .digest('hex')
    .slice(0, 16)
  const cause = 'the same event told something else before'
  const row = inboxRow(world, from, { ...told, event: `${told.event}#${words}` }, { at, cause, until: null })
  const result = await world.store.commit([insert(inbox, row)])
  if (!result.ok) return
  world.log.warn('a channel contradicts its own event', { ...from, event: told.event, binding: at?.binding ?? null })
}

async function compareWithKept(world: World, from: From, told: Told): Promise<void> {
  const kept = await world.store.get(inbox, { ...from, event: told.event })
  const { event: _event, ...words } = told
  if (kept !== undefined && !same(kept.told, words)) await keepContradiction(world, from, told, await findBinding(world, from, told))
}

type Found = { readonly tenant: string; readonly binding: string; readonly operation?: string }

/** By our own operation or, failing that, by the channel's names. News about another mode's or channel's rows finds nothing. */
async function findBinding(world: World, from: From, told: Told): Promise<Found | undefined> {
  if (told.operation !== undefined) {
    const operation = await world.store.get(operations, { id: told.operation })
    if (operation !== undefined && operation.channel === from.channel && operation.mode === from.mode)
      return { tenant: operation.tenant, binding: operation.binding, operation: operation.id }
  }
  // Of what was erased a keyed hash of the name is kept for a while.
  for (const name of [...told.names, ...told.names.map(one => hiddenName(world, from, one))]) {
    const row = await world.store.get(channelNames, { ...from, name })
    if (row === undefined) continue
    const binding = await world.store.get(bindings, { tenant: row.tenant, id: row.binding })
    if (binding !== undefined) return { tenant: row.tenant, binding: row.binding }
  }
  return undefined
}
