/** What was reported, as the decisions about charging read it: by keys and a fixed number of rows, however much was reported before. */
import type { RefusalCategory } from '../channels/channel.ts'
import type { World } from '../world/world.ts'
import { addMonths, dayOf, monthOf } from './days.ts'
import { periodOf } from './mandate.ts'
import type { Spent, Used } from './policy.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'
import { chargeCounts, instrumentUsage, mandateUsage } from './usageTables.ts'

/** Months of history that count, the present one among them. Ours: long enough for a half-yearly charge. */
export const monthsKept = 6

/** How charges at a binding ended of late. */
export type Use = { readonly approved: number; readonly declined: Readonly<Partial<Record<RefusalCategory, number>>> }
export const unused: Use = { approved: 0, declined: {} }

export async function readUse(world: World, binding: string, now: number): Promise<Use> {
  const months = Array.from({ length: monthsKept }, (_, n) => monthOf(addMonths(now, -n)))
  const rows = (await Promise.all(months.map(month => world.store.find(chargeCounts, { binding, month })))).flat()
  const of = (result: string): number => rows.reduce((sum, one) => (one.result === result ? sum + one.count : sum), 0)
  const declined: Partial<Record<RefusalCategory, number>> = {}
  for (const { result } of rows) if (result !== 'approved') declined[result] = of(result)
  return { approved: of('approved'), declined }
}

export const declinesOf = ({ declined }: Use): number => Object.values(declined).reduce((sum, one) => sum + one, 0)

export type Collected = { readonly count: number; readonly amount: bigint }
/** Under a mandate: in the period of a moment, and in all. */
export type Usage = { readonly period: Collected; readonly all: Collected }
const none: Collected = { count: 0, amount: 0n }
export const nothingCollected: Usage = { period: none, all: none }

export async function readUsage(world: World, { tenant, id, mandate }: BindingRow, at: number): Promise<Usage> {
  if (mandate === null) return nothingCollected
  const period = mandate.terms === null ? undefined : periodOf(mandate.terms, at)
  const read = (name: string) => world.store.get(mandateUsage, { binding: id, period: name, tenant })
  const [all, now] = await Promise.all([read('all'), period === undefined ? undefined : read(dayOf(period.from))])
  return { period: now ?? none, all: all ?? none }
}

/** What its policy counts: all that was charged with the instrument, in the day and the month of a moment. */
export async function readUsed(world: World, { id }: InstrumentRow, at: number): Promise<Used> {
  const read = async (period: string): Promise<Spent> => {
    const rows = await world.store.find(instrumentUsage, { instrument: id, period })
    const amounts = rows.map(({ amount, currency }) => ({ amount, currency }))
    return { count: rows.reduce((sum, one) => sum + one.count, 0), amounts }
  }
  const [day, month] = await Promise.all([read(dayOf(at)), read(monthOf(at))])
  return { day, month }
}
