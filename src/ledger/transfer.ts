/** A ledger transfer: an amount moved from the debit of one account to the credit of another, once. Never changed, never removed. */
import { big, table, text, time } from '../world/table.ts'

export const transfers = table(
  'transfers',
  {
    tenant: text(),
    id: text(),
    debit: text(),
    credit: text(),
    /** Minor units, above zero. */
    amount: big(),
    currency: text(),
    reference: text(),
    created_at: time(),
  },
  {
    key: ['tenant', 'id'],
    indexes: { transfers_debit: ['tenant', 'debit', 'id'], transfers_credit: ['tenant', 'credit', 'id'] },
    references: {
      transfers_debit_fkey: { columns: ['tenant', 'debit'], to: 'accounts' },
      transfers_credit_fkey: { columns: ['tenant', 'credit'], to: 'accounts' },
    },
    checks: {
      transfers_amount_positive: row => row.amount > 0n,
      transfers_two_accounts: row => row.debit !== row.credit,
    },
  },
)
