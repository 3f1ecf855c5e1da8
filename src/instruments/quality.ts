/**
 * How good an instrument is to charge, from 0 to 100, and what would be best to do about it. Pure: the same rows at the same moment give the
 * same answer, and every point has a sentence. The weights are ours: no processor publishes any. What they follow is said at each part.
 */
import { type RefusalCategory, type Retry, refusalCatalogue } from '../channels/refusal.ts'
import { isCard } from './display.ts'
import { isExpiring } from './expiry.ts'
import { ended } from './instrument.ts'
import { isAlive, isMandateExpiring, mandateState } from './mandate.ts'
import { dayMs } from './rails.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'
import { declinesOf, nothingCollected, type Usage, type Use, unused } from './use.ts'

export const qualityParts = ['verification', 'freshness', 'declines', 'updater', 'token', 'mandate', 'expiry'] as const
export type PartName = (typeof qualityParts)[number]
/** `points` of at most `of`. */
export type Part = { readonly name: PartName; readonly points: number; readonly of: number; readonly because: string }

export const nextBestActions = ['none', 'update', 'reverify', 'bind_elsewhere', 'ask_customer'] as const
export type NextBestAction = (typeof nextBestActions)[number]

export type Judged = {
  readonly instrument: InstrumentRow
  readonly bindings: readonly BindingRow[]
  readonly use: ReadonlyMap<string, Use>
  readonly usage: ReadonlyMap<string, Usage>
  /** Whether somebody can be asked for a newer version of it without the customer. */
  readonly canUpdate: boolean
  /** Whether there is an open channel that takes its kind and does not hold it, and what is sealed can go there. */
  readonly elsewhere: boolean
}
export type Quality = {
  readonly score: number
  /** What its status lets the score be at most, whatever the parts say. */
  readonly cap: { readonly at: number; readonly because: string }
  readonly parts: readonly Part[]
  readonly next: { readonly action: NextBestAction; readonly because: string }
}

export function qualityOf(judged: Judged, now: number): Quality {
  const alive = judged.bindings.filter(isAlive)
  const parts = [
    verification(judged, alive),
    freshness(judged, alive, now),
    declines(judged, alive),
    updater(judged),
    token(judged),
    mandate(judged, alive),
    expiry(judged),
  ]
  const cap = capOf(judged.instrument)
  const sum = parts.reduce((total, one) => total + one.points, 0)
  return { score: Math.min(sum, cap.at), cap, parts, next: nextOf(judged, alive, parts) }
}

function capOf({ status }: InstrumentRow): Quality['cap'] {
  if (status === 'active') return { at: 100, because: 'It is active.' }
  const over = ended.includes(status) || status === 'blocked' || status === 'failed'
  return { at: over ? 0 : 30, because: `It is ${status}.` }
}

/** Strong customer authentication (PSD2 RTS, article 4) is full; amounts read off a statement prove the account, later and more weakly. */
const proofs: Readonly<Record<NonNullable<BindingRow['proven_by']>, number>> = {
  three_ds: 25,
  redirect: 25,
  app_link: 25,
  qr: 25,
  await: 25,
  otp: 22,
  micro_deposits: 20,
}
function verification({ instrument }: Judged, alive: readonly BindingRow[]): Part {
  const base = { name: 'verification', of: 25 } as const
  if (alive.length === 0) return { ...base, points: 0, because: 'No channel holds it.' }
  const best = alive.map(one => one.proven_by).reduce((a, b) => ((b === null ? 0 : proofs[b]) > (a === null ? 0 : proofs[a]) ? b : a))
  if (best !== null) return { ...base, points: proofs[best], because: `The customer proved to be its owner by ${best}.` }
  // The device had asked for a face, finger or code.
  if (instrument.kind === 'device_token') return { ...base, points: 20, because: 'The device vouched for the customer.' }
  return { ...base, points: 10, because: 'A channel took it, and the customer was not asked to prove anything.' }
}

