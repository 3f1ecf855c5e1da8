/** One thing in doubt by its id, with the row that is to be moved. */
import { Problem } from '../core/problem.ts'
import { type ErasureRow, erasures } from '../instruments/erasure.ts'
import { bindings, type InboxRow, inbox, type OperationRow, operations } from '../instruments/tables.ts'
import type { Mode, World } from '../world/world.ts'
import { kindOf, newsId, slowMs, type Unknown } from './unknown.ts'

type Owner = { readonly tenant: string; readonly mode: Mode }
export type Doubt =
  | { readonly of: 'operation'; readonly line: Unknown; readonly row: OperationRow }
  | { readonly of: 'news'; readonly line: Unknown; readonly row: InboxRow }
  | { readonly of: 'erasure'; readonly line: Unknown; readonly row: ErasureRow }

/** Undefined: it is in doubt no more. Throws `not_found` for what never was the caller's. */
export async function readDoubt(world: World, owner: Owner, id: string): Promise<Doubt | undefined> {
  if (id.startsWith('opn_')) return ofOperation(world, owner, id)
  return id.startsWith('bnd_') ? ofNews(world, owner, id) : ofErasure(world, owner, id)
}

/** The same, of what has to be there still. */
export async function needDoubt(world: World, owner: Owner, id: string): Promise<Doubt> {
  const found = await readDoubt(world, owner, id)
  if (found === undefined) throw new Problem('conflict', 'Nothing is in doubt about it: it was answered or settled meanwhile.')
  return found
}

const nobodys = () => new Problem('not_found', 'Nothing in doubt goes by that id.')

async function ofOperation(world: World, { tenant, mode }: Owner, id: string): Promise<Doubt | undefined> {
  const row = await world.store.get(operations, { id })
  if (row === undefined || row.tenant !== tenant || row.mode !== mode) throw nobodys()
  const kind = kindOf(row, world.now())
  if (kind === undefined) return undefined
  const binding = await world.store.get(bindings, { tenant, id: row.binding })
  const { mandate = null, last_collected = null } = binding ?? {}
  const { channel, instrument, cause, tries, verb, created_at, due_at } = row
  const line = { kind, id, tenant, mode, channel, what: verb, since: created_at, cause, tries, next_look_at: due_at, instrument }
  return { of: 'operation', row, line: { ...line, binding: row.binding, mandate, last_collected } }
}

async function ofNews(world: World, { tenant, mode }: Owner, id: string): Promise<Doubt | undefined> {
  const [named = ''] = id.split('.')
  const binding = await world.store.get(bindings, { tenant, id: named })
  if (binding === undefined || binding.mode !== mode) throw nobodys()
  const row = (await world.store.find(inbox, { binding: named, tenant })).find(one => newsId(one) === id)
  if (row === undefined || row.status !== 'parked') return undefined
  const { channel, cause, tries, received_at, told } = row
  const what = told.news?.kind ?? 'returned'
  const line = { kind: 'news' as const, id, tenant, mode, channel, what, since: received_at, cause, tries, next_look_at: null }
  const { instrument, mandate, last_collected } = binding
  return { of: 'news', row, line: { ...line, instrument, binding: named, mandate, last_collected } }
}

async function ofErasure(world: World, { tenant, mode }: Owner, id: string): Promise<Doubt | undefined> {
  const row = await world.store.get(erasures, { tenant, subject: id })
  if (row === undefined || row.mode !== mode) throw nobodys()
  const { stage, cause, tries, created_at, due_at, stuck } = row
  if (stage === 'erased' || cause === null || !(stuck || created_at < world.now() - slowMs)) return undefined
  const line = {
    kind: 'erasure' as const,
    id,
    tenant,
    mode,
    channel: null,
    what: stage,
    since: created_at,
    cause,
    tries,
    next_look_at: due_at,
  }
  const instrument = id.startsWith('ins_') ? id : null
  return { of: 'erasure', row, line: { ...line, instrument, binding: null, mandate: null, last_collected: null } }
}
