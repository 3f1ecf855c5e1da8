/**
 * The list of what other tables know of an instrument: each gives the writes that take it out, for the commit in which the instrument is
 * forgotten. Whoever adds a table with something personal of an instrument adds a line here.
 */
import { remove, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { dependents } from './dependent.ts'
import type { InstrumentRow } from './tables.ts'

export type Forgetter = (world: World, of: Pick<InstrumentRow, 'tenant' | 'id' | 'customer'>) => Promise<readonly Write[]>

const forgetDependents: Forgetter = async (world, { tenant, id }) =>
  (await world.store.find(dependents, { tenant, instrument: id })).map(one => remove(dependents, one))

export const forgetters: readonly Forgetter[] = [forgetDependents]
