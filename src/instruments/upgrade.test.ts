import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Client } from 'pg'
import { migrate, migrationsFolder } from '../world/migrate.ts'
import { testDatabase } from '../world/testing.ts'

/** A database as it was before that migration, with these rows, brought up to date. `read`: what a query's one column holds. */
async function upgraded(t: TestContext, before: string, sql: string) {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-before-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(migrationsFolder, folder, { recursive: true })
  for (const name of readdirSync(folder)) if (/^\d{4}_/.test(name) && name >= before) rmSync(join(folder, name))
  const database = await testDatabase({ migrated: false })
  await migrate({ connection: database.connection, folder })
  const client = new Client({ ...database.connection, options: '-c search_path=bindery' })
  await client.connect()
  t.after(async () => {
    await client.end()
    await database.close()
  })
  await client.query(sql)
  const { applied } = await migrate({ connection: database.connection })
  const read = async (what: string) => (await client.query<{ readonly it: unknown }>(`select ${what}`)).rows.map(row => row.it)
  return { read, applied }
}

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
  const { read, applied } = await upgraded(t, '0006', rows)
  assert.ok(applied.includes('0006_rails.sql'))
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

/** Mandates as they were bound before their terms were kept. */
const debits = `
set session_replication_role = replica;
insert into instruments (tenant, id, mode, customer, kind, status, card_version, display, sequence, metadata, created_at, updated_at, captured, own, reasons, version)
select 'ten_1', id, 'test', 'cus_1', kind, 'active', 1, '{}', 1, '{}', now(), now(), '{}', '{}', '[]', 1
from (values ('ins_1', 'bank_account'), ('ins_2', 'card')) as given (id, kind);
insert into bindings (tenant, id, mode, customer, instrument, channel, status, slot, token, names, operations, created_at, updated_at, notified, version)
select 'ten_1', id, 'test', 'cus_1', instrument, channel, 'active', id, id, '{}', 1, '2026-01-01T00:00:00Z', now(), 1, 1
from (values ('bnd_1', 'ins_1', 'gocardless'), ('bnd_2', 'ins_1', 'stripe'), ('bnd_3', 'ins_2', 'stripe')) as given (id, instrument, channel);
insert into operations
select 'opn_' || id, 'ten_1', 'test', 'cus_1', 'ins_1', id, 'x', 'bind', 'settled', 1, input::jsonb, 1, null, null, null, null, now(), 1
from (values
  ('bnd_1', '{"source": {"type": "bank_account", "scheme": "sepa_debit"}, "terms": {"currency": "EUR"}}'),
  ('bnd_2', '{"source": {"type": "bank_account", "scheme": "bacs"}}'),
  ('bnd_3', '{"source": {"type": "card"}}')) as given (id, input);
insert into facts values
  ('ten_1', 'fct_1', 'ins_2', 'bnd_3', 'stripe:test', 'evt_1', 'challenged', 'opn_3', '{"place": 1, "at": 0}', '{"kind": "challenged", "action": {"type": "otp"}}', now(), now(), null),
  ('ten_1', 'fct_2', 'ins_2', 'bnd_3', 'stripe:test', 'evt_2', 'bound', 'opn_3', '{"place": 1, "at": 0}', '{"kind": "bound", "token": "t"}', now(), now(), null);
`

test('bank debits that were bound before keep what was agreed, and are looked at once', async t => {
  const { read } = await upgraded(t, '0008', debits)
  const madeAt = Date.UTC(2026, 0, 1)
  const kept = { madeAt, former: [], reinstatedAt: null }
  assert.deepEqual(await read('mandate as it from bindings order by id'), [
    { ...kept, rail: 'sepa_debit', terms: { currency: 'EUR' }, dormantAfterMonths: 13, toldByChannel: true },
    { ...kept, rail: 'bacs', terms: null, dormantAfterMonths: 24, toldByChannel: false },
    null,
  ])
  assert.deepEqual(await read('proven_by as it from bindings order by id'), [null, null, 'otp'])
  assert.deepEqual(await read('due_at is not null as it from instruments order by id'), [true, false])
})
