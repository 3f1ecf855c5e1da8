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

/** Of a mandate that became active, or lives again: that the bank cancelled it, at the same moment. */
export function contradict(event: SimulatorEvent): SimulatorEvent | undefined {
  const { events, meta } = bodyOf(event)
  const active = events.find(one => one.resource_type === 'mandates' && (one.action === 'active' || one.action === 'reinstated'))
  if (active === undefined) return undefined
  const details = { origin: 'bank', cause: 'mandate_cancelled', description: 'The mandate was cancelled at a bank branch.' }
  const opposite = { ...active, id: `${active.id}Z`, action: 'cancelled', details }
  return {
    id: `${event.id}Z`,
    type: 'mandates.cancelled',
    body: JSON.stringify({ events: [opposite], meta: { ...meta, webhook_id: `${event.id}Z` } }),
  }
}
