/** Which of a customer's instruments stands in where one has ended: a stated rule, so that nobody is surprised. */
import { isExpiring } from './expiry.ts'
import type { InstrumentRow } from './tables.ts'

/**
 * Those that could, best first: what it was replaced by; then what can be charged now and does not end soon; then of the same kind; then what
 * was bound last. Of the same customer and mode, and active.
 */
export function standIns(
  one: Pick<InstrumentRow, 'id' | 'mode' | 'kind' | 'own'>,
  all: readonly InstrumentRow[],
): readonly InstrumentRow[] {
  const rank = (other: InstrumentRow): readonly number[] => [
    other.id === one.own.replacedBy ? 0 : 1,
    isExpiring(other) ? 1 : 0,
    other.kind === one.kind ? 0 : 1,
    -other.created_at,
  ]
  return all
    .filter(other => other.id !== one.id && other.mode === one.mode && other.status === 'active')
    .toSorted((a, b) => firstDifference(rank(a), rank(b)) || (a.id < b.id ? -1 : 1))
}

const firstDifference = (a: readonly number[], b: readonly number[]): number =>
  a.map((value, i) => value - (b[i] ?? 0)).find(difference => difference !== 0) ?? 0
