/**
 * What time does to an instrument: each kind of moment says when it comes, and what is then told of it. A moment that was told does not come
 * again, because what it tells is named after what it is about; so neither a clock that is set back nor a second worker replays one.
 */
import { isCard } from './display.ts'
import { compareExpiry, type Expiry, endOf, expiryOf, expiryText } from './expiry.ts'
import { isOver } from './instrument.ts'
import type { OwnNews } from './own.ts'
import type { InstrumentRow } from './tables.ts'

/** `event`: names it once and for all within its instrument. */
export type Moment = { readonly at: number; readonly event: string; readonly news: OwnNews } | PassOn
/** It was its customer's default and has ended: another takes over, at once. */
type PassOn = { readonly at: 0; readonly event: 'pass_on' }
type Of = Pick<InstrumentRow, 'kind' | 'status' | 'display' | 'own' | 'preferred'>

/** How long before the end of a card its customer is told, so that a monthly charge still falls between. */
export const expiringLeadMs = 45 * 24 * 3_600_000

/** The next one, on the customer's clock. An instrument that has ended, or never came alive, has none. */
export function nextMoment(of: Of): Moment | undefined {
  const [first] = momentsOf(of).toSorted((a, b) => a.at - b.at)
  return first
}

function momentsOf(of: Of): readonly Moment[] {
  if (of.preferred && isOver(of.status)) return [{ at: 0, event: 'pass_on' }]
  return of.status === 'active' || of.status === 'suspended' || of.status === 'blocked' ? expiryMoments(of) : []
}

function expiryMoments(of: Of): readonly Moment[] {
  const about = isCard(of) ? expiryOf(of.display) : undefined
  if (about === undefined) return []
  const end = endOf(about, of.display.country)
  const told = (last: Expiry | undefined): boolean => last !== undefined && compareExpiry(last, about) >= 0
  return [
    ...(told(of.own.expiring)
      ? []
      : [{ at: end - expiringLeadMs, event: `expiring:${expiryText(about)}`, news: { kind: 'expiring' as const, about } }]),
    ...(told(of.own.lapsed) ? [] : [{ at: end, event: `lapsed:${expiryText(about)}`, news: { kind: 'lapsed' as const, about } }]),
  ]
}
