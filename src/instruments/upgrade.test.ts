import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client } from 'pg'
import { migrate, migrationsFolder } from '../world/migrate.ts'
import { testDatabase } from '../world/testing.ts'

/** As they were written when there were only cards. */
const rows = `
set session_replication_role = replica;
insert into operations values
  ('opn_1', 'ten_1', 'test', 'cus_1', 'ins_1', 'bnd_1', 'stripe', 'bind', 'open', 1,
   '{"capture": "cap_1", "cardVersion": 2, "card": {"brand": "visa", "last4": "4242", "securityCode": true, "holder": false}, "returnUrl": "r"}',
   1, null, null, now(), null, now(), 1),
  ('opn_2', 'ten_1', 'test', 'cus_1', 'ins_1', 'bnd_1', 'stripe', 'revoke', 'open', 1002, '{"token": "pm_1"}', 1, null, null, now(), null, now(), 1);
insert into facts values
  ('ten_1', 'fct_1', 'ins_1', 'bnd_1', 'stripe:test', 'evt_1', 'bound', 'opn_1', '{}',
   '{"kind": "bound", "token": "pm_1", "references": {}, "card": {"expiryYear": 2031}}', now(), now(), null),
  ('ten_1', 'fct_2', 'ins_1', 'bnd_1', 'stripe:test', 'evt_2', 'suspended', null, '{}', '{"kind": "suspended", "reason": "r"}', now(), now(), null);
insert into inbox values
  ('stripe', 'test', 'evt_3', '{"type": "t", "names": ["pm_1"], "news": {"kind": "updated", "card": {"last4": "1111"}}}', 'waiting', 0, null, now(), now(), null, 1),
  ('stripe', 'test', 'evt_4', '{"type": "t", "names": ["pm_1"]}', 'waiting', 0, null, now(), now(), null, 1);
`

test('what was asked and told when there were only cards is carried on as a source and as what may be shown', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-before-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(migrationsFolder, folder, { recursive: true })
  for (const name of readdirSync(folder)) if (/^\d{4}_/.test(name) && name >= '0006') rmSync(join(folder, name))
  const database = await testDatabase({ migrated: false })
  await migrate({ connection: database.connection, folder })
  const client = new Client({ ...database.connection, options: '-c search_path=bindery' })
  await client.connect()
  t.after(async () => {
    await client.end()
    await database.close()
  })
  await client.query(rows)
  assert.ok((await migrate({ connection: database.connection })).applied.includes('0006_rails.sql'))
  const read = async (what: string) => (await client.query<{ readonly it: unknown }>(`select ${what}`)).rows.map(row => row.it)
  const card = { brand: 'visa', last4: '4242', securityCode: true, holder: false }
  assert.deepEqual(await read('input as it from operations order by id'), [
    { capture: 'cap_1', cardVersion: 2, source: { type: 'card', card }, returnUrl: 'r' },
    { token: 'pm_1' },
  ])
  assert.deepEqual(await read('news as it from facts order by id'), [
    { kind: 'bound', token: 'pm_1', references: {}, shown: { expiryYear: 2031 } },
    { kind: 'suspended', reason: 'r' },
  ])
  assert.deepEqual(await read('told as it from inbox order by event'), [
    { type: 't', names: ['pm_1'], news: { kind: 'updated', shown: { last4: '1111' } } },
    { type: 't', names: ['pm_1'] },
  ])
})
