/** Whether what is stored is what the facts say: each binding folded and each instrument derived again, and compared column by column. */
import { same } from '../core/same.ts'
import { foldBinding, holdsSlot, overlay } from './binding.ts'
import { asFact } from './fact.ts'
import { derive } from './instrument.ts'
import { mandateAfter } from './mandate.ts'
import { foldOwn } from './own.ts'
import { type BindingRow, type FactRow, type OperationRow, slotOf } from './tables.ts'
import { asOwnFact, type OwnRows } from './tell.ts'

export type Difference = { readonly of: string; readonly column: string; readonly stored: unknown; readonly right: unknown }

export function verifyBinding(row: BindingRow, told: readonly FactRow[], asked: readonly OperationRow[]): readonly Difference[] {
  const { known } = foldBinding(told.map(asFact))
  const unanswered = asked.some(
    one => (one.verb === 'bind' || one.verb === 'resume') && one.cause !== null && (one.status === 'open' || one.status === 'parked'),
  )
  const status = overlay(known.status, unanswered)
  const right = {
    status,
    slot: holdsSlot(status) ? slotOf(row) : null,
    token: known.token,
    action: known.status === 'challenge' ? known.action : null,
    refusal: known.refusal,
    network_transaction_id: known.network_transaction_id,
    transaction_link_id: known.transaction_link_id,
    shown: known.shown ?? null,
    reason: known.reason,
    mandate: mandateAfter(row.mandate, known),
    proven_by: known.proven_by,
  }
  return differences(row.id, row, right)
}

export function verifyInstrument({ instrument, bindings, facts }: OwnRows): readonly Difference[] {
  const own = foldOwn(facts.map(asOwnFact))
  return differences(instrument.id, instrument, { own, ...derive({ ...instrument, own }, bindings) })
}

function differences<R extends object>(of: string, stored: R, right: Partial<R>): readonly Difference[] {
  const had = new Map<string, unknown>(Object.entries(stored))
  return Object.entries(right).flatMap(([column, value]) =>
    same(had.get(column), value) ? [] : [{ of, column, stored: had.get(column), right: value }],
  )
}
