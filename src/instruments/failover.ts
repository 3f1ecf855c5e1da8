/**
 * Falling over to another channel: only after a definite refusal by the *channel*, marked as worth trying elsewhere. An issuer's refusal is
 * never presented again, and nothing falls over while an answer is owed. The chain counts as one attempt.
 */
import type { Known } from './binding.ts'
import type { Minds, Rows } from './decide.ts'
import { mandateOf } from './mandate.ts'
import { newborn } from './newborn.ts'
import { leaseMs } from './operation.ts'
import { type BindingRow, type FactRow, type OperationRow, slotOf } from './tables.ts'

export function failOver(
  rows: Rows,
  after: { readonly known: Known; readonly change: readonly FactRow[]; readonly binding: BindingRow },
  minds: Minds,
): { readonly binding: BindingRow; readonly operation: OperationRow } | undefined {
  const refusal = after.change.find(one => one.kind === 'refused')?.news
  if (after.binding.status !== 'failed' || refusal?.kind !== 'refused' || !refusal.elsewhere || rows.instrument.unbound_at !== null)
    return undefined
  const first = rows.operations.find(one => one.verb === 'bind')
  const taken = new Set(rows.siblings.flatMap(one => (one.slot === null ? [] : [one.channel])))
  const route = (first?.input.route ?? []).filter(
    channel => minds.open(channel) && !minds.isOff(channel) && !taken.has(channel) && channel !== rows.binding.channel,
  )
  const [channel, ...rest] = route
  if (first === undefined || channel === undefined) return undefined
  const agreed = { source: first.input.source, terms: first.input.terms }
  const binding: BindingRow = {
    ...rows.binding,
    id: minds.mint('bnd', rows.binding.customer),
    channel,
    ...newborn,
    slot: slotOf({ instrument: rows.binding.instrument, channel }),
    mandate: mandateOf({ ...agreed, madeAt: rows.binding.mandate?.madeAt ?? minds.now }, minds.mandates(channel)),
    created_at: minds.now,
    updated_at: minds.now,
  }
  const { channelCustomer: _otherChannels, references: _lost, until: _theirs, ...input } = first.input
  const id = minds.mint('opn', rows.binding.customer)
  const operation: OperationRow = {
    ...first,
    id,
    binding: binding.id,
    channel,
    status: 'open',
    place: 1,
    input: { ...input, returnUrl: minds.returnUrl(id), route: rest, chain: first.input.chain ?? first.id },
    tries: 1,
    cause: null,
    due_at: minds.now + leaseMs,
    created_at: minds.now,
    version: 1,
  }
  return { binding, operation }
}
