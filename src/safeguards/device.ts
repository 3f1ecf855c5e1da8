/** One device tries many instruments, as whichever customer. Abstains where the caller names no device. */
import { type Finding, judge } from './decision.ts'
import type { Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'

export function deviceLayer({ device }: Pick<Evidence, 'device'>, policy: Policy): Finding {
  if (device === undefined) return judge('device', [])
  const limit = (name: Parameters<typeof policy.limit<'device'>>[1]) => policy.limit('device', name)
  const { hour, day } = device
  return judge('device', [
    { verdict: 'proof', when: [{ what: 'tries in an hour', counted: hour.attempts, limit: limit('proof_per_hour') }] },
    { verdict: 'deny', when: [{ what: 'tries in an hour', counted: hour.attempts + hour.denied, limit: limit('deny_per_hour') }] },
    { verdict: 'deny', when: [{ what: 'declines in a day', counted: day.declines, limit: limit('deny_declines_per_day') }] },
  ])
}
