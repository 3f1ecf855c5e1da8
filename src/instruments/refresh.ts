/** Refreshing: a token that lapses is exchanged in time, and a channel is asked for what is new behind one. Nobody else is asked. */
import { Problem } from '../core/problem.ts'
import { insert, moveTo } from '../world/store.ts'
import type { World } from '../world/world.ts'
import type { Known } from './binding.ts'
import type { Decision, Minds, Rows } from './decide.ts'
import { newOperation } from './intent.ts'
import { readRows } from './learn.ts'
import { carryOut } from './settle.ts'
import { bindings, type OperationRow, operations } from './tables.ts'

/** The refresh that falls due when the channel said so; one for each moment it names. */
export function planRefresh(rows: Rows, known: Known, minds: Minds): OperationRow | undefined {
  const at = known.refreshAtMs
  const bind = rows.operations.find(one => one.verb === 'bind')
  if (at === undefined || bind === undefined || !minds.canRefresh(rows.binding.channel)) return undefined
  if (rows.operations.some(one => one.verb === 'refresh' && (one.status === 'open' || one.input.refreshAtMs === at))) return undefined
  return {
    ...bind,
    id: minds.mint('opn', rows.binding.customer),
    verb: 'refresh',
    status: 'open',
    place: rows.binding.operations + 1,
    input: { refreshAtMs: at },
    tries: 0,
    cause: null,
    request: null,
    due_at: Math.max(at, minds.customerNow),
    clock: rows.instrument.clock,
    created_at: Math.max(at - minds.customerNow + minds.now, minds.now),
    version: 1,
  }
}

/** Now, because somebody asked. Throws `conflict` where there is nothing to refresh or it is under way. */
export async function refresh(
  world: World,
  input: { readonly tenant: string; readonly binding: string; readonly request: string },
): Promise<Decision> {
  const rows = await readRows(world, input.tenant, input.binding)
  if (rows.binding.status !== 'active' && rows.binding.status !== 'suspended')
    throw new Problem('conflict', `the binding is ${rows.binding.status}`)
  if (world.channels.get(rows.binding.channel)?.refresh === undefined)
    throw new Problem('unprocessable', `${rows.binding.channel} has nothing to refresh`)
  if (rows.operations.some(one => one.verb === 'refresh' && one.status === 'open' && one.tries > 0))
    throw new Problem('conflict', 'it is being refreshed')
  const operation = newOperation(world, rows.binding, { verb: 'refresh', input: {}, request: input.request })
  const binding = { ...rows.binding, operations: rows.binding.operations + 1 }
  const result = await world.store.commit([moveTo(bindings, rows.binding, binding), insert(operations, operation)])
  if (!result.ok) throw new Problem('conflict', 'the binding changed meanwhile')
  return carryOut(world, operation)
}
