/**
 * Backup and restore of a database with many instruments: how long each takes, how large it is, and what binds cost while a backup is taken. The
 * restore is to a second between two batches of rows, so that there is a log to be read and played.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { verifyAll } from '../cli/verify.ts'
import { checkBackup } from '../src/backup/check.ts'
import { restore } from '../src/backup/restore.ts'
import { packSegment } from '../src/backup/segment.ts'
import { takeBackup } from '../src/backup/take.ts'
import { ask, handOver } from '../src/backup/trial.seam.ts'
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
    const { folder, archive, connection, child } = await groundOf(closing)
    const number = async (sql: string): Promise<number> => Number((await ask(connection, sql))[0]?.n)
    say(`filling with ${count.toLocaleString('en')} instruments`)
    await child.ask({ do: 'fill', count })
    const bytes = await number('select pg_database_size(current_database()) as n')
    await child.ask({ do: 'bind', count: bindsEach })
    const calm = median(times.parse(await child.ask({ do: 'bind', count: bindsEach })))
    const lap = lapper()
    const backup = { connection, archive, to: join(folder, 'backup'), label: 'bench', beside: {} }
    say('backing up, alone')
    const manifest = await takeBackup(backup)
    const backup_seconds = lap()
    say('backing up, while cards are bound')
    const disturbed = await bindsWhile(folder, backup, () => child.ask({ do: 'bind', count: bindsEach }))
    // A tenth of the rows again, which only the log holds.
    await child.ask({ do: 'fill', count: Math.round(count / 10) })
    const until = Math.ceil(await number('select extract(epoch from clock_timestamp()) * 1000 as n'))
    await child.ask({ do: 'bind', count: bindsEach })
    await handOver(connection)
    lap()
    const range = checkBackup({ from: backup.to }, manifest)
    const check_seconds = lap()
    say(`restoring, with ${range.segments.length} segments of the log`)
    const restored = await restoring({ from: backup.to, folder, until, instruments: count * 1.1 })
    const log = sizesOf(logFolder(archive))
    return {
      ...{ bench: 'backup', instruments: count, database_mb: mb(bytes), backup_mb: mb(sum(manifest.files.map(one => one.bytes))) },
      ...{ backup_seconds, check_seconds, ...restored, log_mb: mb(log.bytes), log_packed_mb: mb(log.packed) },
      bind_ms: [rounded(calm), rounded(disturbed)],
    }
  } finally {
    for (const close of closing) await close()
  }
}

/** A server with an archive, and all that `npm start` starts on it, in a process of its own. */
async function groundOf(closing: (() => unknown)[]) {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-bench-backup-'))
  chmodSync(folder, 0o711)
  closing.unshift(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const archive = join(folder, 'archive')
  const server = await startEmbedded({ dataFolder: join(folder, 'database'), archiveFolder: archive, settings: { max_wal_size: '8GB' } })
  closing.unshift(() => server.stop())
  const { connection } = server
  const { host = '', user = '', database = '' } = connection
  mkdirSync(join(folder, 'server'))
  const databaseUrl = `postgres://${user}@localhost/${String(database)}?host=${encodeURIComponent(host)}`
  const child = await startChild('scale-server.ts', { databaseUrl, folder: join(folder, 'server') })
  closing.unshift(() => child.stop())
  return { folder, archive, connection, child }
}

async function restoring(of: { readonly from: string; readonly folder: string; readonly until: number; readonly instruments: number }) {
  const shreds = join(of.folder, 'shreds.log')
  writeFileSync(shreds, '')
  const [lap, verifying] = [lapper(), { seconds: 0 }]
  await restore({ from: of.from, data: join(of.folder, 'restored'), until: of.until, shredLogs: [shreds] }, async connection => {
    const verified = lapper()
    // The copies fall due at random times, so each differs from what its facts say; what is asked here is how long looking takes.
    const { instruments } = await verifyAll(connection, () => undefined)
    verifying.seconds = verified()
    if (instruments < of.instruments) throw new Error(`${instruments} instruments were restored`)
  })
  return { restore_seconds: rounded(lap() - verifying.seconds), verify_seconds: verifying.seconds }
}

const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0)
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