/** By the last that was seen to work: a monthly charge keeps it fresh, a yearly one just so. */
const ages = [
  [35, 20],
  [92, 16],
  [183, 12],
  [366, 8],
  [396, 4],
] as const
function freshness(judged: Judged, alive: readonly BindingRow[], now: number): Part {
  const last = lastSeen(judged, alive)
  const days = Math.max(0, Math.floor((now - last) / dayMs))
  const points = ages.find(([most]) => days <= most)?.[1] ?? 0
  const because = alive.length === 0 ? 'No channel holds it.' : `It was last seen to work ${days} days ago.`
  return { name: 'freshness', of: 20, points: alive.length === 0 ? 0 : points, because }
}

function lastSeen({ instrument, bindings }: Judged, alive: readonly BindingRow[]): number {
  const confirmed = (instrument.own.advices ?? []).filter(one => one.advice === 'V' || one.advice === 'A' || one.advice === 'E')
  return Math.max(
    0,
    ...alive.map(one => one.created_at),
    ...alive.map(one => one.mandate?.reinstatedAt ?? 0),
    ...bindings.map(one => one.last_collected?.day ?? 0),
    ...confirmed.map(one => one.at),
  )
}

/** What a decline costs, by what can be done about it; weighed by the share of charges that were declined. */
const costs: Readonly<Record<Retry, number>> = { never: 25, authenticate: 10, correct: 10, later: 4, elsewhere: 2 }
const retryOf = (category: string): Retry => (isCategory(category) ? refusalCatalogue[category].retry : 'later')
const isCategory = (name: string): name is RefusalCategory => name in refusalCatalogue

function declines({ use }: Judged, alive: readonly BindingRow[]): Part {
  const uses = alive.map(one => use.get(one.id) ?? unused)
  const declined = uses.reduce((sum, one) => sum + declinesOf(one), 0)
  const approved = uses.reduce((sum, one) => sum + one.approved, 0)
  const base = { name: 'declines', of: 25 } as const
  if (declined === 0)
    return { ...base, points: 25, because: approved === 0 ? 'No charge of it was reported.' : `None of ${approved} charges was declined.` }
  const cost = uses
    .flatMap(one => Object.entries(one.declined))
    .reduce((sum, [category, count]) => sum + costs[retryOf(category)] * count, 0)
  const points = Math.max(0, Math.round(25 - (cost * declined) / (approved + declined)))
  return {
    ...base,
    points,
    because: `Of ${approved + declined} charges in six months ${declined} were declined, ${worstOf(uses)} among them.`,
  }
}

function worstOf(uses: readonly Use[]): string {
  const names = [...new Set(uses.flatMap(one => Object.keys(one.declined)))]
  return names.toSorted((a, b) => costs[retryOf(b)] - costs[retryOf(a)] || (a < b ? -1 : 1))[0] ?? 'none'
}

function updater({ instrument }: Judged): Part {
  const base = { name: 'updater', of: 10 } as const
  const { reasons, own } = instrument
  if (reasons.includes('account_closed')) return { ...base, points: 0, because: 'An updater says that the account was closed.' }
  if (reasons.includes('contact_cardholder')) return { ...base, points: 3, because: 'An updater says to ask the cardholder.' }
  if (reasons.includes('updates_refused'))
    return { ...base, points: 6, because: 'The cardholder wants no updates, so the next card will not come by itself.' }
  const unknown = (own.advices ?? []).some(one => one.advice === 'P' || one.advice === 'N')
  if (unknown) return { ...base, points: 8, because: 'Its issuer tells updaters nothing.' }
  return { ...base, points: 10, because: own.advices === undefined ? 'Nothing speaks against it.' : 'An updater knows it.' }
}

function token({ instrument }: Judged): Part {
  const base = { name: 'token', of: 5 } as const
  const { networkToken } = instrument.own
  if (!isCard(instrument)) return { ...base, points: 5, because: 'It is no card.' }
  if (networkToken === undefined) return { ...base, points: 3, because: 'It has no network token.' }
  const points = networkToken.status === 'active' ? 5 : networkToken.status === 'suspended' ? 1 : 2
  return { ...base, points, because: `Its network token is ${networkToken.status}.` }
}

