/** The database of a benchmark: one embedded server with fsync on, one database for each way, all from the same migrations. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
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
  contents(way: WayName): Promise<readonly Content[]>
  close(): Promise<void>
}

/** What a table holds: how many rows, their versions added up (inserts and changes together), and bytes of a row on average. */
export type Content = { readonly table: string; readonly rows: number; readonly versions: number; readonly bytes: number }

/** No checkpoint comes within the run, whichever way it would hit; everything else is as `npm start` has it: fsync and commits durable. */
const settings = { checkpoint_timeout: '1h', max_wal_size: '16GB', min_wal_size: '8GB' }

/** `segments`: files of 16 MB the run may write to. They are made before it, since a server that has run for a day makes no new ones. */
export async function startDatabase(segments: number, more: Readonly<Record<string, string>> = {}): Promise<BenchDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-bench-'))
  // As root the database runs as somebody else, who must be able to pass through.
  chmodSync(folder, 0o711)
  const server = await startEmbedded({ dataFolder: join(folder, 'database'), settings: { ...settings, ...more } })
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
  await fillSegments(control, segments)
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
    contents: way => contentsOf(clientOf(way)),
    async close() {
      for (const client of [...clients.values(), control]) await client.end()
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Segments that were switched away from are kept for use again by the checkpoint. */
async function fillSegments(client: pg.Client, count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) await client.query(`select pg_logical_emit_message(false, 'bench', ''), pg_switch_wal()`)
  await client.query('checkpoint')
}

function customerIds(): () => string {
  const clock = liveClock()
  return () => newId('cus', clock.now(), clock.random(idBytes))
}

async function makeCustomers(client: pg.Client, tenant: string, ids: readonly string[]): Promise<readonly string[]> {
  await client.query(
    `insert into bindery.customers (tenant, id, mode, channel_customers, metadata, reuse, created_at, version)
     select $1, id, 'test', '{}', '{}', '{}', now(), 1
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

async function contentsOf(client: pg.Client): Promise<readonly Content[]> {
  const found: Content[] = []
  for (const table of bindTables) {
    const { rows } = await client.query<{ rows: number; versions: number; bytes: number }>(
      `select count(*)::float8 as rows, coalesce(sum(version), 0)::float8 as versions, coalesce(avg(pg_column_size(t.*)), 0)::float8 as bytes from ${table} as t`,
    )
    if (rows[0] !== undefined) found.push({ table, ...rows[0] })
  }
  return found
}
