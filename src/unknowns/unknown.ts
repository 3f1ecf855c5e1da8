/**
 * What is in doubt: something was asked or told, and nobody knows how it came out. Not an error but a state, with an age, a next look and
 * something that a person may do. Pure; the rows come from queries.ts.
 *
 *   uncertain   the last attempt has no definite answer; the worker goes on by itself
 *   waiting     a customer, a bank or a channel was to act, and has not for a day
 *   parked      can neither be sent again nor looked up any more, or was refused: a person has to look
 *   news        a channel told something that contradicts or cannot be placed
 *   erasure     is held up by what a channel has not confirmed
 */
import { createHash } from 'node:crypto'
import type { Channel } from '../channels/channel.ts'
import type { LastCollected, Mandate } from '../instruments/mandate.ts'
import { leaseMs, type OperationStatus, type Verb } from '../instruments/operation.ts'
import type { InboxRow, OperationRow } from '../instruments/tables.ts'
import type { Mode } from '../world/world.ts'
import type { Outcome } from './tables.ts'

export const unknownKinds = ['uncertain', 'waiting', 'parked', 'news', 'erasure'] as const
export type UnknownKind = (typeof unknownKinds)[number]

/** As long as a customer has for a challenge: until then waiting is no doubt. */
export const slowMs = 24 * 3_600_000
/** What is due and was not taken for so long is attended by nobody: a turn of the worker is half a second, a lease a minute. */
export const overdueMs = 5 * 60_000

/** One line of the queue, as it is read. */
export type Unknown = {
  readonly kind: UnknownKind
  /** The operation's, or the erasure's subject; of news its binding and what stands for the event. */
  readonly id: string
  /** Null: of news that names nobody we know. */
  readonly tenant: string | null
  readonly mode: Mode
  readonly channel: string | null
  /** What was asked; of news what it tells. */
  readonly what: string
  readonly since: number
  readonly cause: string | null
  readonly tries: number
  readonly next_look_at: number | null
  readonly instrument: string | null
  readonly binding: string | null
  readonly mandate: Mandate | null
  readonly last_collected: LastCollected | null
}

export type Position = { readonly since: number; readonly id: string }

/** Which kind an operation is, if it is in doubt; queries.ts says the same in SQL. */
export function kindOf(row: Pick<OperationRow, 'status' | 'cause' | 'created_at'>, now: number): UnknownKind | undefined {
  if (row.cause === null || row.status === 'settled') return undefined
  if (row.status !== 'waiting') return byStatus[row.status]
  return row.created_at < now - slowMs ? 'waiting' : undefined
}
const byStatus = { open: 'uncertain', parked: 'parked' } as const satisfies Partial<Record<OperationStatus, UnknownKind>>

/** News has no id of its own: its event is the channel's, and may be made of a token. */
export const newsId = ({ binding, channel, mode, event }: Pick<InboxRow, 'binding' | 'channel' | 'mode' | 'event'>): string =>
  `${binding ?? ''}.${createHash('sha256').update(`${channel} ${mode} ${event}`).digest('hex').slice(0, 16)}`

export type Risk = {
  readonly amount: bigint | null
  readonly currency: string | null
  readonly basis: 'mandate' | 'last_charge' | null
  readonly unknown_because: string | null
}

/**
 * What one collection may cost whoever is wrong about it: what the payer agreed to, else what was reported last. A bind itself moves no money.
 * Where neither is known that is said, and it counts as nothing nowhere.
 */
export function moneyAtRisk({ kind, mandate, last_collected }: Pick<Unknown, 'kind' | 'mandate' | 'last_collected'>): Risk {
  const terms = mandate?.terms
  if (terms?.amount !== undefined) return { ...known(terms.amount, terms.currency), basis: 'mandate' }
  if (last_collected !== null) return { ...known(last_collected.amount, last_collected.currency), basis: 'last_charge' }
  return { amount: null, currency: null, basis: null, unknown_because: unknownBecause(kind, mandate) }
}
const known = (amount: string, currency: string) => ({ amount: BigInt(amount), currency, unknown_because: null })

