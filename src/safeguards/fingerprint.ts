/**
 * One number is tried again and again, or numbers that follow each other are, at whichever tenants. Only the vault knows the number, counts it
 * and says allow or deny; how often stays coarse here, so that nobody can ask the vault whether a card is known elsewhere.
 */
import { type Finding, judge } from './decision.ts'
import type { Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'

export function fingerprintLayer({ seen }: Pick<Evidence, 'seen'>, policy: Policy): Finding {
  if (seen === undefined) return judge('fingerprint', [])
  const denied = (what: string, verdict: 'allow' | 'deny') => ({ what, counted: verdict === 'deny' ? 1 : 0, limit: 1 })
  const many = policy.limit('fingerprint', 'step_up_at_many') === 1 && seen.number.tries === 'many'
  return judge('fingerprint', [
    { verdict: 'step_up', when: [{ what: 'tried nearly as often as may be', counted: many ? 1 : 0, limit: 1 }] },
    { verdict: 'deny', when: [denied('this number was tried too often', seen.number.verdict)] },
    { verdict: 'deny', when: [denied('numbers that follow each other were tried', seen.neighbours.verdict)] },
  ])
}
