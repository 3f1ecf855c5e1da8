/**
 * Restores a backup into a new data folder, to the end of the log or to a chosen second, and gives it out only when all of it is done: everything
 * happens in `restoring`, which gets its name `database` last. What was shredded since is shredded again before anybody can connect.
 */
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ClientConfig } from 'pg'
import { readShreddings, type Shredding } from '../core/shredding.ts'
import { logFolder } from '../world/archive.ts'
import { startEmbedded } from '../world/embedded.ts'
import { CannotStart } from '../world/embedded-errors.ts'
import { prepareHome } from '../world/embedded-folder.ts'
import type { User } from '../world/processes.ts'
import { checkBackup } from './check.ts'
import { copyFile, syncFolder, syncTree } from './copy.ts'
import { BackupProblem, type Manifest, readManifest } from './manifest.ts'
import { connected, type Replayed, shredAgain, shreddedUnlogged, writeKeysAnew } from './queries.ts'
import type { LogRange } from './range.ts'
import { isHistory, placeSegment } from './segment.ts'
import { refuseFilled } from './take.ts'

export type RestoreInput = {
  readonly from: string
  /** The new data folder: not there, or empty. */
  readonly data: string
  /** Where the log goes on after the backup. Default: where it was when the backup was taken. */
  readonly archive?: string | undefined
  /** Milliseconds since 1970: what was committed later is not there. Without it, the end of the log. */
  readonly until?: number | undefined
  /** Logs of shreddings: all of them count. */
  readonly shredLogs: readonly string[]
}

export type Restored = {
  readonly manifest: Manifest
  /** Milliseconds since 1970: the last transaction that may be there. */
  readonly until: number
  readonly segments: number
  /** By shreddings that the restore would have undone. */
  readonly shredded: readonly Replayed[]
  /** Owners whom the database knows to be shredded and no log does: it is not all of the log, and something may have come back. */
  readonly unlogged: number
  readonly warnings: readonly string[]
}

/** Beside the restored database: what is still to be told to the API and the audit of what was shredded again. */
export const againFile = 'shredded-again.json'
const restoring = 'restoring'

/** `look` may read the restored database before it is given out; what it throws undoes the restore. Throws `BackupProblem`. */
export async function restore(input: RestoreInput, look: (connection: ClientConfig) => Promise<void> = async () => {}): Promise<Restored> {
  const data = resolve(input.data)
  refuseFilled(data)
  const manifest = readManifest(input.from)
  const shreddings = shreddingsOf(input.shredLogs)
  const range = checkBackup(input, manifest)
  mkdirSync(data, { recursive: true, mode: 0o711 })
  const folder = join(data, restoring)
  try {
    const home = prepareHome(folder)
    putInPlace(input, { manifest, range, into: join(home.folder, 'data'), user: home.user })
    const { shredded, unlogged } = await recover(folder, { range, until: input.until, shreddings: shreddings.found, look })
    tellHistory(join(home.folder, 'data', 'pg_wal'), home.user)
    writeFileSync(join(data, againFile), `${JSON.stringify(shredded)}\n`, { mode: 0o600, flush: true })
    renameSync(folder, join(data, 'database'))
    syncFolder(data)
    const until = input.until ?? Number(range.latest / 1000n)
    return { manifest, until, segments: range.segments.length, shredded, unlogged, warnings: shreddings.warnings }
  } catch (error) {
    removeRestoring(data)
    throw error
  }
}

/** A restore that was killed left a folder without a database, and a start would make an empty one in its place. Throws `BackupProblem`. */
export function refuseHalfRestored(data: string): void {
  if (existsSync(join(data, restoring)) && !existsSync(join(data, 'database')))
    throw new BackupProblem(`the restore into ${resolve(data)} was not finished: remove the folder, and restore again`)
}

/** It was empty or not there: all that is in it is ours. So is a home elsewhere, where the server's user could not enter the data folder. */
function removeRestoring(data: string): void {
  const pointer = join(data, restoring, 'postgres-is-at')
  if (existsSync(pointer)) rmSync(readFileSync(pointer, 'utf8').trim(), { recursive: true, force: true })
  for (const name of readdirSync(data)) rmSync(join(data, name), { recursive: true, force: true, maxRetries: 5 })
}

