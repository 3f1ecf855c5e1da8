import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { asRole, MigrationError, migrate, migrationsFolder, readMigrations, roles } from './migrate.ts'
import { startOldestServer, type TestDatabase, testDatabase } from './testing.ts'

const folders: string[] = []
const databases: TestDatabase[] = []

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-migrations-'))
  folders.push(folder)
  mkdirSync(join(folder, 'vault'))
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql)
  return folder
}
async function empty(): Promise<TestDatabase['connection']> {
  const database = await testDatabase({ migrated: false })
  databases.push(database)
  return database.connection
}
async function run(connection: TestDatabase['connection'], sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(connection)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}
const refused = (work: Promise<unknown>, pattern: RegExp): Promise<void> =>
  assert.rejects(work, error => {
    assert.ok(error instanceof MigrationError, String(error))
    assert.match(error.message, pattern)
    return true
  })

const two = {
  '0001_first.sql': 'create table first (id int primary key);',
  '0002_second.sql': 'create table second (id int references first);',
  'vault/0001_keys.sql': 'create table key (id int primary key);',
}

before(async () => {
  await empty()
})
after(async () => {
  for (const database of databases) await database.close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

test('migrations are applied in order, each into its schema, and only once', async () => {
  const connection = await empty()
  const folder = folderOf(two)
  assert.deepEqual(await migrate({ connection, folder }), { applied: ['0001_first.sql', '0002_second.sql', 'vault/0001_keys.sql'] })
  assert.deepEqual(await migrate({ connection, folder }), { applied: [] })
  const tables = await run(
    connection,
    `select schemaname || '.' || tablename as name from pg_tables where schemaname in ('bindery', 'vault') order by 1`,
  )
  assert.deepEqual(
    tables.map(row => row.name),
    ['bindery.first', 'bindery.migration', 'bindery.second', 'vault.key'],
  )
})

test('migrators that start at once take turns', async () => {
  const connection = await empty()
  const folder = folderOf(two)
  const results = await Promise.all([1, 2, 3, 4].map(() => migrate({ connection, folder })))
  assert.deepEqual(results.map(result => result.applied.length).toSorted(), [0, 0, 0, 3])
})

test('an applied migration that changed or went missing is named, and nothing is applied', async () => {
  const connection = await empty()
  await migrate({ connection, folder: folderOf(two) })
  await refused(
    migrate({ connection, folder: folderOf({ ...two, '0002_second.sql': 'select 1;', '0003_third.sql': 'create table third (id int);' }) }),
    /0002_second\.sql was applied .* has changed/,
  )
  await refused(
    migrate({ connection, folder: folderOf({ '0002_second.sql': two['0002_second.sql'] }) }),
    /0001_first\.sql was applied .* missing/,
  )
  assert.deepEqual(await run(connection, `select to_regclass('bindery.third') as found`), [{ found: null }])
})

test('line ends of a Windows checkout do not change a migration', async () => {
  const connection = await empty()
  await migrate({ connection, folder: folderOf({ '0001_a.sql': 'create table a (\nid int\n);\n' }) })
  await migrate({ connection, folder: folderOf({ '0001_a.sql': 'create table a (\r\nid int\r\n);\r\n' }) })
})

test('a new migration may not stand before one that was applied', async () => {
  const connection = await empty()
  await migrate({ connection, folder: folderOf(two) })
  await refused(
    migrate({ connection, folder: folderOf({ ...two, '0000_early.sql': 'select 1;' }) }),
    /0000_early\.sql is new but 000\d_\w+\.sql was applied/,
  )
})

test('misnamed files and numbers used twice are refused', async () => {
  const connection = await empty()
  await refused(migrate({ connection, folder: folderOf({ 'first.sql': '' }) }), /first\.sql: a migration is named like/)
  await refused(
    migrate({ connection, folder: folderOf({ '0001_a.sql': '', '0001_b.sql': '' }) }),
    /0001_a\.sql and 0001_b\.sql have the same number/,
  )
})

test('a failing migration leaves nothing behind and says where it failed', async () => {
  const connection = await empty()
  const bad = folderOf({ '0001_a.sql': 'create table a (id int);', '0002_bad.sql': 'create table b (id int);\n\nselect nonsense from b;' })
  await refused(migrate({ connection, folder: bad }), /0002_bad\.sql: column "nonsense" does not exist \(line 3\)/)
  assert.deepEqual(await run(connection, `select name from bindery.migration`), [{ name: '0001_a.sql' }])
  assert.deepEqual(await run(connection, `select to_regclass('bindery.b') as found`), [{ found: null }])
})

test('a migration that commits by itself is refused', async () => {
  const connection = await empty()
  await refused(
    migrate({ connection, folder: folderOf({ '0001_a.sql': 'select 1; commit; select 2;' }) }),
    /0001_a\.sql: it must not begin, commit/,
  )
})

test('the oldest supported server takes the migrations too', async t => {
  const server = await startOldestServer()
  if (typeof server === 'string') return t.skip(server)
  try {
    const database = await testDatabase({ on: server.connection, migrated: false })
    const { applied } = await migrate({ connection: database.connection })
    assert.equal(applied.length, readMigrations(migrationsFolder).length)
    await database.close()
  } finally {
    await server.stop()
  }
})

test('riders and readers cannot see the vault, the vault cannot see them, readers change nothing', async () => {
  const connection = await empty()
  const extraSql = ['create or replace function add_one(n int) returns int language sql as $$ select n + 1 $$;']
  await migrate({ connection, folder: folderOf(two), extraSql })
  await migrate({ connection, folder: folderOf(two), extraSql })
  const rider = asRole(connection, roles.rider)
  const reader = asRole(connection, roles.reader)
  const vault = asRole(connection, roles.vault)
  await run(rider, 'insert into bindery.first values (1)')
  assert.deepEqual(await run(rider, 'select bindery.add_one(1) as two'), [{ two: 2 }])
  assert.deepEqual(await run(reader, 'select * from bindery.first'), [{ id: 1 }])
  await run(vault, 'insert into vault.key values (1)')
  const denied: [TestDatabase['connection'], string][] = [
    [rider, 'select * from vault.key'],
    [rider, 'create table bindery.x (id int)'],
    [rider, `delete from bindery.migration`],
    [reader, 'insert into bindery.first values (2)'],
    [reader, 'select * from vault.key'],
    [reader, 'select bindery.add_one(1)'],
    [vault, 'select * from bindery.first'],
    [vault, 'select bindery.add_one(1)'],
  ]
  for (const [who, sql] of denied) await assert.rejects(run(who, sql), /permission denied/, sql)
})
