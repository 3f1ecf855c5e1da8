/** The endpoints of events and of webhook endpoints. */
import { z } from 'zod'
import { Problem } from '../core/problem.ts'
import { type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { listQuery, listShape } from '../http/list.ts'
import { id } from '../http/schemas.ts'
import { eventShape, eventTypes } from './catalogue.ts'
import { needEndpoint } from './endpoint.ts'
import { endpointEndpoints } from './endpointApi.ts'
import { type Event, showEvent, wants } from './event.ts'
import { placeOf, showPage } from './pages.ts'
import type { DeliveryView, EventQueries } from './queries.ts'
import { type Replayed, replay, replayMax } from './replay.ts'
import { deliveryShape, deliveryStates, endpointParams, eventParams, replayBody, replayEventBody, replayedShape } from './schemas.ts'
import { events, webhookEndpoints } from './tables.ts'

/** All of them. `queries`: over a pool of the role that reads. */
export function eventEndpoints(queries: EventQueries): readonly Endpoint[] {
  return [listEvents(queries), getEvent, replayEvent, ...endpointEndpoints(queries), replayToEndpoint(queries), listDeliveries(queries)]
}

const tag = 'Events'
const order = z.enum(['newest_first', 'oldest_first'], 'must be newest_first or oldest_first').default('newest_first')

const listEvents = (queries: EventQueries): Endpoint =>
  endpoint({
    method: 'GET',
    path: '/v1/events',
    name: 'listEvents',
    summary: 'List events',
    description:
      'In the order they were recorded. With `oldest_first` the cursor of the last page goes on from there later: nothing is added behind it.',
    tag,
    auth: 'secret',
    action: 'events.read',
    params: nothing,
    query: z.strictObject({
      ...listQuery,
      order,
      type: z.enum(eventTypes, 'must be a type of event, such as instrument.bound').optional(),
      instrument: id('ins').optional(),
    }),
    body: nothing,
    answers: { 200: { description: 'A page of events.', schema: listShape(eventShape) } },
    handle: async ({ caller }, { query }) => {
      const { limit, type, instrument } = query
      const oldestFirst = query.order === 'oldest_first'
      const page = await queries.listEvents(caller, {
        limit,
        oldestFirst,
        after: placeOf('events', query.starting_after),
        type,
        instrument,
      })
      return { status: 200, body: showPage('events', page, showEvent) }
    },
  })

const getEvent: Endpoint = endpoint({
  method: 'GET',
  path: '/v1/events/{id}',
  name: 'getEvent',
  summary: 'Read an event',
  tag,
  auth: 'secret',
  action: 'events.read',
  params: eventParams,
  query: nothing,
  body: nothing,
  answers: { 200: { description: 'The event as it was sent.', schema: eventShape } },
  handle: async (context, { params }) => ({ status: 200, body: showEvent(await needEvent(context, params.id)) }),
})

const replayEvent: Endpoint = endpoint({
  method: 'POST',
  path: '/v1/events/{id}/replay',
  name: 'replayEvent',
  summary: 'Send an event again',
  description: 'Under the same id, to the URL an endpoint has now, whether it was delivered before or not.',
  tag,
  auth: 'secret',
  action: 'events.replay',
  params: eventParams,
  query: nothing,
  body: replayEventBody,
  answers: { 202: { description: 'How many deliveries it became.', schema: replayedShape } },
  handle: async (context, { params, body }) => {
    const { world, caller } = context
    const event = await needEvent(context, params.id)
    const named = body.webhook_endpoint
    const endpoints =
      named === undefined
        ? (await world.store.find(webhookEndpoints, { tenant: caller.tenant, mode: caller.mode })).filter(
            one => one.status === 'enabled' && wants(one.types, event.type),
          )
        : [await needEnabled(context, named)]
    const results = await Promise.all(endpoints.map(one => replay(world, one, [event.id])))
    return { status: 202, body: showReplayed(results, false) }
  },
})

const replayToEndpoint = (queries: EventQueries): Endpoint =>
  endpoint({
    method: 'POST',
    path: '/v1/webhook_endpoints/{id}/replay',
    name: 'replayToWebhookEndpoint',
    summary: 'Send events again to one endpoint',
    description: `At most ${replayMax}: those named, or those recorded within a time. Delivered ones too. Later events of an instrument wait for its replayed ones.`,
    tag,
    auth: 'secret',
    action: 'events.replay',
    params: endpointParams,
    query: nothing,
    body: replayBody,
    answers: { 202: { description: 'How many will be sent.', schema: replayedShape } },
    handle: async (context, { params, body }) => {
      const target = await needEnabled(context, params.id)
      if (body.events !== undefined) return { status: 202, body: showReplayed([await replay(context.world, target, body.events)], false) }
      const { from = 0, to = 0 } = body
      const found = await queries.recordedWithin(context.caller, { from, to, limit: replayMax + 1 })
      const ids = found.slice(0, replayMax).flatMap(event => (wants(target.types, event.type) ? [event.id] : []))
      return { status: 202, body: showReplayed([await replay(context.world, target, ids)], found.length > replayMax) }
    },
  })

const listDeliveries = (queries: EventQueries): Endpoint =>
  endpoint({
    method: 'GET',
    path: '/v1/webhook_endpoints/{id}/deliveries',
    name: 'listWebhookDeliveries',
    summary: 'List what was and will be sent to an endpoint',
    tag,
    auth: 'secret',
    action: 'webhooks.read',
    params: endpointParams,
    query: z.strictObject({ ...listQuery, order, state: deliveryStates.optional() }),
    body: nothing,
    answers: { 200: { description: 'A page of deliveries.', schema: listShape(deliveryShape) } },
    handle: async ({ world, caller }, { params, query }) => {
      await needEndpoint(world, { tenant: caller.tenant, id: params.id }, caller.mode)
      const of = {
        limit: query.limit,
        oldestFirst: query.order === 'oldest_first',
        after: placeOf('deliveries', query.starting_after),
        state: query.state,
      }
      const page = await queries.listDeliveries({ tenant: caller.tenant, endpoint: params.id }, of)
      return { status: 200, body: showPage('deliveries', page, showDelivery) }
    },
  })

async function needEvent({ world, caller }: Context, name: string): Promise<Event> {
  const found = await world.store.get(events, { tenant: caller.tenant, id: name })
  if (found === undefined || found.mode !== caller.mode) throw new Problem('not_found', `There is no event ${name}.`)
  return found
}

async function needEnabled({ world, caller }: Context, name: string) {
  const found = await needEndpoint(world, { tenant: caller.tenant, id: name }, caller.mode)
  if (found.status !== 'enabled') throw new Problem('unprocessable', 'The webhook endpoint is disabled. Enable it first.')
  return found
}

const showReplayed = (all: readonly Replayed[], more: boolean) => ({
  object: 'replay' as const,
  queued: all.reduce((sum, one) => sum + one.queued, 0),
  waiting: all.reduce((sum, one) => sum + one.waiting, 0),
  missing: all.flatMap(one => one.missing),
  has_more: more,
})

function showDelivery({ due_at, last_try_at, created_at, ...view }: DeliveryView) {
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  return {
    object: 'webhook_delivery' as const,
    ...view,
    next_try_at: time(due_at),
    last_try_at: time(last_try_at),
    created_at: new Date(created_at).toISOString(),
  }
}
