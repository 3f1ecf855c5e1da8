/** What Antom may send and nobody hopes for: news that says the opposite. */
import { retold, type SimulatorEvent } from '../simulator.ts'

/** Of a token that was created: that it was cancelled. */
export function contradict(event: SimulatorEvent): SimulatorEvent | undefined {
  if (event.type !== 'TOKEN_CREATED') return undefined
  const type = 'TOKEN_CANCELED'
  return retold(event, type, ({ accessToken, result }) => ({ authorizationNotifyType: type, accessToken, result, reason: 'USER_CANCEL' }))
}
