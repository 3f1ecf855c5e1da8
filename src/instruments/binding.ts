/**
 * A binding: one instrument × one channel, with its own lifecycle. Its status is the fold of its facts; `uncertain` is laid over it while
 * an operation has no definite answer, so that a late answer always clears it.
 */
import type { Action, Bound, MandateTerms, News, References, RefusalCategory, Shown, Updated } from '../channels/channel.ts'
import { type Foldable, type Folded, fold, type Order } from '../core/fold.ts'
import { lifecycle, next } from '../core/lifecycle.ts'
import { overruled } from './personsWord.ts'

export const bindingLifecycle = lifecycle({
  name: 'binding',
  states: ['initiated', 'challenge', 'verifying', 'uncertain', 'active', 'suspended', 'revoking', 'revoked', 'expired', 'failed'],
  initial: 'initiated',
  terminal: ['revoked', 'failed'],
  edges: [
    { on: 'challenged', from: ['initiated', 'challenge'], to: 'challenge' },
    { on: 'verifying', from: ['initiated', 'challenge', 'verifying'], to: 'verifying' },
    { on: 'bound', from: ['initiated', 'challenge', 'verifying'], to: 'active' },
    // Told again, by another mouth: a webhook beside the answer. What it knows more (a network transaction id) is kept.
    { on: 'bound', from: ['active', 'suspended', 'revoking'], to: 'same' },
    { on: 'refused', from: ['initiated', 'challenge', 'verifying'], to: 'failed' },
    // Our own patience ended. It stands before every definite answer in the fold, so an answer that comes later still counts.
    { on: 'abandoned', from: ['initiated', 'challenge', 'verifying'], to: 'expired' },
    { on: 'bound', from: ['expired'], to: 'active' },
    { on: 'refused', from: ['expired'], to: 'failed' },
    { on: 'suspended', from: ['active', 'suspended'], to: 'suspended' },
    { on: 'resumed', from: ['suspended', 'active'], to: 'active' },
    { on: 'updated', from: ['active', 'suspended', 'revoking'], to: 'same' },
    { on: 'expired', from: ['active', 'suspended'], to: 'expired' },
    { on: 'revoking', from: ['active', 'suspended', 'expired', 'revoking'], to: 'revoking' },
    { on: 'revoked', from: ['initiated', 'challenge', 'verifying', 'active', 'suspended', 'expired', 'revoking'], to: 'revoked' },
    { on: 'revoked', from: ['revoked'], to: 'same' },
    { on: 'revoking', from: ['revoked'], to: 'same' },
    // A bank took its cancellation back, and the channel shows it. What we revoked ourselves stands after it in the fold and stays so.
    { on: 'reinstated', from: ['suspended', 'expired', 'revoking', 'revoked', 'failed'], to: 'active', proven: true },
    { on: 'reinstated', from: ['active'], to: 'same' },
  ],
})

export type BindingStatus = (typeof bindingLifecycle.states)[number]
export type FactKind = (typeof bindingLifecycle.edges)[number]['on']
/** Facts of our own making, beside the channel's news. */
export type OwnNews =
  | { readonly kind: 'abandoned'; readonly reason: string }
  | { readonly kind: 'revoking' }
  /** By the channel's own word its token is good until then, and nothing was told since that gives it longer. */
  | { readonly kind: 'expired'; readonly reason: string; readonly lapsedAtMs: number }
  | Imported
  | {
      readonly kind: 'refused'
      readonly by: 'bindery'
      readonly category: RefusalCategory
      readonly code: string
      readonly elsewhere: false
      readonly references: References
    }
export type AnyNews = News | OwnNews
/** Bound, as another system says that its channel had told it; `terms`: what the payer had agreed to there. */
export type Imported = Bound & { readonly evidence: 'imported'; readonly terms?: MandateTerms }

/** Why it failed. `retry`: what the customer or caller can do about it. */
export type Refusal = {
  readonly by: 'issuer' | 'channel' | 'bindery'
  readonly category: RefusalCategory
  readonly code: string
  readonly message?: string
}

/** News that answers no operation of ours stands after all that binds and before all that revokes. */
export const newsPlace = 1_000
/** Operations that revoke have their places after the channel's own news. */
export const revokePlace = 1_001

