/** Giving up what channels hold of an instrument: for each living binding the intent to revoke it, and the binding as it is then. Pure but for ids. */
import { moveTo, type Write } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { isKept, type Minting, retire } from './retire.ts'
import { type BindingRow, bindings, type OperationRow } from './tables.ts'

export type GivenUp = { readonly writes: readonly Write[]; readonly asked: readonly OperationRow[]; readonly all: readonly BindingRow[] }

/** `sequence`: of the notice that tells it. */
export function giveUp(
  world: World,
  rows: readonly BindingRow[],
  of: { readonly request: string | null; readonly sequence: number },
): GivenUp {
  const minds: Minting = { now: world.now(), mint: (prefix, near) => nextId(world, prefix, near) }
  const writes: Write[] = []
  const asked: OperationRow[] = []
  const all = rows.map(binding => {
    if (!isKept(binding)) return binding
    const given = retire(binding, { ...of, by: 'customer', atOnce: true }, minds)
    asked.push(given.operation)
    writes.push(...given.intent, moveTo(bindings, binding, given.binding))
    return given.binding
  })
  return { writes, asked, all }
}
