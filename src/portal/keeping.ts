/**
 * What the portal asks of whoever keeps customers' defaults and what depends on an instrument. One value, so that there is one place where it
 * is wired.
 */
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

/** Nobody keeps them in this deployment. */
export const nothingKept: Keeping = {
  readDefault: async () => undefined,
  dependentsOf: async () => [],
}
