/**
 * Takes away what is older than backups may be kept, because what was shredded since is still in them, and packs the log: a segment that was handed
 * over after a minute is mostly empty, and takes 16 MB. The newest backup stays, however old it is.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { logFolder } from '../world/archive.ts'
import { BackupProblem, type Manifest, manifestFile, readManifest } from './manifest.ts'
import { isSegment, packSegment, segmentOf } from './segment.ts'
import { parseLsn, segmentName } from './wal.ts'

export type PruneInput = {
  /** Each folder in it is a backup, or was to become one. */
  readonly backups: string
  readonly archive: string
  /** Milliseconds since 1970: backups that ended before it go. */
  readonly before: number
  /** Segments that were written before it are packed: a backup that is being taken reads newer ones. */
  readonly packBefore: number
}

export type Pruned = {
  readonly kept: readonly string[]
  readonly removed: readonly string[]
  /** Folders that are no whole backup, and are left to a person. */
  readonly odd: readonly string[]
  readonly segmentsRemoved: number
  readonly segmentsPacked: number
}

/** A kill at any moment leaves backups that are whole or none, and no gap in the log of one that is kept. Throws `BackupProblem`. */
export function prune({ backups, archive, before, packBefore }: PruneInput): Pruned {
  const found = readdirSync(backups, { withFileTypes: true })
    .filter(one => one.isDirectory())
    .map(one => ({ path: join(backups, one.name), manifest: manifestOf(join(backups, one.name)) }))
  const whole = found.flatMap(({ path, manifest }) => (manifest === undefined ? [] : [{ path, manifest }]))
  const newest = whole.toSorted((a, b) => Date.parse(b.manifest.ended_at) - Date.parse(a.manifest.ended_at))[0]
  if (newest === undefined) throw new BackupProblem(`there is no whole backup in ${backups}: nothing was taken away`)
  const isOld = ({ manifest }: { readonly manifest: Manifest }): boolean => Date.parse(manifest.ended_at) < before
  const kept = whole.filter(one => one === newest || !isOld(one))
  const removed = whole.filter(one => one !== newest && isOld(one))
  for (const { path } of removed) {
    // The manifest first: half a backup is none.
    rmSync(join(path, manifestFile))
    rmSync(path, { recursive: true, force: true })
  }
  const log = logFolder(archive)
  const needed =
    kept.map(({ manifest: one }) => placeOf(segmentName(one.timeline, parseLsn(one.start_lsn), one.segment_bytes))).toSorted()[0] ?? ''
  const old = readdirSync(log).filter(file => {
    const name = segmentOf(file) ?? /^([0-9A-F]{24})\.[0-9A-F]{8}\.backup$/.exec(file)?.[1]
    return name !== undefined && placeOf(name) < needed
  })
  for (const file of old) rmSync(join(log, file))
  const toPack = readdirSync(log).filter(file => isSegment(file) && statSync(join(log, file)).mtimeMs < packBefore)
  for (const file of toPack) packSegment(log, file)
  return {
    kept: kept.map(one => one.path),
    removed: removed.map(one => one.path),
    odd: found.flatMap(({ path, manifest }) => (manifest === undefined ? [path] : [])),
    segmentsRemoved: old.filter(file => segmentOf(file) !== undefined).length,
    segmentsPacked: toPack.length,
  }
}

/** Of a segment, whatever its timeline. */
const placeOf = (name: string): string => name.slice(8)

function manifestOf(folder: string): Manifest | undefined {
  if (!existsSync(join(folder, manifestFile))) return undefined
  try {
    return readManifest(folder)
  } catch (error) {
    if (error instanceof BackupProblem) return undefined
    throw error
  }
}
