import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client, type ClientConfig } from 'pg'
import { logFolder } from '../world/archive.ts'
import { type Embedded, startEmbedded } from '../world/embedded.ts'
import { ended, sleep } from '../world/processes.ts'
import { checkBackup } from './check.ts'
import { BackupProblem, type Manifest, manifestFile, readManifest } from './manifest.ts'
import { refuseHalfRestored } from './restore.ts'
import { ask, handOver, migrated, type Trial, trial } from './trial.seam.ts'

const undo: (() => unknown)[] = []
let place: Trial
let server: Embedded
let taken: { readonly to: string; readonly manifest: Manifest }
/** Milliseconds: when each row's insert began, and when it was answered. */
const written: { readonly n: number; readonly began: number; readonly answered: number }[] = []
let chosen = 0

/** Writes rows, one transaction each, until it is told to stop: also while the backup is taken. */
async function writer(connection: ClientConfig, stop: AbortSignal): Promise<void> {
  const client = new Client(connection)
  client.on('error', () => undefined)
  await client.connect()
  while (!stop.aborted) {
    const n = written.length
    const began = Date.now()
    await client.query('insert into lines (n, text) values ($1::int, repeat(md5($1::int::text), 20))', [n])
    written.push({ n, began, answered: Date.now() })
  }
  await client.end()
}

const linesOf = async (connection: ClientConfig): Promise<Set<number>> =>
  new Set((await ask(connection, 'select n from lines')).map(row => Number(row.n)))

before(async () => {
  place = await trial(undo)
  writeFileSync(join(place.folder, 'empty.log'), '')
  server = await place.start('live')
  await migrated(server.connection)
  await ask(server.connection, 'create table lines (n int primary key, text text)')
  const stop = new AbortController()
  const writing = writer(server.connection, stop.signal)
  try {
    taken = await place.backup(server.connection, 'backup')
    await sleep(300)
    chosen = Date.now()
    await sleep(300)
  } finally {
    stop.abort()
    await writing
  }
  await handOver(server.connection)
})
after(async () => {
  for (const one of undo.reverse()) await one()
})

const shredLogs = (): readonly string[] => [join(place.folder, 'empty.log')]

/** What a restored folder holds, and that it is a database which works. */
async function linesIn(name: string): Promise<Set<number>> {
  const restored = await startEmbedded({ dataFolder: join(place.folder, name, 'database') })
  try {
    await ask(restored.connection, 'insert into lines (n, text) values (-1, null)')
    const found = await linesOf(restored.connection)
    found.delete(-1)
    return found
  } finally {
    await restored.stop()
  }
}

test('a restore to a chosen second holds what was committed before it and nothing that was begun after it', async () => {
  const told = await place.restore(taken.to, 'then', { until: chosen, shredLogs: shredLogs() })
  assert.equal(told.until, chosen)
  const found = await linesIn('then')
  // A millisecond on either side: our clock is read in milliseconds, the database's in microseconds.
  const [must, mustNot] = [written.filter(one => one.answered < chosen), written.filter(one => one.began > chosen)]
  assert.ok(must.length > 20 && mustNot.length > 20, `${must.length} before, ${mustNot.length} after`)
  assert.ok(
    must.some(one => one.began > Date.parse(taken.manifest.ended_at)),
    'rows of after the backup, which only the log holds',
  )
  for (const { n } of must) assert.ok(found.has(n), `row ${n} was committed before the second`)
  for (const { n } of mustNot) assert.ok(!found.has(n), `row ${n} was begun after the second`)
})

test('a restore without a time holds all that was committed', async () => {
  await place.restore(taken.to, 'all', { shredLogs: shredLogs() })
  assert.deepEqual(await linesIn('all'), await linesOf(server.connection))
})

test('a second that the log does not hold is refused, with those that it does', async () => {
  const refused = /^.* cannot be restored from this backup and its log: they hold the seconds from \S+Z until before \S+Z/
  for (const until of [Date.parse(taken.manifest.began_at) - 1_000, Date.now() + 60_000])
    await assert.rejects(place.restore(taken.to, 'never', { until, shredLogs: shredLogs() }), refused)
  assert.equal(existsSync(join(place.folder, 'never')), false)
})

