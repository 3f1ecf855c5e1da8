/**
 * What time does to an instrument: each kind of moment says when it comes, and what is then told of it. A moment that was told does not come
 * again, because what it tells is named after what it is about; so neither a clock that is set back nor a second worker replays one.
 */
import { isCard } from './display.ts'
import { compareExpiry, type Expiry, endOf, expiryOf, expiryText } from './expiry.ts'
import { isOver } from './instrument.ts'
import { endOfMandate, isAlive, type Leg } from './mandate.ts'
import type { OwnNews } from './own.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'

/** `event`: names it once and for all within its instrument. */
export type Moment = { readonly at: number; readonly event: string; readonly news: OwnNews } | PassOn
/** It was its customer's default and has ended: another takes over, at once. */
type PassOn = { readonly at: 0; readonly event: 'pass_on' }
type Of = Pick<InstrumentRow, 'kind' | 'status' | 'display' | 'own' | 'preferred'>

/** How long before the end of a card its customer is told, so that a monthly charge still falls between. */
export const expiringLeadMs = 45 * 24 * 3_600_000
/** The same of a mandate. One that lapses unused for want of a collection is saved by a collection; another takes a new consent. */
export const mandateLeadMs = 30 * 24 * 3_600_000

/** The next one, on the customer's clock. An instrument that has ended, or never came alive, has none. */
export function nextMoment(of: Of, bindings: readonly Leg[]): Moment | undefined {
  const [first] = momentsOf(of, bindings).toSorted((a, b) => a.at - b.at || (a.event < b.event ? -1 : 1))
  return first
}

/** When the token of a living binding lapses, unless it is refreshed before. The first of them. */
export type Lapse = { readonly at: number; readonly binding: string }
export function nextLapse(bindings: readonly Pick<BindingRow, 'id' | 'status' | 'valid_until'>[]): Lapse | undefined {
  const [first] = bindings
    .flatMap(({ id, status, valid_until: at }) =>
      at !== null && (status === 'active' || status === 'suspended') ? [{ at, binding: id }] : [],
    )
    .toSorted((a, b) => a.at - b.at)
  return first
}

/** The first of the moments that come at all. */
export const firstOf = (...moments: readonly (number | undefined)[]): number | null => {
  const known = moments.filter(one => one !== undefined)
  return known.length === 0 ? null : Math.min(...known)
}

const keeping: ReadonlySet<InstrumentRow['status']> = new Set(['active', 'suspended', 'blocked', 'expired'])

function momentsOf(of: Of, bindings: readonly Leg[]): readonly Moment[] {
  if (of.preferred && isOver(of.status)) return [{ at: 0, event: 'pass_on' }]
  if (!keeping.has(of.status)) return []
  const mandates = bindings.flatMap(one => mandateMoments(of, one))
  return of.status === 'expired' ? mandates : [...expiryMoments(of), ...mandates]
}

function mandateMoments({ own }: Of, leg: Leg): readonly Moment[] {
  const end = isAlive(leg) ? endOfMandate(leg) : undefined
  if (end === undefined) return []
  const { at: about, cause } = end
  const { expiring = 0, ended = 0 } = own.mandates?.[leg.id] ?? {}
  const told = { binding: leg.id, about }
  return [
    ...(expiring >= about || ended >= about
      ? []
      : [
          { at: about - mandateLeadMs, event: `mandate_expiring:${leg.id}:${about}`, news: { kind: 'mandate_expiring' as const, ...told } },
        ]),
    ...(ended >= about
      ? []
      : [{ at: about, event: `mandate_ended:${leg.id}:${about}`, news: { kind: 'mandate_ended' as const, ...told, cause } }]),
  ]
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
