/**
 * One address (an IPv6 customer's /64) tries much and is declined much. A shop's or carrier's address is many people's: so it is the share that
 * is declined that refuses, and the number alone only makes the browser work. What we refused counts for nothing here: people behind a shared
 * address try again, and would keep it closed for ever. Abstains where the caller tells no address; the tenant's layer is then tighter.
 */
import { type Finding, judge, type Reason, type Rule } from './decision.ts'
import type { Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'
import { declinedPct } from './tally.ts'

export function addressLayer({ address }: Pick<Evidence, 'address'>, policy: Policy): Finding {
  if (address === undefined) return judge('address', [])
  const limit = (name: Parameters<typeof policy.limit<'address'>>[1]) => policy.limit('address', name)
  const { tenMinutes, hour } = address
  const declined = (name: 'deny_declines_per_hour' | 'deny_many_declines_per_hour', pct: number): readonly Reason[] => [
    { what: 'declines in an hour', counted: hour.declines, limit: limit(name) },
    { what: 'of a hundred tries declined', counted: declinedPct(hour), limit: pct },
  ]
  const rules: Rule[] = [
    {
      verdict: 'delay',
      when: [{ what: 'tries in ten minutes', counted: tenMinutes.attempts, limit: Math.ceil(limit('proof_per_ten_minutes') / 2) }],
    },
    { verdict: 'proof', when: [{ what: 'tries in ten minutes', counted: tenMinutes.attempts, limit: limit('proof_per_ten_minutes') }] },
    { verdict: 'deny', when: declined('deny_declines_per_hour', limit('deny_declined_pct')) },
    // Of people who type their own cards about one in eight is declined; of these, two in five are.
    { verdict: 'deny', when: declined('deny_many_declines_per_hour', Math.min(40, limit('deny_declined_pct'))) },
  ]
  return judge('address', rules)
}
