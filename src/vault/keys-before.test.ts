/** What was sealed before keys had versions opens after the migration, and its keys are replaced like any other. */
import assert from 'node:assert/strict'
import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { asRole, migrate, migrationsFolder, roles } from '../world/migrate.ts'
import { createPostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { testDatabase } from '../world/testing.ts'
import { keyRoot } from './root.ts'
import { dekContext, keyCheckValue, keyContext, newDataKey, sealEnvelope, wrapKey } from './seal.ts'
import { deks, keys, vaultTables } from './tables.ts'
import { createVault } from './vault.ts'

const folder = mkdtempSync(join(tmpdir(), 'before-'))
const database = await testDatabase({ migrated: false })
after(async () => {
  rmSync(folder, { recursive: true })
  await database.close()
})

test('a database of before: what it holds opens, and its keys are rotated', async () => {
  cpSync(migrationsFolder, folder, { recursive: true, filter: path => !/vault\/0(00[789]|0[1-9])/.test(path) })
  await migrate({ connection: database.connection, folder })
  const rootKey = createSecretKey(Buffer.alloc(32, 1))
  await writeAsBefore(rootKey)
  await migrate({ connection: database.connection, extraSql: [rideFunctionSql('vault', vaultTables).sql] })
  const connection = asRole(database.connection, roles.vault)
  const store = createPostgresStore({ connection, schema: 'vault', tables: vaultTables })
  const sent: string[] = []
  const clock = { now: Date.now() }
  const vaultOver = () =>
    createVault({
      ...{ now: () => clock.now, random: randomBytes, store, root: keyRoot('file', rootKey, randomBytes), allowLoopback: false },
      origins: new Set(['https://api.channel.example']),
      send: async ({ body }) => {
        sent.push(body?.toString() ?? '')
        return { status: 200, headers: {}, body: Buffer.from('{}') }
      },
    })
  const vault = vaultOver()
  const read = (one: ReturnType<typeof vaultOver>) =>
    one.forward({
      ...{ tenant: 'ten_1', mode: 'test', instrument: 'ins_1', instrumentVersion: 1, operation: 'opn_9', timeoutMs: 1000 },
      request: {
        ...{ method: 'POST', url: 'https://api.channel.example/', body: '{"n":"{{card.number}}"}', placeholders: true },
        headers: { 'content-type': 'application/json' },
      },
    })
  try {
    await read(vault)
    await vault.rotation.beat()
    for (const scope of ['*', 'ten_1']) assert.equal(await vault.rotation.request('pan', scope), true, scope)
    for (let turn = 0; turn < 6; turn += 1) {
      await vault.rotation.turn()
      await vault.rotation.beat()
      await read(vault)
    }
    clock.now += 25 * 60 * 60_000
    for (let turn = 0; turn < 6; turn += 1) await vault.rotation.turn()
    for (const scope of ['*', 'ten_1']) {
      const rows = await store.find(keys, { purpose: 'pan', scope })
      assert.deepEqual(
        rows.map(row => [row.key_version, row.status]),
        [[2, 'current']],
        scope,
      )
    }
    assert.equal((await store.get(deks, { tenant: 'ten_1', owner: 'ins_1', owner_version: 1 }))?.key_version, 2)
    await read(vaultOver())
    assert.deepEqual(new Set(sent), new Set(['{"n":"4242424242424242"}']))
  } finally {
    await store.close()
  }
})

async function writeAsBefore(rootKey: ReturnType<typeof createSecretKey>): Promise<void> {
  const client = new Client(database.connection)
  await client.connect()
  const key = async (purpose: string, scope: string, parent: ReturnType<typeof createSecretKey>) => {
    const [id, bytes] = [randomBytes(16), randomBytes(32)]
    await client.query('insert into vault.keys values ($1, $2, 1, $3, $4, $5, now())', [
      ...[purpose, scope, id],
      wrapKey(randomBytes, parent, keyContext(id, purpose, scope, 1), bytes),
      keyCheckValue(bytes),
    ])
    return { id, version: 1, key: createSecretKey(bytes) }
  }
  try {
    const purpose = await key('pan', '*', rootKey)
    const tenant = await key('pan', 'ten_1', purpose.key)
    const dek = newDataKey(randomBytes)
    const number = Buffer.from('4242424242424242')
    const plain = Buffer.concat([Buffer.from([16]), number, Buffer.from([3, 2040 >> 8, 2040 & 255])])
    const place = { tenant: 'ten_1', owner: 'ins_1@1', field: 'card', schema: 1 }
    await client.query('insert into vault.deks values ($1, $2, 1, $3, $4, 1, $5, now())', [
      ...['ten_1', 'ins_1', dek.id, 'pan'],
      wrapKey(randomBytes, tenant.key, dekContext(tenant, dek.id, 'ten_1', 'ins_1@1'), dek.key),
    ])
    await client.query(
      `insert into vault.records (tenant, mode, instrument, instrument_version, field, envelope, operation, reference, network_fingerprint,
         fingerprint, brand, bin, last4, expiry_month, expiry_year, holder, adopted_at, kind)
       values ('ten_1', 'test', 'ins_1', 1, 'card', $1, 'opn_1', 'r', $2, 'ifp_1', 'visa', '424242', '4242', 3, 2040, false, now(), 'card')`,
      [sealEnvelope(randomBytes, tenant, dek, place, plain), createHmac('sha256', 'x').update(number).digest()],
    )
  } finally {
    await client.end()
  }
}
