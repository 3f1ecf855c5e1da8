/** What was reported of charges made elsewhere, and told to payers before them. None of it ever changes a status. */
import type { RefusalCategory } from '../channels/channel.ts'
import { big, int, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

/** A report as it was taken. `id`: the reporter's own name for the charge; the same id again says nothing new. */
export const chargeReports = table(
  'charge_reports',
  {
    tenant: text(),
    mode: text<Mode>(),
    id: text(),
    instrument: text(),
    binding: text(),
    /** Minor units. */
    amount: big(),
    currency: text(),
    outcome: text<'approved' | 'declined'>(),
    /** As the channel said it. */
    code: maybe(text()),
    category: maybe(text<RefusalCategory>()),
    network_transaction_id: maybe(text()),
    transaction_link_id: maybe(text()),
    charged_at: time(),
    reported_at: time(),
  },
  {
    key: ['tenant', 'mode', 'id'],
    checks: { charge_reports_outcome: row => (row.outcome === 'declined') === (row.category !== null) },
  },
)

/** How often a binding's charges ended so in a month (`2026-11`). One addition for each report, whatever came before. */
export const chargeCounts = table(
  'charge_counts',
  { binding: text(), month: text(), result: text<'approved' | RefusalCategory>(), tenant: text(), count: int() },
  { key: ['binding', 'month', 'result', 'tenant'] },
)

/** What was collected under a mandate: in a period, by its first day, and in `all`. Amounts in the currency of its terms. */
export const mandateUsage = table(
  'mandate_usage',
  { binding: text(), period: text(), tenant: text(), count: int(), amount: big() },
  { key: ['binding', 'period', 'tenant'] },
)

/** What was charged with an instrument in a day (`2026-11-25`) or a month (`2026-11`), for its policy. */
export const instrumentUsage = table(
  'instrument_usage',
  { instrument: text(), period: text(), currency: text(), tenant: text(), count: int(), amount: big() },
  { key: ['instrument', 'period', 'currency', 'tenant'] },
)

/** That a payer was told of a collection before it. */
export const preDebitNotices = table(
  'pre_debit_notices',
  {
    tenant: text(),
    id: text(),
    instrument: text(),
    binding: text(),
    /** The day of `charge_at`. */
    charge_on: text(),
    amount: big(),
    currency: text(),
    charge_at: time(),
    told_at: time(),
    told_by: text<'tenant' | 'channel'>(),
    created_at: time(),
  },
  {
    key: ['tenant', 'id'],
    indexes: { pre_debit_notices_day: ['binding', 'charge_on', 'tenant'] },
    checks: { pre_debit_notices_told_by: row => row.told_by === 'tenant' || row.told_by === 'channel' },
  },
)

export type ChargeReportRow = Row<typeof chargeReports>
export type PreDebitNoticeRow = Row<typeof preDebitNotices>
export type MandateUsageRow = Row<typeof mandateUsage>
export type ChargeCountRow = Row<typeof chargeCounts>
