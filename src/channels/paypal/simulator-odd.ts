/** What PayPal may send and nobody hopes for: news that says the opposite. */
import { retold, type SimulatorEvent } from '../simulator.ts'

/** Of a payment token that was created: that it was deleted, at the same moment. */
export function contradict(event: SimulatorEvent): SimulatorEvent | undefined {
  if (event.type !== 'VAULT.PAYMENT-TOKEN.CREATED') return undefined
  const type = 'VAULT.PAYMENT-TOKEN.DELETED'
  return retold(event, type, body => ({ ...body, id: `${body.id}Z`, event_type: type, summary: 'A payment token has been deleted.' }))
}
