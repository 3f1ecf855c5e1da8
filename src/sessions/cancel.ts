/** Cancelling: nothing more is bound by this session, and what it had begun is given up. */
import { Problem } from '../core/problem.ts'
import { unbind } from '../instruments/unbind.ts'
import { moveTo } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { alone, type Current, currentSession } from './current.ts'
import { after } from './session.ts'
import { refuseClosed } from './submit.ts'
import { bindingSessions, type SessionRow } from './tables.ts'

/** Throws `conflict` or `gone` for a session that has ended otherwise. Cancelling twice is harmless. */
export async function cancelSession(
  world: World,
  at: { readonly session: SessionRow; readonly now: number },
  request: string,
): Promise<Current> {
  const { session, bound } = await currentSession(world, at)
  if (session.status === 'cancelled') return { session, bound }
  const cancelled = after(session, 'cancelled')
  if (cancelled === session) refuseClosed(session)
  const result = await world.store.commit([moveTo(bindingSessions, session, { ...cancelled, due_at: null, updated_at: world.now() })])
  if (!result.ok) throw new Problem('conflict', 'the session changed meanwhile')
  // What was alive before this session stays; what this one began and nobody can use yet goes.
  const begun = bound?.instrument
  if (begun?.status === 'pending' && begun.created_at >= session.created_at)
    await unbind(world, { tenant: session.tenant, instrument: begun, request, consent: {} }, alone)
  return { session: { ...cancelled, due_at: null, version: session.version + 1 }, bound: undefined }
}
