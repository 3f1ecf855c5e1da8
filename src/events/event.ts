/** What happened, told to the customer's systems. Written by `record` in the commit that changed what it tells of. */
import type { RecordEvent } from '../world/store.ts'
import type { NewRow, Row } from '../world/table.ts'
import type { events } from './tables.ts'

export type Event = Omit<Row<typeof events>, 'version'>

export const record = (event: NewRow<typeof events>): RecordEvent => ({ verb: 'record', event })

/** How an event looks to the outside, in webhooks and in the API. */
export function showEvent(event: Event) {
  return {
    id: event.id,
    object: 'event' as const,
    type: event.type,
    timestamp: new Date(event.created_at).toISOString(),
    livemode: event.mode === 'live',
    instrument: event.instrument,
    customer: event.customer,
    sequence: event.sequence,
    data: event.data,
  }
}

/** Whether an endpoint asked for this type: `binding.active`, `binding.*`, `*`. */
export function wants(types: readonly string[], type: string): boolean {
  return types.some(one => one === '*' || one === type || (one.endsWith('.*') && type.startsWith(one.slice(0, -1))))
}
