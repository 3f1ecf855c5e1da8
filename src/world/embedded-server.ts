/** The running postmaster: launched, watched until it is ready, stopped. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { explain } from './embedded-errors.ts'
import { type Home, removeSocketFolder } from './embedded-folder.ts'
import { type Program, programEnv } from './embedded-program.ts'
import { ownerFile, pidFile, readPidFile } from './embedded-takeover.ts'
import { ended, sleep, startGuard } from './processes.ts'

export type Server = {
  /** Resolves when the server has ended, by `stop` or by itself. */
  readonly ended: Promise<void>
  readonly serverPid: number
  /** The process that stops the server if we are killed. */
  readonly guardPid: number | undefined
  /** Fast shutdown: open transactions are rolled back, what was committed stays. */
  stop(): Promise<void>
}

export type LaunchInput = {
  readonly home: Home
  readonly program: Program
  readonly settings: Readonly<Record<string, string>>
  /** Removed when the server has ended. */
  readonly removeFolders: readonly string[]
  readonly startWithinMs?: number
}

/** Recovery after a crash replays at most a checkpoint's worth of WAL; a slow disk may need minutes. */
const startTimeoutMs = 180_000
/** After kill -9 of a postmaster its children need a moment to notice; until then PostgreSQL refuses to start a new one. */
const survivorsTimeoutMs = 20_000
const logBytesMax = 10_000_000

export async function launch(input: LaunchInput): Promise<Server> {
  const deadline = performance.now() + survivorsTimeoutMs
  for (;;) {
    const started = await launchOnce(input)
    if (typeof started !== 'string') return started
    if (!started.includes('pre-existing shared memory block') || performance.now() > deadline)
      throw explain('it ended while starting', started)
    await sleep(250)
  }
}

/** The server when it is ready, or its last words. */
async function launchOnce(input: LaunchInput): Promise<Server | string> {
  const { home, removeFolders, startWithinMs = startTimeoutMs } = input
  const log = openLog(home)
  const before = readPidFile(home)
  const child = spawnServer(input, log.descriptor)
  closeSync(log.descriptor)
  if (child.pid === undefined) return new Promise(resolve => child.once('error', error => resolve(error.message)))
  const pid = child.pid
  child.unref()
  writeFileSync(ownerFile(home, pid), `${process.pid}\n`, { mode: 0o600 })
  const guard = startGuard({ pid, pidFile: pidFile(home), removeFolders })
  const gone = new Promise<void>(resolve => {
    child.once('exit', () => {
      guard.kill('SIGKILL')
      rmSync(ownerFile(home, pid), { force: true })
      removeSocketFolder(home)
      for (const folder of removeFolders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
      resolve()
    })
  })
  const deadline = performance.now() + startWithinMs
  while (!isReady(home, pid, before)) {
    if (child.exitCode !== null || child.signalCode !== null) return tailOf(log)
    if (performance.now() > deadline) {
      await stopServer(child)
      return `it was not ready after ${startWithinMs / 1000} s\n${tailOf(log)}`
    }
    await sleep(15)
  }
  const stop = async (): Promise<void> => {
    await stopServer(child)
    await gone
  }
  return { serverPid: pid, guardPid: guard.pid, ended: gone, stop }
}

function spawnServer({ home, program, settings }: LaunchInput, log: number): ChildProcess {
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return spawn(join(program.folder, 'bin', 'postgres'), ['-D', join(home.folder, 'data'), ...options], {
    ...(home.user === undefined ? {} : { uid: home.user.uid, gid: home.user.gid }),
    cwd: home.folder,
    env: programEnv,
    // In a session of its own: Ctrl-C at the terminal must reach us first.
    detached: true,
    stdio: ['ignore', log, log],
  })
}

async function stopServer(child: ChildProcess): Promise<void> {
  child.ref()
  child.kill('SIGINT')
  if (!(await ended(child, 30_000))) child.kill('SIGQUIT')
  if (!(await ended(child, 10_000))) child.kill('SIGKILL')
}

/** `before`: what the predecessor's file said; in a container the new server may well have the old one's number. */
function isReady(home: Home, pid: number, before: ReturnType<typeof readPidFile>): boolean {
  const found = readPidFile(home)
  if (found === undefined || found.pid !== pid || found.state !== 'ready') return false
  return before?.pid !== pid || before.startedAt !== found.startedAt
}

type OpenLog = { readonly path: string; readonly descriptor: number; readonly from: number }

function openLog(home: Home): OpenLog {
  const path = join(home.folder, 'log')
  if (existsSync(path) && statSync(path).size > logBytesMax) renameSync(path, `${path}.1`)
  const from = existsSync(path) ? statSync(path).size : 0
  return { path, descriptor: openSync(path, 'a', 0o600), from }
}

/** What this start wrote; nothing if the folder is gone by now. */
function tailOf(log: OpenLog): string {
  if (!existsSync(log.path)) return ''
  return readFileSync(log.path).subarray(log.from).toString('utf8').slice(-4000)
}
