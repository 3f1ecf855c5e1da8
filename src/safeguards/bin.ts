/**
 * The numbers of one issuer (the leading eight digits, six of short numbers) are tried at one tenant and hardly any of them is live: guessing,
 * from however many addresses. Numbers that follow each other the vault counts (`fingerprint.ts`). Whoever has something bound here for a day
 * passes (`guard.ts`): a range under attack is also some people's own.
 */
import { type Finding, judge, type Reason, type Rule } from './decision.ts'
import type { BinEvidence, Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'
import { declinedPct, type Tally } from './tally.ts'

/** Tries from which an hour is compared with the usual one. */
const busyFrom = 20
const hoursOfWeek = 7 * 24
const halfPct = 50

export function binLayer({ bin }: Pick<Evidence, 'bin'>, policy: Policy): Finding {
  if (bin === undefined) return judge('bin', [])
  const limit = (name: Parameters<typeof policy.limit<'bin'>>[1]) => policy.limit('bin', name)
  const mostly = (of: Tally, what: string, most: number, pct: number): readonly Reason[] => [
    { what, counted: of.declines, limit: most },
    { what: 'of a hundred tries declined', counted: declinedPct(of), limit: pct },
  ]
  const { hour, day, week } = bin
  const rules: Rule[] = [
    { verdict: 'delay', when: mostly(hour, 'declines in an hour', Math.ceil(limit('proof_declines_per_hour') / 2), halfPct) },
    { verdict: 'proof', when: mostly(hour, 'declines in an hour', limit('proof_declines_per_hour'), halfPct) },
    { verdict: 'deny', when: mostly(hour, 'declines in an hour', limit('deny_declines_per_hour'), limit('deny_declined_pct')) },
    { verdict: 'deny', when: mostly(day, 'declines in a day', limit('deny_declines_per_day'), limit('deny_declined_pct')) },
    // Slowly over days: closed until the first of them are a week old, unless honest people have it too.
    { verdict: 'deny', when: mostly(week, 'declines in seven days', limit('deny_declines_per_week'), limit('deny_declined_pct')) },
    {
      verdict: 'deny',
      when: [{ what: 'declines in a day', counted: day.declines, limit: alwaysLimit(bin, limit('deny_always_per_day')) }],
    },
    { verdict: 'proof', when: unusual(bin, limit('proof_times_usual')) },
  ]
  return judge('bin', rules)
}

/** Three usual days may have more: a range that many of a large tenant's customers have. */
const alwaysLimit = ({ day, week }: BinEvidence, most: number): number =>
  Math.max(most, Math.ceil((3 * (week.declines - day.declines)) / 6))

/** Many times what it usually is in an hour. A range that was never seen before has no usual hour, and waits for its declines. */
function unusual({ hour, day, week }: BinEvidence, times: number): readonly Reason[] {
  const before = week.attempts - day.attempts
  const usual = before / (hoursOfWeek - 24)
  return [
    { what: 'tries in an hour', counted: hour.attempts, limit: Math.max(busyFrom, Math.ceil(times * usual)) },
    { what: 'tries in the week before', counted: before, limit: busyFrom },
  ]
}
