/**
 * Backup and restore of a database with many instruments: how long each takes, how large it is, and what binds cost while a backup is taken. The
 * restore is to a second between two batches of rows, so that there is a log to be read and played.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { z } from 'zod'
import { verifyAll } from '../cli/verify.ts'
import { checkBackup } from '../src/backup/check.ts'
import { restore } from '../src/backup/restore.ts'
import { packSegment } from '../src/backup/segment.ts'
import { takeBackup } from '../src/backup/take.ts'
import { handOver } from '../src/backup/trial.seam.ts'
import { logFolder } from '../src/world/archive.ts'
import { startEmbedded } from '../src/world/embedded.ts'
import { startChild } from './child.ts'
import { median } from './measure.ts'

export type BackupLine = {
  readonly bench: 'backup'
  readonly instruments: number
  readonly database_mb: number
  readonly backup_mb: number
  readonly backup_seconds: number
  readonly check_seconds: number
  /** Without the recomputing of every instrument, which is told apart. */
  readonly restore_seconds: number
  readonly verify_seconds: number
  readonly log_mb: number
  readonly log_packed_mb: number
  /** Median milliseconds of a bind, one at a time: before the backup and during it. */
  readonly bind_ms: readonly [number, number]
}

const times = z.array(z.number())
const bindsEach = 200
const mb = (bytes: number): number => Math.round(bytes / 1e6)

export async function benchBackup({ count, say }: { readonly count: number; say(line: string): void }): Promise<BackupLine> {
  const closing: (() => unknown)[] = []
  try {
    const folder = mkdtempSync(join(tmpdir(), 'bindery-bench-backup-'))
    chmodSync(folder, 0o711)
    closing.unshift(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
    const archive = join(folder, 'archive')
    const server = await startEmbedded({ dataFolder: join(folder, 'database'), archiveFolder: archive, settings: { max_wal_size: '8GB' } })
    closing.unshift(() => server.stop())
    const { host = '', user = '', database = '' } = server.connection
    mkdirSync(join(folder, 'server'))
    const databaseUrl = `postgres://${user}@localhost/${String(database)}?host=${encodeURIComponent(host)}`
    const child = await startChild('scale-server.ts', { databaseUrl, folder: join(folder, 'server') })
    closing.unshift(() => child.stop())
    const client = new pg.Client(server.connection)
    await client.connect()
    closing.unshift(() => client.end())
    const asked = async (sql: string): Promise<number> => Number((await client.query<{ n: string }>(sql)).rows[0]?.n)
    say(`filling with ${count.toLocaleString('en')} instruments`)
    await child.ask({ do: 'fill', count })
    await client.query('vacuum analyze')
    const bytes = await asked('select pg_database_size(current_database()) as n')
    await child.ask({ do: 'bind', count: bindsEach })
    const calm = median(times.parse(await child.ask({ do: 'bind', count: bindsEach })))
    const lap = lapper()
    const backup = { connection: server.connection, archive, to: join(folder, 'backup'), label: 'bench', beside: {} }
    say('backing up, alone')
    const manifest = await takeBackup(backup)
    const backupSeconds = lap()
    say('backing up, while cards are bound')
    const disturbed = await bindsWhile(folder, backup, () => child.ask({ do: 'bind', count: bindsEach }))
    // A tenth of the rows again, which only the log holds.
    await child.ask({ do: 'fill', count: Math.round(count / 10) })
    const until = Math.ceil(await asked('select extract(epoch from clock_timestamp()) * 1000 as n'))
    await child.ask({ do: 'bind', count: bindsEach })
    await handOver(server.connection)
    lap()
    const range = checkBackup({ from: backup.to }, manifest)
    const checkSeconds = lap()
    say(`restoring, with ${range.segments.length} segments of the log`)
    writeFileSync(join(folder, 'shreds.log'), '')
    let verifySeconds = 0
    await restore({ from: backup.to, data: join(folder, 'restored'), until, shredLogs: [join(folder, 'shreds.log')] }, async connection => {
      const verifying = lapper()
      // The copies fall due at random times, so each differs from what its facts say; what is asked here is how long looking takes.
      const { instruments } = await verifyAll(connection, () => undefined)
      verifySeconds = verifying()
      if (instruments < count * 1.1) throw new Error(`${instruments} instruments were restored`)
    })
    const restoreSeconds = lap() - verifySeconds
    const log = sizesOf(logFolder(archive))
    return {
      ...{
        bench: 'backup',
        instruments: count,
        database_mb: mb(bytes),
        backup_mb: mb(manifest.files.reduce((sum, one) => sum + one.bytes, 0)),
      },
      ...{
        backup_seconds: backupSeconds,
        check_seconds: checkSeconds,
        restore_seconds: rounded(restoreSeconds),
        verify_seconds: verifySeconds,
      },
      ...{ log_mb: mb(log.bytes), log_packed_mb: mb(log.packed), bind_ms: [rounded(calm), rounded(disturbed)] },
    }
  } finally {
    for (const close of closing) await close()
  }
}

const rounded = (value: number): number => Number(value.toFixed(2))

/** Seconds since it was asked last. */
function lapper(): () => number {
  let from = performance.now()
  return () => {
    const [now, before] = [performance.now(), from]
    from = now
    return rounded((now - before) / 1000)
  }
}

/** The server is another process, as it is for an operator. */
async function bindsWhile(folder: string, backup: Parameters<typeof takeBackup>[0], bind: () => Promise<unknown>): Promise<number> {
  const taking = (async () => takeBackup({ ...backup, to: join(folder, 'meanwhile') }))()
  const binding = bind()
  const [found] = await Promise.all([binding, taking])
  return median(times.parse(found))
}

function sizesOf(folder: string): { readonly bytes: number; readonly packed: number } {
  let [bytes, packed] = [0, 0]
  for (const name of readdirSync(folder).filter(one => /^[0-9A-F]{24}$/.test(one))) {
    bytes += statSync(join(folder, name)).size
    packed += packSegment(folder, name)
  }
  return { bytes, packed }
}
