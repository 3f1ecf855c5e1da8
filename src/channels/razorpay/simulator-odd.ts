/** What Razorpay may send and nobody hopes for: news that says the opposite. */
import { isRecord } from '../json.ts'
import { retold, type SimulatorEvent } from '../simulator.ts'

/** Of a token that was confirmed: that it was cancelled, at the same moment. */
export function contradict(event: SimulatorEvent): SimulatorEvent | undefined {
  if (event.type !== 'token.confirmed') return undefined
  const type = 'token.cancelled'
  return retold(event, type, body => {
    const payload = isRecord(body.payload) ? body.payload : {}
    const about = isRecord(payload.token) ? payload.token : {}
    const entity = isRecord(about.entity) ? about.entity : {}
    const details = isRecord(entity.recurring_details) ? entity.recurring_details : {}
    const cancelled = { ...entity, recurring_details: { ...details, status: 'cancelled' } }
    return { ...body, event: type, payload: { ...payload, token: { ...about, entity: cancelled } } }
  })
}
