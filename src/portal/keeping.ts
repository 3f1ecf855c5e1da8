/**
 * What the portal asks of whoever keeps customers' defaults and what depends on an instrument. One value, so that there is one place where it
 * is wired.
 */
import { Problem } from '../core/problem.ts'
import { makeDefault, readDefault } from '../instruments/defaults.ts'
import { dependentsOf } from '../instruments/dependent.ts'
import type { InstrumentRow } from '../instruments/tables.ts'
import type { World } from '../world/world.ts'

export type Keeping = {
  /** The customer's default instrument. */
  readonly readDefault: (world: World, of: { readonly tenant: string; readonly customer: string }) => Promise<string | undefined>
  /** Absent: none can be set, and none is offered. */
  readonly setDefault?: (world: World, instrument: InstrumentRow) => Promise<void>
  /** What is charged to it or waits for it, in words for its customer. */
  readonly dependentsOf: (world: World, instrument: InstrumentRow) => Promise<readonly string[]>
}

/** Defaults and dependents as the instruments keep them. */
export const keptWithInstruments: Keeping = {
  readDefault: async (world, { tenant, customer }) => (await readDefault(world, { tenant, id: customer }))?.instrument ?? undefined,
  setDefault: async (world, { tenant, customer, id }) => {
    await makeDefault(world, { tenant, id: customer }, id, row => {
      if (row === undefined || row.status !== 'active') throw new Problem('conflict', 'it cannot be the default: it is not active')
    })
  },
  dependentsOf: async (world, instrument) => (await dependentsOf(world, instrument)).map(one => one.title ?? one.reference),
}