function mandate({ instrument, usage }: Judged, alive: readonly BindingRow[]): Part {
  const base = { name: 'mandate', of: 10 } as const
  const legs = alive.filter(one => one.mandate !== null)
  if (legs.length === 0) return { ...base, points: 10, because: 'It needs no mandate, or none is known.' }
  const each = legs.map(leg => {
    const state = mandateState(instrument.own, leg)
    const most = leg.mandate?.terms?.countMax
    const left = most === undefined ? undefined : most - (usage.get(leg.id) ?? nothingCollected).all.count
    if (state !== 'active') return { points: 0, because: `Its mandate is ${state}.` }
    if (left !== undefined && left <= 0) return { points: 0, because: 'All collections that were agreed have been made.' }
    if (isMandateExpiring(instrument.own, leg)) return { points: 4, because: 'Its mandate ends soon.' }
    if (left === 1) return { points: 5, because: 'One collection is left of those that were agreed.' }
    return { points: 10, because: 'Its mandate is active.' }
  })
  const best = each.reduce((a, b) => (b.points > a.points ? b : a))
  return { ...base, ...best }
}

function expiry({ instrument }: Judged): Part {
  const base = { name: 'expiry', of: 5 } as const
  if (!isCard(instrument)) return { ...base, points: 5, because: 'It has no expiry date.' }
  if (instrument.reasons.includes('card_lapsed')) return { ...base, points: 0, because: 'The card has ended.' }
  return isExpiring(instrument)
    ? { ...base, points: 1, because: 'The card ends soon.' }
    : { ...base, points: 5, because: 'The card does not end soon.' }
}

/** The first that fits, from what nothing can be done about to what may be left as it is. */
function nextOf(judged: Judged, alive: readonly BindingRow[], parts: readonly Part[]): Quality['next'] {
  const { instrument, canUpdate, elsewhere } = judged
  const { status, reasons } = instrument
  const points = (name: PartName): number => parts.find(one => one.name === name)?.points ?? 0
  if (ended.includes(status) || status === 'failed') return { action: 'none', because: `It is ${status}, and stays so.` }
  if (status === 'blocked') return { action: 'none', because: 'You blocked it.' }
  if (status === 'pending') return { action: 'none', because: 'It is being bound.' }
  if (reasons.includes('account_closed'))
    return { action: 'ask_customer', because: 'The account was closed: only the customer has another.' }
  if (reasons.includes('mandate_paused') && status !== 'active') return { action: 'none', because: 'You paused its mandate.' }
  if (points('mandate') === 0)
    return { action: 'ask_customer', because: 'Its mandate cannot be collected under, and only the payer gives another.' }
  const old = points('expiry') < 5
  if (old && canUpdate && !reasons.includes('updates_refused'))
    return { action: 'update', because: 'A newer card may be known to its issuer.' }
  if (old) return { action: 'ask_customer', because: 'The card ends, and nobody can be asked for the next one.' }
  if (reasons.includes('contact_cardholder')) return { action: 'ask_customer', because: 'An updater says to ask the cardholder.' }
  if (alive.length === 0 && elsewhere)
    return { action: 'bind_elsewhere', because: 'No channel holds it, and another would take what is sealed.' }
  if (alive.length === 0) return { action: 'ask_customer', because: 'No channel holds it.' }
  const unproven = alive.some(one => (judged.use.get(one.id)?.declined.authentication_failed ?? 0) > 0)
  if (unproven && points('declines') <= 15)
    return { action: 'reverify', because: 'It is declined for want of proof that the customer is its owner.' }
  if (points('declines') <= 10 && elsewhere)
    return { action: 'bind_elsewhere', because: 'It is declined where it is bound, and another channel takes its kind.' }
  if (points('declines') <= 10) return { action: 'ask_customer', because: 'It is declined wherever it is bound.' }
  if (points('freshness') === 0) return { action: 'reverify', because: 'It has not been seen to work for more than thirteen months.' }
  return { action: 'none', because: 'It can be left as it is.' }
}
