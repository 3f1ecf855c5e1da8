/**
 * What follows from news about a binding: a pure decision over rows that were read, giving the rows as they will be and the writes that
 * make them so. `learn.ts` commits it.
 */
import { type ChannelName, type References, unfindable } from '../channels/channel.ts'
import type { IdPrefix } from '../core/id.ts'
import { same } from '../core/same.ts'
import { insert, moveTo, type Write } from '../world/store.ts'
import { type FactKind, foldBinding, holdsSlot, type Known, overlay } from './binding.ts'
import { asFact, factRow, type NewFact } from './fact.ts'
import { failOver } from './failover.ts'
import { forgetFact, forgetOperation, isForgotten } from './forget.ts'
import { derive } from './instrument.ts'
import { notice } from './notice.ts'
import { type OperationStatus, patienceMs, untilMax, waitMs } from './operation.ts'
import { planRefresh } from './refresh.ts'
import { planRevoke, revivedToken, strayToken, unwanted } from './revoke.ts'
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
  slotOf,
} from './tables.ts'

export type Rows = {
  readonly instrument: InstrumentRow
  readonly binding: BindingRow
  /** The instrument's other bindings. */
  readonly siblings: readonly BindingRow[]
  /** All operations of this binding. */
  readonly operations: readonly OperationRow[]
  readonly facts: readonly FactRow[]
}

export type Change = {
  readonly facts: readonly NewFact[]
  /** An attempt that ended without a definite answer: when to try again, what it waits for, or that a person has to look. */
  readonly attempt?: {
    readonly operation: string
    readonly cause: string
    readonly becomes: OperationStatus
    readonly dueAt: number | null
    readonly references?: References
  }
}

export type Minds = {
  readonly now: number
  readonly mint: (prefix: IdPrefix, near: string) => string
  readonly canLookUp: (channel: ChannelName) => boolean
  readonly canRefresh: (channel: ChannelName) => boolean
  /** Where the browser comes back to after a challenge of this operation. */
  readonly returnUrl: (operation: string) => string
  /** Whether there is an account for this channel. */
  readonly open: (channel: ChannelName) => boolean
}

export type Decision = {
  readonly writes: readonly Write[]
  readonly instrument: Omit<InstrumentRow, 'version'>
  /** All bindings of the instrument as they will be. */
  readonly bindings: readonly Omit<BindingRow, 'version'>[]
  /** Operations that came into being: to be carried out. */
  readonly next: readonly Omit<OperationRow, 'version'>[]
}

export function decide(rows: Rows, change: Change, minds: Minds): Decision {
  const heard = change.facts.map(one => factRow(rows, one, minds))
  const { known: said, folded: fold } = foldBinding([...rows.facts, ...heard].map(asFact))
  const alive = said.status === 'active' || said.status === 'suspended'
  const stray = strayToken(rows, heard, fold.ignored) ?? revivedToken(rows, heard, said)
  const planned = (alive && unwanted(rows)) || stray !== undefined ? planRevoke(rows, stray, minds) : undefined
  // Of what was erased nothing is kept that is told now, but what is needed to give up what came alive, until it is.
  const forgotten = isForgotten(rows.instrument)
  const fresh = forgotten ? heard.map(forgetFact) : heard
  const known = forgotten ? foldBinding([...rows.facts, ...fresh].map(asFact)).known : said
  const revoke = planned === undefined || !forgotten ? planned : { ...planned, operation: naming(planned.operation, said) }
  const status = revoke?.fact === undefined ? known.status : 'revoking'
  const settled = settle(rows, change, status, fresh, minds)
  const after = { ...rows, operations: settled.map(([, one]) => one) }
  const refresh = revoke === undefined && alive ? planRefresh(after, known, minds) : undefined
  const added = (revoke === undefined ? 0 : 1) + (refresh === undefined ? 0 : 1)
  const folded = bindingAfter(rows.binding, { ...known, status }, settled, added, minds.now)
  const other = failOver(rows, { known, change: fresh, binding: folded }, minds)
  const others = [...rows.siblings, ...(other === undefined ? [] : [other.binding])]
  const derived = derive(rows.instrument, [...others, folded])
  const visible = differs(rows.instrument, derived, ['status', 'display', 'reasons']) || differs(rows.binding, folded, shownOfBinding)
  const sequence = rows.instrument.sequence + 1
  const binding: BindingRow = visible ? { ...folded, notified: sequence } : folded
  const all = [...others, binding].sort((a, b) => (a.id < b.id ? -1 : 1))
  const instrument: InstrumentRow = visible
    ? { ...rows.instrument, ...derived, card_version: sealedVersion(rows, binding), sequence, updated_at: minds.now }
    : rows.instrument
  const writes: Write[] = [...fresh, ...(revoke?.fact === undefined ? [] : [revoke.fact])].map(one => insert(facts, one))
  writes.push(moveTo(bindings, rows.binding, binding))
  for (const [before, after] of settled) if (after !== before) writes.push(moveTo(operations, before, after))
  // What is given up keeps no names: the same token may be another binding's.
  if (revoke === undefined) writes.push(...nameWrites(rows.binding, binding))
  if (revoke === undefined) writes.push(...identityWrites(rows, known))
  if (revoke !== undefined) writes.push(insert(operations, revoke.operation))
  if (refresh !== undefined) writes.push(insert(operations, refresh))
  if (other !== undefined) writes.push(insert(bindings, other.binding), insert(operations, other.operation))
  if (visible)
    writes.push(
      moveTo(instruments, rows.instrument, instrument),
      notice({ before: rows, instrument, binding, all, corrects: contradicted(rows, fresh) }, minds),
    )
  return {
    writes,
    instrument,
    bindings: all,
    next: [...(revoke === undefined ? [] : [revoke.operation]), ...(other === undefined ? [] : [other.operation])],
  }
}

