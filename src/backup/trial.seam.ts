/** A real embedded server with an archive, to be backed up and restored in tests. */
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { shredLogFile } from '../vault/shred-log.ts'
import { vaultTables } from '../vault/tables.ts'
import { type Embedded, startEmbedded } from '../world/embedded.ts'
import { migrate } from '../world/migrate.ts'
import { sleep } from '../world/processes.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import type { Manifest } from './manifest.ts'
import { type Restored, restore } from './restore.ts'
import { takeBackup } from './take.ts'

export type Trial = {
  /** Everything is below it, and it is gone with the test. */
  readonly folder: string
  readonly archive: string
  readonly shreds: string
  start(dataFolder: string, archive?: string): Promise<Embedded>
  backup(connection: ClientConfig, name: string): Promise<{ readonly to: string; readonly manifest: Manifest }>
  /** Into the data folder `name`. */
  restore(from: string, name: string, more?: { readonly until?: number; readonly shredLogs?: readonly string[] }): Promise<Restored>
}

/** The undo steps run last to first. */
export async function trial(undo: (() => unknown)[]): Promise<Trial> {
  const folder = mkdtempSync(join(roomy(), 'bindery-backup-'))
  undo.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  // As root the server is another user's, who must pass through.
  await chmod(folder, 0o711)
  const archive = join(folder, 'archive')
  const shreds = join(archive, shredLogFile)
  return {
    ...{ folder, archive, shreds },
    // The disk is not what is tested: durability is the server's own affair.
    start: async (dataFolder, to = archive) => {
      const server = await startEmbedded({
        dataFolder: join(folder, dataFolder, 'database'),
        archiveFolder: to,
        settings: { fsync: 'off' },
      })
      undo.push(() => server.stop())
      return server
    },
    backup: async (connection, name) => {
      const to = join(folder, name)
      return { to, manifest: await takeBackup({ connection, archive, to, label: name, beside: {} }) }
    },
    restore: (from, name, more = {}) => restore({ from, data: join(folder, name), shredLogs: [shreds], ...more }),
  }
}

/** A disk that others keep busy makes a thousand small files take a minute: in memory, where there is enough of it (a container has 64 MB). */
export function roomy(): string {
  const memory = '/dev/shm'
  if (!existsSync(memory)) return tmpdir()
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize > 2 ** 32 ? memory : tmpdir()
}

export const migrated = (connection: ClientConfig): Promise<unknown> =>
  migrate({ connection, extraSql: [rideFunctionSql('vault', [...vaultTables]).sql] })

export async function ask(connection: ClientConfig, sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new Client(connection)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows
  } finally {
    await client.end()
  }
}

/** Hands what the log holds so far over to the archive. */
export async function handOver(connection: ClientConfig): Promise<void> {
  // Something must be in it, or there is nothing to hand over; a commit, so that the log holds a time.
  await ask(connection, "select pg_logical_emit_message(true, 'trial', 'handed over')")
  const [row] = await ask(connection, 'select pg_walfile_name(pg_switch_wal()) as name')
  const name = String(row?.name)
  for (const end = performance.now() + 30_000; performance.now() < end; await sleep(20)) {
    const [told] = await ask(connection, "select coalesce(last_archived_wal, '') >= $1 as there from pg_stat_archiver", [name])
    if (told?.there === true) return
  }
  throw new Error(`${name} does not come into the archive`)
}
