/** Numbers given out in the clear, over PostgreSQL: sealed for one key, counted, told in the audit, and never more than the quotas allow. */
import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { Pool } from 'pg'
import { openHpke } from '../core/hpke.ts'
import { publicText } from '../core/sealed-file.ts'
import type { Detokenized, DetokenizeInput } from '../world/detokenize.ts'
import { asRole, roles } from '../world/migrate.ts'
import { createPostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { testDatabase } from '../world/testing.ts'
import { keyRoot } from './root.ts'
import { vaultTables } from './tables.ts'
import { createVault } from './vault.ts'

const database = await testDatabase({ extraSql: [rideFunctionSql('vault', vaultTables).sql] })
const connection = asRole(database.connection, roles.vault)
const store = createPostgresStore({ connection, schema: 'vault', tables: vaultTables })
const pool = new Pool({ ...connection, max: 2 })
after(async () => {
  await Promise.all([store.close(), pool.end()])
  await database.close()
})
const clock = { now: Date.UTC(2026, 10, 25, 12) }
const vault = createVault({
  ...{ now: () => clock.now, random: randomBytes, store, allowLoopback: false, origins: new Set<string>() },
  root: keyRoot('file', createSecretKey(randomBytes(32)), randomBytes),
  send: () => Promise.reject(new TypeError('nothing is sent')),
  detokenizeQuota: { perPerson: 5, perTenant: 12 },
})
const reader = generateKeyPairSync('x25519')
const publicKey = publicText(reader.publicKey)

async function keep(tenant: string, instrument: string, body: string, mode: 'test' | 'live' = 'live'): Promise<void> {
  const { reference } = await vault.capture({ tenant, mode }, Buffer.from(body))
  const kept = await vault.adopt({ tenant, mode, reference, instrument, instrumentVersion: 1, operation: `opn_${instrument}` })
  assert.ok(kept !== undefined)
}
const card = '{"number":"4242424242424242","expiry_month":3,"expiry_year":2040,"holder":"Ada \\"O\\" Lovelace"}'
let last = 0
const ask = (more: Partial<DetokenizeInput> = {}): Promise<Detokenized> => {
  last += 1
  const owner = { tenant: 'ten_1', mode: 'live', instrument: 'ins_1', instrumentVersion: 1 } as const
  const act = {
    operation: `req_${last}`,
    purpose: 'dispute',
    reason: 'case 4711 of the bank',
    person: 'ann',
    second: 'bob',
    publicKey,
  } as const
  return vault.detokenize({ ...owner, ...act, ...more })
}
function opened(told: Detokenized, key: KeyObject = reader.privateKey): unknown {
  if (told.kind !== 'sealed') assert.fail(told.kind)
  const sealed = { enc: Buffer.from(told.enc, 'base64url'), ciphertext: Buffer.from(told.ciphertext, 'base64url') }
  return JSON.parse(openHpke(key, sealed, told).toString())
}
type Entry = {
  readonly act: string
  readonly subject: string
  readonly purpose: string
  readonly operation: string
  readonly detail: string
}
async function entries(): Promise<readonly Entry[]> {
  while ((await vault.sequencer.turn()).added > 0);
  const { rows } = await pool.query<Entry>(
    `select act, subject, purpose, operation, detail from vault.audit_log where act = 'detokenize' order by seq`,
  )
  return rows
}
await keep('ten_1', 'ins_1', card)

test('a number opens for the key that was named, as this act and no other, and leaves one entry', async () => {
  const told = await ask()
  const wanted = { kind: 'card', number: '4242424242424242', expiry_month: 3, expiry_year: 2040, holder: 'Ada "O" Lovelace' }
  assert.deepEqual(opened(told), wanted)
  assert.ok(told.kind === 'sealed' && told.aad === 'req_1|ins_1@1|dispute')
  assert.deepEqual(told.left, { person: 4, tenant: 11 })
  assert.throws(() => opened(told, generateKeyPairSync('x25519').privateKey))
  assert.throws(() => opened({ ...told, aad: 'req_2|ins_1@1|dispute' }))
  const [entry, ...more] = await entries()
  assert.deepEqual(more, [])
  const detail = { person: 'ann', second: 'bob', reason: 'case 4711 of the bank', key: publicKey }
  assert.deepEqual(
    { ...entry, detail: JSON.parse(entry?.detail ?? '') },
    {
      ...{ act: 'detokenize', subject: 'ins_1@1', purpose: 'dispute', operation: 'req_1' },
      detail,
    },
  )
})

test('an account is told field by field', async () => {
  const payer = {
    kind: 'bank_account',
    scheme: 'ach',
    country: 'US',
    routingNumber: '110000000',
    accountNumber: '000123456789',
    name: 'Zoe',
  }
  await keep('ten_4', 'ins_4', JSON.stringify({ payer }))
  const told = opened(await ask({ tenant: 'ten_4', instrument: 'ins_4' }))
  assert.deepEqual(told, { kind: 'bank_account', name: 'Zoe', account_number: '000123456789', routing_number: '110000000' })
})

test('what is refused costs nothing and is told nowhere', async () => {
  const before = (await entries()).length
  const bad = ['', 'A'.repeat(43), `${publicKey.slice(0, -1)}${publicKey.endsWith('A') ? 'B' : 'A'}x`, publicKey.slice(1)]
  for (const key of bad) assert.equal((await ask({ publicKey: key })).kind, 'refused', key)
  for (const other of [{ instrument: 'ins_none' }, { tenant: 'ten_2' }, { mode: 'test' }, { instrumentVersion: 2 }] as const)
    assert.equal((await ask(other)).kind, 'missing', JSON.stringify(other))
  for (const second of [null, 'ann']) await assert.rejects(ask({ second }), /two persons/)
  assert.equal((await entries()).length, before)
  const next = await ask()
  assert.ok(next.kind === 'sealed' && next.left.person === 3, 'none of them was counted')
})

test('many at once get no more than the quotas, and each that got it has one entry', async () => {
  clock.now += 86_400_000
  const before = (await entries()).length
  const people = ['ann', 'bob', 'cy', 'dee']
  const all = await Promise.all(Array.from({ length: 48 }, (_, n) => ask({ person: people[n % 4] ?? '', second: 'eve' })))
  const given = all.filter(one => one.kind === 'sealed')
  assert.ok(given.length <= 12 && given.length >= 5, `${given.length} were given`)
  for (const one of given) opened(one)
  const now = (await entries()).slice(before)
  assert.equal(now.length, given.length)
  assert.equal(new Set(now.map(one => one.operation)).size, now.length)
  for (const person of people) assert.ok(now.filter(one => one.detail.includes(`"person":"${person}"`)).length <= 5)
  assert.ok(all.some(one => one.kind === 'spent'))
  assert.equal((await ask({ person: 'fay', second: 'eve' })).kind, given.length === 12 ? 'spent' : 'sealed')
  clock.now += 86_400_000
  assert.equal((await ask()).kind, 'sealed', 'the next day there are new ones')
})

test('without an entry nothing is opened', async () => {
  const commit = store.commit
  store.commit = () => Promise.reject(new Error('no'))
  await assert.rejects(ask({ person: 'gus' }))
  store.commit = commit
})

test('what was shredded is not told', async () => {
  await keep('ten_5', 'ins_5', card)
  await vault.shred({ tenant: 'ten_5', owner: 'ins_5' })
  const told = ask({ tenant: 'ten_5', instrument: 'ins_5' })
  await assert.rejects(told.then(one => (one.kind === 'sealed' ? one : Promise.reject(new Error(one.kind)))))
})
