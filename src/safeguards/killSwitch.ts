/** What an operator has switched off by hand: leading digits are refused like anything else, a tenant or a feature says that it is off. */
import { Problem } from '../core/problem.ts'
import { type Finding, judge } from './decision.ts'
import type { Feature, Switches } from './switches.ts'
import type { Owner } from './tally.ts'

export function switchLayer(asked: Owner & { readonly bin: string | undefined }, switches: Switches): Finding {
  const off = asked.bin === undefined ? undefined : switches.off(asked, 'bin', asked.bin)
  return judge('kill_switch', [
    { verdict: 'deny', when: [{ what: 'leading digits switched off', counted: off === undefined ? 0 : 1, limit: 1 }] },
  ])
}

/** In seconds; by then somebody may have switched it on again. */
const retryAfterSeconds = 30

/** Throws `unavailable` where the tenant or the feature is switched off. */
export function refuseIfOff(switches: Switches, owner: Owner, feature: Feature): void {
  const off = switches.off(owner, 'tenant', owner.tenant) ?? switches.off(owner, 'feature', feature)
  if (off !== undefined) throw new Problem('unavailable', 'This is switched off at the moment.', { retryAfterSeconds })
}
