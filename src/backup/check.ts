/** Whether a backup is whole, and which seconds it and the archive's log can be restored to. Reads all of both, and changes nothing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { logFolder } from '../world/archive.ts'
import { sha256Of } from './copy.ts'
import { BackupProblem, type Manifest } from './manifest.ts'
import { type LogInput, type LogRange, readRange } from './range.ts'
import { parseLsn } from './wal.ts'

export type CheckInput = {
  readonly from: string
  /** Where the log goes on after the backup. Default: where it was when the backup was taken. */
  readonly archive?: string | undefined
  /** Milliseconds since 1970: what was committed later is not wanted. Without it, the end of the log. */
  readonly until?: number | undefined
}

const toldMax = 10

/** Gives the log that is needed. Throws `BackupProblem` that names the files, or says which seconds there are. */
export function checkBackup(input: CheckInput, manifest: Manifest): LogRange {
  const folders = [join(input.from, 'wal'), logFolder(input.archive ?? manifest.archive)]
  const log: LogInput = {
    ...{ timeline: manifest.timeline, segmentBytes: manifest.segment_bytes, folders },
    ...{ start: parseLsn(manifest.start_lsn), stop: parseLsn(manifest.stop_lsn) },
  }
  checkFiles(input.from, manifest)
  const began = BigInt(Date.parse(manifest.began_at)) * 1000n
  const read = (until?: bigint): LogRange => {
    const range = readRange({ ...log, until })
    return { ...range, earliest: range.earliest > began ? range.earliest : began }
  }
  if (input.until === undefined) return read()
  const until = BigInt(input.until) * 1000n
  const range = read(until)
  if (range.reached && until >= range.earliest) return range
  const all = read()
  throw new BackupProblem(
    `${new Date(input.until).toISOString()} cannot be restored from this backup and its log: ${secondsOf(all)} (without --until, all there is)`,
  )
}

/** In words. */
export const secondsOf = ({ earliest, latest }: LogRange): string =>
  `they hold the seconds from ${isoUp(earliest)} until before ${iso(latest)}`

const iso = (micros: bigint): string => new Date(Number(micros / 1000n)).toISOString()
const isoUp = (micros: bigint): string => iso(micros + 999n)

/** Every file of the backup is there and is what was written. All are told, up to ten. */
function checkFiles(from: string, manifest: Manifest): void {
  const wrong: string[] = []
  for (const file of manifest.files) {
    const path = join(from, file.path)
    if (!existsSync(path)) wrong.push(`${path} is missing`)
    else if (sha256Of(path) !== file.sha256) wrong.push(`${path} is damaged: it is not what was backed up`)
    if (wrong.length === toldMax) break
  }
  if (wrong.length > 0) throw new BackupProblem(wrong.join('\n'))
}
