/**
 * A signed export: all of one tenant and mode as it stood at one moment, in parts, and a manifest that counts and digests them, signed. The
 * snapshot lives as long as its transaction; a worker that dies loses it, and the export begins anew.
 */
import { createHash } from 'node:crypto'
import { Problem } from '../core/problem.ts'
import { insert, moveTo, remove, type Write } from '../world/store.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import { exportColumns, exported, exportedLine, exportHeader } from './exported.ts'
import { exportKey, signManifest } from './exportKey.ts'
import { pack } from './pack.ts'
import type { Moved, ReadSnapshot, Snapshot } from './queries.ts'
import { type ExportRow, exportParts, exports, type Format } from './tables.ts'

/** Instruments read at once, and characters of one part before it is closed. */
const pageRows = 500
const partCharsMax = 2_000_000
const leaseMs = 60_000
const attemptsMax = 5

export async function createExport(
  world: World,
  of: { readonly tenant: string; readonly mode: Mode; readonly format: Format },
): Promise<ExportRow> {
  const now = world.now()
  const row: ExportRow = {
    ...of,
    ...{ id: nextId(world, 'exp'), status: 'running', attempt: 0, parts: 0, rows: 0, manifest: null, signature: null, cause: null },
    ...{ created_at: now, finished_at: null, due_at: now, clock: null, version: 1 },
  }
  if (!(await world.store.commit([insert(exports, row)])).ok) throw new Problem('conflict', 'the export could not be made')
  return row
}

export async function readExport(
  world: World,
  at: { readonly tenant: string; readonly mode: Mode; readonly id: string },
): Promise<ExportRow> {
  const row = await world.store.get(exports, { tenant: at.tenant, id: at.id })
  if (row === undefined || row.mode !== at.mode) throw new Problem('not_found', 'no such export')
  return row
}

/** Writes one export that is due. Gives how many it finished. */
export async function exportsDue(world: World, snapshots: ReadSnapshot): Promise<number> {
  const [row] = await world.store.due(exports, { now: world.now(), clock: null, limit: 1 })
  if (row === undefined) return 0
  const claimed = await advance(world, row, { attempt: row.attempt + 1, parts: 0, rows: 0, due_at: world.now() + leaseMs })
  if (claimed === undefined) return 0
  try {
    await forgetAttempt(world, row)
    await snapshots(row, read => write(world, claimed, read))
    return 1
  } catch (error) {
    const cause = error instanceof Error ? error.name : 'unknown'
    world.log.error('an export failed', { export: row.id, cause, attempt: claimed.attempt })
    const now = await readExport(world, row)
    if (now.status === 'running' && now.attempt === claimed.attempt)
      await advance(world, now, now.attempt < attemptsMax ? { due_at: world.now() } : { status: 'parked', due_at: null, cause })
    return 0
  }
}

async function advance(world: World, row: ExportRow, set: Partial<ExportRow>, more: readonly Write[] = []): Promise<ExportRow | undefined> {
  const after = { ...row, ...set }
  return (await world.store.commit([...more, moveTo(exports, row, after)])).ok ? { ...after, version: row.version + 1 } : undefined
}

/** One by one: a part is large. */
async function forgetAttempt(world: World, { id, attempt }: ExportRow): Promise<void> {
  for (;;) {
    const [part] = await world.store.find(exportParts, { export: id, attempt }, 1)
    if (part === undefined || !(await world.store.commit([remove(exportParts, part)])).ok) return
  }
}

export type ManifestPart = { readonly name: string; readonly rows: number; readonly bytes: number; readonly sha256: string }
type Counts = { first: string | null; last: string | null; instruments: number }

async function write(world: World, claimed: ExportRow, read: Snapshot): Promise<void> {
  const parts: ManifestPart[] = []
  const counts: Counts = { first: null, last: null, instruments: 0 }
  const startedAt = world.now()
  let row = claimed
  let [text, rows] = [exportHeader(row.format), 0]
  const close = async (): Promise<void> => {
    row = await keepPart(world, row, { text, rows }, parts)
    ;[text, rows] = ['', 0]
  }
  for await (const page of read(pageRows)) {
    for (const one of page) {
      count(counts, one)
      text += exportedLine(exported(one), row.format)
      rows += 1
    }
    if (text.length > partCharsMax) await close()
  }
  if (text !== '' || parts.length === 0) await close()
  const key = exportKey(world)
  const manifest = manifestOf(row, { parts, counts, startedAt, key: key.id })
  const set = { status: 'done' as const, due_at: null, finished_at: world.now(), manifest, signature: signManifest(manifest, key) }
  if ((await advance(world, row, set)) === undefined) throw new TypeError('the export was taken over')
}

function count(counts: Counts, { instrument }: Moved): void {
  if (counts.last !== instrument) counts.instruments += 1
  counts.first ??= instrument
  counts.last = instrument
}

export const partName = (number: number, format: Format): string => `part-${String(number).padStart(5, '0')}.${format}`

async function keepPart(
  world: World,
  row: ExportRow,
  { text, rows }: { readonly text: string; readonly rows: number },
  parts: ManifestPart[],
): Promise<ExportRow> {
  const number = parts.length + 1
  const bytes = Buffer.from(text)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const part = {
    export: row.id,
    attempt: row.attempt,
    number,
    tenant: row.tenant,
    rows,
    sha256,
    bytes: bytes.length,
    content: await pack(text),
  }
  const set = { parts: number, rows: row.rows + rows, due_at: world.now() + leaseMs }
  const after = await advance(world, row, set, [insert(exportParts, part)])
  if (after === undefined) throw new TypeError('the export was taken over')
  parts.push({ name: partName(number, row.format), rows, bytes: bytes.length, sha256 })
  return after
}

function manifestOf(
  row: ExportRow,
  of: { readonly parts: readonly ManifestPart[]; readonly counts: Counts; readonly startedAt: number; readonly key: string },
): string {
  const { parts, counts } = of
  const manifest = {
    object: 'export_manifest',
    version: 1,
    export: row.id,
    tenant: row.tenant,
    livemode: row.mode === 'live',
    format: row.format,
    columns: exportColumns,
    /** All rows are as they stood at this moment or, by less than a second, before it. */
    as_of: new Date(of.startedAt).toISOString(),
    counts: { rows: parts.reduce((sum, part) => sum + part.rows, 0), instruments: counts.instruments },
    instruments: { first: counts.first, last: counts.last },
    parts,
    key: of.key,
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}
