/**
 * PostgreSQL from npm, started by us: on a Unix socket in the data folder, no TCP port, never as root. It stops when we stop, also when
 * we are killed: a guard asks it to. If the guard was killed too, the next start stops what was left and takes over.
 * For development, tests and small installations; larger ones set DATABASE_URL.
 */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { CannotStart, explain } from './embedded-errors.ts'
import { type Home, prepareHome, removeSocketFolder, socketName } from './embedded-folder.ts'
import { checkVersion, findPackage, initialise, type Program, prepareProgram, programEnv } from './embedded-program.ts'
import { ended, isAlive, sleep, startGuard } from './processes.ts'

export type Embedded = {
  readonly connection: ClientConfig
  /** What an operator should know: where the files went, if not where they were expected. */
  readonly notes: readonly string[]
  /** Resolves when the server has ended, by `stop` or by itself. */
  readonly ended: Promise<void>
  /** Fast shutdown: open transactions are rolled back, what was committed stays. */
  stop(): Promise<void>
}

export type EmbeddedInput = {
  /** Made if it is not there. The database's own files go into a folder in it. */
  readonly dataFolder: string
  /** Role and database that the connection uses. */
  readonly superuser?: string
  /** Settings of postgresql.conf, given on the command line. */
  readonly settings?: Readonly<Record<string, string>>
  /** For tests: durability is off, and `dataFolder` is removed when the server ends. */
  readonly temporary?: boolean
  /** The folder with `bin`, `lib` and `share`, when it is not the installed package. */
  readonly native?: string
}

/** Recovery after a crash replays at most a checkpoint's worth of WAL; a slow disk may need minutes. */
const startTimeoutMs = 180_000
const logBytesMax = 10_000_000
/** Homes whose server this very process runs. */
const running = new Set<string>()

/** Throws `CannotStart`, whose message names the cause and what to do. */
export async function startEmbedded(input: EmbeddedInput): Promise<Embedded> {
  const { superuser = 'bindery', temporary = false } = input
  const home = prepareHome(input.dataFolder)
  const program = await prepareProgram({ native: input.native ?? findPackage(), home: home.folder, user: home.user })
  await takeOver(home)
  if (running.has(home.folder)) throw alreadyRuns(home, process.pid)
  running.add(home.folder)
  try {
    await initialise({ program, home: home.folder, user: home.user, superuser, sync: !temporary })
    checkVersion(program, join(home.folder, 'data'))
    const remove = temporary ? [home.folder, home.socketFolder, resolve(input.dataFolder)] : []
    const server = await launch(home, program, { ...(temporary ? fastAndLoose : {}), ...input.settings }, remove)
    await makeDatabase({ host: home.socketFolder, port: 5432, user: superuser, database: 'postgres' }, superuser)
    return { connection: { host: home.socketFolder, port: 5432, user: superuser, database: superuser }, notes: home.notes, ...server }
  } catch (error) {
    running.delete(home.folder)
    throw error
  }
}

const fastAndLoose = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

