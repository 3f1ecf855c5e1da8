/**
 * `npx bindery backup --to <folder>`: the embedded database as it is now, while it works; and with the archive's log, as it was at any second since.
 * `--check <folder>` reads one back: whether it is whole, and which seconds it can be restored to. Of a PostgreSQL of your own it takes none: its own
 * tools do (docs/backup.md).
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { checkBackup, secondsOf } from '../src/backup/check.ts'
import { BackupProblem, readManifest } from '../src/backup/manifest.ts'
import { takeBackup } from '../src/backup/take.ts'
import { channels } from '../src/channels/index.ts'
import { type Config, loadConfig } from '../src/config.ts'
import { CliError } from './caller.ts'
import { reachDatabase } from './verify.ts'

const usage = 'npx bindery backup --to <folder that is not there yet> [--json]\nnpx bindery backup --check <folder> [--archive <folder>] [--json]'

type Print = (line: string) => void

export async function backupCommand(args: readonly string[], print: Print): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ to: { type: 'string' }, check: { type: 'string' }, archive: { type: 'string' } },
      json: { type: 'boolean', default: false },
    },
  })
  if ((values.to === undefined) === (values.check === undefined)) throw new CliError(usage)
  const config = loadConfig([...channels.values()])
  try {
    if (values.check !== undefined) check(values.check, { archive: values.archive ?? config.archiveFolder, json: values.json }, print)
    else await take(config, { to: resolve(values.to ?? ''), json: values.json }, print)
    return 0
  } catch (error) {
    if (error instanceof BackupProblem) throw new CliError(error.message)
    throw error
  }
}

function check(from: string, { archive, json }: { readonly archive: string | undefined; readonly json: boolean }, print: Print): void {
  const manifest = readManifest(resolve(from))
  const range = checkBackup({ from: resolve(from), archive: archive === undefined ? undefined : resolve(archive) }, manifest)
  const bytes = manifest.files.reduce((sum, one) => sum + one.bytes, 0)
  const [earliest, latest] = [Number(range.earliest / 1000n) + 1, Number(range.latest / 1000n)].map(ms => new Date(ms).toISOString())
  const told = { from, files: manifest.files.length, bytes, segments: range.segments.length, earliest, latest }
  print(json ? JSON.stringify(told) : `${from} is whole: ${told.files} files, ${told.segments} segments of the log; ${secondsOf(range)}.`)
}

async function take(config: Config, { to, json }: { readonly to: string; readonly json: boolean }, print: Print): Promise<void> {
  const { databaseUrl, dataFolder, archiveFolder } = config
  if (databaseUrl !== undefined)
    throw new CliError(
      'DATABASE_URL names a PostgreSQL of your own, and this command backs up the embedded one only: use pg_basebackup and WAL archiving, pgBackRest or Barman for it. ' +
        'What Bindery needs beside that (the log of shreddings, and `bindery shred-again` after a restore) is in docs/backup.md.',
    )
  if (archiveFolder === undefined)
    throw new CliError('ARCHIVE_FOLDER is not set: the log of the database is kept there, on another disk, such as ARCHIVE_FOLDER=/backup/bindery')
  const reached = await reachDatabase()
  const from = performance.now()
  try {
    const manifest = await takeBackup({
      ...{ connection: reached.connection, archive: resolve(archiveFolder), to },
      label: `bindery ${new Date().toISOString()}`,
      beside: { 'audit-key.txt': join(dataFolder, 'audit-key.txt') },
    })
    const bytes = manifest.files.reduce((sum, one) => sum + one.bytes, 0)
    const ms = Math.round(performance.now() - from)
    const told = { to, files: manifest.files.length, bytes, ms, from: manifest.ended_at }
    print(
      json
        ? JSON.stringify(told)
        : `${told.files} files, ${Math.ceil(bytes / 1e6)} MB, in ${(ms / 1000).toFixed(1)} s. With the archive it restores any second from ${told.from} on.`,
    )
  } finally {
    await reached.close()
  }
}
