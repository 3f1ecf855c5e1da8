/** The mandates of the Stripe simulator: accepted with the intent, good once the account is proven, gone with the method. */
import { isRecord } from '../json.ts'
import { drawName } from '../simulator.ts'
import { type StoredMandate, type StoredMethod, showMandate } from './objects-method.ts'
import { type Input, invalid } from './simulator-input.ts'
import { text, tree } from './simulator-methods.ts'
import { type State, type Telling, tell } from './simulator-notes.ts'

/** Its id. A bank debit without an acceptance is refused. */
export function acceptMandate(state: State, method: StoredMethod, input: Input): string {
  const acceptance = tree(tree(input.form.mandate_data).customer_acceptance)
  if (text(acceptance.type) === undefined) {
    throw invalid('This SetupIntent requires a mandate, but no existing mandate was found.', { param: 'mandate_data' })
  }
  const { ip_address: ip, user_agent: agent } = isRecord(acceptance.online) ? acceptance.online : {}
  const mandate: StoredMandate = {
    id: `mandate_1${drawName(input.context, 23)}`,
    method: method.id,
    status: 'pending',
    acceptedMs: input.context.nowMs,
    online: acceptance.type === 'online' ? { ip_address: String(ip), user_agent: String(agent) } : undefined,
  }
  state.mandates.set(mandate.id, mandate)
  return mandate.id
}

/** Moves the method's mandate and tells of it; whether there was one that moved. */
export function moveMandate(state: State, method: string, status: StoredMandate['status'], of: Telling): boolean {
  const mandate = [...state.mandates.values()].find(one => one.method === method)
  const owner = state.methods.get(method)
  if (mandate === undefined || owner === undefined || mandate.status === status) return false
  const moved = { ...mandate, status }
  state.mandates.set(moved.id, moved)
  tell(state, 'mandate.updated', showMandate(moved, owner, of.context.address), of, { status: mandate.status })
  return true
}
