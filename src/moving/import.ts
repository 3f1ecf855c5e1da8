/** An import: made, given its parts in order, started. What then becomes of its rows is `carry.ts`. */
import { createHash } from 'node:crypto'
import type { ChannelName } from '../channels/channel.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { insert, moveTo } from '../world/store.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import { readPart } from './entries.ts'
import { asLines, pack } from './pack.ts'
import { fieldNames, isField } from './row.ts'
import { type Encoding, type Format, type ImportRow, importParts, imports } from './tables.ts'

/** Bytes of one part as it is sent, parts of one import, and bytes of one part as it is kept: a commit holds 8 million characters. */
export const partBytesMax = 4 * 1024 * 1024
export const partsMax = 100_000
const keptBytesMax = 3_500_000
/** What a 32-bit count of lines and rows can hold with room to spare. */
const rowsMax = 1_000_000_000

export type NewImport = {
  readonly tenant: string
  readonly mode: Mode
  readonly format: Format
  readonly encoding: Encoding
  readonly mapping: Readonly<Record<string, string>>
  readonly channel: ChannelName | null
  readonly sourceName: string
  readonly dryRun: boolean
  readonly notices: 'each' | 'none'
  /** Whose cards the rows name. */
  readonly cardFile?: string | undefined
}

export async function createImport(world: World, input: NewImport): Promise<ImportRow> {
  for (const field of Object.keys(input.mapping))
    if (!isField(field)) throw fieldProblem('/mapping', `has a name that is no field: there are ${fieldNames.join(', ')}`)
  const wrong = input.channel === null ? undefined : unknownChannel(world, input.channel, input.mode)
  if (wrong !== undefined) throw fieldProblem('/channel', wrong, 'unprocessable')
  if (input.cardFile !== undefined) await usableFile(world, input, input.cardFile)
  const now = world.now()
  const row: ImportRow = {
    tenant: input.tenant,
    id: nextId(world, 'imp'),
    mode: input.mode,
    status: 'open',
    format: input.format,
    encoding: input.encoding,
    mapping: input.mapping,
    columns: null,
    channel: input.channel,
    source_name: input.sourceName,
    dry_run: input.dryRun,
    notices: input.notices,
    parts: 0,
    rows: 0,
    lines: 0,
    whole: true,
    part: 1,
    place: 0,
    reports: 0,
    tally: { read: 0, imported: 0, merged: 0, unchanged: 0, refused: 0 },
    tries: 0,
    cause: null,
    created_at: now,
    started_at: null,
    updated_at: now,
    finished_at: null,
    due_at: null,
    clock: null,
    version: 1,
    card_file: input.cardFile ?? null,
  }
  if (!(await world.store.commit([insert(imports, row)])).ok) throw new Problem('conflict', 'the import could not be made')
  return row
}

async function usableFile(world: World, { tenant, mode }: NewImport, file: string): Promise<void> {
  const found = await world.vault.cardFiles.show({ tenant, mode, file })
  if (found === undefined) throw fieldProblem('/card_file', 'is no card file of yours, or has been forgotten', 'unprocessable')
  if (!found.complete) throw fieldProblem('/card_file', 'is not complete: its last part has not come', 'unprocessable')
}

/** Why tokens of this channel cannot be taken; undefined if they can. */
export function unknownChannel(world: World, channel: ChannelName, mode: Mode): string | undefined {
  if (!world.channels.has(channel)) return 'is not a channel: GET /v1/channels lists them'
  return world.account(channel, mode) === undefined ? 'is a channel that this deployment has no account for' : undefined
}

export async function readImport(
  world: World,
  at: { readonly tenant: string; readonly mode: Mode; readonly id: string },
): Promise<ImportRow> {
  const row = await world.store.get(imports, { tenant: at.tenant, id: at.id })
  if (row === undefined || row.mode !== at.mode) throw new Problem('not_found', 'no such import')
  return row
}

export type Part = { readonly number: number; readonly body: Buffer; readonly digestHeader: string | undefined }
/** `created` false: the same part had come before. */
export type Received = { readonly created: boolean; readonly number: number; readonly digest: string; readonly rows: number }

export async function receivePart(world: World, row: ImportRow, { number, body, digestHeader }: Part): Promise<Received> {
  const digest = createHash('sha256').update(body).digest()
  if (digestHeader !== undefined && digestHeader !== `sha-256=:${digest.toString('base64')}:`)
    throw fieldProblem('header/content-digest', 'is not the SHA-256 of this body, as sha-256=:…:', 'unprocessable')
  const hex = digest.toString('hex')
  const there = await world.store.get(importParts, { import: row.id, number, tenant: row.tenant })
  if (there !== undefined) {
    if (there.digest === hex) return { created: false, number, digest: hex, rows: there.rows }
    throw fieldProblem('path/number', 'This part has come already, with other bytes.', 'conflict')
  }
  if (row.status !== 'open') throw new Problem('conflict', 'the import has been started: it takes no more parts')
  if (number !== row.parts + 1) throw fieldProblem('path/number', `Parts come in order: the next one is ${row.parts + 1}.`, 'conflict')
  if (body.length === 0) throw fieldProblem('/', 'The part is empty.', 'unprocessable')
  if (!row.whole) throw new Problem('unprocessable', 'the part before ended within a line: cut a file after a line end')
  const read = await readPart(body, { ...row, nowMs: world.now() }, () => world.sleep(0))
  const content = await pack(asLines(read.entries))
  if (content.length > keptBytesMax || row.rows + read.entries.length > rowsMax)
    throw new Problem('body_too_large', 'the part holds more than can be kept in one piece: send smaller parts')
  const kept = { import: row.id, number, tenant: row.tenant, digest: hex, rows: read.entries.length, content }
  const after: ImportRow = {
    ...row,
    columns: read.columns ?? row.columns,
    parts: number,
    rows: row.rows + read.entries.length,
    lines: read.lines,
    whole: read.whole,
    updated_at: world.now(),
  }
  const result = await world.store.commit([insert(importParts, kept), moveTo(imports, row, after)])
  if (!result.ok) throw new Problem('conflict', 'another part came at the same time; send this one again')
  return { created: true, number, digest: hex, rows: kept.rows }
}

/** Started twice is started once. One that was parked goes on where it stopped. */
export async function startImport(world: World, row: ImportRow): Promise<ImportRow> {
  if (row.status === 'running' || row.status === 'done') return row
  if (row.parts === 0) throw new Problem('conflict', 'the import has no parts yet')
  const now = world.now()
  const after: ImportRow = {
    ...row,
    status: 'running',
    due_at: now,
    started_at: row.started_at ?? now,
    updated_at: now,
    tries: 0,
    cause: null,
  }
  if (!(await world.store.commit([moveTo(imports, row, after)])).ok) throw new Problem('conflict', 'the import changed at the same time')
  return { ...after, version: row.version + 1 }
}
