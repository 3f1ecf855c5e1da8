/**
 * Forward-only migrations: numbered `.sql` files, each applied once in a transaction of its own, remembered with the checksum of its
 * text. Then the generated functions, then the grants. Two servers that start at once take turns.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, type ClientConfig, DatabaseError } from 'pg'
import { rowSecuritySql } from './row-security.ts'

export type Migrated = { readonly applied: readonly string[] }
export type MigrateInput = {
  readonly connection: ClientConfig
  /** Default: `migrations` of this repository. `NNNN_name.sql` there is for the schema `bindery`, in `vault/` for the schema `vault`. */
  readonly folder?: string
  /** SQL that is generated from code (functions, `create or replace …`): run every time, after the files. */
  readonly extraSql?: readonly string[]
}

/** The migrations are at fault, or the database does not fit them: the message says which and what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

/**
 * API and worker: what rides. · Lists: read the rows of one tenant at a time. · The worker's feeds and the verifier: read everybody's. · The
 * vault: its own schema and nothing else.
 */
export const roles = { rider: 'bindery_rider', reader: 'bindery_reader', watcher: 'bindery_watcher', vault: 'bindery_vault' } as const

/** The same connection, as one of the roles: works with any login that was granted it, as `migrate` does for its own. */
export const asRole = (connection: ClientConfig, role: (typeof roles)[keyof typeof roles]): ClientConfig => ({
  ...connection,
  options: `${connection.options === undefined ? '' : `${connection.options} `}-c role=${role}`,
})

export const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url))
/** Named arguments of pg_advisory_lock: any two numbers, as long as all migrators agree on them. */
const lockKey = '20261122, 1'
const oldestVersion = 15

export async function migrate(input: MigrateInput): Promise<Migrated> {
  const files = readMigrations(input.folder ?? migrationsFolder)
  const client = new Client(input.connection)
  await client.connect()
  try {
    await checkVersion(client)
    await client.query(`select pg_advisory_lock(${lockKey})`)
    await prepare(client)
    const applied = await applyAll(client, files)
    for (const sql of input.extraSql ?? []) await inTransaction(client, 'a generated function', 'bindery', sql)
    await inTransaction(client, 'the grants', 'bindery', grants)
    return { applied }
  } finally {
    // Ends the session and with it the lock.
    await client.end()
  }
}

export type MigrationFile = { readonly name: string; readonly schema: 'bindery' | 'vault'; readonly sql: string; readonly sha256: string }

/** All migrations in the order they are applied. Throws `MigrationError` for a misnamed file or a number used twice. */
export function readMigrations(folder: string): readonly MigrationFile[] {
  return [...readFolder(folder, '', 'bindery'), ...readFolder(join(folder, 'vault'), 'vault/', 'vault')]
}

function readFolder(folder: string, prefix: string, schema: MigrationFile['schema']): MigrationFile[] {
  const names = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.sql') && name !== 'schema.sql') : []
  const numbers = new Map<string, string>()
  return names.toSorted().map(name => {
    if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(name)) throw new MigrationError(`${prefix}${name}: a migration is named like 0007_what_it_does.sql`)
    const number = name.slice(0, 4)
    const other = numbers.get(number)
    if (other !== undefined)
      throw new MigrationError(`${prefix}${other} and ${prefix}${name} have the same number: give one the next free one`)
    numbers.set(number, name)
    // A checkout with other line ends is the same migration.
    const sql = readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n')
    return { name: `${prefix}${name}`, schema, sql, sha256: createHash('sha256').update(sql).digest('hex') }
  })
}

async function checkVersion(client: Client): Promise<void> {
  const result = await client.query<{ version: number }>(`select current_setting('server_version_num')::int / 10000 as version`)
  const version = result.rows[0]?.version ?? 0
  if (version < oldestVersion) throw new MigrationError(`PostgreSQL ${version} is too old: Bindery needs version ${oldestVersion} or later`)
}

/** Schemas, roles and the table of what was applied. */
async function prepare(client: Client): Promise<void> {
  for (const role of Object.values(roles)) await makeRole(client, role)
  await inTransaction(
    client,
    'the schemas',
    'public',
    `create schema if not exists bindery;
     create schema if not exists vault;
     create table if not exists bindery.migration (
       name text primary key,
       sha256 text not null,
       applied_at timestamptz not null default now()
     );`,
  )
}

/**
 * Roles belong to the whole server, so that another database's migrator may be making the same one at this moment.
 * 42710, 23505: it exists by now. XX000: two grants of one role met ("tuple concurrently updated").
 */