/** The binding itself keeps no token and no names any more. */
const naming = (operation: OperationRow, { token, names }: Known): OperationRow => ({
  ...operation,
  input: { references: names, ...(token === null ? {} : { token }), ...operation.input },
})

/** What of a binding goes out in notices. */
const shownOfBinding = ['status', 'token', 'action', 'reason', 'shown'] as const

/** Whether any of these would be told differently. */
export function differs<T extends object, K extends keyof T>(before: T, after: Pick<T, K>, names: readonly K[]): boolean {
  return names.some(name => !same(before[name], after[name]))
}

/**
 * Whether what was told of this binding last was wrong: a fact that came late stands before the one that had made its status, and with it that
 * one no longer leads there.
 */
function contradicted(rows: Rows, fresh: readonly FactRow[]): boolean {
  const before = foldBinding(rows.facts.map(asFact)).folded
  const last = before.applied.at(-1)
  if (last === undefined || fresh.length === 0) return false
  const after = foldBinding([...rows.facts, ...fresh].map(asFact)).folded
  const place = after.applied.findIndex(one => one.order.id === last.order.id)
  return place < 0 || after.states[place] !== before.status
}

/** Each operation beside what becomes of it. */
function settle(
  rows: Rows,
  change: Change,
  status: BindingRow['status'],
  fresh: readonly FactRow[],
  minds: Minds,
): readonly (readonly [OperationRow, OperationRow])[] {
  const until = untilOf(fresh)
  const all = rows.operations.map(row => {
    if (row.status === 'settled') return [row, row] as const
    if (isDecided(row, status, fresh)) return [row, { ...row, status: 'settled', due_at: null }] as const
    const answer = fresh.find(one => one.operation === row.id)
    if (answer !== undefined) return [row, answered(row, answer.kind, until, minds)] as const
    if (row.status === 'waiting' && status === 'verifying' && row.cause !== 'verifying')
      return [row, answered(row, 'verifying', until, minds)] as const
    // Another operation's answer, or news, gives the customer longer than the first challenge did.
    if (row.status === 'waiting' && row.cause === 'challenge' && until > (row.input.until ?? 0))
      return [row, answered(row, 'challenged', until, minds)] as const
    const attempt = change.attempt
    if (attempt?.operation !== row.id) return [row, row] as const
    const input =
      attempt.references === undefined ? row.input : { ...row.input, references: { ...row.input.references, ...attempt.references } }
    return [row, { ...row, status: attempt.becomes, cause: attempt.cause, due_at: attempt.dueAt, input }] as const
  })
  if (!isForgotten(rows.instrument)) return all
  return all.map(([row, after]) => [row, after !== row && after.status === 'settled' ? forgetOperation(after) : after] as const)
}

