/**
 * News from a channel's webhook. Each piece finds its binding by what it echoes or by the channel's names; what finds none (it came before
 * our own answer, or is about something we never made) is kept and tried again, then parked with its cause. Nothing is dropped in silence.
 */
import type { ChannelName, Told } from '../channels/channel.ts'
import { insert, move, refusedBy, remove } from '../world/store.ts'
import type { Mode, World } from '../world/world.ts'
import { hiddenName } from './hiddenName.ts'
import { learn } from './learn.ts'
import { backoffMs, leaseMs } from './operation.ts'
import { resume } from './resume.ts'
import { bindings, channelNames, type InboxRow, inbox, operations } from './tables.ts'

/** About eight hours of backoff: longer than any operation takes to become known. */
const triesMax = 40

/**
 * News that is parked names an account or a person, and nobody knows whose: it is kept for a month, the time that GDPR gives for an erasure
 * (Art. 12 (3)), since no erasure could find it.
 */
const parkedMs = 30 * 24 * 3_600_000

/** How one piece of news was taken. */
export type Taken = 'learned' | 'kept' | 'nothing'

export async function hear(world: World, from: { readonly channel: ChannelName; readonly mode: Mode }, told: Told): Promise<Taken> {
  const { news, returned } = told
  if (news === undefined && returned === undefined) return 'nothing'
  if (await tell(world, from, told)) return 'learned'
  const { type, names, operation, binding, moment } = told
  const kept = {
    type,
    names,
    ...(news === undefined ? {} : { news }),
    ...(returned === undefined ? {} : { returned }),
    ...(operation === undefined ? {} : { operation }),
    ...(binding === undefined ? {} : { binding }),
    ...(moment === undefined ? {} : { moment }),
  }
  const row = {
    ...from,
    event: told.event,
    told: kept,
    status: 'waiting' as const,
    tries: 0,
    cause: null,
    received_at: world.now(),
    due_at: world.now() + backoffMs(1, 0.5),
    clock: null,
  }
  const result = await world.store.commit([insert(inbox, row)])
  if (!result.ok && !refusedBy(result, 'inbox_pkey')) throw new TypeError('news could not be kept')
  return 'kept'
}

/** The worker's turn with news that found no binding. */
export async function hearAgain(world: World, waiting: InboxRow): Promise<void> {
  if (waiting.status === 'parked') return forgetParked(world, waiting)
  const tries = waiting.tries + 1
  // Claimed first: whatever goes wrong below, it waits its turn and does not stand in the way of other news.
  const claimed = { due_at: world.now() + leaseMs }
  if (!(await world.store.commit([move(inbox, waiting, claimed)])).ok) return
  const row: InboxRow = { ...waiting, ...claimed, version: waiting.version + 1 }
  const from = { channel: row.channel, mode: row.mode }
  if (await tell(world, from, { event: row.event, ...row.told })) {
    // It is a fact by now, or an operation: nothing else is to say whose it was.
    await world.store.commit([remove(inbox, row)])
    return
  }
  const over = tries >= triesMax
  const next = {
    tries,
    status: over ? ('parked' as const) : ('waiting' as const),
    cause: over ? 'no binding has any of its names' : null,
    due_at: world.now() + (over ? parkedMs : backoffMs(tries, 0.5)),
  }
  await world.store.commit([move(inbox, row, next)])
}

async function forgetParked(world: World, row: InboxRow): Promise<void> {
  world.log.warn('news that found no binding within a month is forgotten', { channel: row.channel, mode: row.mode, type: row.told.type })
  await world.store.commit([remove(inbox, row)])
}

async function tell(world: World, from: { readonly channel: ChannelName; readonly mode: Mode }, told: Told): Promise<boolean> {
  const at = await findBinding(world, from, told)
  if (at === undefined) return false
  // The customer approved in an app and never came back: go on as if the browser had. Told again, it is the same return.
  if (told.returned !== undefined) {
    const binding = await world.store.get(bindings, { tenant: at.tenant, id: at.binding })
    // Faster than our own answer, which has what is needed to go on: it waits its turn.
    if (binding?.status === 'initiated') return false
    await resume(world, { tenant: at.tenant, binding: at.binding, returned: told.returned, request: null, event: told.event })
  }
  if (told.news === undefined) return true
  const fact = { source: `${from.channel}:${from.mode}`, event: told.event, news: told.news, rank: 2 as const }
  const change = {
    facts: [
      {
        ...fact,
        ...(told.moment === undefined ? {} : { moment: told.moment }),
        ...(at.operation === undefined ? {} : { operation: at.operation }),
      },
    ],
  }
  await learn(world, { tenant: at.tenant, binding: at.binding, change })
  return true
}

/** By our own operation or, failing that, by the channel's names. News about another mode's or channel's rows finds nothing. */
async function findBinding(
  world: World,
  from: { readonly channel: ChannelName; readonly mode: Mode },
  told: Told,
): Promise<{ tenant: string; binding: string; operation?: string } | undefined> {
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
