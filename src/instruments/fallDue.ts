/** What time does to instruments is told to them when it comes: on the real clock by the worker, on a test clock by whoever advances it. */
import type { World } from '../world/world.ts'
import { learn } from './learn.ts'
import { nextLapse, nextMoment } from './moments.ts'
import { bindings, type InstrumentRow, instruments } from './tables.ts'
import { tellInstrument } from './tell.ts'

/** Told as of the moment itself, so that it does not matter how late the worker comes. */
export async function fallDue(world: World, row: InstrumentRow): Promise<void> {
  if (await lapseToken(world, row)) return
  const moment = nextMoment(row)
  // What is due by a row that has changed since is not due.
  if (moment === undefined || moment.at > (row.due_at ?? 0)) return
  const { event, news, at } = moment
  await tellInstrument(world, { tenant: row.tenant, instrument: row.id, facts: [{ source: 'clock', event, news, at }] })
}

/** Whether a token had lapsed; its binding is told so. One that was refreshed meanwhile lapses later. */
async function lapseToken(world: World, { tenant, id, due_at: due }: InstrumentRow): Promise<boolean> {
  const lapse = nextLapse(await world.store.find(bindings, { tenant, instrument: id }))
  if (lapse === undefined || due === null || lapse.at > due) return false
  const { at, binding } = lapse
  const news = { kind: 'expired' as const, reason: 'its token lapsed', lapsedAtMs: at }
  const fact = { source: 'clock', event: `${binding}:lapsed:${at}`, news, rank: 3 as const, moment: { atMs: at } }
  await learn(world, { tenant, binding, change: { facts: [fact] } })
  return true
}

/** One page of what is due on this clock (null: the real one) at `now`. */
export const dueInstruments = (world: World, at: { readonly now: number; readonly clock: string | null; readonly limit: number }) =>
  world.store.due(instruments, at)
