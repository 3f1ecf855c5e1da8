/**
 * One customer holds more than a person has: whoever collects what was stolen does. What is held is counted as it is, not what was tried; abstains
 * where nothing new is added. How many customers hold one number is the sharing limit's (instruments/sharing.ts).
 */
import { type Finding, judge } from './decision.ts'
import type { Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'

export function linkingLayer({ held }: Pick<Evidence, 'held'>, policy: Policy): Finding {
  if (held === undefined) return judge('linking', [])
  const what = 'instruments that the customer has'
  return judge('linking', [
    { verdict: 'step_up', when: [{ what, counted: held, limit: policy.limit('linking', 'step_up_held') }] },
    { verdict: 'deny', when: [{ what, counted: held, limit: policy.limit('linking', 'deny_held') }] },
  ])
}

/** So many are looked at to say whether the customer has too many; 0: nobody asks. */
export const heldMax = (policy: Policy): number => (policy.isOff('linking') ? 0 : policy.limit('linking', 'deny_held'))
