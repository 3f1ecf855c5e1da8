/** PostgreSQL's own functions around a backup, and what is looked at and put right in a database that was restored. */
import { Client, type ClientConfig } from 'pg'
import type { Shredding } from '../core/shredding.ts'

export type Server = {
  readonly dataFolder: string
  readonly version: string
  readonly archiveMode: string
  readonly archiveFolder: string
  readonly segmentBytes: number
}
export type Begun = { readonly lsn: string; readonly at: Date; readonly system: string }
export type Ended = { readonly lsn: string; readonly at: Date; readonly label: string; readonly tablespaces: string }

export async function connected<T>(connection: ClientConfig, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(connection)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

const only = <T>(rows: readonly T[]): T => {
  const [row] = rows
  if (row === undefined) throw new TypeError('PostgreSQL answered without a row')
  return row
}

export async function describeServer(client: Client): Promise<Server> {
  const { rows } = await client.query<Server>(
    `select current_setting('data_directory') as "dataFolder",
            current_setting('server_version') as version,
            current_setting('archive_mode') as "archiveMode",
            coalesce(current_setting('basic_archive.archive_directory', true), '') as "archiveFolder",
            (select setting::bigint::float8
             from pg_settings
             where name = 'wal_segment_size') as "segmentBytes"`,
  )
  return only(rows)
}

/** At once: a checkpoint that is spread would hold the backup up for minutes. */
export async function beginBackup(client: Client, label: string): Promise<Begun> {
  const { rows } = await client.query<Begun>(
    `select pg_backup_start($1, fast => true)::text as lsn,
            clock_timestamp() as at,
            (select system_identifier::text from pg_control_system()) as system`,
    [label],
  )
  return only(rows)
}

/** In the session that began it. Waits until the archive has all the log that the backup needs. */
export async function endBackup(client: Client, waitMs: number): Promise<Ended> {
  await client.query(`select set_config('statement_timeout', $1, false)`, [String(waitMs)])
  const { rows } = await client.query<Ended>(
    `select lsn::text as lsn,
            labelfile as label,
            spcmapfile as tablespaces,
            clock_timestamp() as at
     from pg_backup_stop(wait_for_archive => true)`,
  )
  return only(rows)
}

export type Replayed = { readonly tenant: string; readonly owner: string; readonly keys: number }

/**
 * Shreds again what had been shredded, by whom a restore brought back: the door is shut, data keys and envelopes go, in one transaction. Told are
 * those that this changed.
 */
export async function shredAgain(client: Client, shreddings: readonly Shredding[]): Promise<readonly Replayed[]> {
  const wanted = JSON.stringify(shreddings.map(({ tenant, owner }) => ({ tenant, owner })))
  const { rows } = await client.query<Replayed>(
    `with wanted as (
       select distinct tenant, owner
       from jsonb_to_recordset($1::jsonb) as one (tenant text, owner text)
     ),
     shut as (
       insert into vault.owners as known (tenant, owner, sealed, shredded, shredded_at, version)
       select tenant, owner, 0, 1, null, 1
       from wanted
       on conflict (tenant, owner) do update
       set shredded = 1, version = known.version + 1
       where known.shredded = 0
       returning tenant, owner
     ),
     gone as (
       delete from vault.deks as keys
       using wanted
       where keys.tenant = wanted.tenant
         and keys.owner = wanted.owner
       returning keys.tenant, keys.owner
     ),
     sealed as (
       delete from vault.records as records
       using wanted
       where records.tenant = wanted.tenant
         and records.instrument = wanted.owner
       returning records.tenant, records.instrument as owner
     ),
     changed as (
       select tenant, owner, 0 as keys from shut
       union all
       select tenant, owner, 1 from gone
       union all
       select tenant, owner, 0 from sealed
     )
     select tenant, owner, sum(keys)::int as keys
     from changed
     group by tenant, owner
     order by tenant, owner`,
    [wanted],
  )
  return rows
}

/** How many owners the database knows to be shredded of whom the log says nothing. */
export async function shreddedUnlogged(client: Client, shreddings: readonly Shredding[]): Promise<number> {
  const { rows } = await client.query<{ readonly count: number }>(
    `select count(*)::int as count
     from vault.owners as known
     where known.shredded > 0
       and not exists (
         select 1
         from jsonb_to_recordset($1::jsonb) as logged (tenant text, owner text)
         where logged.tenant = known.tenant
           and logged.owner = known.owner
       )`,
    [JSON.stringify(shreddings.map(({ tenant, owner }) => ({ tenant, owner })))],
  )
  return only(rows).count
}

/**
 * Deleted rows stay in their table's file until it is written anew, and in the log until a checkpoint takes its segments away (`wal_recycle` is
 * off while a restore works). What was shredded long before the chosen second is gone with it.
 */
export async function writeKeysAnew(client: Client): Promise<void> {
  await client.query('vacuum full vault.deks')
  await client.query('vacuum full vault.records')
  await client.query('select pg_switch_wal()')
  await client.query('checkpoint')
}

/** How many sealed things whose owner was confirmed have no instrument: API and vault are of one second, so there are none. */
export async function confirmedWithoutInstrument(client: Client): Promise<number> {
  const { rows } = await client.query<{ readonly count: number }>(
    `select count(*)::int as count
     from vault.records as sealed
     where sealed.due_at is null
       and not exists (
         select 1
         from bindery.instruments as known
         where known.tenant = sealed.tenant
           and known.id = sealed.instrument
       )`,
  )
  return only(rows).count
}

export async function timeline(client: Client): Promise<number> {
  const { rows } = await client.query<{ readonly id: number }>(
    `select timeline_id as id
     from pg_control_checkpoint()`,
  )
  return only(rows).id
}