function serverSettings(home: Home, more: Readonly<Record<string, string>>): string[] {
  const settings = {
    listen_addresses: '',
    port: '5432',
    unix_socket_directories: home.socketFolder,
    unix_socket_permissions: '0700',
    timezone: 'UTC',
    log_timezone: 'UTC',
    max_connections: '120',
    // What a statement carried must not reach a log file.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    ...more,
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

async function launch(
  home: Home,
  program: Program,
  settings: Readonly<Record<string, string>>,
  removeFolders: readonly string[],
): Promise<Pick<Embedded, 'stop' | 'ended'>> {
  const data = join(home.folder, 'data')
  const log = openLog(home)
  writeFileSync(ownerFile(home), `${process.pid}\n`, { mode: 0o600 })
  const child = spawn(join(program.folder, 'bin', 'postgres'), ['-D', data, ...serverSettings(home, settings)], {
    ...(home.user === undefined ? {} : { uid: home.user.uid, gid: home.user.gid }),
    cwd: home.folder,
    env: programEnv,
    detached: true,
    stdio: ['ignore', log.descriptor, log.descriptor],
  })
  let failure = ''
  child.on('error', error => {
    failure = error.message
  })
  closeSync(log.descriptor)
  if (child.pid === undefined) {
    await sleep(0)
    throw explain('its program cannot be started', failure)
  }
  const pid = child.pid
  const guard = startGuard({ pid, pidFile: pidFile(home), removeFolders })
  child.unref()
  const gone = new Promise<void>(done => {
    child.once('exit', () => {
      running.delete(home.folder)
      guard.stdin?.end()
      if (removeFolders.length === 0) guard.kill('SIGKILL')
      done()
    })
  })
  const stop = async (): Promise<void> => {
    child.ref()
    child.kill('SIGINT')
    if (!(await ended(child, 30_000))) child.kill('SIGQUIT')
    if (!(await ended(child, 10_000))) child.kill('SIGKILL')
    await gone
    if (removeFolders.length > 0) await ended(guard, 10_000)
    rmSync(ownerFile(home), { force: true })
    removeSocketFolder(home)
  }
  const deadline = performance.now() + startTimeoutMs
  while (!isReady(home, pid)) {
    if (child.exitCode !== null || child.signalCode !== null) throw explain('it ended while starting', tailOf(log.path, log.from))
    if (performance.now() > deadline) {
      await stop()
      throw explain(`it was not ready after ${startTimeoutMs / 1000} s`, tailOf(log.path, log.from))
    }
    await sleep(15)
  }
  return { stop, ended: gone }
}

const pidFile = (home: Home): string => join(home.folder, 'data', 'postmaster.pid')
const ownerFile = (home: Home): string => join(home.folder, 'owner.pid')

function openLog(home: Home): { path: string; descriptor: number; from: number } {
  const path = join(home.folder, 'log')
  if (existsSync(path) && statSync(path).size > logBytesMax) renameSync(path, `${path}.1`)
  const from = existsSync(path) ? statSync(path).size : 0
  return { path, descriptor: openSync(path, 'a', 0o600), from }
}

function tailOf(path: string, from: number): string {
  return readFileSync(path).subarray(from).toString('utf8').slice(-4000)
}

/** What stands in postmaster.pid: its number first, the socket's folder fifth, its state eighth. */
function readPidFile(home: Home): { pid: number; socketFolder: string; state: string } | undefined {
  try {
    const lines = readFileSync(pidFile(home), 'utf8').split('\n')
    const pid = Number.parseInt(lines[0] ?? '', 10)
    if (!(pid > 0)) return undefined
    return { pid, socketFolder: lines[4]?.trim() ?? '', state: lines[7]?.trim() ?? '' }
  } catch {
    return undefined
  }
}

function isReady(home: Home, pid: number): boolean {
  const found = readPidFile(home)
  return found !== undefined && found.pid === pid && found.state === 'ready'
}

/**
 * Deals with what an earlier run left. No server: nothing to do. A server whose owner lives: refused. A server without its owner: it is
 * being stopped by its guard, or by us, and we wait. A pid file whose number now belongs to some other process: removed, since
 * PostgreSQL itself would take that process for its predecessor and refuse to start.
 */
async function takeOver(home: Home): Promise<void> {
  const began = performance.now()
  let asked: 'nothing' | 'SIGINT' | 'SIGQUIT' = 'nothing'
  let silent = 0
  for (;;) {
    const found = readPidFile(home)
    if (found === undefined || !isAlive(found.pid)) return
    const waitedMs = performance.now() - began
    if (await answers(join(found.socketFolder, socketName))) {
      silent = 0
      const owner = Number.parseInt(existsSync(ownerFile(home)) ? readFileSync(ownerFile(home), 'utf8') : '', 10)
      if (running.has(home.folder) || (owner > 0 && owner !== process.pid && isAlive(owner))) throw alreadyRuns(home, owner)
      const next = waitedMs > 15_000 ? 'SIGQUIT' : 'SIGINT'
      if (asked !== next) signal(found.pid, next, home)
      asked = next
    } else {
      silent += 1
      // A postmaster listens from early in its start until its end: a second of silence means that it is not one.
      if (silent > 40) {
        for (const stale of [pidFile(home), join(home.socketFolder, `${socketName}.lock`)]) rmSync(stale, { force: true })
        return
      }
    }
    if (waitedMs > 40_000)
      throw new CannotStart(`an earlier server (process ${found.pid}) does not stop`, `end it yourself: kill -QUIT ${found.pid}`)
    await sleep(25)
  }
}

function signal(pid: number, name: 'SIGINT' | 'SIGQUIT', home: Home): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EPERM')
      throw new CannotStart(
        `process ${pid}, run by another user, holds ${home.folder}`,
        `end it as that user, or choose another DATA_FOLDER`,
      )
  }
}

const alreadyRuns = (home: Home, owner: number): CannotStart =>
  new CannotStart(
    `another Bindery (process ${owner}) is running on ${home.folder}`,
    'stop that one first, or give this one a DATA_FOLDER of its own',
  )

/** Whether anything listens on a Unix socket. */
function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function makeDatabase(connection: ClientConfig, name: string): Promise<void> {
  const client = new Client(connection)
  await client.connect()
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [name])
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
  } finally {
    await client.end()
  }
}
