/**
 * `npx bindery backup --to <folder>`: the embedded database as it is now, while it works; and with the archive's log, as it was at any second since.
 * Of a PostgreSQL of your own it takes none: its own tools do (docs/backup.md).
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { BackupProblem } from '../src/backup/manifest.ts'
import { takeBackup } from '../src/backup/take.ts'
import { channels } from '../src/channels/index.ts'
import { loadConfig } from '../src/config.ts'
import { CliError } from './caller.ts'
import { reachDatabase } from './verify.ts'

const usage = 'npx bindery backup --to <folder that is not there yet> [--json]'

export async function backupCommand(args: readonly string[], print: (line: string) => void): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { to: { type: 'string' }, json: { type: 'boolean', default: false } } })
  if (values.to === undefined) throw new CliError(usage)
  const { databaseUrl, dataFolder, archiveFolder } = loadConfig([...channels.values()])
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
      ...{ connection: reached.connection, archive: resolve(archiveFolder), to: resolve(values.to) },
      label: `bindery ${new Date().toISOString()}`,
      beside: { 'audit-key.txt': join(dataFolder, 'audit-key.txt') },
    })
    const bytes = manifest.files.reduce((sum, one) => sum + one.bytes, 0)
    const ms = Math.round(performance.now() - from)
    const told = { to: resolve(values.to), files: manifest.files.length, bytes, ms, from: manifest.ended_at }
    print(
      values.json
        ? JSON.stringify(told)
        : `${told.files} files, ${Math.ceil(bytes / 1e6)} MB, in ${(ms / 1000).toFixed(1)} s. With the archive it restores any second from ${told.from} on.`,
    )
    return 0
  } catch (error) {
    if (error instanceof BackupProblem) throw new CliError(error.message)
    throw error
  } finally {
    await reached.close()
  }
}
