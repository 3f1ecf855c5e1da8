/**
 * Takes a backup of an embedded PostgreSQL while it works: PostgreSQL's low-level interface (documentation, 25.3.4) around a copy of the data
 * directory, then the log between the two, from the archive. API and vault are two schemas of one database: one backup has both, of one second.
 */
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Client, ClientConfig } from 'pg'
import { logFolder } from '../world/archive.ts'
import { copyFile, syncFolder, syncTree, walkFolder } from './copy.ts'
import { BackupProblem, type Manifest, type ManifestFile, manifestFile, manifestText } from './manifest.ts'
import { beginBackup, connected, describeServer, type Ended, endBackup, type Server, timeline } from './queries.ts'
import { readRange } from './range.ts'
import { readSegment } from './segment.ts'
import { parseLsn, segmentName } from './wal.ts'

export type BackupInput = {
  /** As the superuser. */
  readonly connection: ClientConfig
  readonly archive: string
  /** Not there, or empty. */
  readonly to: string
  readonly label: string
  /** What is taken along as it lies there, by the name it gets: the public key of the audit. */
  readonly beside: Readonly<Record<string, string>>
}

/** How long the archive may take for the last segment. */
const archivedWithinMs = 120_000

/** Throws `BackupProblem`. What is left of a backup that failed has no manifest, and is not taken for one. */
export async function takeBackup(input: BackupInput): Promise<Manifest> {
  const { to } = input
  refuseFilled(to)
  return connected(input.connection, async client => {
    const server = await describeServer(client)
    refuseWithoutArchive(server, input.archive)
    mkdirSync(to, { recursive: true, mode: 0o700 })
    chmodSync(to, 0o700)
    const began = await beginBackup(client, input.label)
    const copied = copyData(server.dataFolder, join(to, 'data'))
    const ended = await end(client)
    const files = [...copied.files, ...besides(input, ended)]
    const manifest: Omit<Manifest, 'files'> = {
      format: 'bindery-backup-1',
      label: input.label,
      began_at: began.at.toISOString(),
      ended_at: ended.at.toISOString(),
      postgres: server.version,
      system: began.system,
      timeline: await timeline(client),
      segment_bytes: server.segmentBytes,
      start_lsn: began.lsn,
      stop_lsn: ended.lsn,
      archive: input.archive,
      folders: ['data', 'data/pg_wal', ...copied.folders, 'wal'],
    }
    const whole = { ...manifest, files: [...files, ...copyLog(input, manifest)] }
    // All of it first: a manifest must not be there before what it speaks of.
    syncTree(to)
    writeDurably(to, manifestFile, manifestText(whole))
    return whole
  })
}

export function refuseFilled(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new BackupProblem(`${folder} is not empty: name a folder that is not there yet, such as ${folder}-1`)
}

function refuseWithoutArchive(server: Server, archive: string): void {
  if (server.archiveMode !== 'on' || server.archiveFolder === '')
    throw new BackupProblem(
      'the server that runs was started without ARCHIVE_FOLDER, so that its log is kept nowhere: set it (ARCHIVE_FOLDER=/backup/bindery), and start Bindery anew',
    )
  if (server.archiveFolder !== logFolder(archive))
    throw new BackupProblem(
      `the server that runs has its archive in ${server.archiveFolder}, and ARCHIVE_FOLDER is ${archive}: they must be the same`,
    )
}

async function end(client: Client): Promise<Ended> {
  try {
    return await endBackup(client, archivedWithinMs)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === '57014')) throw error
    throw new BackupProblem(
      `the log of the last minute did not come into the archive within ${archivedWithinMs / 1000} s: is the disk of the archive full?`,
    )
  }
}

/** PostgreSQL documentation, 25.3.4.1: what must or may be left out, because it is made anew or would be wrong. */
const emptied = ['pg_wal', 'pg_dynshmem', 'pg_notify', 'pg_replslot', 'pg_serial', 'pg_snapshots', 'pg_stat_tmp', 'pg_subtrans']
const leftOut =
  /^(postmaster\.(pid|opts)|backup_label(\.old)?|tablespace_map(\.old)?|backup_manifest|current_logfiles|.*pg_internal\.init.*|.*pgsql_tmp.*)$/

function copyData(from: string, to: string): { readonly folders: readonly string[]; readonly files: readonly ManifestFile[] } {
  mkdirSync(to, { mode: 0o700 })
  mkdirSync(join(to, 'pg_wal'), { mode: 0o700 })
  const folders: string[] = []
  const files: ManifestFile[] = []
  for (const { path, kind } of walkFolder(from)) {
    const [first = ''] = path.split('/')
    if (leftOut.test(basename(path)) || (first !== path && emptied.includes(first)) || path === 'pg_wal') continue
    if (kind === 'other')
      throw new BackupProblem(`${join(from, path)} is neither file nor folder: a database with tablespaces is for PostgreSQL's own tools`)
    if (kind === 'folder') {
      mkdirSync(join(to, path), { mode: 0o700 })
      folders.push(`data/${path}`)
    } else {
      const copied = copyLive(join(from, path), join(to, path), path)
      if (copied !== undefined) files.push(copied)
    }
  }
  return { folders, files }
}

/** A table may be dropped while we copy: the log knows. The server writes its control file in one piece: two equal reads are whole. */
function copyLive(from: string, to: string, path: string): ManifestFile | undefined {
  try {
    if (path !== 'global/pg_control') return { path: `data/${path}`, ...copyFile(from, to) }
    for (let before = readFileSync(from); ; ) {
      const now = readFileSync(from)
      if (now.equals(before)) return { path: `data/${path}`, ...writeCopy(to, now) }
      before = now
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT' && !existsSync(from)) return undefined
    throw error
  }
}

function writeCopy(to: string, bytes: Buffer): { readonly bytes: number; readonly sha256: string } {
  writeFileSync(to, bytes, { mode: 0o600, flag: 'wx' })
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** The label of which recovery begins, and what is taken along. */
function besides({ to, beside }: BackupInput, ended: Ended): readonly ManifestFile[] {
  if (ended.tablespaces.trim() !== '') throw new BackupProblem("a database with tablespaces is for PostgreSQL's own tools")
  const label = { path: 'data/backup_label', ...writeCopy(join(to, 'data', 'backup_label'), Buffer.from(ended.label)) }
  const others = Object.entries(beside).filter(([, from]) => existsSync(from))
  return [label, ...others.map(([name, from]) => ({ path: name, ...copyFile(from, join(to, name)) }))]
}

/** The log without which the files are no database, read through before it is trusted. */
function copyLog(
  { to, archive }: BackupInput,
  of: Pick<Manifest, 'timeline' | 'segment_bytes' | 'start_lsn' | 'stop_lsn'>,
): readonly ManifestFile[] {
  const [start, stop] = [parseLsn(of.start_lsn), parseLsn(of.stop_lsn)]
  const last = segmentName(of.timeline, stop - 1, of.segment_bytes)
  const log = { timeline: of.timeline, segmentBytes: of.segment_bytes, start, stop, folders: [logFolder(archive)], until: 0n }
  mkdirSync(join(to, 'wal'), { mode: 0o700 })
  const needed = readRange(log).segments.filter(one => one.name <= last)
  return needed.map(({ name, path }) => ({ path: `wal/${name}`, ...writeCopy(join(to, 'wal', name), readSegment(path, of.segment_bytes)) }))
}

function writeDurably(folder: string, name: string, text: string): void {
  const path = join(folder, name)
  writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
  syncFolder(folder)
}
