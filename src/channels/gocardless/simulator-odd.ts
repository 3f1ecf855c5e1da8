/** Webhooks as GoCardless may send them and nobody hopes for: one event at a time instead of several, and one that says the opposite. */
import { isRecord, type Json } from '../json.ts'
import type { SimulatorEvent } from '../simulator.ts'

type Body = { readonly events: readonly Json[]; readonly meta: Json }

function bodyOf(event: SimulatorEvent): Body {
  const body: unknown = JSON.parse(event.body)
  if (!isRecord(body) || !Array.isArray(body.events) || !isRecord(body.meta)) throw new TypeError('not a webhook of this simulator')
  return { events: body.events.filter(isRecord), meta: body.meta }
}

/** What came about together, in webhooks of its own each; the events keep their ids. */
export function split(event: SimulatorEvent): readonly SimulatorEvent[] | undefined {
  const { events, meta } = bodyOf(event)
  if (events.length < 2) return undefined
  return events.map((one, at) => ({
    id: `${event.id}${at}`,
    type: `${one.resource_type}.${one.action}`,
    body: JSON.stringify({ events: [one], meta: { ...meta, webhook_id: `${event.id}${at}` } }),
  }))
}

/** Of a mandate that was made, became active or lives again: that the bank cancelled it, at the same moment. */
export function contradict(event: SimulatorEvent): SimulatorEvent | undefined {
  const { events, meta } = bodyOf(event)
  const alive = events.find(one => alivePattern.test(`${one.resource_type}.${one.action}`))
  const links = isRecord(alive?.links) ? alive.links : {}
  const mandate = links.mandate ?? links.mandate_request_mandate
  if (alive === undefined || mandate === undefined) return undefined
  const details = { origin: 'bank', cause: 'mandate_cancelled', description: 'The mandate was cancelled at a bank branch.' }
  const opposite = { ...alive, id: `${alive.id}Z`, resource_type: 'mandates', action: 'cancelled', links: { mandate }, details }
  return {
    id: `${event.id}Z`,
    type: 'mandates.cancelled',
    body: JSON.stringify({ events: [opposite], meta: { ...meta, webhook_id: `${event.id}Z` } }),
  }
}
const alivePattern = /^(mandates\.(active|reinstated)|billing_requests\.fulfilled)$/
