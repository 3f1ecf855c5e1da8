/** The columns of a binding that its facts make: as they are stored, and as they are computed again. */
import { type BindingStatus, holdsSlot, type Known } from './binding.ts'
import { mandateAfter } from './mandate.ts'
import { type BindingRow, slotOf } from './tables.ts'

/** `status`: as the facts say, with `uncertain` laid over it where an answer is owed. */
export const foldedColumns = (
  row: Pick<BindingRow, 'instrument' | 'channel' | 'replaces' | 'mandate'>,
  known: Known,
  status: BindingStatus,
) => ({
  status,
  slot: holdsSlot(status) ? slotOf(row) : null,
  token: known.token,
  // Also while an answer is owed: the customer may still be before the bank's page.
  action: known.status === 'challenge' ? known.action : null,
  refusal: known.refusal,
  network_transaction_id: known.network_transaction_id,
  transaction_link_id: known.transaction_link_id,
  shown: known.shown ?? null,
  reason: known.reason,
  mandate: mandateAfter(row.mandate, known),
  proven_by: known.proven_by,
  valid_until: known.validUntilMs ?? null,
})
