/** What happens to mandates without us: at the payer's bank, by a bank's switching service, by GoCardless itself. */
import type { Simulator, SimulatorContext } from '../simulator.ts'
import {
  drawId,
  livingStatuses,
  type Mandate,
  type MandateStatus,
  mandateNews,
  type News,
  note,
  type State,
  tell,
} from './simulator-state.ts'
import { takesPaymentsAtOnce } from './wire.ts'

/** The first is what the payer does; the others are named as GoCardless' scenario simulators are. */
export const acts: Simulator['acts'] = {
  mandate_cancelled: 'gone',
  mandate_expired: 'gone',
  mandate_failed: 'gone',
  account_closed: 'gone',
  mandate_transferred: 'updated',
  mandate_replaced: 'updated',
  mandate_reinstated: 'resumed',
}

type Ending = { readonly status: MandateStatus; readonly action: string } & Pick<News, 'origin' | 'cause'> & {
    readonly reasonCode?: string
  }
const endings: Readonly<Record<string, Ending>> = {
  mandate_cancelled: { status: 'cancelled', action: 'cancelled', origin: 'bank', cause: 'mandate_cancelled', reasonCode: 'MD01' },
  account_closed: { status: 'cancelled', action: 'cancelled', origin: 'bank', cause: 'bank_account_closed', reasonCode: 'AC04' },
  mandate_expired: { status: 'expired', action: 'expired', origin: 'gocardless', cause: 'mandate_expired' },
  mandate_failed: { status: 'failed', action: 'failed', origin: 'bank', cause: 'invalid_bank_details', reasonCode: 'AC01' },
  decline: { status: 'failed', action: 'failed', origin: 'bank', cause: 'direct_debit_not_enabled', reasonCode: 'AG01' },
}

/** Throws for a name or a mandate that there is not. Of a mandate that is no longer alive nothing more becomes, but by reinstatement. */
export function act(state: State, name: string, token: string, context: SimulatorContext): void {
  const mandate = state.mandates.get(token) ?? [...state.requests.values()].map(one => mandateOf(state, one, token)).find(one => one)
  if (mandate === undefined) throw new TypeError(`gocardless simulator: no mandate ${token}`)
  const ending = endings[name]
  const alive = livingStatuses.includes(mandate.status)
  if (ending !== undefined) {
    if (alive) end(state, mandate, ending, context)
  } else if (name === 'mandate_activated' || name === 'approve') {
    if (alive) activate(state, mandate, context)
  } else if (name === 'mandate_transferred') {
    if (alive) transfer(state, mandate, context)
  } else if (name === 'mandate_replaced') {
    if (alive) replace(state, mandate, context)
  } else if (name === 'mandate_reinstated') {
    // One that was replaced lives on under its new id.
    if ((mandate.status === 'cancelled' || mandate.status === 'expired') && mandate.next === undefined) reinstate(state, mandate, context)
  } else throw new TypeError(`gocardless simulator: cannot ${name}`)
}

/** The mandate of the request of this id. */
function mandateOf(state: State, request: { id: string; mandate: string | undefined }, token: string): Mandate | undefined {
  return request.id === token && request.mandate !== undefined ? state.mandates.get(request.mandate) : undefined
}

export function end(state: State, mandate: Mandate, ending: Ending, context: SimulatorContext, key = ''): Mandate {
  const ended: Mandate = { ...mandate, status: ending.status }
  state.mandates.set(mandate.id, ended)
  const lived = mandate.status === 'active' || takesPaymentsAtOnce(mandate.scheme)
  note(state, lived ? 'removed' : 'refused', { metadata: mandate.metadata, key }, mandate.id, context.nowMs)
  const { origin, cause, reasonCode } = ending
  const scheme = origin === 'bank' ? { scheme: mandate.scheme, reasonCode: reasonCode ?? '' } : {}
  tell(state, context, [mandateNews(ended, ending.action, { origin, cause, ...scheme })])
  return ended
}

function activate(state: State, mandate: Mandate, context: SimulatorContext): void {
  if (mandate.status === 'active') return
  const active: Mandate = { ...mandate, status: 'active' }
  state.mandates.set(mandate.id, active)
  if (!takesPaymentsAtOnce(mandate.scheme)) note(state, 'stored', mandate, mandate.id, context.nowMs)
  tell(state, context, [
    mandateNews(active, 'submitted', { origin: 'gocardless', cause: 'mandate_submitted' }),
    mandateNews(active, 'active', { origin: 'gocardless', cause: 'mandate_activated' }),
  ])
}

function transfer(state: State, mandate: Mandate, context: SimulatorContext): void {
  const account = { id: drawId('BA', context), ending: '42', bank: 'ANOTHER BANK' }
  const moved: Mandate = { ...mandate, account }
  state.mandates.set(mandate.id, moved)
  note(state, 'changed', mandate, mandate.id, context.nowMs)
  const links = { previous_customer_bank_account: mandate.account?.id ?? '', new_customer_bank_account: account.id }
  tell(state, context, [mandateNews(moved, 'transferred', { origin: 'bank', cause: 'bank_account_transferred', links })])
}

function replace(state: State, mandate: Mandate, context: SimulatorContext): void {
  const next: Mandate = { ...mandate, id: drawId('MD', context), createdMs: context.nowMs }
  const old: Mandate = { ...mandate, status: 'cancelled', next: next.id }
  state.mandates.set(old.id, old)
  state.mandates.set(next.id, next)
  note(state, 'changed', mandate, next.id, context.nowMs)
  tell(state, context, [
    mandateNews(old, 'replaced', { origin: 'gocardless', cause: 'scheme_identifier_changed', links: { new_mandate: next.id } }),
  ])
}

function reinstate(state: State, mandate: Mandate, context: SimulatorContext): void {
  const back: Mandate = { ...mandate, status: 'active' }
  state.mandates.set(mandate.id, back)
  note(state, 'changed', mandate, mandate.id, context.nowMs)
  tell(state, context, [mandateNews(back, 'reinstated', { origin: 'bank', cause: 'mandate_reinstated' })])
}
