/**
 * The one way an instrument itself changes after it was made: facts about it are added, all of them folded, the instrument derived anew, and the
 * event recorded, in one commit. What its bindings are told goes through `learn.ts`; both end in `derive`.
 */
import type { IdPrefix } from '../core/id.ts'
import { Problem } from '../core/problem.ts'
import { insert, moveTo, type Write } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { cardVersion, takenVersion } from './cardVersion.ts'
import { customerNow } from './customer.ts'
import { differs } from './decide.ts'
import { aheadMs, eventOf, firstOfEach } from './fact.ts'
import { forgetOwnFact, isForgotten } from './forget.ts'
import { derive } from './instrument.ts'
import { notice } from './notice.ts'
import { foldOwn, isLate, type OwnFact, type OwnNews } from './own.ts'
import { spread, spreadMindsOf, spreadWrites } from './propagate.ts'
import { customersDefault, sharingWrites } from './sharing.ts'
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
    if (tries === 0) await refuseAhead(world, rows.instrument, telling.facts)
    // Late advice may make an earlier version the newest again: what was stored says nothing of which that was.
    const advised = telling.facts.some(one => one.news.kind === 'advised')
    const taken = advised ? await takenVersion(world, rows.bindings) : rows.instrument.card_version
    const { writes, after } = decideOwn(world, rows, telling.facts, taken)
    const all = [...writes, ...(telling.companions?.(after) ?? [])]
    if (all.length === 0) return rows
    if ((await world.store.commit(all)).ok) return after
  }
  throw new Problem('conflict', 'too many changes to one instrument at once')
}

/**
 * Whoever tells of an instrument itself knows what has happened: what is dated ahead is a mistake, and nothing waits for it. By the later of
 * the real clock and the customer's. Throws `unprocessable`.
 */
async function refuseAhead(
  world: World,
  { tenant, clock }: Pick<InstrumentRow, 'tenant' | 'clock'>,
  told: readonly NewOwnFact[],
): Promise<void> {
  const late = told.filter(one => one.at !== undefined && one.at > world.now() + aheadMs)
  if (late.length === 0) return
  const now = Math.max(world.now(), await customerNow(world, { tenant, clock }))
  const ahead = late.find(one => Number(one.at) > now + aheadMs)
  if (ahead !== undefined) throw new Problem('unprocessable', `${ahead.source}/${ahead.event} is dated ahead: tell it when it has happened`)
}

/** The instrument first: whoever adds a fact or changes a binding afterwards moves it, so that the commit's version vouches for all of them. */
export async function readOwnRows(world: Pick<World, 'store'>, tenant: string, id: string): Promise<OwnRows> {
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
  news: readonly NewOwnFact[],
  taken: number,
): { readonly writes: readonly Write[]; readonly after: OwnRows } {
  const had = new Set(rows.facts.map(one => `${one.source}/${one.source_event}`))
  const fresh = firstOfEach(news.filter(one => !had.has(eventOf(one))))
    .map(one => ownFactRow(world, rows.instrument, one))
    .map(one => (isForgotten(rows.instrument) ? forgetOwnFact(one) : one))
  if (fresh.length === 0) return { writes: [], after: rows }
  const all = [...rows.facts, ...fresh]
  const before = rows.instrument
  const own = foldOwn(all.map(asOwnFact))
  const card_version = cardVersion(taken, own)
  const made = spread({ ...before, own, card_version }, rows.bindings, spreadMindsOf(world, before.mode))
  const folded = { ...before, own, card_version, versions: made.versions, ...derive({ ...before, own }, made.bindings) }
  const visible = differs(before, folded, ['status', 'display', 'reasons', 'own'])
  // The last notice said what the instrument was without this, and it was so by then.
  const known = rows.facts.map(asOwnFact)
  const corrects = before.sequence > 0 && fresh.some(one => isLate(asOwnFact(one), known))
  const now = world.now()
  const told = {
    before: { instrument: before, all: rows.bindings },
    instrument: { ...folded, updated_at: now },
    all: made.bindings,
    corrects,
  }
  const notices = visible ? notice(told, mindsAt(world, now)) : undefined
  const instrument: InstrumentRow = notices === undefined ? folded : { ...folded, sequence: notices.sequence, updated_at: now }
  return {
    writes: [
      ...fresh.map(one => insert(instrumentFacts, one)),
      moveTo(instruments, before, instrument),
      ...sharingWrites(before, instrument, customersDefault),
      ...spreadWrites(rows.bindings, made),
      ...(notices?.writes ?? []),
    ],
    after: { ...rows, instrument: { ...instrument, version: before.version + 1 }, bindings: made.bindings, facts: all },
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
