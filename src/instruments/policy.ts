/** What an instrument may be used for, by the tenant's word: data that whoever charges asks. Limits count what was charged with it, in one currency. */
import { formatAmount, type Money } from '../core/money.ts'

/** Minor units as digits: amounts of JSON are never numbers. */
type Limit = { readonly amount: string; readonly currency: string }

/** Empty: everything. Days and months are the customer's own, by the clock that counts them. */
export type Policy = {
  /** Of one charge. */
  readonly amount_max?: Limit
  readonly amount_max_per_day?: Limit
  readonly amount_max_per_month?: Limit
  readonly count_max_per_day?: number
  readonly count_max_per_month?: number
  /** Words of the tenant's; a charge for none of them is not allowed. */
  readonly purposes?: readonly string[]
}

export type PolicyCharge = { readonly amount: Money; readonly purpose?: string | undefined }
/** What was charged before, in the day and the month of the charge. */
export type Used = { readonly day: Spent; readonly month: Spent }
export type Spent = { readonly count: number; readonly amounts: readonly Money[] }

export const policyReasons = [
  'amount_above_limit',
  'amount_above_daily_limit',
  'amount_above_monthly_limit',
  'count_above_daily_limit',
  'count_above_monthly_limit',
  'currency_not_allowed',
  'purpose_not_allowed',
] as const
export type PolicyReason = (typeof policyReasons)[number]

/** Whether a charge keeps to the policy, with every reason why it does not. A limit in one currency lets nothing through in another. */
export function policyAllows(
  policy: Policy,
  charge: PolicyCharge,
  used: Used,
): { readonly allowed: boolean; readonly reasons: readonly PolicyReason[] } {
  const reasons = new Set<PolicyReason>()
  const within = (limit: Limit | undefined, spent: bigint, reason: PolicyReason): void => {
    if (limit === undefined) return
    if (limit.currency !== charge.amount.currency) reasons.add('currency_not_allowed')
    else if (spent + charge.amount.amount > BigInt(limit.amount)) reasons.add(reason)
  }
  const spent = ({ amounts }: Spent): bigint =>
    amounts.reduce((sum, one) => (one.currency === charge.amount.currency ? sum + one.amount : sum), 0n)
  within(policy.amount_max, 0n, 'amount_above_limit')
  within(policy.amount_max_per_day, spent(used.day), 'amount_above_daily_limit')
  within(policy.amount_max_per_month, spent(used.month), 'amount_above_monthly_limit')
  if (policy.count_max_per_day !== undefined && used.day.count + 1 > policy.count_max_per_day) reasons.add('count_above_daily_limit')
  if (policy.count_max_per_month !== undefined && used.month.count + 1 > policy.count_max_per_month)
    reasons.add('count_above_monthly_limit')
  if (policy.purposes !== undefined && !policy.purposes.some(one => one === charge.purpose)) reasons.add('purpose_not_allowed')
  return { allowed: reasons.size === 0, reasons: policyReasons.filter(one => reasons.has(one)) }
}

/** As it is kept, of money as it came in. */
export const limitOf = ({ amount, currency }: Money): Limit => ({ amount: formatAmount(amount), currency })
