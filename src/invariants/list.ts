/** Every invariant that a server asks of its own tables (the vault's are in vault/queries-invariants.ts), and those that cannot be asked yet, with the reason. */
import { type Invariant, inOrder } from '../world/invariant.ts'
import { bindingInvariants } from './queries-bindings.ts'
import { directoryInvariants } from './queries-directories.ts'
import { ledgerInvariants } from './queries-ledger.ts'
import { workInvariants } from './queries-work.ts'

export const invariants: readonly Invariant[] = inOrder([
  ...bindingInvariants,
  ...directoryInvariants,
  ...ledgerInvariants,
  ...workInvariants,
])

/** An invariant that cannot be asked yet. */
export type NotYet = { readonly id: string; readonly never: string; readonly because: string }

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