const stages: Readonly<Record<FactKind, number>> = {
  challenged: 1,
  verifying: 1,
  abandoned: 2,
  bound: 3,
  refused: 3,
  suspended: 3,
  resumed: 3,
  updated: 3,
  expired: 3,
  revoking: 0,
  revoked: 3,
  reinstated: 3,
}
/** Safer is higher: the state in which less can go wrong prevails where nothing else orders two facts. */
const safety: Readonly<Record<FactKind, number>> = {
  challenged: 0,
  verifying: 1,
  bound: 2,
  resumed: 2,
  updated: 3,
  reinstated: 3,
  suspended: 4,
  abandoned: 5,
  expired: 6,
  refused: 7,
  revoking: 8,
  revoked: 9,
}

export type Fact = Foldable<FactKind> & { readonly news: AnyNews }

/** Where news stands in its binding's fold. `rank`: 1 an answer to a call of ours, 2 the channel's own notice, 3 ourselves. */
export function standing(
  kind: FactKind,
  from: {
    readonly place: number
    readonly rank: number
    readonly sequence?: number | undefined
    readonly at?: number | undefined
    readonly id: string
  },
): Order {
  return {
    ...{ place: from.place, stage: stages[kind], rank: from.rank },
    ...{ sequence: from.sequence ?? 0, at: from.at ?? 0 },
    ...{ safety: safety[kind], id: from.id },
  }
}

export const terminal = (status: BindingStatus): boolean => bindingLifecycle.terminal.some(one => one === status)
/** Whether it holds its slot: it is alive or may come alive. */
export const holdsSlot = (status: BindingStatus): boolean => !terminal(status) && status !== 'expired' && status !== 'revoking'

/** What the customer does next, and other ways to the same end. */
export type NextAction = Action & { readonly alternatives?: readonly Action[] }

/** What is known of a binding from its facts. */
export type Known = {
  readonly status: BindingStatus
  readonly token: string | null
  readonly names: References
  readonly action: NextAction | null
  readonly refusal: Refusal | null
  readonly shown: Shown | undefined
  /** Why it is as it is, in the words of whoever told. */
  readonly reason: string | null
  readonly identity: Bound['identity']
  /** When the token lapses, and from when on it is refreshed. Unix milliseconds. */
  readonly validUntilMs: number | undefined
  readonly refreshAtMs: number | undefined
  readonly network_transaction_id: string | null
  readonly transaction_link_id: string | null
  /** How the customer proved to be its owner when it was bound; null: not at all. */
  readonly proven_by: Action['type'] | null
  /** The last challenge before it was bound. */
  readonly challenge: Action['type'] | null
  /** What it went by before the channel gave another token in its place; the last few. */
  readonly former: readonly string[]
  /** When its end was last taken back, by the teller's clock. */
  readonly reinstatedAt: number | null
}
const formerMax = 10

export const nothingKnown: Known = {
  status: 'initiated',
  token: null,
  names: {},
  action: null,
  refusal: null,
  shown: undefined,
  reason: null,
  identity: undefined,
  validUntilMs: undefined,
  refreshAtMs: undefined,
  network_transaction_id: null,
  transaction_link_id: null,
  proven_by: null,
  challenge: null,
  former: [],
  reinstatedAt: null,
}

/** The reason belongs to the status: it goes when the status does. */
function reasonAfter(known: Known, to: BindingStatus, news: AnyNews): string | null {
  if ('reason' in news && news.reason !== undefined) return news.reason
  if (news.kind === 'reinstated') return news.evidence
  return to === known.status ? known.reason : null
}

/** The first ids of the network stay: they name the charge in which the customer took part. */
function updatedBy(known: Known, news: Updated): Partial<Known> {
  const renamed = news.token !== undefined && known.token !== null && news.token !== known.token
  return {
    token: news.token ?? known.token,
    former: renamed && known.token !== null ? [...known.former, known.token].slice(-formerMax) : known.former,
    shown: shownAfter(known.shown, news.shown),
    validUntilMs: news.validUntilMs ?? known.validUntilMs,
    refreshAtMs: news.refreshAtMs ?? known.refreshAtMs,
    network_transaction_id: known.network_transaction_id ?? news.networkTransactionId ?? null,
    transaction_link_id: known.transaction_link_id ?? news.transactionLinkId ?? null,
  }
}

