/**
 * The one way an instrument itself changes after it was made: facts about it are added, all of them folded, the instrument derived anew, and the
 * event recorded, in one commit. What its bindings are told goes through `learn.ts`; both end in `derive`.
 */
import type { IdPrefix } from '../core/id.ts'
import { Problem } from '../core/problem.ts'
import { insert, moveTo, type Write } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { differs } from './decide.ts'
import { derive } from './instrument.ts'
import { notice } from './notice.ts'
import { foldOwn, type OwnFact, type OwnNews } from './own.ts'
import { type BindingRow, bindings, type InstrumentFactRow, type InstrumentRow, instrumentFacts, instruments } from './tables.ts'

const collisionsMax = 20
/** What one `find` gives at most. A fold of a part must never be committed. */
const factsMax = 1_000

/** `event`: unique at its source, within the instrument. `sequence` and `at` are the source's own; without them our own clock stands in. */
export type NewOwnFact = {
  readonly source: string
  readonly event: string
  readonly news: OwnNews
  readonly sequence?: number
  readonly at?: number
  readonly request?: string
}

export type OwnRows = {
  readonly instrument: InstrumentRow
  readonly bindings: readonly BindingRow[]
  readonly facts: readonly InstrumentFactRow[]
}

export type Telling = {
  readonly tenant: string
  readonly instrument: string
  readonly facts: readonly NewOwnFact[]
  /** Writes that must go in the same commit, decided on the rows as they will be. */
  readonly companions?: (after: OwnRows) => readonly Write[]
}

export async function tellInstrument(world: World, telling: Telling): Promise<OwnRows> {
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const rows = await readOwnRows(world, telling.tenant, telling.instrument)
    const { writes, after } = decideOwn(world, rows, telling.facts)
    const all = [...writes, ...(telling.companions?.(after) ?? [])]
    if (all.length === 0) return rows
    if ((await world.store.commit(all)).ok) return after
  }
  throw new Problem('conflict', 'too many changes to one instrument at once')
}

/** The instrument first: whoever adds a fact or changes a binding afterwards moves it, so that the commit's version vouches for all of them. */
export async function readOwnRows(world: World, tenant: string, id: string): Promise<OwnRows> {
  const instrument = await world.store.get(instruments, { tenant, id })
  if (instrument === undefined) throw new TypeError(`no instrument ${id}`)
  const [legs, told] = await Promise.all([
    world.store.find(bindings, { tenant, instrument: id }),
    world.store.find(instrumentFacts, { tenant, instrument: id }),
  ])
  if (legs.length >= factsMax || told.length >= factsMax) throw new TypeError(`too much is known of ${id} to decide on all of it`)
  return { instrument, bindings: legs, facts: told }
}

export const asOwnFact = (row: InstrumentFactRow): OwnFact => ({
  source: row.source,
  event: row.source_event,
  sequence: row.standing.sequence,
  at: row.standing.at,
  news: row.news,
})

function decideOwn(
  world: World,
  rows: OwnRows,
  told: readonly NewOwnFact[],
): { readonly writes: readonly Write[]; readonly after: OwnRows } {
  const had = new Set(rows.facts.map(one => `${one.source}/${one.source_event}`))
  const fresh = told.filter(one => !had.has(`${one.source}/${one.event}`)).map(one => ownFactRow(world, rows.instrument, one))
  if (fresh.length === 0) return { writes: [], after: rows }
  const all = [...rows.facts, ...fresh]
  const before = rows.instrument
  const own = foldOwn(all.map(asOwnFact))
  const folded = { ...before, own, ...derive({ ...before, own }, rows.bindings) }
  const visible = differs(before, folded, ['status', 'display', 'reasons', 'own'])
  const now = world.now()
  const instrument: InstrumentRow = visible ? { ...folded, sequence: before.sequence + 1, updated_at: now } : folded
  const minds = mindsAt(world, now)
  return {
    writes: [
      ...fresh.map(one => insert(instrumentFacts, one)),
      moveTo(instruments, before, instrument),
      ...(visible ? [notice({ before: { instrument: before }, instrument, all: rows.bindings }, minds)] : []),
    ],
    after: { ...rows, instrument: { ...instrument, version: before.version + 1 }, facts: all },
  }
}

/** What a notice needs of the world. */
export const mindsAt = (world: World, now: number) => ({ now, mint: (prefix: IdPrefix, near: string) => nextId(world, prefix, near) })

/** As it is kept. */
export function ownFactRow(world: World, instrument: InstrumentRow, told: NewOwnFact): InstrumentFactRow {
  const now = world.now()
  return {
    tenant: instrument.tenant,
    id: nextId(world, 'fct', instrument.customer),
    instrument: instrument.id,
    source: told.source,
    source_event: told.event,
    kind: told.news.kind,
    news: told.news,
    standing: { sequence: told.sequence ?? 0, at: told.at ?? now },
    effective_at: told.at ?? now,
    seen_at: now,
    request: told.request ?? null,
    version: 1,
  }
}
