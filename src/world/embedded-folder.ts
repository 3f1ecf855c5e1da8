/** Where an embedded PostgreSQL lives, and as whom: its home, its socket's folder, and the user it drops to when we are root. */
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { CannotStart, explain } from './embedded-errors.ts'
import type { User } from './processes.ts'

/** Shortest limit of a Unix socket's path: 104 bytes with the closing zero on macOS (108 on Linux). */
const socketPathBytesMax = 103
export const socketName = '.s.PGSQL.5432'
/** For root with a data folder that nobody else may enter: under a folder that everybody may. */
const sharedRoot = '/var/lib/bindery'

export type Home = {
  /** Holds `data`, `log` and, as a rule, the socket. Only the server's user (and root) may enter. */
  readonly folder: string
  readonly socketFolder: string
  readonly user: User | undefined
  readonly notes: readonly string[]
}

export function prepareHome(dataFolder: string): Home {
  const outer = resolve(dataFolder)
  try {
    const isNew = !existsSync(outer)
    mkdirSync(outer, { recursive: true, mode: 0o711 })
    const user = process.getuid?.() === 0 ? otherUser(outer) : undefined
    // A strict umask may have taken the bit away that the server's user needs to reach its home.
    if (user !== undefined && isNew) chmodSync(outer, 0o711)
    const { folder, notes } = user === undefined ? { folder: join(outer, 'postgres'), notes: [] } : reachableHome(outer, user)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (user !== undefined) chownSync(folder, user.uid, user.gid)
    chmodSync(folder, 0o700)
    const socket = socketFolderFor(folder, user)
    return { folder, socketFolder: socket.folder, user, notes: [...notes, ...socket.notes] }
  } catch (error) {
    if (error instanceof CannotStart) throw error
    throw explain(`its folder ${outer} cannot be prepared`, String(error))
  }
}

/** PostgreSQL refuses to run as root. Whoever owns the database already, else the first of a short list that this machine has. */
function otherUser(outer: string): User {
  const pointer = join(outer, pointerName)
  const home = existsSync(pointer) ? readFileSync(pointer, 'utf8').trim() : join(outer, 'postgres')
  const data = join(home, 'data')
  const users = passwd()
  if (existsSync(data)) {
    const { uid, gid } = statSync(data)
    const name = users.find(user => user.uid === uid)?.name
    if (uid !== 0 && name !== undefined) return { uid, gid, name }
  }
  for (const name of ['bindery', 'postgres', '_postgres', 'nobody', 'daemon']) {
    const user = users.find(one => one.name === name)
    if (user !== undefined) return user
  }
  throw new CannotStart(
    'PostgreSQL refuses to run as root, and /etc/passwd names no user it could run as',
    'add a user named `bindery`, or run as a user that is not root',
  )
}

/** Without uids that Node cannot hand over (macOS lists nobody as -2). */
function passwd(): readonly User[] {
  const lines = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').split('\n') : []
  return lines
    .map(line => line.split(':'))
    .map(([name = '', , uid = '', gid = '']) => ({ name, uid: Number.parseInt(uid, 10), gid: Number.parseInt(gid, 10) }))
    .filter(user => user.uid > 0 && user.uid < 2 ** 31 && user.gid > 0)
}

const pointerName = 'postgres-is-at'

/** `<data folder>/postgres`, or a place under /var/lib whose address is kept there, when that user could not reach it. */
function reachableHome(outer: string, user: User): { folder: string; notes: readonly string[] } {
  const pointer = join(outer, pointerName)
  if (existsSync(pointer)) return { folder: readFileSync(pointer, 'utf8').trim(), notes: [] }
  if (canEnter(dirname(outer), user)) {
    if (!canEnter(outer, user)) chmodSync(outer, (statSync(outer).mode & 0o7777) | 0o011)
    return { folder: join(outer, 'postgres'), notes: [] }
  }
  const folder = join(sharedRoot, randomBytes(6).toString('hex'))
  mkdirSync(sharedRoot, { recursive: true, mode: 0o711 })
  chmodSync(sharedRoot, 0o711)
  if (!canEnter(sharedRoot, user)) {
    throw new CannotStart(
      `the user ${user.name}, as whom it must run because we are root, may enter neither ${dirname(outer)} nor ${sharedRoot}`,
      'choose a DATA_FOLDER whose parent folders everybody may enter (chmod o+x), or do not run as root',
    )
  }
  writeFileSync(pointer, `${folder}\n`, { mode: 0o600 })
  return { folder, notes: [`the database is kept in ${folder}: the user ${user.name} may not enter ${dirname(outer)}`] }
}

/** Whether a user may pass through a folder and all above it, by the mode bits. */
export function canEnter(folder: string, user: User): boolean {
  const { mode, uid, gid } = statSync(folder)
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  return dirname(folder) === folder || canEnter(dirname(folder), user)
}

function socketFolderFor(home: string, user: User | undefined): { folder: string; notes: readonly string[] } {
  if (Buffer.byteLength(join(home, socketName)) <= socketPathBytesMax) return { folder: home, notes: [] }
  const folder = join(tmpdir(), `bindery-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder)
  const owners = [process.getuid?.() ?? found.uid, user?.uid]
  // In a folder everybody writes to, somebody may have put something of that name there first.
  if (!found.isDirectory() || !owners.includes(found.uid))
    throw new CannotStart(`${folder} belongs to somebody else`, 'remove it, or choose a DATA_FOLDER with a shorter path')
  chmodSync(folder, 0o700)
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  if (Buffer.byteLength(join(folder, socketName)) > socketPathBytesMax)
    throw new CannotStart(
      `neither ${home} nor ${folder} is short enough for a Unix socket (${socketPathBytesMax} bytes)`,
      'choose a DATA_FOLDER with a shorter path, or set TMPDIR to a shorter one',
    )
  return { folder, notes: [`the database's socket is in ${folder}: the path of ${home} is too long for one`] }
}

/** Removes a socket folder that is not the home itself. */
export function removeSocketFolder(home: Home): void {
  if (home.socketFolder !== home.folder) rmSync(home.socketFolder, { recursive: true, force: true })
}
