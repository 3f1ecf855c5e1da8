/** Which segments of the log a restore needs, all of them read and found whole, and between which times it can stop. */
import { existsSync, readdirSync } from 'node:fs'
import { BackupProblem } from './manifest.ts'
import { findSegment, readSegment, segmentOf } from './segment.ts'
import { DamagedSegment, type Lsn, segmentName, walkFrom, walkSegment } from './wal.ts'

export type LogRange = {
  /** In order: name and where it lies. */
  readonly segments: readonly { readonly name: string; readonly path: string }[]
  /** Before this a restore cannot stop: the copy of the files was still under way. Microseconds since 1970. */
  readonly earliest: bigint
  /** The end of the last transaction that the log holds. A restore to a time needs one that ended after it. */
  readonly latest: bigint
  /** Whether a transaction was found that ended after `until`, so that PostgreSQL knows where to stop. */
  readonly reached: boolean
}

export type LogInput = {
  readonly timeline: number
  readonly segmentBytes: number
  /** Where recovery begins, and up to where the files themselves need the log. */
  readonly start: Lsn
  readonly stop: Lsn
  /** Where segments lie: the first folder that has one is taken. */
  readonly folders: readonly string[]
  /** Microseconds since 1970. Without it: to the end of the log. */
  readonly until?: bigint | undefined
}

/** Throws `BackupProblem` that names the segment where one is missing or damaged. */
export function readRange(input: LogInput): LogRange {
  const { timeline, segmentBytes, start, stop, until } = input
  const segments: { name: string; path: string }[] = []
  let [earliest, latest, reached] = [0n, 0n, false]
  let walk = walkFrom(start)
  for (let begins = start - (start % segmentBytes); !reached; begins += segmentBytes) {
    const name = segmentName(timeline, begins, segmentBytes)
    const path = findSegment(input.folders, name)
    if (path === undefined) {
      refuseGap(input, { name, begins })
      break
    }
    const bytes = readSegment(path, segmentBytes)
    try {
      walk = walkSegment(walk, { name: path, bytes, begins }, ended => {
        if (reached) return
        if (ended.lsn <= stop) earliest = ended.micros > earliest ? ended.micros : earliest
        latest = ended.micros > latest ? ended.micros : latest
        reached = until !== undefined && ended.lsn > stop && ended.micros > until
      })
    } catch (error) {
      throw error instanceof DamagedSegment ? new BackupProblem(error.message) : error
    }
    segments.push({ name, path })
  }
  return { segments, earliest, latest, reached }
}

/** The end of the log is where no later segment is; but the files' own part must be whole. */
function refuseGap({ timeline, segmentBytes, stop, folders }: LogInput, at: { readonly name: string; readonly begins: Lsn }): void {
  if (at.begins < stop) throw new BackupProblem(`the segment ${at.name} is missing: the backup cannot be restored without it`)
  const later = folders
    .filter(existsSync)
    .flatMap(folder => readdirSync(folder))
    .flatMap(file => segmentOf(file) ?? [])
    .filter(one => one.slice(0, 8) === at.name.slice(0, 8) && one > at.name)
    .toSorted()[0]
  if (later !== undefined)
    throw new BackupProblem(
      `the segment ${at.name} is missing and ${later} is there: what is after ${segmentName(timeline, at.begins - 1, segmentBytes)} cannot be restored; --until a time before that can`,
    )
}
