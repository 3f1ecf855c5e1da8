/**
 * An instrument: what one customer owns and pays with, whoever processes it. Its status is derived from its bindings and its own facts, and so
 * is all that is shown of it and when time does something to it next: the same rows give the same instrument, whatever order made them.
 */
import type { BindingStatus } from './binding.ts'
import { displayOf } from './display.ts'
import { compareExpiry, expiryOf } from './expiry.ts'
import { type Leg as MandateLeg, standingOf } from './mandate.ts'
import { firstOf, nextLapse, nextMoment } from './moments.ts'
import type { Own } from './own.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'

export const instrumentStatuses = [
  'pending',
  'active',
  'suspended',
  'expired',
  'failed',
  'replaced',
  'blocked',
  'unbound',
  'erased',
] as const
export type InstrumentStatus = (typeof instrumentStatuses)[number]

/** From these an instrument does not come back; the same card bound again is a new instrument. */
export const ended: readonly InstrumentStatus[] = ['replaced', 'unbound', 'erased']

/** No charge will come of these any more. */
export const isOver = (status: InstrumentStatus): boolean => status === 'failed' || ended.includes(status)

/** Why it is as it is, beside what its bindings say; also what does not change its status but whoever charges should know. */
export const reasons = [
  'blocked',
  'card_lapsed',
  'account_closed',
  'contact_cardholder',
  'updates_refused',
  'replaced',
  'merged',
  'erasing',
  'erased',
  'mandate_paused',
  'mandate_lapsed',
] as const
export type Reason = (typeof reasons)[number]

type Derivable = Pick<InstrumentRow, 'kind' | 'captured' | 'own' | 'unbound_at' | 'merged_into' | 'status' | 'preferred'>
type Leg = MandateLeg & Pick<BindingRow, 'shown' | 'valid_until'> & Partial<Pick<BindingRow, 'replaces'>>
export type Derived = Pick<InstrumentRow, 'status' | 'display' | 'reasons' | 'due_at'>

/** The instrument as its own facts and its bindings make it. */
export function derive(row: Derivable, bindings: readonly Leg[]): Derived {
  const display = displayOf(row, bindings)
  const standings = bindings.map(one => standingOf(row.own, one))
  const why = [...reasonsOf(row.own, display), ...mandateReasons(row.own, bindings, standings)]
  const status = deriveStatus(
    { unbound: row.unbound_at !== null, own: row.own, over: why.includes('card_lapsed') || why.includes('account_closed') },
    standings.filter((one, at) => bindings[at]?.replaces == null || !underWay.includes(one)),
  )
  const after = { ...row, status, display }
  return { status, display, reasons: why, due_at: firstOf(nextMoment(after, bindings)?.at, nextLapse(bindings)?.at) }
}

/** What is to take another's place counts once it lives: nobody waits for it. */
const underWay: readonly BindingStatus[] = ['initiated', 'challenge', 'verifying', 'uncertain']

/** Usable if any binding can charge; under way if any may come alive; then the best of what is left. */
export function deriveStatus(
  of: { readonly unbound: boolean; readonly own: Own; readonly over: boolean },
  bindings: readonly BindingStatus[],
): InstrumentStatus {
  const { own } = of
  if (own.erasure !== undefined) return 'erased'
  if (own.replacedBy !== undefined || own.mergedInto !== undefined) return 'replaced'
  if (of.unbound) return 'unbound'
  if (own.blocked !== undefined) return 'blocked'
  const has = (...of: readonly BindingStatus[]) => bindings.some(one => of.includes(one))
  if (has('active')) return of.over ? 'expired' : 'active'
  if (has('suspended')) return of.over ? 'expired' : 'suspended'
  if (has(...underWay)) return 'pending'
  if (has('expired')) return 'expired'
  // No channel holds it any more.
  if (has('revoking', 'revoked')) return 'unbound'
  return bindings.length === 0 ? 'pending' : 'failed'
}

/** Only of what would be alive without it. */
function mandateReasons(own: Own, bindings: readonly Leg[], standings: readonly BindingStatus[]): readonly Reason[] {
  const changed = bindings.flatMap((one, index) => (standings[index] === one.status ? [] : [one]))
  const out: Reason[] = []
  if (changed.some(one => standingOf(own, one) === 'suspended')) out.push('mandate_paused')
  if (changed.some(one => standingOf(own, one) === 'expired')) out.push('mandate_lapsed')
  return out
}

/** News of a version of the card that a newer one has replaced says nothing about it. */
function reasonsOf(own: Own, display: InstrumentRow['display']): readonly Reason[] {
  const expiry = expiryOf(display)
  const current = (about: NonNullable<Own['lapsed']> | undefined): boolean =>
    about === undefined || expiry === undefined || compareExpiry(about, expiry) >= 0
  const last = (own.advices ?? []).filter(one => current(one.about)).map(one => one.advice)
  const out: Reason[] = []
  if (own.blocked !== undefined) out.push('blocked')
  if (own.lapsed !== undefined && current(own.lapsed)) out.push('card_lapsed')
  if (last.includes('C')) out.push('account_closed')
  if (last.includes('Q')) out.push('contact_cardholder')
  if ((own.advices ?? []).some(one => one.advice === 'O' && one.at >= (own.given ?? 0))) out.push('updates_refused')
  if (own.replacedBy !== undefined) out.push('replaced')
  if (own.mergedInto !== undefined) out.push('merged')
  if (own.erasure !== undefined) out.push(own.erasure)
  return out
}
