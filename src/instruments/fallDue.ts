/** What time does to instruments is told to them when it comes: on the real clock by the worker, on a test clock by whoever advances it. */
import type { World } from '../world/world.ts'
import type { Taken } from './due.ts'
import { nextMoment } from './moments.ts'
import type { InstrumentRow } from './tables.ts'
import { tellInstrument } from './tell.ts'

/** Told as of the moment itself, so that it does not matter how late the worker comes. */
export async function fallDue(world: World, row: InstrumentRow): Promise<Taken> {
  const moment = nextMoment(row)
  if (moment === undefined) return { what: 'instrument', outcome: row.status }
  const { event, news, at } = moment
  const after = await tellInstrument(world, { tenant: row.tenant, instrument: row.id, facts: [{ source: 'clock', event, news, at }] })
  return { what: `instrument.${news.kind}`, outcome: after.instrument.status }
}