async function makeRole(client: Client, role: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const found = await client.query<{ exists: boolean; granted: boolean }>(
        `select true as exists, pg_has_role(current_user, oid, 'member') as granted
         from pg_roles
         where rolname = $1`,
        [role],
      )
      if (found.rows[0] === undefined) await client.query(`create role ${role} nologin`)
      const granted = found.rows[0]?.granted ?? false
      if (!granted) await client.query(`grant ${role} to current_user`)
      return
    } catch (error) {
      const code = error instanceof DatabaseError ? error.code : undefined
      if (attempt < 10 && (code === '42710' || code === '23505' || code === 'XX000')) continue
      if (code !== '42501') throw error
      throw new MigrationError(
        `this database user may not create or grant the role ${role}: have an administrator run ` +
          `"create role ${role} nologin; grant ${role} to <this user>;" once`,
      )
    }
  }
}

async function applyAll(client: Client, files: readonly MigrationFile[]): Promise<string[]> {
  const result = await client.query<{ name: string; sha256: string }>('select name, sha256 from bindery.migration order by name')
  const known = new Map(result.rows.map(row => [row.name, row.sha256]))
  checkHistory(files, known)
  const applied: string[] = []
  for (const file of files) {
    if (known.has(file.name)) continue
    await inTransaction(client, file.name, file.schema, file.sql, async () => {
      await client.query('insert into bindery.migration (name, sha256) values ($1, $2)', [file.name, file.sha256])
    })
    applied.push(file.name)
  }
  return applied
}

/** What was applied is still there, unchanged, and nothing new stands before it. */
export function checkHistory(files: readonly MigrationFile[], known: ReadonlyMap<string, string>): void {
  const byName = new Map(files.map(file => [file.name, file]))
  for (const [name, sha256] of known) {
    const file = byName.get(name)
    if (file === undefined)
      throw new MigrationError(`${name} was applied to this database and is missing here: is this an older version of Bindery?`)
    if (file.sha256 !== sha256)
      throw new MigrationError(`${name} was applied to this database and has changed since: undo the change and write a new migration`)
  }
  for (const file of files) {
    const later = [...known.keys()].find(name => name.startsWith('vault/') === (file.schema === 'vault') && name > file.name)
    if (!known.has(file.name) && later !== undefined)
      throw new MigrationError(`${file.name} is new but ${later} was applied before it: give it the next free number`)
  }
}

async function inTransaction(client: Client, name: string, schema: string, sql: string, then?: () => Promise<void>): Promise<void> {
  await client.query('begin')
  try {
    await client.query(`set local search_path = ${schema}`)
    // Rather fail and be run again than hold up everybody behind a lock that we wait for.
    await client.query(`set local lock_timeout = '20s'`)
    const before = await transactionId(client)
    await client.query(sql)
    if ((await transactionId(client)) !== before)
      throw new Error('it must not begin, commit or roll back: each migration is one transaction')
    await then?.()
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw new MigrationError(`${name}: ${error instanceof Error ? error.message : String(error)}${place(error, sql)}`, { cause: error })
  }
}

async function transactionId(client: Client): Promise<string> {
  const result = await client.query<{ id: string }>('select pg_current_xact_id()::text as id')
  return result.rows[0]?.id ?? ''
}

function place(error: unknown, sql: string): string {
  if (!(error instanceof DatabaseError) || error.position === undefined) return ''
  const line = sql.slice(0, Number(error.position)).split('\n').length
  return ` (line ${line})`
}

/** Riders and readers cannot see the vault, the vault cannot see them, nobody but the migrator changes tables. */
const grants = `
revoke all on schema bindery, vault from public;
revoke execute on all functions in schema bindery, vault from public;
grant usage on schema bindery to ${roles.rider}, ${roles.reader}, ${roles.watcher};
grant select, insert, update, delete on all tables in schema bindery to ${roles.rider};
grant usage on all sequences in schema bindery to ${roles.rider};
grant execute on all functions in schema bindery to ${roles.rider};
grant select on all tables in schema bindery to ${roles.reader}, ${roles.watcher};
${rowSecuritySql(roles)}
revoke insert, update, delete on bindery.migration from ${roles.rider};
grant usage on schema vault to ${roles.vault};
grant select, insert, update, delete on all tables in schema vault to ${roles.vault};
grant usage on all sequences in schema vault to ${roles.vault};
grant execute on all functions in schema vault to ${roles.vault};
`
