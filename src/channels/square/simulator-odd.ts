/** What Square may send and nobody hopes for: news that says the opposite. */
import { isRecord } from '../json.ts'
import { retold, type SimulatorEvent } from '../simulator.ts'

/** Of a card that was stored: that it was disabled, at the same moment. */
export function contradict(event: SimulatorEvent): SimulatorEvent | undefined {
  if (event.type !== 'card.created') return undefined
  const type = 'card.disabled'
  return retold(event, type, body => {
    const data = isRecord(body.data) ? body.data : {}
    const object = isRecord(data.object) ? data.object : {}
    const card = isRecord(object.card) ? { ...object.card, enabled: false } : {}
    return { ...body, event_id: `${body.event_id}Z`, type, data: { ...data, object: { ...object, card } } }
  })
}
