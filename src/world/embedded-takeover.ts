/** What an earlier run left in the data folder: nothing, a stale pid file, a server without an owner, or a server that is in use. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { CannotStart } from './embedded-errors.ts'
import { type Home, socketName } from './embedded-folder.ts'
import { isAlive, sleep } from './processes.ts'

export const pidFile = (home: Home): string => join(home.folder, 'data', 'postmaster.pid')
/** Whose server the process `serverPid` is. One file a server, so that a start that loses a race cannot speak for the winner's. */
export const ownerFile = (home: Home, serverPid: number): string => join(home.folder, `owner-of-${serverPid}`)

type PidFile = { readonly pid: number; readonly startedAt: string; readonly socketFolder: string; readonly state: string }

/** Of postmaster.pid: its number stands first, its start third, the socket's folder fifth, its state eighth. */
export function readPidFile(home: Home): PidFile | undefined {
  const lines = read(pidFile(home)).split('\n')
  const pid = Number.parseInt(lines[0] ?? '', 10)
  return pid > 0
    ? { pid, startedAt: lines[2]?.trim() ?? '', socketFolder: lines[4]?.trim() ?? '', state: lines[7]?.trim() ?? '' }
    : undefined
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** A postmaster listens from early in its start until its end: a second of silence means that the number is somebody else's now. */
const silenceMs = 1_000
/** Its owner's file is written within a moment of its start. */
const unownedMs = 2_000
const fastStopMs = 15_000
const giveUpMs = 40_000

/**
 * Throws `CannotStart` if the folder is in use. A server without an owner is being stopped by its guard; if the guard is gone too, we
 * stop it ourselves. It is never kept: its settings are those of an earlier version.
 */
export async function takeOver(home: Home): Promise<void> {
  const began = performance.now()
  let heardAt = began
  let asked: NodeJS.Signals | undefined
  for (;;) {
    const found = readPidFile(home)
    const now = performance.now()
    if (found === undefined || !isAlive(found.pid)) break
    if (await answers(join(found.socketFolder, socketName))) {
      heardAt = now
      const owner = Number.parseInt(read(ownerFile(home, found.pid)), 10)
      if (owner > 0 && owner !== process.pid && isAlive(owner)) throw alreadyRuns(home, owner)
      const signal = now - began > fastStopMs ? 'SIGQUIT' : 'SIGINT'
      if (asked !== signal && (owner > 0 || now - began > unownedMs)) {
        ask(found.pid, signal, home)
        asked = signal
      }
    } else if (now - heardAt > silenceMs) {
      adoptPidFiles(home)
      break
    }
    if (now - began > giveUpMs)
      throw new CannotStart(`an earlier server (process ${found.pid}) does not stop`, `end it yourself: kill -QUIT ${found.pid}`)
    await sleep(25)
  }
  removeOwnerFiles(home)
}

/**
 * PostgreSQL refuses to start when its pid file names a living process, even if that is by now something else (usual in containers,
 * where numbers repeat). It lets pass its parent, which is us. The file is not removed: its last but one line is how PostgreSQL finds
 * children of a killed predecessor that still hold the shared memory.
 */
function adoptPidFiles(home: Home): void {
  for (const path of [pidFile(home), join(home.socketFolder, `${socketName}.lock`)]) {
    const text = read(path)
    if (text !== '') writeFileSync(path, text.replace(/^-?\d+/, String(process.pid)))
  }
}

function removeOwnerFiles(home: Home): void {
  for (const name of readdirSync(home.folder)) {
    const path = join(home.folder, name)
    if (name.startsWith('owner-of-') && !isAlive(Number.parseInt(read(path), 10))) rmSync(path, { force: true })
  }
}

function ask(pid: number, signal: NodeJS.Signals, home: Home): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EPERM')
      throw new CannotStart(
        `process ${pid}, run by another user, holds ${home.folder}`,
        'end it as that user, or choose another DATA_FOLDER',
      )
  }
}

export const alreadyRuns = (home: Home, owner: number): CannotStart =>
  new CannotStart(
    `another Bindery (process ${owner}) is running on ${home.folder}`,
    'stop that one first, or give this one a DATA_FOLDER of its own',
  )

/** Whether anything listens there. Only a refusal is silence: a full backlog or a missing permission is not. */
function answers(path: string): Promise<boolean> {
  if (!existsSync(path)) return Promise.resolve(false)
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', error => resolve(!('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT'))))
  })
}
