/**
 * A mandate: what the payer agreed to when a binding was made. Its state is its binding's, seen with what the tenant and time did to it
 * (`own.mandates`), so the order of news does not matter to it either. What was collected under it is counted in `mandate_usage`.
 */
import type { MandateRules } from '../channels/channel.ts'
import type { Frequency, MandateTerms, Source } from '../channels/source.ts'
import { same } from '../core/same.ts'
import type { BindingStatus, Known } from './binding.ts'
import { addMonths, dayFloor, dayOfMonth, dayOfWeek, lastDayOfMonth, startOf } from './days.ts'
import type { Own } from './own.ts'
import { dayMs, type Rail, railOf, railRules } from './rails.ts'

export type Mandate = {
  readonly rail: Rail
  /** When it was asked for, on the customer's clock. */
  readonly madeAt: number
  readonly terms: MandateTerms | null
  readonly dormantAfterMonths: number | null
  /** The channel tells the payer before each collection. */
  readonly toldByChannel: boolean
  /** What it was called before a bank or scheme replaced it, the oldest first. */
  readonly former: readonly string[]
  /** When its bank last took an end back, by the channel's clock. */
  readonly reinstatedAt: number | null
}

export const mandateStates = ['pending', 'active', 'paused', 'expired', 'consumed', 'revoked', 'failed'] as const
export type MandateState = (typeof mandateStates)[number]

/** `madeAt`: on the customer's clock. `by`: what the channel does by itself. */
export function mandateOf(
  { source, terms, madeAt }: { readonly source: Source | undefined; readonly terms: MandateTerms | undefined; readonly madeAt: number },
  by: MandateRules | undefined,
): Mandate | null {
  const rail = source === undefined ? undefined : railOf(source, terms)
  if (rail === undefined) return null
  return {
    rail,
    madeAt,
    terms: terms ?? null,
    dormantAfterMonths: shorter(railRules[rail].dormantAfterMonths, by?.dormantAfterMonths ?? null),
    toldByChannel: by?.tellsPayer === true,
    former: [],
    reinstatedAt: null,
  }
}

const shorter = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : Math.min(a, b))

/** What its binding's facts say of it. */
export function mandateAfter(before: Mandate | null, known: Pick<Known, 'former' | 'reinstatedAt'>): Mandate | null {
  if (before === null) return null
  const after = { ...before, former: known.former, reinstatedAt: known.reinstatedAt }
  return same(before, after) ? before : after
}

/** The last approved charge that was reported, by its day; of one day the largest, so that the order of reports does not matter. */
export type LastCollected = { readonly day: number; readonly amount: string; readonly currency: string }

/** Of a binding what its mandate hangs on. */
export type Leg = {
  readonly id: string
  readonly status: BindingStatus
  readonly reason: string | null
  readonly mandate: Mandate | null
  readonly last_collected: LastCollected | null
}
type OwnMandates = Pick<Own, 'mandates'>

/** When it lapses by itself, and why; undefined if never. Counted from the last collection, else from when it came about. */
export function endOfMandate(leg: Leg): { readonly at: number; readonly cause: 'dormant' | 'ended' } | undefined {
  if (leg.mandate === null) return undefined
  const { terms, madeAt, dormantAfterMonths, reinstatedAt } = leg.mandate
  const used = Math.max(leg.last_collected?.day ?? madeAt, reinstatedAt ?? 0)
  const dormant = dormantAfterMonths === null ? undefined : addMonths(dayFloor(used), dormantAfterMonths) + dayMs
  const ends = terms?.endsOn === undefined ? undefined : startOf(terms.endsOn) + dayMs
  if (ends !== undefined && (dormant === undefined || ends <= dormant)) return { at: ends, cause: 'ended' }
  return dormant === undefined ? undefined : { at: dormant, cause: 'dormant' }
}

/** What time told of an end that has since moved (a collection was reported) says nothing any more. */
const holds = (about: number | undefined, leg: Leg): boolean => about !== undefined && about >= (endOfMandate(leg)?.at ?? Infinity)

