/** One device or subnet goes from tenant to tenant and is declined at most of them: what no tenant can see by itself. */
import { type Finding, judge } from './decision.ts'
import type { Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'
import { declinedPct } from './tally.ts'

export function networkLayer({ network }: Pick<Evidence, 'network'>, policy: Policy): Finding {
  if (network === undefined) return judge('network', [])
  const { tenants, day } = network
  return judge('network', [
    {
      verdict: 'deny',
      when: [
        { what: 'tenants in a day', counted: tenants, limit: policy.limit('network', 'tenants') },
        { what: 'declines in a day', counted: day.declines, limit: policy.limit('network', 'deny_declines_per_day') },
        { what: 'of a hundred tries declined', counted: declinedPct(day), limit: policy.limit('network', 'deny_declined_pct') },
      ],
    },
  ])
}
