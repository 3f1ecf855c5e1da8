/** What time does to instruments is told to them when it comes: on the real clock by the worker, on a test clock by whoever advances it. */
import type { World } from '../world/world.ts'
import { passOn } from './defaults.ts'
import { nextMoment } from './moments.ts'
import { type InstrumentRow, instruments } from './tables.ts'
import { tellInstrument } from './tell.ts'

/** Told as of the moment itself, so that it does not matter how late the worker comes. */
export async function fallDue(world: World, row: InstrumentRow): Promise<void> {
  const moment = nextMoment(row)
  if (moment === undefined) return
  if (!('news' in moment)) return passOn(world, row)
  const { event, news, at } = moment
  await tellInstrument(world, { tenant: row.tenant, instrument: row.id, facts: [{ source: 'clock', event, news, at }] })
}

/** One page of what is due on this clock (null: the real one) at `now`. */
export const dueInstruments = (world: World, at: { readonly now: number; readonly clock: string | null; readonly limit: number }) =>
  world.store.due(instruments, at)
