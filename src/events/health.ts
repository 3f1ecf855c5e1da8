/** Whether an endpoint still works: noted on the endpoint, beside the deliveries, and acted on. */
import { move } from '../world/store.ts'
import type { NewRow, Row } from '../world/table.ts'
import { nextId, type World } from '../world/world.ts'
import type { Result } from './deliver.ts'
import { type Event, record } from './event.ts'
import { webhookEndpoints } from './tables.ts'

type Endpoint = Row<typeof webhookEndpoints>

/** An endpoint that did nothing but fail for this long is disabled. Longer than the ten tries of one event (75 hours). */
export const failingMaxMs = 5 * 24 * 60 * 60 * 1000

/** What a result changes about its endpoint, or undefined for nothing: pure. */
export function healthAfter(endpoint: Endpoint, result: Result, nowMs: number): Partial<NewRow<typeof webhookEndpoints>> | undefined {
  if (endpoint.status !== 'enabled' || result.kind === 'skipped') return undefined
  if (result.kind === 'gone') return { status: 'disabled', disabled_reason: 'gone' }
  if (result.kind === 'delivered') return endpoint.failing_since === null ? undefined : { failing_since: null }
  if (endpoint.failing_since === null) return { failing_since: nowMs }
  if (nowMs - endpoint.failing_since < failingMaxMs) return undefined
  return { status: 'disabled', disabled_reason: 'failing' }
}

/**
 * Notes it, and tells the tenant's other endpoints when this one was disabled. A refusal means that another result was noted at the same
 * moment: the next one will tell.
 */
export async function noteResult(world: World, endpoint: Endpoint, result: Result): Promise<void> {
  const set = healthAfter(endpoint, result, world.now())
  if (set === undefined) return
  const reason = set.disabled_reason
  const told = typeof reason === 'string' ? [record(disabledEvent(world, endpoint, reason))] : []
  const noted = await world.store.commit([move(webhookEndpoints, endpoint, set), ...told])
  if (noted.ok && typeof reason === 'string')
    world.log.warn('a webhook endpoint was disabled', { tenant: endpoint.tenant, endpoint: endpoint.id, reason })
}

function disabledEvent(world: World, endpoint: Endpoint, reason: string): Event {
  return {
    tenant: endpoint.tenant,
    id: nextId(world, 'evt', endpoint.id),
    mode: endpoint.mode,
    instrument: null,
    customer: null,
    sequence: null,
    type: 'webhook_endpoint.disabled',
    data: { webhook_endpoint: { id: endpoint.id, url: endpoint.url, status: 'disabled', disabled_reason: reason } },
    created_at: world.now(),
  }
}
