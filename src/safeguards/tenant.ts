/**
 * Many of a tenant's binds are declined at once, from whatever addresses and issuers: it is under attack, and every browser has to work until
 * that is over. Where the caller tells no address the layers about addresses abstain, and this one is twice as strict.
 */
import { type Finding, judge } from './decision.ts'
import type { Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'
import { declinedPct } from './tally.ts'

export function tenantLayer({ tenant, address }: Pick<Evidence, 'tenant' | 'address'>, policy: Policy): Finding {
  const times = address === undefined ? 2 : 1
  return judge('tenant', [
    {
      verdict: 'proof',
      when: [
        {
          what: 'tries in a quarter of an hour',
          counted: tenant.attempts,
          limit: Math.ceil(policy.limit('tenant', 'proof_tries') / times),
        },
        {
          what: 'of a hundred tries declined',
          counted: declinedPct(tenant),
          limit: Math.ceil(policy.limit('tenant', 'proof_declined_pct') / (address === undefined ? 1.4 : 1)),
        },
      ],
    },
  ])
}
