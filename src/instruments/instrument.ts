/**
 * An instrument: what one customer owns and pays with, whoever processes it. Its status is derived from its bindings and its own facts.
 */
import type { BindingStatus } from './binding.ts'

export const instrumentStatuses = [
  'pending',
  'active',
  'suspended',
  'expired',
  'failed',
  'replaced',
  'blocked',
  'unbound',
  'erased',
] as const
export type InstrumentStatus = (typeof instrumentStatuses)[number]

/** From these an instrument does not come back; the same card bound again is a new instrument. */
export const ended: readonly InstrumentStatus[] = ['replaced', 'unbound', 'erased']

/** Usable if any binding can charge; under way if any may come alive; then the best of what is left. */
export function deriveStatus(own: { readonly unbound: boolean }, bindings: readonly BindingStatus[]): InstrumentStatus {
  if (own.unbound) return 'unbound'
  const has = (...of: readonly BindingStatus[]) => bindings.some(one => of.includes(one))
  if (has('active')) return 'active'
  if (has('suspended')) return 'suspended'
  if (has('initiated', 'challenge', 'verifying', 'uncertain')) return 'pending'
  if (has('expired')) return 'expired'
  // No channel holds it any more.
  if (has('revoking', 'revoked')) return 'unbound'
  return bindings.length === 0 ? 'pending' : 'failed'
}
