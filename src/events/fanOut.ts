import { insert, move, type Write } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import type { World } from '../world/world.ts'
import { wants } from './event.ts'
import type { Cursor, Fed, Feed } from './feed.ts'
import { cursors, deliveries, webhookEndpoints } from './tables.ts'

type Endpoint = Row<typeof webhookEndpoints>

const cursorName = 'webhooks'
/** Events taken in one commit. */
const batchMax = 256
/** Endpoints one tenant can have in one mode; `api.ts` keeps to it. */
export const endpointsMax = 20
/** How often the cursor is moved over events nobody listens to: often enough to keep reads short, seldom enough to cost nothing. */
const idleMoveMs = 10_000

/**
 * Turns recorded events into deliveries, a batch at a time, in commit order. Deliveries and the cursor's step commit together, so a crash
 * loses and doubles nothing, and of two servers doing this at once one is refused and finds the work done. Returns how many events
 * were read; the caller goes on while that is not 0.
 */
export async function fanOut(world: World, feed: Feed): Promise<number> {
  const cursor = await world.store.get(cursors, { name: cursorName })
  const read = await feed.after(cursor?.position ?? '', batchMax)
  const nowMs = world.now()
  if (read.cursor === (cursor?.position ?? '')) return 0
  if (read.events.length === 0 && cursor !== undefined && nowMs - cursor.moved_at < idleMoveMs) return 0
  const endpoints = await endpointsFor(world, read.events)
  const inserts = read.events.flatMap(fed => endpoints.filter(one => hears(one, fed)).map(one => deliveryOf(one, fed, nowMs)))
  const to = { position: read.cursor, moved_at: nowMs }
  const step = cursor === undefined ? insert(cursors, { name: cursorName, ...to }) : move(cursors, cursor, to)
  return (await commitAll(world, inserts, step)) ? read.events.length : 0
}

/** A replay may have made a delivery before the feed came to its event: that one stands, and the others are committed without it. */
async function commitAll(world: World, inserts: readonly Write[], step: Write): Promise<boolean> {
  let left = inserts
  for (;;) {
    const result = await world.store.commit([step, ...left])
    if (result.ok) return true
    const refused = new Set(result.refused.map(one => one.write - 1))
    if (refused.has(-1) || result.refused.some(one => one.kind !== 'exists')) return false
    left = left.filter((_write, index) => !refused.has(index))
  }
}

async function endpointsFor(world: World, events: readonly Fed[]): Promise<readonly Endpoint[]> {
  const owners = new Map(events.map(({ event }) => [`${event.tenant} ${event.mode}`, { tenant: event.tenant, mode: event.mode }]))
  const found = await Promise.all([...owners.values()].map(owner => world.store.find(webhookEndpoints, owner, endpointsMax)))
  return found.flat().filter(one => one.status === 'enabled')
}

function hears(endpoint: Endpoint, { at, event }: { at: Cursor; event: Fed['event'] }): boolean {
  return endpoint.tenant === event.tenant && endpoint.mode === event.mode && at > endpoint.since && wants(endpoint.types, event.type)
}

export function deliveryOf(endpoint: Pick<Endpoint, 'tenant' | 'id'>, { event }: Pick<Fed, 'event'>, nowMs: number): Write {
  return insert(deliveries, {
    tenant: endpoint.tenant,
    endpoint: endpoint.id,
    event: event.id,
    line: event.instrument ?? event.id,
    sequence: event.sequence ?? 1,
    state: 'pending',
    tries: 0,
    due_at: nowMs,
    clock: null,
    last_try_at: null,
    last_status: null,
    last_error: null,
    created_at: nowMs,
  })
}
