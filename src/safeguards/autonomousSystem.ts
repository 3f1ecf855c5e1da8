/** A hoster's network tries much and is declined. Abstains unless the operator supplies a table of networks. */
import { type Finding, judge } from './decision.ts'
import type { Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'
import { declinedPct } from './tally.ts'

export function autonomousSystemLayer({ autonomousSystem }: Pick<Evidence, 'autonomousSystem'>, policy: Policy): Finding {
  if (autonomousSystem === undefined) return judge('autonomous_system', [])
  const { tenMinutes } = autonomousSystem
  return judge('autonomous_system', [
    {
      verdict: 'proof',
      when: [
        {
          what: 'tries in ten minutes',
          counted: tenMinutes.attempts,
          limit: policy.limit('autonomous_system', 'proof_per_ten_minutes'),
        },
        {
          what: 'of a hundred tries declined',
          counted: declinedPct(tenMinutes),
          limit: policy.limit('autonomous_system', 'proof_declined_pct'),
        },
      ],
    },
  ])
}
