/** Which rows the reading role sees, of every table there is by the catalogue of the database itself. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client, Pool } from 'pg'
import { tables } from '../tables.ts'
import { asRole, migrate, roles } from './migrate.ts'
import { rideFunctionSql } from './ride-sql.ts'
import { createTenantReader } from './tenant-reader.ts'
import { testDatabase } from './testing.ts'

const extraSql = [rideFunctionSql('bindery', tables).sql]
const database = await testDatabase({ extraSql })
const client = new Client(database.connection)
await client.connect()
after(async () => {
  await client.end()
  await database.close()
})

type Owned = { readonly name: string; readonly owner: string }
async function owned(): Promise<readonly Owned[]> {
  const { rows } = await client.query<Owned>(`
    select c.relname as name, a.attname as owner
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = case c.relname when 'tenants' then 'id' else 'tenant' end
    where c.relnamespace = 'bindery'::regnamespace
    and c.relkind in ('r', 'p')
    order by c.relname`)
  return rows
}

/** One row of a tenant in a table whose constraints stand aside for as long as the transaction lasts. */
async function plant(table: string, owner: string, tenant: string): Promise<void> {
  const { rows: constraints } = await client.query<{ name: string }>(
    `select conname as name from pg_constraint where conrelid = ('bindery.' || $1)::regclass and contype in ('c', 'f')`,
    [table],
  )
  for (const { name } of constraints) await client.query(`alter table bindery.${table} drop constraint ${name}`)
  const { rows: columns } = await client.query<{ name: string; type: string }>(
    `select a.attname as name, format_type(a.atttypid, null) as type
     from pg_attribute a
     where a.attrelid = ('bindery.' || $1)::regclass
     and a.attnum > 0
     and (a.attnotnull or a.attname = $2)
     and not a.attisdropped
     and a.attidentity = ''
     and a.attgenerated = ''`,
    [table, owner],
  )
  const values = columns.map(({ name, type }) =>
    name === owner ? tenant : (samples[type] ?? assert.fail(`${table}.${name}: a value of ${type}`)),
  )
  const names = columns.map(one => one.name)
  await client.query(`insert into bindery.${table} (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')})`, values)
}
const samples: Readonly<Record<string, string>> = {
  text: 'x',
  integer: '1',
  smallint: '1',
  bigint: '1',
  numeric: '1',
  boolean: 'true',
  jsonb: '{}',
  bytea: 'x',
  xid8: '1',
  uuid: '00000000-0000-4000-8000-000000000000',
  'timestamp with time zone': '2026-01-01T00:00:00Z',
  'text[]': '{}',
}

async function seen(table: string, role: string, tenant: string | undefined): Promise<number> {
  await client.query(`set local role ${role}`)
  if (tenant !== undefined) await client.query(`set local bindery.tenant = '${tenant}'`)
  const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from bindery.${table}`)
  await client.query('reset role')
  return rows[0]?.count ?? -1
}

test('of every table with a tenant the reader sees one tenant’s rows, and without naming it none', async () => {
  const found = await owned()
  assert.ok(found.length >= 40, `${found.length} tables`)
  for (const { name, owner } of found) {
    await client.query('begin')
    try {
      await plant(name, owner, 'ten_mine')
      const counts = {
        nobody: await seen(name, roles.reader, undefined),
        empty: await seen(name, roles.reader, ''),
        other: await seen(name, roles.reader, 'ten_other'),
        own: await seen(name, roles.reader, 'ten_mine'),
        watcher: await seen(name, roles.watcher, ''),
        rider: await seen(name, roles.rider, ''),
      }
      assert.deepEqual(counts, { nobody: 0, empty: 0, other: 0, own: 1, watcher: 1, rider: 1 }, name)
    } finally {
      await client.query('rollback')
    }
  }
})

test('a table without a tenant is one of those that are known to have none, and the reader reads none but how far questions and migrations are', async () => {
  const { rows } = await client.query<{ name: string; readable: boolean }>(
    `select relname as name, has_table_privilege($1, oid, 'select') as readable
     from pg_class
     where relnamespace = 'bindery'::regnamespace
     and relkind in ('r', 'p', 'v', 'm', 'f')
     and not relrowsecurity
     order by relname`,
    [roles.reader],
  )
  assert.deepEqual(rows, [
    // Where each question stands: nobody's rows, and every tenant may know it.
    { name: 'invariant_checks', readable: true },
    { name: 'migration', readable: true },
    { name: 'rides', readable: false },
  ])
})

test('a new table has its policies by the next migration run, and none may be read before', async () => {
  await client.query('create table bindery.newcomers (tenant text not null, note text not null)')
  await client.query(`insert into bindery.newcomers values ('ten_a', 'a'), ('ten_b', 'b')`)
  const reader = new Pool({ ...asRole(database.connection, roles.reader), max: 2 })
  const ask = (tenant: string) => createTenantReader(reader).query({ tenant, text: 'select note from bindery.newcomers', values: [] })
  try {
    await assert.rejects(ask('ten_a'), /permission denied/)
    await migrate({ connection: database.connection, extraSql })
    const answers = await Promise.all(['ten_a', 'ten_b', '', `x'; set local bindery.tenant = 'ten_a`].map(ask))
    assert.deepEqual(
      answers.map(one => one.rows),
      [[{ note: 'a' }], [{ note: 'b' }], [], []],
    )
    const { rows } = await reader.query('select note from bindery.newcomers')
    assert.deepEqual(rows, [], 'a connection remembers no tenant')
  } finally {
    await reader.end()
    await client.query('drop table bindery.newcomers')
  }
})
