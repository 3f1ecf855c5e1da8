/**
 * What is known of an instrument itself, whoever processes it: advices of account updaters, its network token, what time did to it, what the
 * tenant decided. Its facts are folded as the bindings' are: the result depends on the set of facts, never on when they arrived. Most of them
 * are about one version of the card, named by its expiry, so that news of an old version cannot touch a newer one.
 */
import type { Advice } from '../core/updater-file.ts'
import { compareExpiry, type Expiry, laterExpiry } from './expiry.ts'

export { type Advice, advices } from '../core/updater-file.ts'

export const networkTokenStatuses = ['requested', 'active', 'suspended', 'deleted', 'refused'] as const
export type NetworkTokenStatus = (typeof networkTokenStatuses)[number]

/** `about`: the version of the card that was asked about. */
export type OwnNews =
  | { readonly kind: 'expiring'; readonly about: Expiry }
  | { readonly kind: 'lapsed'; readonly about: Expiry }
  | {
      readonly kind: 'advised'
      readonly advice: Advice
      readonly about?: Expiry
      readonly expiry?: Expiry
      readonly last4?: string
      /** Under which the vault sealed the new number. */
      readonly cardVersion?: number
    }
  | {
      readonly kind: 'network_token'
      readonly status: NetworkTokenStatus
      readonly reference: string
      readonly last4?: string
      readonly expiry?: Expiry
      readonly reason?: string
    }
  /** The customer gave the card again, of which its holder had wished no updates. */
  | { readonly kind: 'given' }
  | { readonly kind: 'blocked'; readonly reason: string }
  | { readonly kind: 'unblocked' }
  | { readonly kind: 'replaced'; readonly by: string }
  | { readonly kind: 'merged'; readonly into: string }
  /** The tenant lays a hold on the mandate of a binding, and lifts it. */
  | { readonly kind: 'mandate_paused'; readonly binding: string; readonly reason: string }
  | { readonly kind: 'mandate_resumed'; readonly binding: string }
  /** `about`: the end that was near or had come, Unix milliseconds; it may move later. */
  | { readonly kind: 'mandate_expiring'; readonly binding: string; readonly about: number }
  | { readonly kind: 'mandate_ended'; readonly binding: string; readonly about: number; readonly cause: 'dormant' | 'ended' }
  | { readonly kind: 'erasing' }
  | { readonly kind: 'erased' }
export type OwnKind = OwnNews['kind']

/** As it is kept. `sequence` and `at` are the source's own and compared only with its own. */
export type OwnFact = OwnStanding & { readonly source: string; readonly event: string; readonly news: OwnNews }
export type OwnStanding = { readonly sequence: number; readonly at: number }

export type NetworkToken = {
  readonly reference: string
  readonly status: NetworkTokenStatus
  readonly last4?: string
  readonly expiry?: Expiry
  readonly reason?: string
}

export type Own = {
  /** The latest that an updater told, and the number's last four with it. */
  readonly renewed?: {
    readonly expiry?: Expiry
    readonly last4?: string
    readonly cardVersion?: number
    /** The end of the first card that had the number of now: what ends before it has another number. */
    readonly numberSince?: Expiry
  }
  /** The last word of each updater that says something about the version it names. */
  readonly advices?: readonly { readonly source: string; readonly advice: Advice; readonly about?: Expiry; readonly at: number }[]
  readonly expiring?: Expiry
  readonly lapsed?: Expiry
  readonly networkToken?: NetworkToken
  /** When the customer gave the card again last. */
  readonly given?: number
  readonly blocked?: string
  readonly replacedBy?: string
  readonly mergedInto?: string
  readonly erasure?: 'erasing' | 'erased'
  /** By binding: what the tenant and time did to its mandate (`mandate.ts`). */
  readonly mandates?: Readonly<Record<string, OwnMandate>>
}
export type OwnMandate = { readonly paused?: string; readonly expiring?: number; readonly ended?: number }

/** Where a source says two things of one moment, the safer prevails. */
const safety: Readonly<Record<OwnKind, number>> = {
  expiring: 0,
  mandate_expiring: 0,
  lapsed: 1,
  mandate_ended: 1,
  mandate_resumed: 2,
  mandate_paused: 4,
  network_token: 1,
  given: 1,
  unblocked: 2,
  advised: 2,
  replaced: 3,
  merged: 3,
  blocked: 4,
  erasing: 5,
  erased: 6,
}
const tokenSafety: Readonly<Record<NetworkTokenStatus, number>> = { requested: 0, active: 1, refused: 2, suspended: 3, deleted: 4 }
const adviceSafety = 'VPNOEAQC'

