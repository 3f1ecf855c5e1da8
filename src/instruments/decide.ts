/**
 * What follows from news about a binding: a pure decision over rows that were read, giving the rows as they will be and the writes that
 * make them so. `learn.ts` commits it.
 */
import { type Bound, type ChannelName, type MandateRules, type References, unfindable } from '../channels/channel.ts'
import { same } from '../core/same.ts'
import { insert, moveTo, type Write } from '../world/store.ts'
import { declineWrites } from './admit.ts'
import { type Known, overlay } from './binding.ts'
import { takenBy } from './cardVersion.ts'
import { deaths, planDeath } from './death.ts'
import { contradicted, type NewFact } from './fact.ts'
import { failOver } from './failover.ts'
import { foldedColumns } from './folded.ts'
import { derive } from './instrument.ts'
import { notice } from './notice.ts'
import { isAsking, type OperationStatus } from './operation.ts'
import { operationsAfter } from './operationsAfter.ts'
import { follow, type SpreadMinds } from './propagate.ts'
import { planRefresh } from './refresh.ts'
import { weigh } from './revoke.ts'
import { sharingWrites } from './sharing.ts'
import {
  type BindingRow,
  bindings,
  channelNames,
  type FactRow,
  facts,
  type InstrumentRow,
  identities,
  instruments,
  type OperationRow,
  operations,
} from './tables.ts'

export type Rows = {
  readonly instrument: InstrumentRow
  readonly binding: BindingRow
  /** The instrument's other bindings. */
  readonly siblings: readonly BindingRow[]
  /** All operations of this binding. */
  readonly operations: readonly OperationRow[]
  readonly facts: readonly FactRow[]
  /** It would come alive beside as many customers as may share it. */
  readonly crowded?: boolean
}

export type Change = {
  readonly facts: readonly NewFact[]
  /** An attempt that ended without a definite answer: when to try again, what it waits for, or that a person has to look. */
  readonly attempt?: {
    readonly operation: string
    readonly cause: string
    readonly becomes: OperationStatus
    readonly dueAt: number | null
    /** The test clock on which `dueAt` stands; without it, it is real. */
    readonly clock?: string | null
    readonly references?: References
    /** When it began by the customer's test clock, where it waits there from now on. */
    readonly sinceMs?: number
  }
}

export type Minds = SpreadMinds & {
  /** The time of the customer whose binding it is: a test clock's, where there is one. */
  readonly customerNow: number
  readonly canLookUp: (channel: ChannelName) => boolean
  /** Somebody has switched the channel off. */
  readonly isOff: (channel: ChannelName) => boolean
  readonly canRefresh: (channel: ChannelName) => boolean
  /** What this channel does with mandates by itself. */
  readonly mandates: (channel: ChannelName) => MandateRules | undefined
  readonly customersMax: number
}

export type Decision = {
  readonly writes: readonly Write[]
  readonly instrument: Omit<InstrumentRow, 'version'>
  /** All bindings of the instrument as they will be. */
  readonly bindings: readonly Omit<BindingRow, 'version'>[]
  /** Operations that came into being: to be carried out. */
  readonly next: readonly Omit<OperationRow, 'version'>[]
  /** Of the channel's own notices those that were told before in other words: the first stand. */
  readonly contradicted?: readonly NewFact[]
}

export function decide(rows: Rows, change: Change, minds: Minds): Decision {
  const { fresh, told, alive, forgotten, revoke } = weigh(rows, change, minds)
  const { known } = told
  const status = revoke?.fact === undefined ? known.status : 'revoking'
  const settled = operationsAfter(rows, change, { ...known, status }, fresh, minds)
  const after = { ...rows, operations: settled.map(([, one]) => one) }
  const refresh = revoke === undefined && alive ? planRefresh(after, known, minds) : undefined
  const added = (revoke === undefined ? 0 : 1) + (refresh === undefined ? 0 : 1)
  const first = bindingAfter(rows.binding, { ...known, status }, settled, added, minds.now)
  const other = failOver(rows, { known, change: fresh, binding: first }, minds)
  const beside = [...rows.siblings, ...(other === undefined ? [] : [other.binding])]
  const sequence = rows.instrument.sequence + 1
  const following = follow({ instrument: rows.instrument, binding: first, others: beside, sequence }, minds)
  const { binding: folded, others, made } = following
  const derived = derive(rows.instrument, [...others, folded])
  const changed = differs(rows.instrument, derived, ['status', 'display', 'reasons']) || differs(rows.binding, folded, shownOfBinding)
  const visible = changed || made.operations.length > 0
  const binding: BindingRow = visible ? { ...folded, notified: sequence } : folded
  const all = [...others, binding].sort((a, b) => (a.id < b.id ? -1 : 1))
  const card_version = Math.max(rows.instrument.card_version, takenBy([...rows.facts, ...fresh], rows.operations))
  const next: InstrumentRow = { ...rows.instrument, ...derived, card_version, versions: made.versions, updated_at: minds.now }
  const telling = { before: { ...rows, all: [...rows.siblings, rows.binding] }, instrument: next, binding, all }
  const notices = visible ? notice({ ...telling, corrects: contradicted(rows.facts, told.folded) }, minds) : undefined
  const quiet = quietly(rows.instrument, { due_at: derived.due_at, card_version })
  const instrument: InstrumentRow = notices === undefined ? quiet : { ...next, sequence: notices.sequence }
  const writes: Write[] = [...fresh, ...(revoke?.fact === undefined ? [] : [revoke.fact])].map(one => insert(facts, one))
  writes.push(moveTo(bindings, rows.binding, binding))
  for (const [before, after] of settled) if (after !== before) writes.push(moveTo(operations, before, after))
  if (!forgotten) writes.push(...nameWrites(rows, fresh), ...identityWrites(rows, fresh))
  if (revoke !== undefined) writes.push(insert(operations, revoke.operation))
  if (refresh !== undefined) writes.push(insert(operations, refresh))
  const death = planDeath(rows, binding, minds)
  if (death !== undefined) writes.push(insert(deaths, death))
  if (other !== undefined) writes.push(insert(bindings, other.binding), insert(operations, other.operation))
  writes.push(...following.writes)
  if (other === undefined) writes.push(...declineWrites(rows, fresh, { status }, minds.now))
  if (instrument !== rows.instrument)
    writes.push(moveTo(instruments, rows.instrument, instrument), ...sharingWrites(rows.instrument, instrument, minds.customersMax))
  if (notices !== undefined) writes.push(...notices.writes)
  return {
    writes,
    instrument,
    bindings: all,
    next: [...(revoke === undefined ? [] : [revoke.operation]), ...(other === undefined ? [] : [other.operation])],
  }
}

