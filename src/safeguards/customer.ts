/** One customer tries many instruments: whoever tests cards does, and a person does not. */
import { type Finding, judge } from './decision.ts'
import type { Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'

export function customerLayer({ customer: { hour, day, week } }: Pick<Evidence, 'customer'>, policy: Policy): Finding {
  const limit = (name: Parameters<typeof policy.limit<'customer'>>[1]) => policy.limit('customer', name)
  return judge('customer', [
    { verdict: 'delay', when: [{ what: 'tries in an hour', counted: hour.attempts, limit: Math.ceil(limit('proof_per_hour') / 2) }] },
    { verdict: 'proof', when: [{ what: 'tries in an hour', counted: hour.attempts, limit: limit('proof_per_hour') }] },
    { verdict: 'step_up', when: [{ what: 'tries in a day', counted: day.attempts, limit: limit('step_up_per_day') }] },
    { verdict: 'deny', when: [{ what: 'tries in a day', counted: day.attempts, limit: limit('deny_per_day') }] },
    { verdict: 'deny', when: [{ what: 'tries in seven days', counted: week.attempts, limit: limit('deny_per_week') }] },
  ])
}
