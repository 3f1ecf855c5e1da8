/**
 * One event to one endpoint. Claim, call, settle: the claim is a lease by compare-and-set, the call is made with no transaction open,
 * and the outcome commits together with the claim of the next event in line. A crash between call and commit sends the same event
 * again under the same `webhook-id`.
 *
 * Order: at one endpoint an instrument's event goes out only when every earlier one there is delivered, parked or skipped.
 */
import { NoAnswer, type Send } from '../channels/channel.ts'
import { maskCards } from '../core/mask-cards.ts'
import { expect, move, type Write } from '../world/store.ts'
import type { NewRow, Row } from '../world/table.ts'
import type { World } from '../world/world.ts'
import { showEvent } from './event.ts'
import { noteResult } from './health.ts'
import type { KeyRing } from './keys.ts'
import type { DeliveryKey } from './queries.ts'
import { readRetryAfter, waitAfter } from './retry.ts'
import { sign } from './signature.ts'
import { deliveries, events, webhookEndpoints } from './tables.ts'

export type Delivery = Row<typeof deliveries>
export type Endpoint = Row<typeof webhookEndpoints>
/** How requests leave: `createPublicSend` in http.ts, keys to sign with, and whether to stop after the event in hand. */
export type Outbound = { readonly send: Send; readonly keys: KeyRing; readonly stopping?: () => boolean }

/** One whole call. */
export const tryTimeoutMs = 15_000
/** A claim's length: a worker that died is replaced after this. Longer than a call can take, with room for the commit. */
export const leaseMs = 60_000
/** Events of one line sent in one turn; the rest of the line takes its place among the others again. */
const turnMax = 20
const settleTriesMax = 5
const errorMax = 300

/** taken: another worker has it, or had it · held: an earlier event of its line is still on its way · sent: at least one call was made */
export type Turn = 'taken' | 'held' | 'sent'

export type Result =
  | { readonly kind: 'delivered'; readonly status: number }
  | { readonly kind: 'failed' | 'gone'; readonly status: number | null; readonly error: string; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'skipped'; readonly error: string }

/** Delivers the head of the due delivery's line, if it is due as well, and then what comes after it. */
export async function deliver(world: World, outbound: Outbound, due: DeliveryKey): Promise<Turn> {
  const head = await headOf(world, due)
  if (head === undefined) return 'taken'
  if ((head.due_at ?? 0) > world.now()) return head.sequence === due.sequence ? 'taken' : hold(world, due, head)
  const lease = claim(world)
  const claimed = await world.store.commit([move(deliveries, head, lease)])
  if (!claimed.ok) return 'taken'
  let current: Delivery | undefined = { ...head, ...lease, version: head.version + 1 }
  for (let turn = 1; current !== undefined; turn += 1) {
    const endpoint: Endpoint | undefined = await world.store.get(webhookEndpoints, { tenant: due.tenant, id: due.endpoint })
    const result: Result = await attempt(world, outbound, endpoint, current)
    current = await settle(world, current, result, turn < turnMax && outbound.stopping?.() !== true)
    if (endpoint !== undefined && result.kind !== 'skipped') await noteResult(world, endpoint, result)
  }
  return 'sent'
}

const claim = (world: World) => ({ due_at: world.now() + leaseMs })

/** The first of the line that is still on its way. */
async function headOf(world: World, { tenant, endpoint, line }: DeliveryKey): Promise<Delivery | undefined> {
  const waiting = await world.store.find(deliveries, { tenant, endpoint, line, state: 'pending' }, 2)
  return waiting[0]
}

/**
 * Puts a delivery back until the head of its line has had its next try. `expect` makes sure the head is still on its way at that
 * moment: else this one would sleep although nothing is before it.
 */
async function hold(world: World, { tenant, endpoint, line, sequence }: DeliveryKey, head: Delivery): Promise<Turn> {
  const due = await world.store.get(deliveries, { tenant, endpoint, line, sequence })
  if (due?.state !== 'pending' || (due.due_at ?? 0) > world.now()) return 'taken'
  const until = Math.max(head.due_at ?? 0, world.now()) + 1_000
  await world.store.commit([move(deliveries, due, { due_at: until }), expect(deliveries, head)])
  return 'held'
}

