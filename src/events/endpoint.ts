/** A webhook endpoint: where a customer's system hears of events. Creating, changing, rotating: pure but for the vault. */
import { Problem } from '../core/problem.ts'
import { insert, move, type Write } from '../world/store.ts'
import type { NewRow, Row } from '../world/table.ts'
import { nextId, type World } from '../world/world.ts'
import { live, newKeys, rotate } from './keys.ts'
import type { EventQueries, Owner } from './queries.ts'
import { cursors, webhookEndpoints } from './tables.ts'

export type WebhookEndpoint = Row<typeof webhookEndpoints>

/** Endpoints of one tenant in one mode. */
export const endpointsMax = 20
const changeTriesMax = 5

export type NewEndpoint = { readonly url: string; readonly description: string; readonly types: readonly string[] }

/** The writes that create it. It hears what is recorded from now on. */
export async function planEndpoint(
  world: World,
  queries: EventQueries,
  owner: Owner,
  given: NewEndpoint,
): Promise<{ readonly endpoint: WebhookEndpoint; readonly writes: readonly Write[] }> {
  const existing = await world.store.find(webhookEndpoints, owner, endpointsMax)
  if (existing.length >= endpointsMax)
    throw new Problem('unprocessable', `There are ${endpointsMax} webhook endpoints already, which is the most.`)
  const id = nextId(world, 'whe')
  const keys = await newKeys(world, { tenant: owner.tenant, id })
  const row: NewRow<typeof webhookEndpoints> = {
    ...owner,
    id,
    ...given,
    status: 'enabled',
    disabled_reason: null,
    secrets: [keys],
    failing_since: null,
    created_at: world.now(),
  }
  const cursor = { tenant: owner.tenant, endpoint: id, ...(await queries.head()), moved_at: world.now() }
  return { endpoint: { ...row, version: 1 }, writes: [insert(webhookEndpoints, row), insert(cursors, cursor)] }
}

/** Changes an endpoint that deliveries note their results on at the same time: looks again when it moved. */
export async function changeEndpoint(
  world: World,
  name: { readonly tenant: string; readonly id: string },
  mode: Owner['mode'],
  change: (
    endpoint: WebhookEndpoint,
  ) => Promise<{ readonly set: Partial<NewRow<typeof webhookEndpoints>>; readonly more?: readonly Write[] }>,
): Promise<WebhookEndpoint> {
  for (let tries = 1; tries <= changeTriesMax; tries += 1) {
    const endpoint = await needEndpoint(world, name, mode)
    const { set, more = [] } = await change(endpoint)
    const result = await world.store.commit([move(webhookEndpoints, endpoint, set), ...more])
    if (result.ok) return { ...endpoint, ...set, version: endpoint.version + 1 }
  }
  throw new Problem('conflict', 'The webhook endpoint keeps changing. Try again.')
}

export async function needEndpoint(world: World, name: { tenant: string; id: string }, mode: Owner['mode']): Promise<WebhookEndpoint> {
  const found = await world.store.get(webhookEndpoints, name)
  if (found === undefined || found.mode !== mode) throw new Problem('not_found', `There is no webhook endpoint ${name.id}.`)
  return found
}

/** New keys; the old ones sign for a day more. */
export function rotateKeys(
  world: World,
  name: { readonly tenant: string; readonly id: string },
  mode: Owner['mode'],
): Promise<WebhookEndpoint> {
  return changeEndpoint(world, name, mode, async endpoint => {
    const fresh = await newKeys(world, endpoint)
    return { set: { secrets: rotate(endpoint.secrets, fresh, world.now()) } }
  })
}

/** It hears what is recorded from now on; what it missed can be replayed. */
export async function enableEndpoint(
  world: World,
  queries: EventQueries,
  name: { readonly tenant: string; readonly id: string },
  mode: Owner['mode'],
): Promise<WebhookEndpoint> {
  const endpoint = await needEndpoint(world, name, mode)
  if (endpoint.status === 'enabled') return endpoint
  return changeEndpoint(world, name, mode, async () => {
    const cursor = await world.store.get(cursors, { tenant: name.tenant, endpoint: name.id })
    const at = { ...(await queries.head()), moved_at: world.now() }
    const more = cursor === undefined ? [insert(cursors, { tenant: name.tenant, endpoint: name.id, ...at })] : [move(cursors, cursor, at)]
    return { set: { status: 'enabled', disabled_reason: null, failing_since: null }, more }
  })
}

/** How it looks to its owner. */
export function showEndpoint(endpoint: WebhookEndpoint, nowMs: number) {
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  return {
    id: endpoint.id,
    object: 'webhook_endpoint' as const,
    livemode: endpoint.mode === 'live',
    url: endpoint.url,
    description: endpoint.description,
    types: endpoint.types,
    status: endpoint.status,
    disabled_reason: endpoint.disabled_reason,
    failing_since: time(endpoint.failing_since),
    keys: live(endpoint.secrets, nowMs).map(one => ({
      public_key: one.public_key,
      created_at: new Date(one.created_at).toISOString(),
      expires_at: time(one.expires_at),
    })),
    created_at: new Date(endpoint.created_at).toISOString(),
  }
}
