/**
 * The archive of an embedded PostgreSQL's write-ahead log: a folder outside the data, into which PostgreSQL's own module `basic_archive` copies
 * each finished segment (under another name, synced, then renamed; never over one that differs).
 */
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { CannotStart } from './embedded-errors.ts'
import { canEnter } from './embedded-folder.ts'
import type { User } from './processes.ts'

/** Where segments lie. Of the server's user alone. */
export const logFolder = (archive: string): string => join(archive, 'wal')

/** What a disaster may cost: a segment is handed over after a minute, however little is in it. */
export const archiveEverySeconds = 60

/** Makes the folder, and gives the settings by which the server fills it. Throws `CannotStart` when the server's user cannot reach it. */
export function prepareArchive(archive: string, user: User | undefined): Readonly<Record<string, string>> {
  const outer = resolve(archive)
  const folder = logFolder(outer)
  const isNew = !existsSync(outer)
  mkdirSync(outer, { recursive: true, mode: 0o711 })
  // Whatever the umask: another user's server passes through.
  if (isNew) chmodSync(outer, user === undefined ? 0o700 : 0o711)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (user !== undefined) {
    chownSync(folder, user.uid, user.gid)
    if (!canEnter(outer, user))
      throw new CannotStart(
        `the user ${user.name}, as whom it must run because we are root, may not enter ${outer}`,
        `choose an ARCHIVE_FOLDER whose parent folders everybody may enter (chmod o+x ${dirname(outer)}), or do not run as root`,
      )
  }
  chmodSync(folder, 0o700)
  return {
    archive_mode: 'on',
    archive_library: 'basic_archive',
    'basic_archive.archive_directory': folder,
    archive_timeout: `${archiveEverySeconds}s`,
  }
}