/** Nothing is left to be asked: what binds has an end, what is revoked is gone, and what has ended needs no refreshing. */
function isDecided(row: OperationRow, status: BindingRow['status'], fresh: readonly FactRow[]): boolean {
  // What names its own token is not the binding's end, and is asked for itself.
  const ended = status === 'revoked' && row.input.token === undefined
  if (row.verb === 'revoke') return ended || fresh.some(one => one.operation === row.id && one.kind === 'revoked')
  if (row.verb === 'refresh') return !['active', 'suspended'].includes(status)
  // That our own patience ended, or that another try was refused, answers nothing of a try that may have been taken: the first of two
  // passwords whose answer was lost, or what a person was asked to look into.
  const unanswered = row.status === 'parked' || (row.verb === 'resume' && row.status === 'open' && row.cause !== null)
  if (unanswered && (status === 'expired' || status === 'failed')) return false
  return status !== 'initiated' && status !== 'challenge' && status !== 'verifying'
}

/** Until when the channel gives the customer time, by what was told now. */
function untilOf(fresh: readonly FactRow[]): number {
  return fresh.reduce((last, { news }) => (news.kind === 'challenged' ? Math.max(last, news.action.expiresAtMs ?? 0) : last), 0)
}

/** An answer that asks for patience: the bind waits for the customer or its bank and is looked up now and then. */
function answered(row: OperationRow, kind: FactKind, until: number, minds: Minds): OperationRow {
  if (row.verb !== 'bind' || (kind !== 'challenged' && kind !== 'verifying')) {
    // A revoke that was refused: the token is still alive over there, and a person has to look.
    return row.verb === 'revoke'
      ? { ...row, status: 'parked', cause: 'the channel refused to revoke', due_at: null }
      : { ...row, status: 'settled', due_at: null }
  }
  const cause = kind === 'challenged' ? 'challenge' : 'verifying'
  const given = Math.min(Math.max(until, row.input.until ?? 0), row.created_at + untilMax)
  const end = Math.max(row.created_at + patienceMs(cause), given)
  return {
    ...row,
    status: 'waiting',
    cause,
    input: given > 0 ? { ...row.input, until: given } : row.input,
    due_at: minds.canLookUp(row.channel) ? Math.min(end, minds.now + waitMs(minds.now - row.created_at)) : end,
  }
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
  const status = overlay(known.status, unanswered)
  const operationsCount = before.operations + added
  return {
    ...before,
    status,
    slot: holdsSlot(status) ? slotOf(before) : null,
    token: known.token,
    names: same(before.names, known.names) ? before.names : known.names,
    // Also while an answer is owed: the customer may still be before the bank's page.
    action: known.status === 'challenge' ? known.action : null,
    refusal: known.refusal,
    network_transaction_id: known.network_transaction_id,
    transaction_link_id: known.transaction_link_id,
    shown: known.shown ?? null,
    reason: known.reason,
    operations: operationsCount,
    updated_at: now,
  }
}

/** What the customer waits for: without its answer the binding is uncertain. */
export const isAsking = (verb: OperationRow['verb']): boolean => verb === 'bind' || verb === 'resume'

/** A card that a channel took is the one to bind elsewhere with. */
function sealedVersion(rows: Rows, after: BindingRow): number {
  if (after.status !== 'active') return rows.instrument.card_version
  const sealed = rows.operations.find(one => one.verb === 'bind')?.input.cardVersion ?? 1
  return Math.max(sealed, rows.instrument.card_version)
}

/** A wallet's or account's own name is known once the customer has approved. Where another instrument has it, it stays there (learn.ts). */
function identityWrites(rows: Rows, known: Known): Write[] {
  const { identity } = known
  if (identity === undefined || rows.facts.some(one => one.news.kind === 'bound' && one.news.identity?.value === identity.value)) return []
  const { tenant, customer, instrument, channel } = rows.binding
  const value = identity.kind === 'wallet' || identity.kind === 'account' ? `${channel}:${identity.value}` : identity.value
  return [insert(identities, { tenant, customer, kind: identity.kind, value, instrument, created_at: rows.binding.created_at })]
}

/** Names by which later news may find the binding: what the channel gave, but not what is shared or a state of the conversation. */
function nameWrites(before: BindingRow, after: BindingRow): Write[] {
  const had = new Set(namesOf(before))
  return namesOf(after)
    .filter(name => !had.has(name))
    .map(name => insert(channelNames, { channel: after.channel, mode: after.mode, name, tenant: after.tenant, binding: after.id }))
}

function namesOf(row: BindingRow): string[] {
  const names = Object.entries(row.names).flatMap(([kind, name]) => (unfindable.has(kind) ? [] : [name]))
  if (row.token !== null) names.push(row.token)
  return [...new Set(names)]
}
