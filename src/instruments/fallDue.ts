/** What time does to instruments is told to them when it comes: on the real clock by the worker, on a test clock by whoever advances it. */
import { moveTo } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { passOn } from './defaults.ts'
import type { Taken } from './due.ts'
import { learn } from './learn.ts'
import { firstOf, type Lapse, nextLapse, nextMoment } from './moments.ts'
import { bindings, type InstrumentRow, instruments, operations } from './tables.ts'
import { tellInstrument } from './tell.ts'

/** Told as of the moment itself, so that it does not matter how late the worker comes. */
export async function fallDue(world: World, row: InstrumentRow): Promise<Taken> {
  const legs = await world.store.find(bindings, { tenant: row.tenant, instrument: row.id })
  const lapse = nextLapse(legs)
  if (lapse !== undefined && row.due_at !== null && lapse.at <= row.due_at) return lapseToken(world, row, lapse)
  const moment = nextMoment(row, legs)
  // It fell due before its time (an upgrade asks for all to be looked at): it is set to when it does. Refused, somebody else just did.
  if (moment === undefined || moment.at > (row.due_at ?? moment.at)) {
    await world.store.commit([moveTo(instruments, row, { ...row, due_at: firstOf(moment?.at, lapse?.at) })])
    return { what: 'instrument', outcome: row.status }
  }
  if (!('news' in moment)) {
    await passOn(world, row)
    return { what: 'default', outcome: 'passed on' }
  }
  const { event, news, at } = moment
  const after = await tellInstrument(world, { tenant: row.tenant, instrument: row.id, facts: [{ source: 'clock', event, news, at }] })
  return { what: `instrument.${news.kind}`, outcome: after.instrument.status }
}

/** A token has lapsed: its binding is told so. One that was refreshed meanwhile lapses later. */
async function lapseToken(world: World, { tenant, clock }: InstrumentRow, { at, binding }: Lapse): Promise<Taken> {
  if (clock !== null && (await isAskedJustNow(world, { tenant, binding })))
    return { what: 'token.lapsed', outcome: 'its refresh is under way', waits: true }
  const news = { kind: 'expired' as const, reason: 'its token lapsed', lapsedAtMs: at }
  const fact = { source: 'clock', event: `${binding}:lapsed:${at}`, news, rank: 3 as const, moment: { atMs: at } }
  const after = await learn(world, { tenant, binding, change: { facts: [fact] } })
  return { what: 'token.lapsed', outcome: after.bindings.find(one => one.id === binding)?.status ?? 'unknown' }
}

/** The channel is asked in real time, and a test clock must not run ahead of its answer. */
async function isAskedJustNow(world: World, of: { readonly tenant: string; readonly binding: string }): Promise<boolean> {
  const asked = await world.store.find(operations, of)
  return asked.some(one => one.verb === 'refresh' && one.status === 'open' && one.clock === null)
}
