/** A code that the customer types (a one-time password, small amounts): so many tries for one challenge, whatever the channel would allow. */
import { type Finding, judge } from './decision.ts'
import type { Policy } from './policy.ts'

export const codeLayer = ({ tries }: { readonly tries: number }, policy: Policy): Finding =>
  judge('code', [{ verdict: 'deny', when: [{ what: 'typed codes', counted: tries, limit: policy.limit('code', 'tries') }] }])
