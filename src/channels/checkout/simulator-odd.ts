/** What Checkout.com may send and nobody hopes for: news that says the opposite. */
import { isRecord } from '../json.ts'
import { retold, type SimulatorEvent } from '../simulator.ts'

/** Of a charge in which the card turned out to be renewed: another, at the same moment, in which its account was closed. */
export function contradict(event: SimulatorEvent): SimulatorEvent | undefined {
  if (event.type !== 'payment_approved') return undefined
  const type = 'payment_declined'
  return retold(event, type, body => {
    const data = isRecord(body.data) ? body.data : {}
    const source = isRecord(data.source) ? { ...data.source, account_update_status: 'card_closed' } : {}
    return { ...body, id: `${body.id}Z`, type, data: { ...data, response_code: '30046', source } }
  })
}
