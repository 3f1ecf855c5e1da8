/**
 * Which sealed version of a card is the one to bind elsewhere with: the one that came with the latest news of the card, or that a channel has
 * taken, whichever was given out later. It depends on the set of what was told, and never on the order in which it came.
 */
import type { World } from '../world/world.ts'
import type { Own } from './own.ts'
import { type BindingRow, type FactRow, facts, type OperationRow, operations } from './tables.ts'

/** Of one binding: a card that a channel took counts whatever became of it there. */
export function takenBy(told: readonly Pick<FactRow, 'kind'>[], asked: readonly Pick<OperationRow, 'verb' | 'input'>[]): number {
  const taken = told.some(one => one.kind === 'bound')
  return taken ? (asked.find(one => one.verb === 'bind')?.input.cardVersion ?? 1) : 1
}

/** Of all of an instrument's bindings, 1 at least. */
export async function takenVersion({ store }: Pick<World, 'store'>, legs: readonly Pick<BindingRow, 'tenant' | 'id'>[]): Promise<number> {
  const each = await Promise.all(
    legs.map(async ({ tenant, id: binding }) =>
      takenBy(...(await Promise.all([store.find(facts, { tenant, binding }), store.find(operations, { tenant, binding })]))),
    ),
  )
  return Math.max(1, ...each)
}

export const cardVersion = (taken: number, { renewed }: Pick<Own, 'renewed'>): number => Math.max(taken, renewed?.cardVersion ?? 0)