/** A token that is good for longer, or a version that a channel took, is no news to anybody. */
const quietly = (row: InstrumentRow, set: Pick<InstrumentRow, 'due_at' | 'card_version'>): InstrumentRow =>
  set.due_at === row.due_at && set.card_version === row.card_version ? row : { ...row, ...set }

/** What of a binding goes out in notices, and may change. */
const shownOfBinding = [
  'status',
  'token',
  'action',
  'reason',
  'shown',
  'refusal',
  'mandate',
  'network_transaction_id',
  'transaction_link_id',
] as const satisfies readonly (keyof BindingRow)[]

/** Whether any of these would be told differently. */
export function differs<T extends object, K extends keyof T>(before: T, after: Pick<T, K>, names: readonly K[]): boolean {
  return names.some(name => !same(before[name], after[name]))
}

function bindingAfter(
  before: BindingRow,
  known: Known,
  settled: readonly (readonly [OperationRow, OperationRow])[],
  added: number,
  now: number,
): BindingRow {
  const unanswered = settled.some(
    ([, row]) => isAsking(row.verb) && row.cause !== null && (row.status === 'open' || row.status === 'parked'),
  )
  return {
    ...before,
    ...foldedColumns(before, known, overlay(known.status, unanswered)),
    names: same(before.names, known.names) ? before.names : known.names,
    operations: before.operations + added,
    updated_at: now,
  }
}

/**
 * A wallet's or account's own name is known once the customer has approved. Which instrument has it where several are told it is not decided
 * here (learn.ts). Whatever is told counts, also what the fold passes over: else it would depend on what was known when it came.
 */
function identityWrites(rows: Rows, fresh: readonly FactRow[]): Write[] {
  if (rows.instrument.unbound_at !== null) return []
  const { tenant, customer, instrument, channel } = rows.binding
  const had = new Set(identitiesIn(rows.facts).map(one => `${one.kind} ${one.value}`))
  const told = new Map(identitiesIn(fresh).map(one => [`${one.kind} ${one.value}`, one]))
  return [...told]
    .filter(([name]) => !had.has(name))
    .map(([, { kind, value: named }]) => {
      const value = kind === 'wallet' || kind === 'account' ? `${channel}:${named}` : named
      return insert(identities, { tenant, customer, kind, value, instrument, created_at: rows.binding.created_at })
    })
}

const identitiesIn = (told: readonly FactRow[]): readonly NonNullable<Bound['identity']>[] =>
  told.flatMap(({ news }) => (news.kind === 'bound' && news.identity !== undefined ? [news.identity] : []))

/** Names by which later news may find the binding: what the channel gave, but not what is shared or a state of the conversation. */
function nameWrites(rows: Rows, fresh: readonly FactRow[]): Write[] {
  const { tenant, channel, mode, id } = rows.binding
  const had = new Set(namesIn(rows.facts))
  return [...new Set(namesIn(fresh))]
    .filter(name => !had.has(name))
    .map(name => insert(channelNames, { channel, mode, name, tenant, binding: id }))
}

const namesIn = (told: readonly FactRow[]): readonly string[] =>
  told.flatMap(({ news }) => {
    const references = 'references' in news && news.references !== undefined ? Object.entries(news.references) : []
    const names = references.flatMap(([kind, name]) => (unfindable.has(kind) ? [] : [name]))
    return 'token' in news && news.token !== undefined ? [...names, news.token] : names
  })
