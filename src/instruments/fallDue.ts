/** What time does to instruments is told to them when it comes: on the real clock by the worker, on a test clock by whoever advances it. */
import { moveTo } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { passOn } from './defaults.ts'
import { learn } from './learn.ts'
import { firstOf, type Lapse, nextLapse, nextMoment } from './moments.ts'
import { bindings, type InstrumentRow, instruments } from './tables.ts'
import { tellInstrument } from './tell.ts'

/** Told as of the moment itself, so that it does not matter how late the worker comes. */
export async function fallDue(world: World, row: InstrumentRow): Promise<void> {
  const legs = await world.store.find(bindings, { tenant: row.tenant, instrument: row.id })
  const lapse = nextLapse(legs)
  if (lapse !== undefined && row.due_at !== null && lapse.at <= row.due_at) return lapseToken(world, row, lapse)
  const moment = nextMoment(row, legs)
  // It fell due before its time (an upgrade asks for all to be looked at): it is set to when it does. Refused, somebody else just did.
  if (moment === undefined || moment.at > (row.due_at ?? moment.at)) {
    await world.store.commit([moveTo(instruments, row, { ...row, due_at: firstOf(moment?.at, lapse?.at) })])
    return
  }
  if (!('news' in moment)) return passOn(world, row)
  const { event, news, at } = moment
  await tellInstrument(world, { tenant: row.tenant, instrument: row.id, facts: [{ source: 'clock', event, news, at }] })
}

/** A token has lapsed: its binding is told so. One that was refreshed meanwhile lapses later. */
async function lapseToken(world: World, { tenant }: InstrumentRow, { at, binding }: Lapse): Promise<void> {
  const news = { kind: 'expired' as const, reason: 'its token lapsed', lapsedAtMs: at }
  const fact = { source: 'clock', event: `${binding}:lapsed:${at}`, news, rank: 3 as const, moment: { atMs: at } }
  await learn(world, { tenant, binding, change: { facts: [fact] } })
}

/** One page of what is due on this clock (null: the real one) at `now`. */
export const dueInstruments = (world: World, at: { readonly now: number; readonly clock: string | null; readonly limit: number }) =>
  world.store.due(instruments, at)
