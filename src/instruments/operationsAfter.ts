/** What becomes of a binding's operations with what was told or tried: which are settled, and when the others are due again. */
import type { FactKind, Known } from './binding.ts'
import type { Change, Minds, Rows } from './decide.ts'
import { forgetOperation, isForgotten } from './forget.ts'
import { patienceEnd, sinceOf, untilMax, waitMs } from './operation.ts'
import type { BindingRow, FactRow, OperationRow } from './tables.ts'

/** Each operation beside what becomes of it. */
export function operationsAfter(
  rows: Rows,
  change: Change,
  { status, token, refreshAtMs }: Pick<Known, 'status' | 'token' | 'refreshAtMs'>,
  fresh: readonly FactRow[],
  minds: Minds,
): readonly (readonly [OperationRow, OperationRow])[] {
  const named = rows.binding.token === null && token !== null
  const until = untilOf(fresh)
  const { clock } = rows.instrument
  const all = rows.operations.map(row => {
    if (row.status === 'settled') return [row, row] as const
    if (isDecided(row, status, fresh) || isOvertaken(row, refreshAtMs)) return [row, { ...row, status: 'settled', due_at: null }] as const
    // It had to be given up before anybody knew by which name.
    if (named && row.verb === 'revoke' && row.input.token === undefined && row.status !== 'waiting')
      return [row, { ...row, status: 'open', tries: 0, cause: null, due_at: minds.now }] as const
    const answer = fresh.find(one => one.operation === row.id)
    if (answer !== undefined) return [row, answered(row, answer.kind, { until, clock }, minds)] as const
    if (row.status === 'waiting' && status === 'verifying' && row.cause !== 'verifying')
      return [row, answered(row, 'verifying', { until, clock }, minds)] as const
    // Another operation's answer, or news, gives the customer longer than the first challenge did.
    if (row.status === 'waiting' && row.cause === 'challenge' && until > (row.input.until ?? 0))
      return [row, answered(row, 'challenged', { until, clock }, minds)] as const
    const attempt = change.attempt
    if (attempt?.operation !== row.id) return [row, row] as const
    const knows =
      attempt.references === undefined ? row.input : { ...row.input, references: { ...row.input.references, ...attempt.references } }
    const input = attempt.sinceMs === undefined ? knows : { ...knows, sinceMs: attempt.sinceMs }
    const due = { due_at: attempt.dueAt, clock: attempt.clock ?? null }
    return [row, { ...row, status: attempt.becomes, cause: attempt.cause, ...due, input }] as const
  })
  if (!isForgotten(rows.instrument)) return all
  return all.map(([row, after]) => [row, after !== row && after.status === 'settled' ? forgetOperation(after) : after] as const)
}

/** Planned for a moment that has moved since: another refresh came before it, and this one would exchange a token that is newer than its place. */
const isOvertaken = ({ verb, tries, input }: OperationRow, refreshAtMs: number | undefined): boolean =>
  verb === 'refresh' && tries === 0 && input.refreshAtMs !== undefined && refreshAtMs !== undefined && input.refreshAtMs < refreshAtMs

/** A token lapsed while nobody knew whether the channel had given a newer one: it may hold that, and a person has to look. */
export const mayHaveRenewed = (row: Pick<OperationRow, 'verb' | 'status' | 'cause'>, status: BindingRow['status']): boolean =>
  row.verb === 'refresh' && status === 'expired' && (row.status === 'parked' || (row.status === 'open' && row.cause !== null))

/** Nothing is left to be asked: what binds has an end, what is revoked is gone, and what has ended needs no refreshing. */
function isDecided(row: OperationRow, status: BindingRow['status'], fresh: readonly FactRow[]): boolean {
  // What names its own token is not the binding's end, and is asked for itself.
  const ended = status === 'revoked' && row.input.token === undefined
  if (row.verb === 'revoke') return ended || fresh.some(one => one.operation === row.id && one.kind === 'revoked')
  if (row.verb === 'refresh' || row.verb === 'update') return !['active', 'suspended'].includes(status) && !mayHaveRenewed(row, status)
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

/**
 * An answer that asks for patience: the bind waits for the customer or its bank and is looked up now and then. Where the customer lives on a
 * test clock, this waiting does too.
 */
function answered(
  row: OperationRow,
  kind: FactKind,
  of: { readonly until: number; readonly clock: string | null },
  minds: Minds,
): OperationRow {
  if (row.verb !== 'bind' || (kind !== 'challenged' && kind !== 'verifying')) {
    // A revoke that was refused: the token is still alive over there, and a person has to look.
    return row.verb === 'revoke'
      ? { ...row, status: 'parked', cause: 'the channel refused to revoke', due_at: null }
      : { ...row, status: 'settled', due_at: null }
  }
  const cause = kind === 'challenged' ? 'challenge' : 'verifying'
  const since = sinceOf(row, minds)
  const given = Math.min(Math.max(of.until, row.input.until ?? 0), since + untilMax)
  const input = given > 0 ? { ...row.input, until: given } : row.input
  const end = patienceEnd({ cause, input }, since)
  return {
    ...row,
    status: 'waiting',
    cause,
    input: of.clock === null ? input : { ...input, sinceMs: since },
    due_at: minds.canLookUp(row.channel) ? Math.min(end, minds.customerNow + waitMs(minds.customerNow - since)) : end,
    clock: of.clock,
  }
}
