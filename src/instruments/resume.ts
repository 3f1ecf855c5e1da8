/**
 * After a challenge the customer's browser comes back, or the caller tells us what it brought: the channel is asked (or told) what became
 * of it.
 */
import { Problem } from '../core/problem.ts'
import { insert, moveTo } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import type { Decision, Rows } from './decide.ts'
import { asItStands, readRows } from './learn.ts'
import { leaseMs } from './operation.ts'
import { readReturnToken } from './return.ts'
import { carryOut } from './settle.ts'
import { bindings, type OperationRow, operations } from './tables.ts'

export type Returned = Readonly<Record<string, string>>

/** Resumes the binding whose challenge came back. A second return of the same one changes nothing: it answers how things stand. */
export async function resumeReturned(world: World, token: string, returned: Returned): Promise<Rows> {
  const id = readReturnToken(world, token)
  const operation = id === undefined ? undefined : await world.store.get(operations, { id })
  if (operation === undefined) throw new Problem('not_found', 'this return address is not one of ours')
  await resume(world, { tenant: operation.tenant, binding: operation.binding, returned, request: null })
  return readRows(world, operation.tenant, operation.binding)
}

/** Whoever reloads the return address for ever is told how things stand. */
const operationsMax = 50

const sameReturn = (a: Returned | undefined, b: Returned): boolean =>
  a !== undefined && JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort())

export async function resume(
  world: World,
  input: { readonly tenant: string; readonly binding: string; readonly returned: Returned; readonly request: string | null },
): Promise<Decision> {
  const rows = await readRows(world, input.tenant, input.binding)
  // The same return is under way. Another one may be the true one: a preview or a back button can come back with nothing.
  const underWay = rows.operations.some(
    one => one.verb === 'resume' && one.status === 'open' && sameReturn(one.input.returned, input.returned),
  )
  if (rows.binding.operations >= operationsMax) return asItStands(rows)
  if (underWay || (rows.binding.status !== 'challenge' && rows.binding.status !== 'uncertain')) return asItStands(rows)
  if (world.channels.get(rows.binding.channel)?.resume === undefined) return asItStands(rows)
  const operation = newResume(world, rows, input)
  const binding = { ...rows.binding, operations: rows.binding.operations + 1 }
  const result = await world.store.commit([moveTo(bindings, rows.binding, binding), insert(operations, operation)])
  // Someone else resumed or settled it at the same moment: how it stands now is the answer.
  if (!result.ok) return asItStands(await readRows(world, input.tenant, input.binding))
  const after: Rows = { ...rows, binding: { ...binding, version: rows.binding.version + 1 }, operations: [...rows.operations, operation] }
  return carryOut(world, operation, { rows: after })
}

function newResume(world: World, rows: Rows, input: { readonly returned: Returned; readonly request: string | null }): OperationRow {
  const { binding } = rows
  return {
    id: nextId(world, 'opn', binding.customer),
    tenant: binding.tenant,
    mode: binding.mode,
    customer: binding.customer,
    instrument: binding.instrument,
    binding: binding.id,
    channel: binding.channel,
    verb: 'resume',
    status: 'open',
    place: binding.operations + 1,
    input: { returned: input.returned },
    tries: 1,
    cause: null,
    request: input.request,
    due_at: world.now() + leaseMs,
    clock: null,
    created_at: world.now(),
    version: 1,
  }
}
