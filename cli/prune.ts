/** `npx bindery prune --backups <folder>`: what is older than backups may be kept goes, with the log that only it needed; the rest of the log is packed. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { BackupProblem } from '../src/backup/manifest.ts'
import { prune } from '../src/backup/prune.ts'
import { channels } from '../src/channels/index.ts'
import { loadConfig } from '../src/config.ts'
import { CliError } from './caller.ts'

const usage = 'npx bindery prune --backups <folder of backups> [--days 35] [--archive <folder>] [--json]'
const dayMs = 86_400_000
/** A backup reads what was archived while it was taken; none takes that long. */
const packAfterMs = 3_600_000

export function pruneCommand(args: readonly string[], print: (line: string) => void): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ backups: { type: 'string' }, days: { type: 'string', default: '35' }, archive: { type: 'string' } },
      json: { type: 'boolean', default: false },
    },
  })
  const archive = values.archive ?? loadConfig([...channels.values()]).archiveFolder
  if (values.backups === undefined || archive === undefined) throw new CliError(usage)
  if (!/^([1-9]|[12]\d|3[0-5])$/.test(values.days))
    throw new CliError(`--days is a whole number from 1 to 35, because what was erased is still in older backups: ${values.days}`)
  const now = Date.now()
  try {
    const told = prune({
      ...{ backups: resolve(values.backups), archive: resolve(archive) },
      ...{ before: now - Number(values.days) * dayMs, packBefore: now - packAfterMs },
    })
    if (values.json) print(JSON.stringify(told))
    else {
      print(`${told.kept.length} backups kept, ${told.removed.length} removed; of the log ${told.segmentsRemoved} segments removed, ${told.segmentsPacked} packed`)
      for (const one of told.odd) print(`${one} is no whole backup: look at it, and take it away`)
    }
    return told.odd.length === 0 ? 0 : 1
  } catch (error) {
    if (error instanceof BackupProblem) throw new CliError(error.message)
    throw error
  }
}
