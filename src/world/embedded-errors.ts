/** Why an embedded PostgreSQL does not start, in words that name the cause and what to do. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart'
  readonly fix: string

  constructor(cause: string, fix: string, tail = '') {
    super(`PostgreSQL cannot start: ${cause}.\n  What to do: ${fix}.${tail === '' ? '' : `\n  It said:\n${indent(tail)}`}`)
    this.fix = fix
  }
}

const indent = (text: string): string =>
  text
    .trim()
    .split('\n')
    .slice(-20)
    .map(line => `    ${line}`)
    .join('\n')

/** What PostgreSQL, initdb or the loader say, and what to do about it. The first that fits is taken. */
const known: readonly { readonly said: RegExp; readonly cause: string; readonly fix: string }[] = [
  {
    said: /no space left on device|disk quota exceeded|ENOSPC|EDQUOT/i,
    cause: 'the disk is full',
    fix: 'free some space (a new database takes 40 MB), or point DATA_FOLDER at another disk',
  },
  {
    said: /library links are missing|error while loading shared libraries|Library not loaded|image not found/i,
    cause: 'a library it needs is missing',
    fix: 'run `npm ci` again: the package with its programs is incomplete',
  },
  {
    said: /could not look up effective user ID|user does not exist/i,
    cause: 'the user that runs this has no entry in /etc/passwd, which PostgreSQL wants',
    fix: 'run as a user that has one, or set DATABASE_URL to a PostgreSQL of your own',
  },
  {
    said: /cannot be run as root|must not be run as root/i,
    cause: 'PostgreSQL refuses to run as root, and no other user was found in /etc/passwd',
    fix: 'add a user named `bindery`, or run as a user that is not root',
  },
  {
    said: /ENOENT/,
    cause: 'its program does not run on this system (it needs glibc; Alpine has musl)',
    fix: 'use a Debian-like system, or set DATABASE_URL to a PostgreSQL of version 15 or later',
  },
  {
    said: /lock file .* already exists|another postmaster|pre-existing shared memory block/i,
    cause: 'another PostgreSQL is using the same data folder',
    fix: 'stop the other one, or choose another DATA_FOLDER',
  },
  {
    said: /could not (create|resize|map) (anonymous )?shared memory|shmget|shm_open|semget/i,
    cause: 'the system gives it no shared memory',
    fix: 'raise the limits for shared memory (Docker: --shm-size), or set DATABASE_URL',
  },
  {
    said: /permission denied|EACCES|EPERM|operation not permitted|read-only file system|EROFS/i,
    cause: 'it may not read or write its folder',
    fix: 'choose a DATA_FOLDER that this user may write to and whose parent folders may be entered',
  },
]

export function explain(what: string, said: string): CannotStart {
  const match = known.find(one => one.said.test(said))
  if (match !== undefined) return new CannotStart(`${what}: ${match.cause}`, match.fix, said)
  return new CannotStart(what, 'see its last words below', said)
}
