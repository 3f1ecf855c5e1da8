/** Giving up what channels hold of an instrument: for each living binding the intent to revoke it, and the binding as it is then. Pure but for ids. */
import { insert, moveTo, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { factRow } from './fact.ts'
import { mindsOf } from './learn.ts'
import { leaseMs } from './operation.ts'
import { newRevoke } from './revoke.ts'
import { type BindingRow, bindings, facts, type InstrumentRow, type OperationRow, operations } from './tables.ts'

export type GivenUp = { readonly writes: readonly Write[]; readonly asked: readonly OperationRow[]; readonly all: readonly BindingRow[] }

/** `sequence`: of the notice that tells it. */
export function giveUp(
  world: World,
  instrument: InstrumentRow,
  rows: readonly BindingRow[],
  of: { readonly request: string | null; readonly sequence: number },
): GivenUp {
  const writes: Write[] = []
  const asked: OperationRow[] = []
  const all = rows.map(binding => {
    // What has expired may still be kept over there.
    const kept = binding.status === 'expired' && binding.token !== null
    if (binding.status !== 'active' && binding.status !== 'suspended' && !kept) return binding
    const { operation, fact, revoking } = revokeOne(world, instrument, binding, of)
    asked.push(operation)
    writes.push(insert(facts, fact), insert(operations, operation), moveTo(bindings, binding, revoking))
    return revoking
  })
  return { writes, asked, all }
}

function revokeOne(
  world: World,
  instrument: InstrumentRow,
  binding: BindingRow,
  { request, sequence }: { readonly request: string | null; readonly sequence: number },
) {
  const now = world.now()
  const rows = { instrument, binding, siblings: [], operations: [], facts: [] }
  const minds = mindsOf(world)(rows)
  const operation = newRevoke(binding, { tries: 1, dueAt: now + leaseMs, request }, minds)
  const intent = {
    ...({ source: 'customer', event: `${operation.id}:intent`, news: { kind: 'revoking' }, rank: 3, operation: operation.id } as const),
    ...(request === null ? {} : { request }),
  }
  const fact = factRow({ ...rows, operations: [operation] }, intent, minds)
  const revoking: BindingRow = {
    ...binding,
    status: 'revoking',
    slot: null,
    action: null,
    reason: null,
    notified: sequence,
    operations: binding.operations + 1,
    updated_at: now,
  }
  return { operation, fact, revoking }
}
