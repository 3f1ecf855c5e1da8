/** `npx bindery verify` as an operator runs it, on a real database: a row that somebody spoiled by SQL is found, and the exit code says so. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import type { ClientConfig } from 'pg'
import { events } from '../src/events/tables.ts'
import { customers, instruments } from '../src/instruments/tables.ts'
import { tables } from '../src/tables.ts'
import { insert } from '../src/world/store.ts'
import { storeDatabase } from '../src/world/testing-store.ts'

type Ran = { readonly code: number | null; readonly out: string }

function bindery(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> {
  const program = new URL('../cli/bindery.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      out += String(chunk)
    })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, out }))
  })
}

/** A socket's folder goes into the query of the address. */
const addressOf = ({ connectionString, host = '', user = '', database = '' }: ClientConfig): string =>
  connectionString ?? `postgres://${typeof user === 'string' ? user : ''}@localhost/${database}?host=${encodeURIComponent(host)}`

const now = Date.UTC(2026, 0, 1)
const customer = {
  tenant: 'ten_1',
  id: 'cus_1',
  mode: 'test' as const,
  reference: null,
  clock: null,
  channel_customers: {},
  metadata: {},
  reuse: {},
  erased_at: null,
  created_at: now,
}
const instrument = {
  ...{ tenant: 'ten_1', id: 'ins_1', mode: 'test' as const, customer: 'cus_1', kind: 'card' as const, status: 'pending' as const },
  ...{ card_version: 1, display: { brand: 'visa', expiryMonth: 3, expiryYear: 2030 }, sequence: 0, unbound_at: null, merged_into: null },
  ...{
    metadata: {},
    created_at: now,
    updated_at: now,
    captured: { brand: 'visa', expiryMonth: 3, expiryYear: 2030 },
    own: {},
    reasons: [],
  },
  ...{ versions: 1, sharing: null, policy: {}, preferred: false },
  allow_redisplay: 'unspecified' as const,
  ...{ due_at: null, clock: null },
}

test('what is as its facts say ends with 0, a row that was spoiled is named and ends with 1', async () => {
  const database = await storeDatabase(tables, '')
  try {
    const store = await database.open({ eventsTable: events.name })
    assert.ok((await store.commit([insert(customers, customer), insert(instruments, instrument)])).ok)
    await store.close()
    const env = { DATABASE_URL: addressOf(database.connection) }
    const clean = await bindery(['verify'], env)
    assert.deepEqual(clean, { code: 0, out: '1 instruments, 0 bindings, 0 differences\n' })
    await database.query(`update bindery.instruments set status = 'active'`)
    const spoiled = await bindery(['verify', '--json'], env)
    assert.equal(spoiled.code, 1, spoiled.out)
    const [difference, total] = spoiled.out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(difference, { of: 'ins_1', column: 'status', stored: 'active', right: 'pending' })
    assert.deepEqual(total, { instruments: 1, bindings: 0, differences: 1 })
  } finally {
    await database.close()
  }
})

test('the queue of what is in doubt is printed for whoever is woken, and the exit code says that a person has to look', async () => {
  const database = await storeDatabase(tables, '')
  try {
    const env = { DATABASE_URL: addressOf(database.connection) }
    const none = await bindery(['unknowns'], env)
    assert.equal(none.code, 0, none.out)
    assert.match(none.out, /^0 in doubt/)
    await database.query(`
      set session_replication_role = replica;
      insert into bindery.operations (id, tenant, mode, customer, instrument, binding, channel, verb, status, place, input, tries, cause, created_at, version)
      values ('opn_1', 'ten_1', 'live', 'cus_1', 'ins_1', 'bnd_1', 'stripe', 'revoke', 'parked', 0, '{}', 3, 'the channel refused to revoke', now() - interval '76 hours', 1)`)
    const some = await bindery(['unknowns'], env)
    assert.equal(some.code, 1, some.out)
    assert.match(
      some.out,
      /^parked +3d 4h +stripe revoke +the channel refused to revoke \(3 tries, nothing more by itself\); money not known/,
    )
    assert.match(some.out, /opn_1 of ten_1 live, ins_1: (look-up, )?settle as revoked/)
    const json = await bindery(['unknowns', '--json', '--channel', 'stripe', '--older-than', '3600'], env)
    const [line, total] = json.out
      .trim()
      .split('\n')
      .map(one => JSON.parse(one))
    assert.deepEqual(
      [line.id, line.cause, total.count, total.by_channel[0].money_unknown],
      ['opn_1', 'the channel refused to revoke', 1, 1],
    )
    const wrong = await bindery(['unknowns', '--kind', 'lost'], env)
    assert.deepEqual([wrong.code, /--kind must be one of/.test(wrong.out)], [2, true])
  } finally {
    await database.close()
  }
})
