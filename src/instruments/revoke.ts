/** Giving up what a channel holds: because the customer unbound, or because what came alive is wanted no more. */

import { type Fact, foldBinding, type Known, revokePlace } from './binding.ts'
import type { Change, Minds, Rows } from './decide.ts'
import { asFact, factRow } from './fact.ts'
import { forgetFact, isForgotten } from './forget.ts'
import { intentOf, operationOf } from './retire.ts'
import { type FactRow, type OperationRow, slotOf } from './tables.ts'

export type Weighed = {
  /** What was told, as it is kept. */
  readonly fresh: readonly FactRow[]
  readonly told: ReturnType<typeof foldBinding>
  readonly alive: boolean
  /** Of what was erased nothing is kept that is told now. */
  readonly forgotten: boolean
  /** What came alive unwanted, or was left behind over there. */
  readonly revoke: ReturnType<typeof planRevoke>
}

/** What follows from what was told for the binding itself, and what has to be given up for it. */
export function weigh(rows: Rows, change: Change, minds: Minds): Weighed {
  const heard = change.facts.map(one => factRow(rows, one, minds))
  const told = foldBinding([...rows.facts, ...heard].map(asFact))
  const { known: said } = told
  const alive = said.status === 'active' || said.status === 'suspended'
  const stray = strayToken(rows, heard, told) ?? revivedToken(rows, heard, said)
  // What has expired, or what the channel began to end by itself, may still be kept over there.
  const held = alive || ((said.status === 'expired' || said.status === 'revoking') && said.token !== null)
  const revoke = (held && unwanted(rows)) || stray !== undefined ? planRevoke(rows, stray, minds) : undefined
  if (!isForgotten(rows.instrument)) return { fresh: heard, told, alive, forgotten: false, revoke }
  const fresh = heard.map(forgetFact)
  const kept = foldBinding([...rows.facts, ...fresh].map(asFact))
  return { fresh, told: kept, alive, forgotten: true, revoke: revoke && { ...revoke, operation: naming(revoke.operation, said) } }
}

/** What is needed to give up what came alive, until it is: the binding itself keeps no token and no names any more. */
const naming = (operation: OperationRow, { token, names }: Known): OperationRow => ({
  ...operation,
  input: { references: names, ...(token === null ? {} : { token }), ...operation.input },
})

/**
 * The customer asked to unbind before the channel answered, or bound the card there anew when this bind had lapsed; or it had ended, and its
 * place among those who share the card was taken meanwhile.
 */
export function unwanted(rows: Rows): boolean {
  const displaced = rows.binding.slot === null && rows.siblings.some(one => one.slot === slotOf(rows.binding))
  return rows.instrument.unbound_at !== null || displaced || rows.crowded === true || isOvertaken(rows)
}

/** It was to take the place of a binding that was given up, or taken back, before it ever lived. */
export function isOvertaken({ binding, siblings }: Pick<Rows, 'binding' | 'siblings'>): boolean {
  const former = siblings.find(one => one.id === binding.replaces)
  return binding.token === null && former !== undefined && ['revoking', 'revoked', 'failed'].includes(former.status)
}

/**
 * A channel says that it stored a card after all, for a binding that had ended: nobody else will ever give it up. The token, unless another
 * binding of the instrument lives by it (some channels give one token for a card however often it is bound). It is the same if the end is what
 * came late, and the binding had lived by that token until now.
 */
export function strayToken(
  rows: Rows,
  fresh: readonly FactRow[],
  { known, folded }: { readonly known: Pick<Known, 'token'>; readonly folded: { readonly ignored: readonly { readonly fact: Fact }[] } },
): string | undefined {
  const told = new Set(fresh.map(one => one.standing.id))
  const asked = rows.operations.filter(one => one.verb === 'revoke')
  const isGivenUp = (token: string): boolean => asked.some(one => one.input.token === token || one.input.token === undefined)
  for (const { fact } of folded.ignored) {
    if (fact.news.kind !== 'bound' || heldBySibling(rows, fact.news.token)) continue
    const { token } = fact.news
    if (told.has(fact.order.id) || (token !== known.token && !isGivenUp(token))) return token
  }
  return undefined
}

/**
 * A bank took its cancellation back after we had given the binding up: it stays given up, and the channel is told so once more. The token, if
 * no revocation is under way. Where the channel's own news ends it nothing is left to be given up.
 */
export function revivedToken(rows: Rows, fresh: readonly FactRow[], known: Pick<Known, 'status' | 'token'>): string | undefined {
  if (!fresh.some(one => one.kind === 'reinstated') || (known.status !== 'revoked' && known.status !== 'revoking')) return undefined
  const told = [...rows.facts, ...fresh].filter(one => one.standing.place < revokePlace).map(asFact)
  const alive = ['active', 'suspended'].includes(foldBinding(told).known.status)
  const underWay = rows.operations.some(one => one.verb === 'revoke' && one.status !== 'settled')
  if (!alive || underWay || known.token === null || heldBySibling(rows, known.token)) return undefined
  return known.token
}

/** Whether a living binding of the same instrument and channel has this token. */
export const heldBySibling = (rows: Pick<Rows, 'binding' | 'siblings'>, token: string): boolean =>
  rows.siblings.some(one => one.channel === rows.binding.channel && one.token === token && one.slot !== null)

/** Whether the same card is being bound on this channel beside it: which token that gets is not known yet, and it may be the same. */
export const bindsBeside = (rows: Pick<Rows, 'binding' | 'siblings'>): boolean =>
  rows.siblings.some(one => one.channel === rows.binding.channel && one.slot !== null && one.token === null)

/** What came alive unwanted is given up at once. With `stray`, a token that is not the binding's own: the binding has ended and stays so. */
export function planRevoke(
  rows: Rows,
  stray: string | undefined,
  minds: Minds,
): { readonly fact: FactRow | undefined; readonly operation: OperationRow } | undefined {
  // One that gives up another's token says nothing about this binding's own; what a bank brought back after one was done is given up again.
  const same = rows.operations.filter(one => one.verb === 'revoke' && one.input.token === stray)
  if (same.some(one => one.status !== 'settled' || stray === undefined)) return undefined
  const operation = operationOf(rows.binding, { verb: 'revoke' }, minds)
  if (stray !== undefined) return { operation: { ...operation, input: { token: stray } }, fact: undefined }
  return { operation, fact: intentOf(operation, 'bindery', minds) }
}
