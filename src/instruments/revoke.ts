/** Giving up what a channel holds: because the customer unbound, or because what came alive is wanted no more. */

import { revokePlace } from './binding.ts'
import type { Minds, Rows } from './decide.ts'
import { factRow, type NewFact } from './fact.ts'
import { type BindingRow, type FactRow, type OperationRow, slotOf } from './tables.ts'

/** The customer asked to unbind before the channel answered, or bound the card there anew when this bind had lapsed. */
export function unwanted(rows: Rows): boolean {
  const displaced = rows.binding.slot === null && rows.siblings.some(one => one.slot === slotOf(rows.binding))
  return rows.instrument.unbound_at !== null || displaced
}

/** What came alive unwanted is given up at once. */
export function planRevoke(rows: Rows, minds: Minds): { readonly fact: FactRow; readonly operation: OperationRow } | undefined {
  if (rows.operations.some(one => one.verb === 'revoke')) return undefined
  const operation = newRevoke(rows.binding, { tries: 0, dueAt: minds.now, request: null }, minds)
  const news: NewFact = { source: 'bindery', event: `${operation.id}:intent`, news: { kind: 'revoking' }, rank: 3 }
  return { operation, fact: { ...factRow({ ...rows, operations: [operation] }, { ...news, operation: operation.id }, minds) } }
}

export function newRevoke(
  binding: BindingRow,
  more: { readonly tries: number; readonly dueAt: number; readonly request: string | null },
  minds: Minds,
): OperationRow {
  return {
    id: minds.mint('opn', binding.customer),
    tenant: binding.tenant,
    mode: binding.mode,
    customer: binding.customer,
    instrument: binding.instrument,
    binding: binding.id,
    channel: binding.channel,
    verb: 'revoke',
    status: 'open',
    place: revokePlace + binding.operations,
    input: {},
    tries: more.tries,
    cause: null,
    request: more.request,
    due_at: more.dueAt,
    clock: null,
    created_at: minds.now,
    version: 1,
  }
}