/** Of all these logs. Throws `BackupProblem` where one is missing, or damaged so that a shredding might be lost. */
export function shreddingsOf(logs: readonly string[]): { readonly found: readonly Shredding[]; readonly warnings: readonly string[] } {
  if (logs.length === 0)
    throw new BackupProblem('a restore needs the log of shreddings: what was shredded after the chosen second would come back')
  const read = logs.map(path => {
    if (!existsSync(path))
      throw new BackupProblem(
        `there is no ${path}: without the log of shreddings what was shredded comes back; --shreds names a copy of it`,
      )
    return { path, ...readShreddings(readFileSync(path, 'utf8')) }
  })
  const damaged = read.flatMap(({ path, bad }) => bad.filter(one => one.kind === 'damaged').map(one => `${path}, line ${one.line}`))
  if (damaged.length > 0)
    throw new BackupProblem(
      `the log of shreddings is damaged, so that something shredded would come back: ${damaged.join('; ')}; --shreds names a copy of it`,
    )
  return {
    found: read.flatMap(one => one.shreddings),
    warnings: read.flatMap(({ path, bad }) =>
      bad.map(one => `${path}, line ${one.line} was cut off while it was written: nobody was told yet that this shredding was done`),
    ),
  }
}

type Place = { readonly manifest: Manifest; readonly range: LogRange; readonly into: string; readonly user: User | undefined }

/** Files as they were, the log that is needed, and the sign by which PostgreSQL knows that it is to recover. */
function putInPlace(input: RestoreInput, { manifest, range, into, user }: Place): void {
  const under = (path: string): string | undefined => (/^data(\/|$)/.test(path) ? join(into, path.slice('data/'.length)) : undefined)
  const folder = (path: string): void => {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    if (user !== undefined) chownSync(path, user.uid, user.gid)
  }
  const targets = manifest.folders.flatMap(path => under(path) ?? [])
  for (const path of targets) folder(path)
  for (const file of manifest.files) {
    const to = under(file.path)
    // Checked just now, and once more as it is copied: disks fail between two reads as well.
    if (to !== undefined && copyFile(join(input.from, file.path), to, user).sha256 !== file.sha256)
      throw new BackupProblem(`${join(input.from, file.path)} is damaged: it is not what was backed up`)
  }
  const log = join(into, 'pg_wal')
  for (const { name, path } of range.segments) placeSegment(path, manifest.segment_bytes, join(log, name), user)
  const archived = logFolder(input.archive ?? manifest.archive)
  const histories = existsSync(archived) ? readdirSync(archived).filter(isHistory) : []
  for (const name of histories) copyFile(join(archived, name), join(log, name), user)
  const signal = join(into, 'recovery.signal')
  writeFileSync(signal, '', { mode: 0o600 })
  if (user !== undefined) chownSync(signal, user.uid, user.gid)
  syncTree(into)
}

type Recovery = {
  readonly range: LogRange
  readonly until: number | undefined
  readonly shreddings: readonly Shredding[]
  look(connection: ClientConfig): Promise<void>
}

/** PostgreSQL documentation, 19.5.5 and 25.3.5. The log lies in place already, so that nothing is fetched. A setting's time takes no `Z`. */
async function recover(folder: string, { range, until, shreddings, look }: Recovery): Promise<Pick<Restored, 'shredded' | 'unlogged'>> {
  const settings = {
    archive_mode: 'off',
    restore_command: 'false',
    recovery_target_timeline: 'current',
    recovery_target_action: 'promote',
    hot_standby: 'off',
    wal_recycle: 'off',
    ...(until === undefined ? {} : { recovery_target_time: new Date(until).toISOString().replace('T', ' ').replace('Z', '+00') }),
  }
  const startWithinMs = startMs + range.segments.length * segmentMs
  const server = await startEmbedded({ dataFolder: folder, settings, startWithinMs }).catch((error: unknown) => {
    throw error instanceof CannotStart ? new BackupProblem(`the database cannot be recovered. ${error.message}`) : error
  })
  try {
    const found = await connected(server.connection, async client => {
      const unlogged = await shreddedUnlogged(client, shreddings)
      const shredded = await shredAgain(client, shreddings)
      await writeKeysAnew(client)
      return { shredded, unlogged }
    })
    await look(server.connection)
    return found
  } finally {
    await server.stop()
  }
}

/**
 * Recovery ran without an archive, so nothing of it is there yet. The history of timelines has to come there, or a second restore would take the
 * same number for its own, and the archive would refuse its log.
 */
function tellHistory(log: string, user: User | undefined): void {
  for (const name of readdirSync(log).filter(isHistory)) {
    const sign = join(log, 'archive_status', `${name}.ready`)
    rmSync(join(log, 'archive_status', `${name}.done`), { force: true })
    writeFileSync(sign, '', { mode: 0o600, flush: true })
    if (user !== undefined) chownSync(sign, user.uid, user.gid)
  }
}

const startMs = 180_000
/** A segment of 16 MB takes less than a second on any disk; ten are allowed. */
const segmentMs = 10_000