function unknownBecause(kind: UnknownKind, mandate: Mandate | null): string {
  if (kind === 'erasure') return 'an erasure concerns several bindings: see what it waits for'
  if (mandate !== null) return 'the mandate names no amount, and no charge was reported'
  return 'a token carries no amount, and no charge was reported'
}

export type May = { readonly look_up: boolean; readonly outcomes: readonly Outcome[] }
const nothing: May = { look_up: false, outcomes: [] }

/** What a person may do about an operation. What is not looked up by the worker is not looked up by hand either. */
export function mayOf(verb: Verb, channel: Pick<Channel, 'lookUp'> | undefined): May {
  if (verb === 'refresh' || verb === 'update' || verb === 'resend') return { look_up: false, outcomes: ['dismissed'] }
  return { look_up: channel?.lookUp !== undefined, outcomes: verb === 'revoke' ? ['revoked'] : ['bound', 'not_bound'] }
}

/** What told something else before would be learned as if it were news of its own: the first words stand. */
export const contradictsItself = 'the same event told something else before'

const verbs: readonly string[] = ['bind', 'resume', 'resend', 'refresh', 'update', 'revoke'] satisfies readonly Verb[]
const isVerb = (what: string): what is Verb => verbs.includes(what)

export function mayBeDone(one: Pick<Unknown, 'kind' | 'what' | 'cause'>, channel: Pick<Channel, 'lookUp'> | undefined): May {
  if (one.kind === 'erasure') return { look_up: true, outcomes: [] }
  if (one.kind === 'news') return { look_up: one.cause !== contradictsItself, outcomes: ['dismissed'] }
  return isVerb(one.what) ? mayOf(one.what, channel) : nothing
}

/** An attempt may be under way: claimed rows are due within a lease, and so is what is tried again soon anyway. */
export const isLookedAtSoon = ({ status, due_at }: Pick<OperationRow, 'status' | 'due_at'>, now: number): boolean =>
  status === 'open' && due_at !== null && due_at <= now + leaseMs

export type Total = {
  readonly count: number
  readonly oldest_at: number | null
  readonly by_kind: Readonly<Record<UnknownKind, number>>
  readonly by_channel: readonly {
    readonly channel: string | null
    readonly count: number
    readonly oldest_at: number
    readonly money: readonly { readonly currency: string; readonly amount: bigint; readonly count: number }[]
    /** Of how many nobody knows what they may cost. */
    readonly money_unknown: number
  }[]
}

/** Sums of a list that is in order of age. */
export function totalOf(list: readonly Unknown[]): Total {
  const channels = [...new Set(list.map(one => one.channel))].sort((a, b) => ((a ?? '') < (b ?? '') ? -1 : 1))
  return {
    count: list.length,
    oldest_at: oldest(list),
    by_kind: {
      uncertain: countOf(list, 'uncertain'),
      waiting: countOf(list, 'waiting'),
      parked: countOf(list, 'parked'),
      news: countOf(list, 'news'),
      erasure: countOf(list, 'erasure'),
    },
    by_channel: channels.map(channel => {
      const of = list.filter(one => one.channel === channel)
      const risks = of.map(moneyAtRisk)
      const currencies = [...new Set(risks.flatMap(one => one.currency ?? []))].sort()
      const money = currencies.map(currency => {
        const same = risks.filter(one => one.currency === currency)
        return { currency, amount: same.reduce((sum, one) => sum + (one.amount ?? 0n), 0n), count: same.length }
      })
      return {
        channel,
        count: of.length,
        oldest_at: oldest(of) ?? 0,
        money,
        money_unknown: risks.filter(one => one.amount === null).length,
      }
    }),
  }
}
const countOf = (list: readonly Unknown[], kind: UnknownKind): number => list.filter(one => one.kind === kind).length
const oldest = (list: readonly Unknown[]): number | null =>
  list.reduce<number | null>((first, { since }) => (first === null || since < first ? since : first), null)
