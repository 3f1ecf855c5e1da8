/** What became of mandates, in the words of their notices: read off the rows before and after, whatever changed them. */
import { isMandateExpiring, type MandateState, mandateState } from './mandate.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'

export const mandateNotices = [
  'created',
  'paused',
  'resumed',
  'replaced',
  'reinstated',
  'expiring',
  'expired',
  'revoked',
  'consumed',
] as const
export type MandateNotice = (typeof mandateNotices)[number]

type Row = Omit<BindingRow, 'version'>
export type Side = { readonly own: InstrumentRow['own']; readonly bindings: readonly Row[] }
export type MandateChange = { readonly what: MandateNotice; readonly binding: Row; readonly previous: MandateState | null }

export function mandateChanges(before: Side, after: Side): readonly MandateChange[] {
  return after.bindings.flatMap(binding => {
    const former = before.bindings.find(one => one.id === binding.id)
    if (binding.mandate === null || former === undefined) return []
    const [was, is] = [mandateState(before.own, former), mandateState(after.own, binding)]
    const what: (MandateNotice | undefined)[] = [
      was === is ? undefined : becoming(was, is),
      // The channel itself named another in its place.
      (binding.mandate.former.at(-1) ?? '') === (former.mandate?.former.at(-1) ?? '') ? undefined : 'replaced',
      isMandateExpiring(after.own, binding) && !isMandateExpiring(before.own, former) ? 'expiring' : undefined,
    ]
    return what.flatMap(one => (one === undefined ? [] : [{ what: one, binding, previous: was }]))
  })
}

/** What never came about has no end to tell of. */
function becoming(was: MandateState, is: MandateState): MandateNotice | undefined {
  if (is === 'active') return was === 'pending' ? 'created' : was === 'paused' ? 'resumed' : 'reinstated'
  if (is === 'pending' || is === 'failed' || was === 'pending' || was === 'failed') return undefined
  return is
}
