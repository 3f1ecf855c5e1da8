/** The database of a benchmark: one embedded server with fsync on, one database for each way, all from the same migrations. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { idBytes, newId } from '../src/core/id.ts'
import { tables } from '../src/tables.ts'
import { vaultTables } from '../src/vault/tables.ts'
import { startEmbedded } from '../src/world/embedded.ts'
import { liveClock } from '../src/world/live.ts'
import { migrate } from '../src/world/migrate.ts'
import { rideFunctionSql } from '../src/world/ride-sql.ts'

export const ways = ['ours', 'naive', 'pgbench'] as const
export type WayName = (typeof ways)[number]
export type Connection = { readonly host: string; readonly port: number; readonly user: string; readonly database: string }

export type BenchDatabase = {
  readonly folder: string
  readonly serverPid: number
  connectionOf(way: WayName): Connection
  /** Bytes of WAL ever written. */
  walBytes(): Promise<number>
  /** Customers of a tenant, made at once; their ids. */
  makeCustomers(way: WayName, tenant: string, count: number, idOf?: (index: number) => string): Promise<readonly string[]>
  /** Tidies up what was written, so that no way runs while another's leavings are vacuumed. */
  rest(): Promise<void>
  contents(way: WayName): Promise<readonly Content[]>
  close(): Promise<void>
}

/** What a table holds: how many rows, their versions added up (inserts and changes together), and bytes of a row on average. */
export type Content = { readonly table: string; readonly rows: number; readonly versions: number; readonly bytes: number }

/** Checkpoints come before the clock starts and not within it; everything else is as `npm start` has it: fsync and commits durable. */
const settings = { checkpoint_timeout: '1h', max_wal_size: '16GB' }

export async function startDatabase(): Promise<BenchDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-bench-'))
  const server = await startEmbedded({ dataFolder: join(folder, 'database'), settings })
  const { host = '', port = 5432, user = '' } = server.connection
  const connectionOf = (database: string): Connection => ({ host, port, user, database })
  const control = new pg.Client(connectionOf('postgres'))
  await control.connect()
  const clients = new Map<WayName, pg.Client>()
  for (const way of ways) {
    await control.query(`create database ${way}`)
    await migrate({
      connection: connectionOf(way),
      extraSql: [rideFunctionSql('bindery', tables).sql, rideFunctionSql('vault', [...vaultTables]).sql],
    })
    const client = new pg.Client(connectionOf(way))
    await client.connect()
    clients.set(way, client)
  }
  const clientOf = (way: WayName): pg.Client => clients.get(way) ?? control
  return {
    folder,
    serverPid: server.serverPid,
    connectionOf,
    async walBytes() {
      const { rows } = await control.query<{ bytes: string }>(`select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes`)
      return Number(rows[0]?.bytes)
    },
    makeCustomers: (way, tenant, count, idOf = customerIds()) =>
      makeCustomers(
        clientOf(way),
        tenant,
        Array.from({ length: count }, (_, i) => idOf(i)),
      ),
    async rest() {
      await control.query('checkpoint')
    },
    contents: way => contentsOf(clientOf(way)),
    async close() {
      for (const client of [...clients.values(), control]) await client.end()
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function customerIds(): () => string {
  const clock = liveClock()
  return () => newId('cus', clock.now(), clock.random(idBytes))
}

async function makeCustomers(client: pg.Client, tenant: string, ids: readonly string[]): Promise<readonly string[]> {
  await client.query(
    `insert into bindery.customers (tenant, id, mode, channel_customers, metadata, created_at, version)
     select $1, id, 'test', '{}', '{}', now(), 1
       from unnest($2::text[]) as id`,
    [tenant, ids],
  )
  return ids
}

/** The product writes more tables than a bind does; of these every one is looked at. */
const bindTables = [
  'bindery.idempotency',
  'bindery.instruments',
  'bindery.identities',
  'bindery.bindings',
  'bindery.operations',
  'bindery.facts',
  'bindery.channel_names',
  'bindery.events',
  'bindery.deliveries',
  'bindery.inbox',
  'vault.deks',
  'vault.records',
]
const unversioned = ['bindery.facts', 'bindery.events']

async function contentsOf(client: pg.Client): Promise<readonly Content[]> {
  const found: Content[] = []
  for (const table of bindTables) {
    const versions = unversioned.includes(table) ? 'count(*)' : 'coalesce(sum(version), 0)'
    const { rows } = await client.query<{ rows: number; versions: number; bytes: number }>(
      `select count(*)::float8 as rows, (${versions})::float8 as versions, coalesce(avg(pg_column_size(t.*)), 0)::float8 as bytes from ${table} as t`,
    )
    if (rows[0] !== undefined) found.push({ table, ...rows[0] })
  }
  return found
}
