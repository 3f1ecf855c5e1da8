/**
 * What the portal asks of whoever keeps customers' defaults and what depends on an instrument. One value, so that there is one place where it
 * is wired.
 */
import { Problem } from '../core/problem.ts'
import type { InstrumentRow } from '../instruments/tables.ts'
import type { World } from '../world/world.ts'

export type Keeping = {
  /** The customer's default instrument. */
  readonly readDefault: (world: World, of: { readonly tenant: string; readonly customer: string }) => Promise<string | undefined>
  readonly setDefault: (world: World, instrument: InstrumentRow) => Promise<void>
  /** What is charged to it or waits for it, in words for its customer. */
  readonly dependentsOf: (world: World, instrument: InstrumentRow) => Promise<readonly string[]>
}

/** Nobody keeps them in this deployment. */
export const nothingKept: Keeping = {
  readDefault: async () => undefined,
  setDefault: async () => {
    throw new Problem('unprocessable', 'no defaults are kept here')
  },
  dependentsOf: async () => [],
}
