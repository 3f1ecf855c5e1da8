/** What is done around a sensitive act: the first request asks, a second person decides (src/approvals), the same request again acts. */
import { Problem } from '../core/problem.ts'
import { insert, move } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import type { Caller, Endpoint, RawInput } from './endpoint.ts'
import { approvalMinutesDefault, isOver, mayAsk, openMax, useApproval } from './fourEyes.ts'
import type { Json } from './json.ts'
import { type ApprovalRow, approvals } from './tables.ts'

/** The header that names the approval when the request is sent again. */
export const approvalHeader = 'bindery-approval'

export type Act = {
  readonly endpoint: Pick<Endpoint, 'name' | 'method'>
  readonly caller: Caller
  readonly input: Pick<RawInput, 'headers'>
  readonly url: string
  readonly body: Json | undefined
  /** Of method, address, endpoint and body, under a key of the deployment. */
  readonly hash: string
}

/** Returns where the act may be done now, and has then used the approval up. Throws `approval_required` otherwise. */
export async function needApproval(world: World, act: Act): Promise<void> {
  const id = act.input.headers[approvalHeader]
  if (id === undefined) throw required(await ask(world, act), 'This takes two persons: somebody else has to approve it.')
  const { caller, hash } = act
  const row = await world.store.get(approvals, { tenant: caller.tenant, id })
  const decided = useApproval(row, caller, hash, world.now())
  if ('refused' in decided || row === undefined) {
    const known = row?.mode === caller.mode ? row : undefined
    throw required(known, 'refused' in decided ? decided.refused : 'There is no such approval.')
  }
  // Of two that use it at once one is refused here, by the row's version.
  if (!(await world.store.commit([move(approvals, row, decided.set)])).ok) throw required(row, 'The approval was used by another request.')
  world.log.warn('a sensitive act was approved and is done', { approval: row.id, act: row.act, asked: row.asked_by, by: row.decided_by })
}

async function ask(world: World, { caller, endpoint, url, body, hash }: Act): Promise<ApprovalRow> {
  const refusal = mayAsk(caller)
  if (refusal !== undefined || caller.person === null)
    throw new Problem('forbidden', refusal?.refused ?? '', { members: { permission: 'person' } })
  const { tenant, mode, person, key } = caller
  const now = world.now()
  const open = await world.store.find(approvals, { tenant, asked_by: person, status: 'asked' })
  const lapsed = open.filter(row => isOver(row, now))
  // So that what waits is few to look through; if this is refused, the next who asks does it.
  if (lapsed.length > 0) await world.store.commit(lapsed.map(row => move(approvals, row, { status: 'lapsed' })))
  const waiting = open.filter(row => row.mode === mode && !isOver(row, now))
  const known = waiting.find(row => row.hash === hash)
  if (known !== undefined) return known
  if (waiting.length >= openMax)
    throw new Problem('too_many_requests', `${openMax} of your requests wait for a second person; have them decided first.`)
  const expires_at = now + (world.settings.fourEyes?.minutes ?? approvalMinutesDefault) * 60_000
  const decided = { decided_by: null, decided_key: null, decided_at: null, used_at: null }
  const asked = { asked_by: person, asked_key: key, method: endpoint.method, url, body: body ?? null }
  const row = {
    tenant,
    id: nextId(world, 'apr', tenant),
    mode,
    act: endpoint.name,
    hash,
    status: 'asked',
    created_at: now,
    expires_at,
  } as const
  const result = await world.store.commit([insert(approvals, { ...row, ...asked, ...decided })])
  if (!result.ok) throw new Problem('conflict', 'The approval could not be asked for. Try again.')
  world.log.warn('a sensitive act waits for a second person', { approval: row.id, act: row.act, asked: person })
  return { ...row, ...asked, ...decided, version: 1 }
}

function required(row: ApprovalRow | undefined, detail: string): Problem {
  const members =
    row === undefined ? {} : { approval: row.id, approval_status: row.status, expires_at: new Date(row.expires_at).toISOString() }
  return new Problem('approval_required', detail, { members })
}
