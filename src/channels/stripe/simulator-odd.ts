/** What Stripe may send and nobody hopes for: news that says the opposite. */
import { isRecord } from '../json.ts'
import { retold, type SimulatorEvent } from '../simulator.ts'

/** Of a card that was updated: that it was detached, at the same moment. */
export function contradict(event: SimulatorEvent): SimulatorEvent | undefined {
  if (event.type !== 'payment_method.automatically_updated') return undefined
  const type = 'payment_method.detached'
  return retold(event, type, body => {
    const data = isRecord(body.data) && isRecord(body.data.object) ? { object: { ...body.data.object, customer: null } } : {}
    return { ...body, id: `${body.id}Z`, type, data }
  })
}
