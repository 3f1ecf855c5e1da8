/**
 * A database for a test: fresh, migrated, and gone afterwards. On the server of DATABASE_URL if that is set, else on one embedded
 * server per test process (or per run, when the runner has started one), without durability.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { type Embedded, startEmbedded } from './embedded.ts'
import { migrate, migrationsFolder, readMigrations } from './migrate.ts'

export type TestDatabase = {
  readonly connection: ClientConfig
  /** Drops the database, whoever is still connected to it. The server ends with the process. */
  close(): Promise<void>
}

/** Where the runner says that its server is: the folder of its socket. */
export const testServerVariable = 'BINDERY_TEST_SERVER'

export type TestDatabaseInput = {
  /** Without: an empty database. Default true. */
  readonly migrated?: boolean
  /** Handed on to `migrate`. */
  readonly extraSql?: readonly string[]
  readonly folder?: string
  /** A server to make it on, whatever DATABASE_URL says; `embedded`: on the embedded one. */
  readonly on?: ClientConfig | 'embedded'
}

export async function testDatabase(input: TestDatabaseInput = {}): Promise<TestDatabase> {
  const { migrated = true, extraSql = [], folder = migrationsFolder } = input
  const name = `test_${randomBytes(6).toString('hex')}`
  const external = externalServer(input.on)
  const server = external ?? (await testServer())
  const template = migrated && external === undefined ? await migratedTemplate(server, folder, extraSql) : 'template0'
  await withClient(server, client => client.query(`create database ${name} template ${template}`))
  const connection = inDatabase(server, name)
  if (migrated && external !== undefined) await migrate({ connection, folder, extraSql })
  const close = async (): Promise<void> => {
    await withClient(server, client => client.query(`drop database if exists ${name} with (force)`))
  }
  return { connection, close }
}

const externalServer = (on: TestDatabaseInput['on']): ClientConfig | undefined => {
  if (on !== undefined) return on === 'embedded' ? undefined : on
  const url = process.env.DATABASE_URL
  return url === undefined || url === '' ? undefined : { connectionString: url }
}

let own: Promise<ClientConfig> | undefined

function testServer(): Promise<ClientConfig> {
  const shared = process.env[testServerVariable]
  if (shared !== undefined) return Promise.resolve({ host: shared, port: 5432, user: 'bindery', database: 'bindery' })
  own ??= startTestServer().then(server => server.connection)
  return own
}

/** A server without durability in a temporary folder; both are gone when this process ends, however it ends. */
export function startTestServer(): Promise<Embedded> {
  return startEmbedded({ dataFolder: mkdtempSync(join(tmpdir(), 'bindery-test-')), temporary: true })
}

/** Where Debian puts PostgreSQL 15, the oldest version that we promise to work with. */
export const debianServerFolder = '/usr/lib/postgresql/15'

/**
 * A second server, of the oldest version we support, to run the store's suite on. Where Debian's package is not installed: why the
 * tests are skipped; with CI=1 that is an error instead.
 */
export async function startOldestServer(): Promise<Embedded | string> {
  if (existsSync(join(debianServerFolder, 'bin', 'postgres')))
    return startEmbedded({ dataFolder: mkdtempSync(join(tmpdir(), 'bindery-oldest-')), temporary: true, native: debianServerFolder })
  const reason = `Debian's postgresql-15 is not installed (${debianServerFolder})`
  if (process.env.CI === '1') throw new Error(reason)
  return reason
}

/** Migrating takes longer than copying: once per server and set of migrations. Whoever comes first makes it, the others wait. */
function migratedTemplate(server: ClientConfig, folder: string, extraSql: readonly string[]): Promise<string> {
  const all = [...readMigrations(folder).map(file => file.name + file.sql), ...extraSql]
  const name = `template_${createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 16)}`
  return withClient(server, async client => {
    await client.query(`select pg_advisory_lock(20261122, 2)`)
    const found = await client.query('select 1 from pg_database where datname = $1', [name])
    if (found.rowCount === 0) {
      const making = `${name}_making`
      await client.query(`drop database if exists ${making}`)
      await client.query(`create database ${making} template template0`)
      await migrate({ connection: inDatabase(server, making), folder, extraSql })
      await client.query(`alter database ${making} rename to ${name}`)
    }
    return name
  })
}

async function withClient<T>(connection: ClientConfig, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(connection)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function inDatabase(server: ClientConfig, database: string): ClientConfig {
  if (server.connectionString === undefined) return { ...server, database }
  const url = new URL(server.connectionString)
  url.pathname = `/${database}`
  return { connectionString: url.href }
}