export const isPaused = (own: OwnMandates, binding: string): boolean => own.mandates?.[binding]?.paused !== undefined
export const isOver = (own: OwnMandates, leg: Leg): boolean => holds(own.mandates?.[leg.id]?.ended, leg)
/** An overlay, beside the state. */
export const isMandateExpiring = (own: OwnMandates, leg: Leg): boolean =>
  isAlive(leg) && !isOver(own, leg) && holds(own.mandates?.[leg.id]?.expiring, leg)
export const isAlive = ({ status }: Pick<Leg, 'status'>): boolean => status === 'active' || status === 'suspended'

/** As its instrument is derived: a mandate that lapsed binds nothing any more, and one that is paused is not to be used for now. */
export function standingOf(own: OwnMandates, leg: Leg): BindingStatus {
  if (leg.mandate === null || !isAlive(leg)) return leg.status
  if (isOver(own, leg)) return 'expired'
  return isPaused(own, leg.id) ? 'suspended' : leg.status
}

export function mandateState(own: OwnMandates, leg: Leg): MandateState {
  const status = standingOf(own, leg)
  switch (status) {
    case 'initiated':
    case 'challenge':
    case 'verifying':
    case 'uncertain':
      return 'pending'
    case 'suspended':
      return 'paused'
    case 'revoking':
    case 'revoked':
      return 'revoked'
    case 'expired':
      return leg.reason === 'consumed' ? 'consumed' : 'expired'
    default:
      return status
  }
}

const monthsOf: Readonly<Record<Exclude<Frequency, 'weekly' | 'as_presented'>, number>> = {
  monthly: 1,
  quarterly: 3,
  half_yearly: 6,
  yearly: 12,
}
/** `from` belongs to it, `to` to the next one. */
export type Period = { readonly from: number; readonly to: number }

/** The period of the terms in which a moment lies, counted from their first day; undefined before it, and where there are none. */
export function periodOf(terms: Pick<MandateTerms, 'frequency' | 'startsOn'>, at: number): Period | undefined {
  const start = startOf(terms.startsOn)
  if (terms.frequency === 'as_presented' || at < start) return undefined
  if (terms.frequency === 'weekly') {
    const from = start + Math.floor((at - start) / (7 * dayMs)) * 7 * dayMs
    return { from, to: from + 7 * dayMs }
  }
  const step = monthsOf[terms.frequency]
  // No month has more than 31 days, so this is the period or one too early.
  let count = Math.floor((at - start) / (31 * dayMs * step))
  while (addMonths(start, (count + 1) * step) <= at) count += 1
  return { from: addMonths(start, count * step), to: addMonths(start, (count + 1) * step) }
}

/** Whether the day lies where the terms want it within its month or week. */
export function withinWindow({ window, frequency }: Pick<MandateTerms, 'window' | 'frequency'>, at: number): boolean {
  if (window === undefined) return true
  const weekly = frequency === 'weekly'
  const day = weekly ? dayOfWeek(at) : dayOfMonth(at)
  const wanted = Math.min(window.day, weekly ? 7 : lastDayOfMonth(at))
  return window.rule === 'on' ? day === wanted : window.rule === 'before' ? day <= wanted : day >= wanted
}

/** Days that are looked at for the next window: a yearly one is among them. */
const windowDaysMax = 800

/** The first day from `at` on (its beginning, or `at` itself) on which the terms let something be collected; undefined if none is near. */
export function nextWindow(terms: MandateTerms, at: number, isUsed: (period: Period) => boolean): number | undefined {
  const first = Math.max(at, startOf(terms.startsOn))
  const end = terms.endsOn === undefined ? Infinity : startOf(terms.endsOn) + dayMs
  for (let n = 0; n < windowDaysMax; n += 1) {
    const day = n === 0 ? first : dayFloor(first) + n * dayMs
    if (day >= end) return undefined
    const period = periodOf(terms, day)
    if (withinWindow(terms, day) && (period === undefined || !isUsed(period))) return day
  }
  return undefined
}
