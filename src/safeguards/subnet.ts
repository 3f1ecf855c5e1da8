/** Neighbouring addresses (an IPv4 /24, an IPv6 /48) are often one hand's. Abstains where the caller tells no address. */
import { type Finding, judge } from './decision.ts'
import type { Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'
import { declinedPct } from './tally.ts'

export function subnetLayer({ subnet }: Pick<Evidence, 'subnet'>, policy: Policy): Finding {
  if (subnet === undefined) return judge('subnet', [])
  const limit = (name: Parameters<typeof policy.limit<'subnet'>>[1]) => policy.limit('subnet', name)
  const { tenMinutes, hour } = subnet
  return judge('subnet', [
    { verdict: 'proof', when: [{ what: 'tries in ten minutes', counted: tenMinutes.attempts, limit: limit('proof_per_ten_minutes') }] },
    {
      verdict: 'deny',
      when: [
        { what: 'declines in an hour', counted: hour.declines, limit: limit('deny_declines_per_hour') },
        { what: 'of a hundred tries declined', counted: declinedPct(hour), limit: limit('deny_declined_pct') },
      ],
    },
  ])
}
