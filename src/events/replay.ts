/**
 * Sending again, because someone asked: the same event under the same id, to the URL the endpoint has now, whether it was delivered
 * before or not. A replayed delivery takes its place in its line by its sequence, starts its ten tries anew, and later events of the
 * instrument wait for it.
 */
import { insert, move, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { type Delivery, type Endpoint, leaseMs } from './deliver.ts'
import { deliveryOf } from './fanOut.ts'
import { deliveries, events } from './tables.ts'

/** Events in one request. */
export const replayMax = 500
const replayTriesMax = 3

/** queued: will be sent · waiting: was still on its way, and is tried at once · missing: no such event for this endpoint */
export type Replayed = { readonly queued: number; readonly waiting: number; readonly missing: readonly string[] }

/** Puts the events in line for this endpoint. Each is a commit of its own: one that moved meanwhile is looked at again. */
export async function replay(world: World, endpoint: Endpoint, ids: readonly string[]): Promise<Replayed> {
  const results = await Promise.all([...new Set(ids)].map(async id => ({ id, result: await replayOne(world, endpoint, id) })))
  return {
    queued: results.filter(one => one.result === 'queued').length,
    waiting: results.filter(one => one.result === 'waiting').length,
    missing: results.filter(one => one.result === 'missing').map(one => one.id),
  }
}

async function replayOne(world: World, endpoint: Endpoint, id: string): Promise<'queued' | 'waiting' | 'missing'> {
  const event = await world.store.get(events, { tenant: endpoint.tenant, id })
  if (event === undefined || event.mode !== endpoint.mode) return 'missing'
  for (let tries = 1; tries <= replayTriesMax; tries += 1) {
    const [before] = await world.store.find(deliveries, { tenant: endpoint.tenant, endpoint: endpoint.id, event: id }, 1)
    const write = before === undefined ? insert(deliveries, deliveryOf(endpoint, event, world.now())) : again(before, world.now())
    if (write === undefined) return 'waiting'
    const result = await world.store.commit([write])
    if (result.ok) return before?.state === 'pending' ? 'waiting' : 'queued'
  }
  return 'waiting'
}

/** Nothing for one that may be in a worker's hands at this moment: its result is about to come. */
function again(before: Delivery, nowMs: number): Write | undefined {
  if (before.due_at === null) return move(deliveries, before, { state: 'pending', tries: 0, due_at: nowMs })
  const inHands = before.due_at > nowMs && before.due_at <= nowMs + leaseMs
  return inHands ? undefined : move(deliveries, before, { due_at: nowMs })
}
