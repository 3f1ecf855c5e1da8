/** Segments of the log as they lie in an archive: as PostgreSQL wrote them or, when `prune` came by, packed. */
import { chownSync, closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gunzipSync, gzipSync } from 'node:zlib'
import type { User } from '../world/processes.ts'
import { syncFolder } from './copy.ts'
import { BackupProblem } from './manifest.ts'

const packed = '.gz'

export const isSegment = (name: string): boolean => /^[0-9A-F]{24}$/.test(name)
export const isHistory = (name: string): boolean => /^[0-9A-F]{8}\.history$/.test(name)

/** The segment's own name, for whatever form it has; undefined for what is none. */
export function segmentOf(file: string): string | undefined {
  const name = file.endsWith(packed) ? file.slice(0, -packed.length) : file
  return isSegment(name) ? name : undefined
}

export const findSegment = (folders: readonly string[], name: string): string | undefined =>
  folders.flatMap(folder => [join(folder, name), join(folder, name + packed)]).find(existsSync)

/** Throws `BackupProblem` where it is not of this size. */
export function readSegment(path: string, segmentBytes: number): Buffer {
  const bytes = path.endsWith(packed) ? unpack(path, segmentBytes) : readFileSync(path)
  if (bytes.length === segmentBytes) return bytes
  throw new BackupProblem(`${path} is damaged: it has ${bytes.length} bytes and should have ${segmentBytes}`)
}

function unpack(path: string, segmentBytes: number): Buffer {
  try {
    return gunzipSync(readFileSync(path), { maxOutputLength: segmentBytes + 1 })
  } catch (error) {
    throw new BackupProblem(`${path} is damaged: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** As PostgreSQL wants it. Not durable until `syncTree`. */
export function placeSegment(path: string, segmentBytes: number, to: string, user: User | undefined): void {
  writeFileSync(to, readSegment(path, segmentBytes), { mode: 0o600, flag: 'wx' })
  if (user !== undefined) chownSync(to, user.uid, user.gid)
}

/** In place of the segment, which is taken away when the packed one is durable. Gives the bytes it has now. */
export function packSegment(folder: string, name: string): number {
  const path = join(folder, name)
  const bytes = gzipSync(readFileSync(path), { level: constants.Z_BEST_SPEED })
  const draft = `${path}${packed}.new`
  rmSync(draft, { force: true })
  const descriptor = openSync(draft, 'wx', 0o600)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes.subarray(at))
  } finally {
    closeSync(descriptor)
  }
  syncFolder(draft)
  renameSync(draft, path + packed)
  syncFolder(folder)
  rmSync(path)
  return bytes.length
}
