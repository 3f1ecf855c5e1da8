/**
 * The worker's part of an import: batch after batch, each in one commit with its piece of the report, the tally and the step of the cursor.
 * So a batch is done wholly or not at all, whoever dies; and of two workers on one import one is refused and reads where the other is.
 */
import { insert, moveTo, remove, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { sealCards, withCards } from './cards.ts'
import type { Entry } from './entries.ts'
import { nothingKnown, readKnown } from './known.ts'
import { asLines, fromLines, pack, unpack } from './pack.ts'
import { type ImportPartRow, type ImportRow, importMarks, importParts, importReports, imports } from './tables.ts'
import { type Batch, takeBatch, tallied } from './take.ts'

/** Rows of one commit. */
const batchRows = 100
/** Batches in one turn of the duty, so that others on the same worker have theirs. */
const batchesAtOnce = 64
/** A worker that says nothing for so long is taken for dead. */
const leaseMs = 30_000
/** Failures in a row after which a person has to look. */
const triesMax = 10
const retryMs = 5_000
/** Refused commits after which a batch is tried row by row, and after which a row is given up. */
const patience = { whole: 3, single: 6 }

/** Carries every import that is due a stretch further. Gives how many commits it made. */
export async function importsDue(world: World, limit: number): Promise<number> {
  const due = await world.store.due(imports, { now: world.now(), clock: null, limit })
  let made = 0
  for (const row of due) made += await attend(world, row)
  return made
}

async function attend(world: World, row: ImportRow): Promise<number> {
  try {
    return await carry(world, row)
  } catch (error) {
    if (error instanceof Error && error.name === 'Crash') throw error
    // The message of an error may quote a row; its name does not.
    const cause = error instanceof Error ? error.name : 'unknown'
    world.log.error('an import failed', { import: row.id, cause, tries: row.tries + 1 })
    const now = await world.store.get(imports, { tenant: row.tenant, id: row.id })
    if (now?.status !== 'running') return 0
    const tries = now.tries + 1
    const next = tries < triesMax ? { due_at: world.now() + retryMs * tries } : { status: 'parked' as const, due_at: null }
    await world.store.commit([
      moveTo(imports, now, { ...now, ...next, tries, cause: `${cause} at part ${now.part}, row ${now.place + 1}` }),
    ])
    return 0
  }
}

type Loaded = { readonly part: ImportPartRow; readonly entries: readonly Entry[] }

async function carry(world: World, found: ImportRow): Promise<number> {
  let row = await moved(world, found, { due_at: world.now() + leaseMs }, [])
  let loaded: Loaded | undefined
  const mood: Mood = { looks: row?.dry_run === true }
  for (let made = 0; row !== undefined; made += 1) {
    if (row.status !== 'running' || made >= batchesAtOnce) return row.status === 'running' ? release(world, row, made) : made
    if (row.part > row.parts) row = await finish(world, row)
    else {
      if (loaded?.part.number !== row.part) loaded = await load(world, row)
      row = await step(world, row, loaded, mood)
    }
  }
  return 0
}

/** The next turn may begin at once, here or elsewhere. */
async function release(world: World, row: ImportRow, made: number): Promise<number> {
  await moved(world, row, { due_at: world.now() }, [])
  return made
}

/** The row after the move, or undefined if somebody else moved it first. */
async function moved(world: World, row: ImportRow, set: Partial<ImportRow>, more: readonly Write[]): Promise<ImportRow | undefined> {
  const after = { ...row, ...set }
  return (await world.store.commit([...more, moveTo(imports, row, after)])).ok ? { ...after, version: row.version + 1 } : undefined
}

async function load(world: World, row: ImportRow): Promise<Loaded> {
  const part = await world.store.get(importParts, { import: row.id, number: row.part, tenant: row.tenant })
  if (part === undefined || part.content === null) throw new TypeError(`part ${row.part} of ${row.id} is gone`)
  return { part, entries: [...fromLines(await unpack(part.content))].map(asEntry) }
}

/** What was read into an entry before it was kept; the database is ours. */
function asEntry(value: unknown): Entry {
  if (!isEntry(value)) throw new TypeError('a kept row is none')
  return value
}
const isEntry = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && 'line' in value && ('row' in value || 'fault' in value)

/** Whether a batch is read about beforehand: once something of it was here already, more probably is. A dry run is never refused. */
type Mood = { looks: boolean }

/** One batch. Where the commit is refused something changed, or is here already: it is read again and judged anew. */
async function step(world: World, row: ImportRow, { part, entries }: Loaded, mood: Mood): Promise<ImportRow | undefined> {
  for (let tries = 0; ; tries += 1) {
    const size = tries < patience.whole ? batchRows : 1
    const rows = await withCards(world, row, entries.slice(row.place, row.place + size))
    const known = mood.looks || tries > 0 ? await readKnown(world, row, rows) : nothingKnown
    const batch = tries < patience.single ? await takeBatch(world, row, rows, known) : givenUp(rows)
    await sealCards(world, row, batch.seals)
    const after = await commitBatch(world, row, part, batch)
    if (after !== undefined) {
      mood.looks = row.dry_run || known.customers.size + known.names.size > 0
      return after
    }
    const now = await world.store.get(imports, { tenant: row.tenant, id: row.id })
    if (now?.version !== row.version) return undefined
  }
}

const givenUp = (rows: readonly Entry[]): Batch => ({
  writes: [],
  seals: [],
  outcomes: rows.map(({ line }) => ({
    line,
    token: null,
    outcome: 'refused',
    field: '',
    detail: 'what it is about kept changing; send it again',
  })),
})

async function commitBatch(world: World, row: ImportRow, part: ImportPartRow, { writes, outcomes }: Batch): Promise<ImportRow | undefined> {
  const place = row.place + outcomes.length
  const ended = place >= part.rows
  const report = {
    import: row.id,
    number: row.reports + 1,
    tenant: row.tenant,
    rows: outcomes.length,
    content: await pack(asLines(outcomes)),
  }
  const now = world.now()
  const set: Partial<ImportRow> = {
    ...(ended ? { part: row.part + 1, place: 0 } : { place }),
    reports: report.number,
    tally: tallied(row.tally, outcomes),
    ...{ tries: 0, cause: null, updated_at: now, due_at: renewed(row.due_at, now) },
  }
  return moved(world, row, set, [
    ...writes,
    insert(importReports, report),
    // What the part held is here, or in the report.
    ...(ended ? [moveTo(importParts, part, { ...part, content: null })] : []),
  ])
}

/** A lease is renewed when half of it is over: a row whose index need not hear of it is changed where it stands. */
const renewed = (due: number | null, now: number): number => (due !== null && due - now > leaseMs / 2 ? due : now + leaseMs)

/** What one commit removes of a dry run's notes. */
const sweepMax = 900

async function finish(world: World, row: ImportRow): Promise<ImportRow | undefined> {
  const left = row.dry_run ? await world.store.find(importMarks, { import: row.id }, sweepMax) : []
  const now = world.now()
  if (left.length > 0)
    return moved(
      world,
      row,
      { due_at: now + leaseMs },
      left.map(one => remove(importMarks, one)),
    )
  return moved(world, row, { status: 'done', due_at: null, finished_at: now, updated_at: now }, [])
}