/** A card's end never comes back: of two that are told the later one counts, whoever told it first, and the number that goes with it. */
function shownAfter(before: Shown | undefined, told: Shown | undefined): Shown | undefined {
  if (told === undefined) return before
  const monthOf = (shown: Shown | undefined): number | undefined =>
    shown?.expiryYear === undefined || shown.expiryMonth === undefined ? undefined : shown.expiryYear * 12 + shown.expiryMonth
  const [had, has] = [monthOf(before), monthOf(told)]
  return had !== undefined && has !== undefined && has < had ? { ...told, ...before } : { ...before, ...told }
}
/** In the place of a token that an erasure took out: there is none that could be named. */
export const forgottenToken = ''
const named = (token: string): string | null => (token === forgottenToken ? null : token)

/** What one applied fact adds to what is known. */
function absorb(known: Known, fact: Fact): Known {
  const to = next(bindingLifecycle, known.status, fact.on)
  if (to === undefined) return known
  const news = fact.news
  const names = 'references' in news && news.references !== undefined ? { ...known.names, ...news.references } : known.names
  const base: Known = {
    ...known,
    status: to,
    names,
    action: to === 'challenge' ? known.action : null,
    reason: reasonAfter(known, to, news),
  }
  switch (news.kind) {
    case 'challenged':
      return {
        ...base,
        challenge: news.action.type,
        action: news.alternatives === undefined ? news.action : { ...news.action, alternatives: news.alternatives },
      }
    case 'bound':
      return {
        ...base,
        token: known.token ?? named(news.token),
        refusal: null,
        proven_by: known.proven_by ?? known.challenge,
        shown: news.shown ?? known.shown,
        identity: news.identity ?? known.identity,
        validUntilMs: news.validUntilMs ?? known.validUntilMs,
        refreshAtMs: news.refreshAtMs ?? known.refreshAtMs,
        network_transaction_id: news.networkTransactionId ?? known.network_transaction_id,
        transaction_link_id: news.transactionLinkId ?? known.transaction_link_id,
      }
    case 'refused':
      return {
        ...base,
        refusal: {
          by: news.by,
          category: news.category,
          code: news.code,
          ...('message' in news && news.message !== undefined ? { message: news.message } : {}),
        },
      }
    case 'updated':
      return { ...base, ...updatedBy(known, news) }
    case 'reinstated':
      return {
        ...base,
        token: known.token ?? news.token ?? null,
        refusal: null,
        reinstatedAt: fact.order.at > 0 ? fact.order.at : null,
        validUntilMs: stillValid(known, fact),
      }
    default:
      return base
  }
}

/** Shown to be alive after the end that had been told, it is good until another is. */
const stillValid = ({ validUntilMs }: Known, { order }: Fact): number | undefined =>
  validUntilMs !== undefined && order.at >= validUntilMs ? undefined : validUntilMs

const lapsedAt = ({ news }: Fact): number | undefined => (news.kind === 'expired' && 'lapsedAtMs' in news ? news.lapsedAtMs : undefined)
const given = 'by the channel’s word the token is good for longer'

/**
 * What a set of facts says. A person's word holds until the channel gives its own. That a token lapsed is what the clock makes of the channel's
 * word: where that gives it longer (a refresh whose answer came late), it did not lapse.
 */
export function foldBinding(facts: readonly Fact[]): { readonly known: Known; readonly folded: Folded<BindingStatus, Fact> } {
  const lapses = facts.filter(one => lapsedAt(one) !== undefined)
  const persons = overruled(facts)
  if (lapses.length + persons.length === 0) return folding(facts)
  const others = facts.filter(one => !persons.some(({ fact }) => fact === one))
  const { validUntilMs = Number.POSITIVE_INFINITY } = folding(others.filter(one => lapsedAt(one) === undefined)).known
  const premature = lapses.filter(one => (lapsedAt(one) ?? 0) < validUntilMs)
  const { known, folded } = folding(others.filter(one => !premature.includes(one)))
  return { known, folded: { ...folded, ignored: [...folded.ignored, ...persons, ...premature.map(fact => ({ fact, reason: given }))] } }
}

function folding(facts: readonly Fact[]): { readonly known: Known; readonly folded: Folded<BindingStatus, Fact> } {
  const folded = fold(bindingLifecycle, facts)
  return { known: folded.applied.reduce(absorb, nothingKnown), folded }
}

/** `uncertain` is derived: an operation that binds has no definite answer, and no fact has decided. */
export function overlay(status: BindingStatus, unanswered: boolean): BindingStatus {
  return unanswered && (status === 'initiated' || status === 'challenge' || status === 'verifying') ? 'uncertain' : status
}
