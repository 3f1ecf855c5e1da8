/** One more thing asked about a binding, and what gives a binding up: rows as they begin. Pure but for their ids. */
import type { IdPrefix } from '../core/id.ts'
import { insert, type Write } from '../world/store.ts'
import { revokePlace, standing } from './binding.ts'
import { leaseMs, type OperationInput, type Verb } from './operation.ts'
import { type BindingRow, type FactRow, facts, type OperationRow, operations } from './tables.ts'

export type Minting = { readonly now: number; readonly mint: (prefix: IdPrefix, near: string) => string }
export type Asking = {
  readonly verb: Verb
  readonly input?: OperationInput
  readonly request?: string | null
  /** Whoever makes it carries it out; without it, it is the worker's. */
  readonly atOnce?: boolean
}

/** After all that was asked of the binding before; a revocation stands behind whatever else is. */
export function operationOf(
  binding: BindingRow,
  { verb, input = {}, request = null, atOnce = false }: Asking,
  minds: Minting,
): OperationRow {
  return {
    id: minds.mint('opn', binding.customer),
    tenant: binding.tenant,
    mode: binding.mode,
    customer: binding.customer,
    instrument: binding.instrument,
    binding: binding.id,
    channel: binding.channel,
    verb,
    status: 'open',
    place: verb === 'revoke' ? revokePlace + binding.operations : binding.operations + 1,
    input,
    tries: atOnce ? 1 : 0,
    cause: null,
    request,
    due_at: atOnce ? minds.now + leaseMs : minds.now,
    clock: null,
    created_at: minds.now,
    version: 1,
  }
}

/** That we mean to give it up, and on whose word. */
export function intentOf(operation: OperationRow, source: 'customer' | 'bindery', minds: Minting): FactRow {
  const event = `${operation.id}:intent`
  return {
    tenant: operation.tenant,
    id: minds.mint('fct', operation.customer),
    instrument: operation.instrument,
    binding: operation.binding,
    source,
    source_event: event,
    kind: 'revoking',
    operation: operation.id,
    standing: standing('revoking', { place: operation.place, rank: 3, id: `${source}/${event}` }),
    news: { kind: 'revoking' },
    effective_at: minds.now,
    seen_at: minds.now,
    request: operation.request,
    version: 1,
  }
}

export type Retired = { readonly binding: BindingRow; readonly operation: OperationRow; readonly intent: readonly Write[] }

/** A living binding that is given up. `sequence`: of the notice that tells it. `intent`: what is to be written beside the binding itself. */
export function retire(
  binding: BindingRow,
  of: { readonly sequence: number; readonly by?: 'customer' } & Pick<Asking, 'request' | 'atOnce'>,
  minds: Minting,
): Retired {
  const { sequence, by = 'bindery', ...how } = of
  const operation = operationOf(binding, { verb: 'revoke', ...how }, minds)
  const after: BindingRow = {
    ...binding,
    status: 'revoking',
    slot: null,
    action: null,
    reason: null,
    notified: sequence,
    operations: binding.operations + 1,
    updated_at: minds.now,
  }
  return { binding: after, operation, intent: [insert(facts, intentOf(operation, by, minds)), insert(operations, operation)] }
}

/** Whether something is kept over there that could be given up. */
export const isKept = ({ status, token }: Pick<BindingRow, 'status' | 'token'>): boolean =>
  status === 'active' || status === 'suspended' || (status === 'expired' && token !== null)
