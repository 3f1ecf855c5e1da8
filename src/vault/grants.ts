/**
 * How often each grant was used, in memory: after a restart of the vault a grant that has not lapsed starts anew, which its 15 minutes
 * bound. Attempts are counted too, so that a grant is no means to try numbers out.
 */
import { type Grant, grantLifeMsMax } from '../core/grant.ts'
import { Problem } from '../core/problem.ts'

/** Attempts for each capture a grant is good for: typing mistakes, not enumeration. */
const attemptsPerCapture = 5
const grantsMax = 100_000
/** Grants live at most this long, a clock's error included. */
const keptMs = grantLifeMsMax + 60_000

export type GrantCounts = {
  /** Takes one attempt, and holds a capture until told how it ended. Throws a `Problem` when the grant is used up. */
  begin(grant: Grant, nowMs: number): (captured: boolean) => void
}

type Count = { readonly since: number; attempts: number; captures: number }

export function createGrantCounts(): GrantCounts {
  const counts = new Map<string, Count>()
  const sweep = (nowMs: number): void => {
    for (const [name, count] of counts) {
      if (nowMs - count.since < keptMs) break
      counts.delete(name)
    }
  }
  return {
    begin(grant, nowMs) {
      sweep(nowMs)
      const name = `${grant.tenant}|${grant.nonce}`
      const count = counts.get(name) ?? { since: nowMs, attempts: 0, captures: 0 }
      if (count.captures >= grant.captures) throw new Problem('gone', 'the grant is used up')
      if (count.attempts >= grant.captures * attemptsPerCapture)
        throw new Problem('too_many_requests', 'the grant has seen too many attempts')
      if (counts.size >= grantsMax) throw new Problem('too_many_requests', 'too many grants are in use', { retryAfterSeconds: 60 })
      counts.set(name, count)
      count.attempts += 1
      count.captures += 1
      return captured => {
        if (!captured) count.captures -= 1
      }
    },
  }
}
