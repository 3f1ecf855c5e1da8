/** What the layers decide on: counts, and what the vault says of the number. Everything is there or undefined, where a layer then abstains. */
import type { Mode, Seen } from '../world/world.ts'
import type { Tally } from './tally.ts'

export type Evidence = {
  readonly mode: Mode
  readonly customer: { readonly hour: Tally; readonly day: Tally; readonly week: Tally }
  /** Living instruments, where one more is to be added. */
  readonly held: number | undefined
  readonly device: { readonly hour: Tally; readonly day: Tally } | undefined
  readonly address: { readonly tenMinutes: Tally; readonly hour: Tally } | undefined
  readonly subnet: { readonly tenMinutes: Tally; readonly hour: Tally } | undefined
  readonly autonomousSystem: { readonly tenMinutes: Tally } | undefined
  readonly bin: BinEvidence | undefined
  /** The last quarter of an hour. */
  readonly tenant: Tally
  /** The device's or subnet's day at all tenants, whichever is worse. */
  readonly network: { readonly tenants: number; readonly day: Tally } | undefined
  /** Of the number itself, at all tenants: from the vault. */
  readonly seen: Seen | undefined
}
export type BinEvidence = { readonly hour: Tally; readonly day: Tally /** The seven days, this one included. */; readonly week: Tally }