/** Undone afterwards. */
function damaged(path: string, damage: () => void): () => void {
  cpSync(path, `${path}.kept`)
  damage()
  return () => {
    rmSync(path, { force: true })
    renameSync(`${path}.kept`, path)
  }
}
const flip = (path: string, at: number): void => {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

test('whatever is damaged or missing is named, and nothing is restored', async () => {
  const { to, manifest } = taken
  const file = (wanted: RegExp): string => join(to, manifest.files.find(one => wanted.test(one.path) && one.bytes > 0)?.path ?? '')
  const logged = logFolder(place.archive)
  const segments = readdirSync(logged).filter(name => /^[0-9A-F]{24}$/.test(name))
  const lastNeeded = manifest.files.findLast(one => one.path.startsWith('wal/'))?.path ?? ''
  const archived = join(logged, segments.findLast(name => name > lastNeeded.slice('wal/'.length)) ?? '')
  const cases: readonly (readonly [string, () => void])[] = [
    ...[file(/^data\/base\/\d+\/\d+$/), file(/pg_control$/), file(/backup_label$/), file(/^wal\//)].flatMap(path => [
      [path, () => flip(path, 10)] as const,
      [path, () => truncateSync(path, 5)] as const,
      [path, () => rmSync(path)] as const,
    ]),
    // In the middle of the log, where a record must be: what PostgreSQL would take for the log's end.
    [archived, () => flip(archived, 9_000)],
    [archived, () => truncateSync(archived, 1024 * 1024)],
    [join(to, manifestFile), () => rmSync(join(to, manifestFile))],
    [join(to, manifestFile), () => truncateSync(join(to, manifestFile), 2_000)],
    [join(to, manifestFile), () => appendFileSync(join(to, manifestFile), 'x')],
    [
      join(to, manifestFile),
      () => writeFileSync(join(to, manifestFile), readFileSync(join(to, manifestFile), 'utf8').replace(/ {2}"data\/base\/1",?\n/, '')),
    ],
  ]
  for (const [path, damage] of cases) {
    const repair = damaged(path, damage)
    try {
      await assert.rejects(place.restore(to, 'broken', { shredLogs: shredLogs() }), (error: unknown) => {
        assert.ok(error instanceof BackupProblem, String(error))
        assert.ok(error.message.includes(path), `${error.message} should name ${path}`)
        return true
      })
      assert.equal(existsSync(join(place.folder, 'broken')), false, path)
    } finally {
      repair()
    }
  }
  checkBackup({ from: to }, readManifest(to))
})

test('a segment missing in the middle of the log is named', async () => {
  for (let n = 0; n < 2; n += 1) {
    await ask(server.connection, 'insert into lines (n) values ($1)', [1_000_000 + n])
    await handOver(server.connection)
  }
  const segments = readdirSync(logFolder(place.archive)).filter(name => /^[0-9A-F]{24}$/.test(name))
  const path = join(logFolder(place.archive), segments.at(-2) ?? '')
  const repair = damaged(path, () => rmSync(path))
  try {
    assert.throws(
      () => checkBackup({ from: taken.to }, readManifest(taken.to)),
      new RegExp(`${segments.at(-2)} is missing and ${segments.at(-1)} is there`),
    )
  } finally {
    repair()
  }
})

test('a restore needs the log of shreddings, and writes into no folder that holds anything', async () => {
  await assert.rejects(place.restore(taken.to, 'never', { shredLogs: [] }), /needs the log of shreddings/)
  await assert.rejects(place.restore(taken.to, 'never', { shredLogs: [join(place.folder, 'lost.log')] }), /lost\.log: without the log/)
  assert.equal(existsSync(join(place.folder, 'never')), false)
  await assert.rejects(place.restore(taken.to, 'live', { shredLogs: shredLogs() }), /live is not empty/)
})

/** By a process of its own, as the command does it, to be killed. */
function elsewhere(file: string, act: string, input: object): ChildProcess {
  const script = `
    import { ${act} } from ${JSON.stringify(new URL(file, import.meta.url).href)}
    await ${act}(${JSON.stringify(input)})`
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
}

async function killedOnceThere(child: ChildProcess, path: string): Promise<void> {
  for (const end = performance.now() + 30_000; !existsSync(path) && performance.now() < end; ) await sleep(1)
  child.kill('SIGKILL')
  assert.ok(await ended(child, 10_000))
  assert.ok(existsSync(path), path)
}

test('a restore that is killed leaves no data folder that a start would take', async () => {
  const data = join(place.folder, 'half')
  const child = elsewhere('./restore.ts', 'restore', { from: taken.to, data, archive: place.archive, shredLogs: shredLogs() })
  await killedOnceThere(child, join(data, 'restoring'))
  assert.throws(() => refuseHalfRestored(data), /was not finished: remove the folder, and restore again/)
  await assert.rejects(place.restore(taken.to, 'half', { shredLogs: shredLogs() }), /half is not empty/)
  assert.doesNotThrow(() => refuseHalfRestored(join(place.folder, 'live')))
})

function backupElsewhere(to: string): ChildProcess {
  return elsewhere('./take.ts', 'takeBackup', { connection: server.connection, archive: place.archive, to, label: 'killed', beside: {} })
}

test('a backup that is killed at any moment is none, and the next one is whole', async () => {
  // Where it is when it is killed: by what is there already.
  const moments = ['data', 'data/global', 'data/pg_xact', 'wal']
  let partial = 0
  for (const [n, moment] of moments.entries()) {
    const to = join(place.folder, `killed-${n}`)
    await killedOnceThere(backupElsewhere(to), join(to, moment))
    if (existsSync(join(to, manifestFile))) checkBackup({ from: to }, readManifest(to))
    else {
      partial += 1
      assert.throws(() => readManifest(to), /this is no backup, or one that was not finished/)
      await assert.rejects(place.restore(to, 'never', { shredLogs: shredLogs() }), BackupProblem)
      await assert.rejects(place.backup(server.connection, `killed-${n}`), /is not empty/)
    }
    rmSync(to, { recursive: true })
  }
  assert.ok(partial >= 2, `only ${partial} were killed before they were done`)
  const { to } = await place.backup(server.connection, 'next')
  await handOver(server.connection)
  checkBackup({ from: to }, readManifest(to))
})
