/** What Adyen may send and nobody hopes for: news that says the opposite. */
import { isRecord } from '../json.ts'
import { retold, type SimulatorEvent } from '../simulator.ts'

/** Of a token that was created: that it was disabled, at the same moment. */
export function contradict(event: SimulatorEvent): SimulatorEvent | undefined {
  if (event.type !== 'recurring.token.created') return undefined
  const type = 'recurring.token.disabled'
  return retold(event, type, body => {
    const { operation: _, ...data } = isRecord(body.data) ? body.data : {}
    return { ...body, eventId: `${body.eventId}Z`, type, data }
  })
}
