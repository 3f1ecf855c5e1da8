/** A fact as it is kept, with its place in the fold of its binding. */

import type { Moment } from '../channels/channel.ts'
import type { Folded } from '../core/fold.ts'
import { same } from '../core/same.ts'
import { type AnyNews, type BindingStatus, type Fact, type FactKind, foldBinding, newsPlace, standing } from './binding.ts'
import type { Minds, Rows } from './decide.ts'
import type { FactRow, OperationRow } from './tables.ts'

/** News, and who told it. `event` is unique at its source. Rank 1: an answer to a call of ours, 2: the channel's own notice, 3: ourselves, 4: a person. */
export type NewFact = {
  readonly source: string
  readonly event: string
  readonly news: AnyNews
  readonly operation?: string
  readonly rank: 1 | 2 | 3 | 4
  readonly moment?: Moment
  readonly request?: string
}

/** A teller's clock may go before ours by as much as the age of a signature may differ: what is dated later has not happened yet. */
export const aheadMs = 5 * 60_000

/** What a piece of news is known by, of a binding or of an instrument itself. */
export const eventOf = ({ source, event }: { readonly source: string; readonly event: string }): string => `${source}/${event}`

/** Told twice in one breath it is told once. */
export const firstOfEach = <F extends { readonly source: string; readonly event: string }>(told: readonly F[]): readonly F[] =>
  told.filter((one, i) => told.findIndex(other => eventOf(other) === eventOf(one)) === i)

export const asFact = (row: Omit<FactRow, 'version'>): Fact => ({ on: row.kind, order: row.standing, news: row.news })

/** Channels echo the operation that began a binding in whatever they tell of it for years: only what can answer that operation does. */
const answers = (kind: FactKind, { verb }: OperationRow): boolean =>
  verb === 'revoke'
    ? kind === 'revoking' || kind === 'revoked' || kind === 'refused'
    : kind === 'challenged' || kind === 'verifying' || kind === 'bound' || kind === 'refused'

/**
 * What a channel says of times to come, as the customer's clock will show it: where that is a test clock, the channel's stands elsewhere. By its own
 * a token would lapse before it was to be refreshed.
 */
function onCustomersClock({ news, rank }: NewFact, { instrument }: Rows, { now, customerNow }: Minds): AnyNews {
  return instrument.clock === null || rank > 2 ? news : withTimes(news, at => at + customerNow - now)
}

/** Whether one event told the same twice. On a test clock times to come are told apart by when they were heard, and are passed over. */
export function tellsTheSame(one: AnyNews, other: AnyNews, clock: string | null): boolean {
  const told = (news: AnyNews): AnyNews => (clock === null ? news : withTimes(news, () => 0))
  return same(told(one), told(other))
}

function withTimes(news: AnyNews, shift: (at: number) => number): AnyNews {
  if (news.kind === 'challenged') {
    const { expiresAtMs } = news.action
    return expiresAtMs === undefined ? news : { ...news, action: { ...news.action, expiresAtMs: shift(expiresAtMs) } }
  }
  if (news.kind !== 'bound' && news.kind !== 'updated') return news
  const { validUntilMs, refreshAtMs } = news
  return {
    ...news,
    ...(validUntilMs === undefined ? {} : { validUntilMs: shift(validUntilMs) }),
    ...(refreshAtMs === undefined ? {} : { refreshAtMs: shift(refreshAtMs) }),
  }
}

export function factRow(rows: Rows, fact: NewFact, minds: Minds): FactRow {
  const kind: FactKind = fact.news.kind
  const named = fact.operation === undefined ? undefined : rows.operations.find(one => one.id === fact.operation)
  const answered = named !== undefined && (fact.rank !== 2 || answers(kind, named)) ? named : undefined
  const order = standing(kind, {
    place: answered?.place ?? newsPlace,
    rank: fact.rank,
    sequence: fact.moment?.sequence,
    at: fact.moment?.atMs,
    id: `${fact.source}/${fact.event}`,
  })
  return {
    tenant: rows.binding.tenant,
    id: minds.mint('fct', rows.binding.customer),
    instrument: rows.binding.instrument,
    binding: rows.binding.id,
    source: fact.source,
    source_event: fact.event,
    kind,
    operation: answered?.id ?? null,
    standing: order,
    news: onCustomersClock(fact, rows, minds),
    effective_at: fact.moment?.atMs ?? minds.now,
    seen_at: minds.now,
    request: fact.request ?? null,
    version: 1,
  }
}

/**
 * Whether what was told of this binding last was wrong: a fact that came late stands before the one that had made its status, and with it that
 * one no longer leads there. `now`: the fold of all facts, the late one among them.
 */
export function contradicted(told: readonly FactRow[], now: Folded<BindingStatus, Fact>): boolean {
  const before = foldBinding(told.map(asFact)).folded
  const last = before.applied.at(-1)
  if (last === undefined) return false
  const place = now.applied.findIndex(one => one.order.id === last.order.id)
  return place < 0 || now.states[place] !== before.status
}
