import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { migrationsFolder } from './migrate.ts'
import { printSchema } from './schema.ts'
import { testDatabase } from './testing.ts'

test('migrations/schema.sql is what the migrations add up to', async () => {
  const file = join(migrationsFolder, 'schema.sql')
  const database = await testDatabase({ on: 'embedded' })
  try {
    const printed = await printSchema(database.connection)
    assert.ok(existsSync(file), 'run `npm run schema`')
    const [is, says] = [printed.split('\n'), readFileSync(file, 'utf8').split('\n')]
    const at = is.findIndex((line, i) => line !== says[i])
    const difference = `line ${at + 1} should be ${JSON.stringify(is[at])}: run \`npm run schema\` and commit what it writes`
    assert.ok(at === -1 && is.length === says.length, difference)
  } finally {
    await database.close()
  }
})

test('the printed schema names everything a migration can make', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-schema-'))
  writeFileSync(
    join(folder, '0001_all.sql'),
    `create type mood as enum ('good', 'bad');
     create table parent (id text collate "C" primary key);
     create table child (
       id bigint generated always as identity,
       parent text not null references parent,
       amount bigint not null default 0,
       twice bigint generated always as (amount * 2) stored,
       constraint child_pkey primary key (parent, id),
       constraint child_amount check (amount >= 0),
       constraint child_amount_once unique nulls not distinct (parent, amount)
     ) with (fillfactor = 70);
     create index child_open on child (amount) where amount > 0;
     alter table child enable row level security;
     create policy child_mine on child for select to bindery_reader using (parent = current_setting('x'));
     create view child_view as select id from child;
     create sequence position_sequence;
     create function one() returns int language sql as 'select 1';`,
  )
  const database = await testDatabase({ folder, on: 'embedded' })
  try {
    const printed = await printSchema(database.connection)
    for (const part of [
      'create table bindery.child (',
      '  id text collate "C" not null',
      '  amount bigint not null default 0',
      '  twice bigint generated always as ((amount * 2)) stored',
      '  id bigint not null generated always as identity',
      '  constraint child_pkey PRIMARY KEY (parent, id)',
      '  constraint child_amount CHECK ((amount >= 0))',
      '  constraint child_amount_once UNIQUE NULLS NOT DISTINCT (parent, amount)',
      '  constraint child_parent_fkey FOREIGN KEY (parent) REFERENCES bindery.parent(id)',
      ') with (fillfactor=70);',
      'CREATE INDEX child_open ON bindery.child USING btree (amount) WHERE (amount > 0);',
      'alter table bindery.child enable row level security;',
      `create policy child_mine on bindery.child as permissive for select to bindery_reader using (`,
      'create view bindery.child_view as',
      'create sequence bindery.position_sequence as bigint',
      'CREATE OR REPLACE FUNCTION bindery.one()',
      `create type bindery.mood as enum ('good', 'bad');`,
    ])
      assert.ok(printed.includes(part), `${part}\n--- is not in ---\n${printed}`)
    assert.equal(await printSchema(database.connection), printed)
  } finally {
    await database.close()
    rmSync(folder, { recursive: true })
  }
})