async function attempt(world: World, outbound: Outbound, endpoint: Endpoint | undefined, delivery: Delivery): Promise<Result> {
  if (endpoint === undefined) return { kind: 'skipped', error: 'the endpoint was deleted' }
  if (endpoint.status !== 'enabled') return { kind: 'skipped', error: `the endpoint was disabled (${endpoint.disabled_reason})` }
  const event = await world.store.get(events, { tenant: delivery.tenant, id: delivery.event })
  if (event === undefined) return { kind: 'skipped', error: 'the event is no longer kept' }
  const { text: body, found } = maskCards(JSON.stringify(showEvent(event)))
  // No number is in this process: somebody's trick, or a mistake of ours. It does not leave, and is told at once.
  if (found > 0) world.log.error('a card number was about to leave in a webhook', { endpoint: endpoint.id, event: event.id, found })
  const keys = await outbound.keys(world, endpoint)
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Bindery-Webhooks/1',
    ...sign({ id: event.id, nowMs: world.now(), body }, keys),
  }
  try {
    const answer = await outbound.send({ method: 'POST', url: endpoint.url, headers, body })
    if (answer.status >= 200 && answer.status < 300) return { kind: 'delivered', status: answer.status }
    const error = answer.status >= 300 && answer.status < 400 ? 'redirects are not followed' : `answered ${answer.status}`
    const retryAfterMs = readRetryAfter(answer.headers['retry-after'], world.now())
    return { kind: answer.status === 410 ? 'gone' : 'failed', status: answer.status, error, retryAfterMs }
  } catch (failure) {
    if (!(failure instanceof NoAnswer)) throw failure
    return { kind: 'failed', status: null, error: failure.message.slice(0, errorMax), retryAfterMs: undefined }
  }
}

/** What becomes of a delivery after a result: pure. `chance` is in [0, 1). */
export function afterResult(delivery: Delivery, result: Result, nowMs: number, chance: number): Partial<NewRow<typeof deliveries>> {
  if (result.kind === 'skipped') return { state: 'skipped', due_at: null, last_error: result.error }
  const tried = { tries: delivery.tries + 1, last_try_at: nowMs, last_status: result.status }
  if (result.kind === 'delivered') return { ...tried, state: 'delivered', due_at: null, last_error: null }
  if (result.kind === 'gone')
    return { ...tried, state: 'skipped', due_at: null, last_error: 'answered 410 Gone: the endpoint was disabled' }
  const wait = waitAfter(delivery.tries + 1, chance, result.retryAfterMs)
  if (wait === undefined) return { ...tried, state: 'parked', due_at: null, last_error: result.error }
  return { ...tried, due_at: nowMs + wait, last_error: result.error }
}

/**
 * Commits the outcome and, where the line is free to go on, the claim of its next event in the same step. If the next one changed in
 * between (it was just put on hold behind this one, or replayed), looks again. If this one changed, the lease was lost, and
 * whoever has it now settles it.
 */
async function settle(world: World, current: Delivery, result: Result, goOn: boolean): Promise<Delivery | undefined> {
  const set = afterResult(current, result, world.now(), world.random(4).readUInt32BE() / 2 ** 32)
  const own: Write = move(deliveries, current, set)
  for (let tries = 1; tries <= settleTriesMax; tries += 1) {
    const next = set.state === undefined ? undefined : await nextOf(world, current)
    const taken = goOn ? claim(world) : { due_at: world.now() }
    const result = await world.store.commit(next === undefined ? [own] : [own, move(deliveries, next, taken)])
    if (result.ok) return next === undefined || !goOn ? undefined : { ...next, ...taken, version: next.version + 1 }
    if (result.refused.some(one => one.write === 0)) return undefined
  }
  world.log.warn('a delivery could not be settled; it will be sent again', { endpoint: current.endpoint, event: current.event })
  return undefined
}

async function nextOf(world: World, current: Delivery): Promise<Delivery | undefined> {
  const { tenant, endpoint, line } = current
  const waiting = await world.store.find(deliveries, { tenant, endpoint, line, state: 'pending' }, 2)
  return waiting.find(one => one.event !== current.event)
}
