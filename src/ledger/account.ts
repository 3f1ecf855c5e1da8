/**
 * A ledger account: what was posted to its debit and to its credit, in minor units of one currency. An account that must not be
 * overdrawn says which side must not exceed the other.
 */
import { big, bool, int, table, text } from '../world/table.ts'

export const accounts = table(
  'accounts',
  {
    tenant: text(),
    id: text(),
    currency: text(),
    debits_posted: big(),
    credits_posted: big(),
    /** Debits must not exceed credits: what we owe a customer. */
    limit_debits: bool(),
    /** Credits must not exceed debits: what is owed to us. */
    limit_credits: bool(),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    checks: {
      accounts_debits_limit: row => !row.limit_debits || row.debits_posted <= row.credits_posted,
      accounts_credits_limit: row => !row.limit_credits || row.credits_posted <= row.debits_posted,
      accounts_posted_positive: row => row.debits_posted >= 0n && row.credits_posted >= 0n,
    },
  },
)
