/** Whether what is stored is what the facts say: each binding folded and each instrument derived again, and compared column by column. */
import { same } from '../core/same.ts'
import type { World } from '../world/world.ts'
import { foldBinding, overlay } from './binding.ts'
import { asFact } from './fact.ts'
import { foldedColumns } from './folded.ts'
import { derive } from './instrument.ts'
import { foldOwn } from './own.ts'
import { type BindingRow, bindings, type FactRow, facts, instruments, type OperationRow, operations } from './tables.ts'
import { asOwnFact, type OwnRows, readOwnRows } from './tell.ts'

export type Difference = { readonly of: string; readonly column: string; readonly stored: unknown; readonly right: unknown }

export function verifyBinding(row: BindingRow, told: readonly FactRow[], asked: readonly OperationRow[]): readonly Difference[] {
  const { known } = foldBinding(told.map(asFact))
  const unanswered = asked.some(
    one => (one.verb === 'bind' || one.verb === 'resume') && one.cause !== null && (one.status === 'open' || one.status === 'parked'),
  )
  return differences(row.id, row, foldedColumns(row, known, overlay(known.status, unanswered)))
}

export function verifyInstrument({ instrument, bindings, facts }: OwnRows): readonly Difference[] {
  const own = foldOwn(facts.map(asOwnFact))
  return differences(instrument.id, instrument, { own, ...derive({ ...instrument, own }, bindings) })
}

function differences<R extends object>(of: string, stored: R, right: Partial<R>): readonly Difference[] {
  const had = new Map<string, unknown>(Object.entries(stored))
  return Object.entries(right).flatMap(([column, value]) =>
    same(had.get(column), value) ? [] : [{ of, column, stored: had.get(column), right: value }],
  )
}

export type Verified = { readonly bindings: number; readonly differences: readonly Difference[] }
/** Reads that are tried again when somebody wrote between them. */
const readsMax = 5

/**
 * An instrument and its bindings as they are stored, against all their facts. Rows are read one after the other, so a difference counts only
 * if nothing moved meanwhile; one that never holds still is verified another time. Undefined: that, or it is gone.
 */
export async function verifyStored(
  world: Pick<World, 'store'>,
  at: { readonly tenant: string; readonly id: string },
): Promise<Verified | undefined> {
  for (let reads = 0; reads < readsMax; reads += 1) {
    if ((await world.store.get(instruments, at)) === undefined) return undefined
    const rows = await readOwnRows(world, at.tenant, at.id)
    const each = await Promise.all(
      rows.bindings.map(async row => {
        const by = { tenant: at.tenant, binding: row.id }
        const [told, asked] = await Promise.all([world.store.find(facts, by), world.store.find(operations, by)])
        return verifyBinding(row, told, asked)
      }),
    )
    const found = [...verifyInstrument(rows), ...each.flat()]
    if (found.length === 0 || (await stood(world, at, rows))) return { bindings: rows.bindings.length, differences: found }
  }
  return undefined
}

async function stood(
  world: Pick<World, 'store'>,
  { tenant, id }: { readonly tenant: string; readonly id: string },
  before: OwnRows,
): Promise<boolean> {
  const now = await world.store.get(instruments, { tenant, id })
  const legs = await world.store.find(bindings, { tenant, instrument: id })
  const versions = (rows: readonly BindingRow[]): string => rows.map(row => `${row.id} ${row.version}`).join()
  return now?.version === before.instrument.version && versions(legs) === versions(before.bindings)
}