const safetyOf = (news: OwnNews): number =>
  safety[news.kind] * 10 +
  (news.kind === 'network_token' ? tokenSafety[news.status] : news.kind === 'advised' ? adviceSafety.indexOf(news.advice) : 0)

const compare = (a: OwnFact, b: OwnFact): number =>
  text(a.source, b.source) || a.sequence - b.sequence || a.at - b.at || safetyOf(a.news) - safetyOf(b.news) || text(a.event, b.event)
/** Whether it came late: what the same source tells of a later moment is known already. */
export const isLate = (fact: OwnFact, known: readonly OwnFact[]): boolean =>
  known.some(one => one.source === fact.source && compare(fact, one) < 0)
const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export function foldOwn(facts: readonly OwnFact[]): Own {
  const known = new Set<string>()
  const sorted = facts.toSorted(compare).filter(one => {
    const name = `${one.source}/${one.event}`
    return !known.has(name) && known.add(name)
  })
  return sorted.reduce(absorb, {})
}

function absorb(own: Own, { source, at, news }: OwnFact): Own {
  switch (news.kind) {
    case 'expiring':
      return { ...own, expiring: laterExpiry(own.expiring, news.about) ?? news.about }
    case 'lapsed':
      return { ...own, lapsed: laterExpiry(own.lapsed, news.about) ?? news.about }
    case 'advised':
      return { ...own, ...renewedBy(own, news), advices: adviceAfter(own, source, at, news) }
    case 'network_token': {
      const { kind: _, ...token } = news
      return { ...own, networkToken: tokenAfter(own.networkToken, token) }
    }
    case 'given':
      return { ...own, given: Math.max(own.given ?? 0, at) }
    case 'blocked':
      return { ...own, blocked: news.reason }
    case 'unblocked': {
      const { blocked: _, ...free } = own
      return free
    }
    case 'replaced':
      return { ...own, replacedBy: news.by }
    case 'merged':
      return { ...own, mergedInto: news.into }
    case 'mandate_paused':
      return withMandate(own, news.binding, before => ({ ...before, paused: news.reason }))
    case 'mandate_resumed':
      return withMandate(own, news.binding, ({ paused: _, ...free }) => free)
    case 'mandate_expiring':
      return withMandate(own, news.binding, before => ({ ...before, expiring: Math.max(before.expiring ?? 0, news.about) }))
    case 'mandate_ended':
      return withMandate(own, news.binding, before => ({ ...before, ended: Math.max(before.ended ?? 0, news.about) }))
    case 'erasing':
      return { ...own, erasure: own.erasure ?? 'erasing' }
    case 'erased':
      return { ...own, erasure: 'erased' }
  }
}

const withMandate = (own: Own, binding: string, change: (before: OwnMandate) => OwnMandate): Own => ({
  ...own,
  mandates: { ...own.mandates, [binding]: change(own.mandates?.[binding] ?? {}) },
})

type Advised = Extract<OwnNews, { kind: 'advised' }>

/** The last word of each source; earlier ones of the same source are history. */
const adviceAfter = (own: Own, source: string, at: number, { advice, about }: Advised): NonNullable<Own['advices']> => [
  ...(own.advices ?? []).filter(one => one.source !== source),
  { source, advice, at, ...(about === undefined ? {} : { about }) },
]

/** Of all that is told the latest expiry counts, and the number that came with it. */
function renewedBy(own: Own, { advice, expiry, last4, cardVersion }: Advised): Pick<Own, 'renewed'> {
  if (advice !== 'A' && advice !== 'E') return {}
  const before = own.renewed
  const newer = before?.expiry === undefined || (expiry !== undefined && compareExpiry(expiry, before.expiry) >= 0)
  if (!newer) return {}
  const told = {
    ...(expiry === undefined ? {} : { expiry }),
    ...(last4 === undefined ? {} : { last4 }),
    ...(cardVersion === undefined ? {} : { cardVersion }),
    ...(advice !== 'A' || expiry === undefined ? {} : { numberSince: expiry }),
  }
  return { renewed: { ...before, ...told } }
}

/** What was deleted stays so; a token provisioned anew has another reference. The living one is shown. */
function tokenAfter(before: NetworkToken | undefined, token: NetworkToken): NetworkToken {
  if (before === undefined || before.reference !== token.reference)
    return before?.status === 'active' && token.status === 'deleted' ? before : token
  return before.status === 'deleted' ? before : { ...before, ...token }
}
