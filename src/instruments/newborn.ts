/** A binding as it begins: nothing is known of it, and nothing is taken over from one in whose place it begins. */
import type { BindingRow } from './tables.ts'

export const newborn = {
  status: 'initiated',
  token: null,
  names: {},
  action: null,
  refusal: null,
  network_transaction_id: null,
  transaction_link_id: null,
  shown: null,
  reason: null,
  notified: 0,
  mandate: null,
  last_collected: null,
  proven_by: null,
  valid_until: null,
  asked_expiry: null,
  replaces: null,
  operations: 1,
  version: 1,
} as const satisfies Partial<BindingRow>
