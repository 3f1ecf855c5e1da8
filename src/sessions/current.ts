/**
 * Bringing a session up to date with what became of its bind. The bind's own answer usually does it in its commit; what came later, by a
 * webhook, another device or the worker, is seen when somebody reads the session, or when its time is up.
 */

import { Problem } from '../core/problem.ts'
import type { Companions } from '../instruments/bind.ts'
import { ended } from '../instruments/instrument.ts'
import { type BindingRow, bindings, type InstrumentRow, instruments } from '../instruments/tables.ts'
import { tellInstrument } from '../instruments/tell.ts'
import { unbind } from '../instruments/unbind.ts'
import { readPlan } from '../instruments/unbindPlan.ts'
import { moveTo } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { sessionNow } from './secret.ts'
import { outcomeOf, standing } from './session.ts'
import { bindingSessions, type SessionRow } from './tables.ts'

export type Current = {
  readonly session: SessionRow
  /** What is being bound or was, with its bindings; none before a submission and after one that came to nothing. */
  readonly bound: { readonly instrument: InstrumentRow; readonly bindings: readonly BindingRow[] } | undefined
}

const collisionsMax = 8

export async function currentSession(world: World, at: { readonly session: SessionRow; readonly now: number }): Promise<Current> {
  let { session } = at
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const bound = await readBound(world, session)
    const outcome = bound === undefined ? undefined : outcomeOf(session, bound)
    const next = standing(session, outcome, at.now)
    if (next.status === session.status && next.due_at === session.due_at) return { session, bound }
    if (next.status === 'complete') await endReplaced(world, next)
    const result = await world.store.commit([moveTo(bindingSessions, session, { ...next, updated_at: world.now() })])
    if (result.ok) return { session: { ...next, version: session.version + 1 }, bound: next.instrument === null ? undefined : bound }
    const again = await world.store.get(bindingSessions, { id: session.id })
    if (again === undefined) throw new TypeError(`no session ${session.id}`)
    session = again
  }
  throw new Problem('conflict', 'too many changes to one session at once')
}

/** The instrument first: its bindings are then at least as new. */
async function readBound(world: World, { tenant, instrument: id }: SessionRow): Promise<Current['bound']> {
  if (id === null) return undefined
  const instrument = await world.store.get(instruments, { tenant, id })
  if (instrument === undefined) throw new TypeError(`a session's instrument ${id} is gone`)
  return { instrument, bindings: await world.store.find(bindings, { tenant, instrument: id }) }
}

/** Nothing else is written with it: whoever asked has its answer from the session. */
export const alone: Companions = { claim: () => [], answer: () => [], both: () => [], check: () => {} }

/**
 * The former instrument ends, and is given up at its channels, before the session is called complete: so a crash between leaves something
 * to do that is due. Each step twice is the same as once.
 */
async function endReplaced(world: World, { id, tenant, replaces, instrument: by }: SessionRow): Promise<void> {
  if (replaces === null || by === null || replaces === by) return
  const former = await world.store.get(instruments, { tenant, id: replaces })
  if (former === undefined || (ended.includes(former.status) && former.unbound_at !== null)) return
  const { instrument } = await tellInstrument(world, {
    tenant,
    instrument: replaces,
    facts: [{ source: 'customer', event: `replaced:${id}`, news: { kind: 'replaced', by } }],
  })
  const next = await world.store.get(instruments, { tenant, id: by })
  // Whoever relied on the former relies on the next; where that has ended already, nobody can, and it is told who did.
  const consent = next?.status === 'active' ? { replacement: by } : { confirm: (await readPlan(world, instrument)).token }
  await unbind(world, { tenant, instrument, request: null, consent }, alone)
}

/** The turn of a session whose time has come; as it is after it. */
export async function lapseSession(world: World, session: SessionRow): Promise<SessionRow> {
  return (await currentSession(world, { session, now: await sessionNow(world, session) })).session
}
