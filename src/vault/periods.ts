/** How long keys serve: a pure decision over a key's name and age. */
import { type Purpose, purposeScope } from './tables.ts'

const dayMs = 24 * 60 * 60_000
/** NIST SP 800-57 part 1, 5.3.6: a master key about a year, a key of an originator two years at most. Ours are shorter. */
const purposeKeyMs = 365 * dayMs
const tenantKeyMs = 90 * dayMs

/**
 * When a version that is promoted now has served its time; null: never by itself. What fingerprints depend on is changed by no clock: the
 * fingerprints would be others. Nor are the keys of the audit, which vouch for what is long past; the purpose's key above them is.
 */
export function nextRotation({ purpose, scope }: { readonly purpose: Purpose; readonly scope: string }, nowMs: number): number | null {
  if (scope === purposeScope) return nowMs + purposeKeyMs
  return purpose === 'fp' || purpose === 'audit' ? null : nowMs + tenantKeyMs
}
