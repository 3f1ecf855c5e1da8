/**
 * PostgreSQL from npm, started by us: on a Unix socket in the data folder, no TCP port, never as root. It stops when we stop, also when
 * we are killed: a guard asks it to. If the guard was killed too, the next start stops what was left and takes over.
 * For development, tests and small installations; larger ones set DATABASE_URL.
 */
import { join, resolve } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { prepareArchive } from './archive.ts'
import { CannotStart, explain } from './embedded-errors.ts'
import { type Home, prepareHome } from './embedded-folder.ts'
import { checkVersion, findPackage, initialise, prepareProgram } from './embedded-program.ts'
import { launch, type Server } from './embedded-server.ts'
import { alreadyRuns, takeOver } from './embedded-takeover.ts'

export type Embedded = Server & {
  readonly connection: ClientConfig
  /** What an operator should know: where the files went, if not where they were expected. */
  readonly notes: readonly string[]
}

export type EmbeddedInput = {
  /** Made if it is not there. The database's own files go into a folder in it. */
  readonly dataFolder: string
  /** Role and database that the connection uses. */
  readonly superuser?: string
  /** Where the write-ahead log is kept for restores, outside `dataFolder`. Without it, nowhere. */
  readonly archiveFolder?: string | undefined
  /** How long a start may take, in milliseconds: recovery from an archive takes as long as there is log. */
  readonly startWithinMs?: number
  /** Settings of postgresql.conf, given on the command line. */
  readonly settings?: Readonly<Record<string, string>>
  /** For tests: durability is off, and `dataFolder` is removed when the server ends. */
  readonly temporary?: boolean
  /** The folder with `bin`, `lib` and `share`, when it is not the installed package. */
  readonly native?: string
}

/** Homes whose server this very process runs. */
const running = new Set<string>()

/** Throws `CannotStart`, whose message names the cause and what to do. */
export async function startEmbedded(input: EmbeddedInput): Promise<Embedded> {
  const { superuser = 'bindery', temporary = false, startWithinMs } = input
  const native = input.native ?? findPackage()
  const home = prepareHome(input.dataFolder)
  if (running.has(home.folder)) throw alreadyRuns(home, process.pid)
  running.add(home.folder)
  try {
    const program = await prepareProgram({ native, home: home.folder, user: home.user })
    await takeOver(home)
    await initialise({ program, home: home.folder, user: home.user, superuser, sync: !temporary })
    checkVersion(program, join(home.folder, 'data'))
    const archiving = input.archiveFolder === undefined ? {} : prepareArchive(input.archiveFolder, home.user)
    const settings = { ...ourSettings(home), ...archiving, ...(temporary ? withoutDurability : {}), ...input.settings }
    const removeFolders = temporary ? [home.folder, home.socketFolder, resolve(input.dataFolder)] : []
    const server = await launch({ home, program, settings, removeFolders, ...(startWithinMs === undefined ? {} : { startWithinMs }) })
    void server.ended.then(() => running.delete(home.folder))
    const connection = { host: home.socketFolder, port: 5432, user: superuser, database: superuser }
    await makeDatabase(connection)
    return { connection, notes: home.notes, ...server }
  } catch (error) {
    running.delete(home.folder)
    if (error instanceof CannotStart) throw error
    throw explain('it cannot be started', error instanceof Error ? error.message : String(error))
  }
}

const withoutDurability = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

const ourSettings = (home: Home): Readonly<Record<string, string>> => ({
  listen_addresses: '',
  // Without TCP the number is only a part of the socket's name.
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
})

async function makeDatabase(connection: ClientConfig & { readonly database: string }): Promise<void> {
  const client = new Client({ ...connection, database: 'postgres' })
  await client.connect()
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [connection.database])
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(connection.database)}`)
  } finally {
    await client.end()
  }
}
