import { type Insert, insert, move, type Write } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import type { World } from '../world/world.ts'
import { wants } from './event.ts'
import type { EventQueries, Fed } from './queries.ts'
import { cursors, deliveries, webhookEndpoints } from './tables.ts'

type Endpoint = Row<typeof webhookEndpoints>

/** Events of one endpoint taken in one commit, and endpoints looked at in one call. */
const batchMax = 500
const endpointsAtOnceMax = 64
/** How often a cursor is moved over events its endpoint does not want: often enough to keep reads short, seldom enough to cost nothing. */
const idleMoveMs = 10_000

/**
 * Makes deliveries from recorded events, for each endpoint a batch at a time, in commit order. Deliveries and the step of the endpoint's
 * cursor commit together, so a crash loses and doubles nothing, and of two servers doing this at once one is refused and finds the
 * work done. Returns how many deliveries were made; the caller goes on at once while that is not 0.
 */
export async function fanOut(world: World, queries: EventQueries): Promise<number> {
  const behind = await queries.behind(endpointsAtOnceMax)
  const made = await Promise.all(behind.map(one => fanOutTo(world, queries, one)))
  return made.reduce((sum, count) => sum + count, 0)
}

async function fanOutTo(world: World, queries: EventQueries, { tenant, id }: { tenant: string; id: string }): Promise<number> {
  const [endpoint, cursor] = await Promise.all([
    world.store.get(webhookEndpoints, { tenant, id }),
    world.store.get(cursors, { tenant, endpoint: id }),
  ])
  if (endpoint === undefined || endpoint.status !== 'enabled' || cursor === undefined) return 0
  const read = await queries.after(endpoint, cursor, batchMax)
  const last = read.at(-1)
  if (last === undefined) return 0
  const nowMs = world.now()
  const inserts = read.filter(fed => wants(endpoint.types, fed.type)).map(fed => insert(deliveries, deliveryOf(endpoint, fed, nowMs)))
  if (inserts.length === 0 && read.length < batchMax && nowMs - cursor.moved_at < idleMoveMs) return 0
  return commitAll(world, inserts, move(cursors, cursor, { ...last.at, moved_at: nowMs }))
}

/** A replay may have made a delivery before the fan-out came to its event: that one stands, and the others are committed without it. */
async function commitAll(world: World, inserts: readonly Insert[], step: Write): Promise<number> {
  let left = inserts
  for (;;) {
    const result = await world.store.commit([step, ...left])
    if (result.ok) return left.length
    const refused = new Set(result.refused.map(one => one.write - 1))
    if (refused.has(-1) || result.refused.some(one => one.kind !== 'exists')) return 0
    left = left.filter((_write, index) => !refused.has(index))
  }
}

/** A delivery that is due at once. */
export function deliveryOf(endpoint: Pick<Endpoint, 'tenant' | 'id'>, event: Pick<Fed, 'id' | 'instrument' | 'sequence'>, nowMs: number) {
  return {
    tenant: endpoint.tenant,
    endpoint: endpoint.id,
    event: event.id,
    line: event.instrument ?? event.id,
    sequence: event.sequence ?? 1,
    state: 'pending' as const,
    tries: 0,
    due_at: nowMs,
    last_try_at: null,
    last_status: null,
    last_error: null,
    created_at: nowMs,
  }
}
