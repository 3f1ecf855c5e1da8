/** Every invariant that is asked of a running installation, and those that cannot be asked yet with the reason. */
import type { Invariant, NotYet } from './invariant.ts'
import { bindingInvariants } from './queries-bindings.ts'
import { directoryInvariants } from './queries-directories.ts'
import { ledgerInvariants } from './queries-ledger.ts'
import { vaultInvariants } from './queries-vault.ts'
import { workInvariants } from './queries-work.ts'

export const invariants: readonly Invariant[] = [
  ...bindingInvariants,
  ...directoryInvariants,
  ...ledgerInvariants,
  ...workInvariants,
  ...vaultInvariants,
].toSorted((a, b) => numberOf(a.id) - numberOf(b.id))

export const notYet: readonly NotYet[] = [
  {
    id: 'I13',
    never: 'More is captured than was authorised, refunded than was captured, or paid out than is there.',
    because: 'Bindery takes no payments: it stores no authorisations, captures, refunds or payouts.',
  },
  {
    id: 'I14',
    never: 'The legs of an exchange are not what its stored rate and rounding give.',
    because: 'Bindery exchanges nothing: it stores no rates.',
  },
]

function numberOf(id: string): number {
  return Number(id.slice(1))
}
