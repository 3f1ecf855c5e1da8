/**
 * Whoever uses a canary raises the alarm: a line in the log, a row and an event. Every request is looked at after it was answered, so that nobody
 * can tell a canary from anything else, by the answer or by its time. All canaries are few, and read once a second in every process.
 */
import type { Used } from '../http/watch.ts'
import { insert } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { type CanaryRow, canaries, canaryUses } from './tables.ts'

/** More than anybody lays out by hand. */
export const canariesMax = 500
const staleMs = 1_000
/** The same use by the same key is told once in so long, so that the alarm itself is no way to fill the disk. */
const quietMs = 60_000
const rememberedMax = 1_000

type Known = { readonly atMs: number; readonly rows: Promise<readonly CanaryRow[]> }
const known = new WeakMap<World['store'], Known>()

export function currentCanaries(world: Pick<World, 'store' | 'now'>): Promise<readonly CanaryRow[]> {
  const found = known.get(world.store)
  if (found !== undefined && Math.abs(world.now() - found.atMs) < staleMs) return found.rows
  const rows = world.store.find(canaries, { state: 'on' }, canariesMax)
  known.set(world.store, { atMs: world.now(), rows })
  rows.catch(() => known.delete(world.store))
  return rows
}
export const forgetCanaries = (world: Pick<World, 'store'>): boolean => known.delete(world.store)

/** What a request used, whoever asked and however it was answered: the key it came with, and every id in its address and body. */
export function usedOf(rows: readonly CanaryRow[], { caller, url, body }: Pick<Used, 'caller' | 'url' | 'body'>): readonly CanaryRow[] {
  return rows.filter(({ kind, subject }) =>
    kind === 'key' ? caller.key === subject : url.includes(subject) || (Buffer.isBuffer(body) && body.includes(subject)),
  )
}

const keeping: ReadonlySet<string> = new Set(['layCanary', 'listCanaries', 'removeCanary'])
/** Their own acts on canaries are not uses of them, but by a canary's key. */
const isKeeping = (row: CanaryRow, { endpoint }: Used): boolean => row.kind !== 'key' && keeping.has(endpoint)

export function canaryWatch(world: World): (used: Used) => Promise<void> {
  const told = new Map<string, number>()
  const isNew = (name: string): boolean => {
    const now = world.now()
    if (now - (told.get(name) ?? Number.NEGATIVE_INFINITY) < quietMs) return false
    if (told.size >= rememberedMax) told.clear()
    told.set(name, now)
    return true
  }
  return async used => {
    try {
      const hit = usedOf(await currentCanaries(world), used)
      const fresh = hit.filter(row => !isKeeping(row, used) && isNew([row.tenant, row.subject, used.endpoint, used.caller.key].join(' ')))
      await Promise.all(fresh.map(row => raise(world, row, used)))
    } catch (error) {
      world.log.error('canaries could not be looked after', { error: error instanceof Error ? error.message : 'unknown' })
    }
  }
}

async function raise(world: World, { tenant, mode, subject, kind, note }: CanaryRow, { endpoint, caller, request }: Used): Promise<void> {
  const at = world.now()
  // Before anything that may fail.
  world.log.error('a canary was used', { tenant, mode, subject, kind, act: endpoint, key: caller.key, of: caller.tenant, request })
  const used_by = caller.tenant === tenant ? caller.key : null
  const row = { tenant, id: nextId(world, 'cnu', tenant), mode, subject, act: endpoint, used_by, request, used_at: at }
  const canary = { subject, kind, note }
  const event = {
    ...{ tenant, id: nextId(world, 'evt', tenant), mode, instrument: null, customer: null, sequence: null, created_at: at },
    ...{ type: 'security.canary_used', data: { canary, use: { act: endpoint, key: used_by, request, at: new Date(at).toISOString() } } },
  }
  await world.store.commit([insert(canaryUses, row), { verb: 'record', event }])
}
