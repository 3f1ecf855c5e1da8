/** Rotation with two processes of the vault over one PostgreSQL: what one wraps the other opens, at every moment. */
import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import type { ChannelRequest } from '../channels/channel.ts'
import { asRole, roles } from '../world/migrate.ts'
import { createPostgresStore, type PostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { insert, move, remove } from '../world/store.ts'
import { testDatabase } from '../world/testing.ts'
import { cardFiles } from './card-tables.ts'
import { createKeyring, WrongRoot } from './keys.ts'
import { makeOwnKey, openOwnKey } from './own-key.ts'
import { keyRoot } from './root.ts'
import { createRotation } from './rotate.ts'
import { keyContext, wrapKey } from './seal.ts'
import { deks, keys, vaultTables, wrapsMax } from './tables.ts'
import { createTrail } from './trail.ts'
import { createVault } from './vault.ts'
import { KeyWornOut } from './wraps.ts'

const database = await testDatabase({ extraSql: [rideFunctionSql('vault', vaultTables).sql] })
const stores: PostgresStore[] = []
after(async () => {
  await Promise.all(stores.map(one => one.close()))
  await database.close()
})
const openStore = (): PostgresStore => {
  const store = createPostgresStore({ connection: asRole(database.connection, roles.vault), schema: 'vault', tables: vaultTables })
  stores.push(store)
  return store
}
const rootKey = createSecretKey(Buffer.alloc(32, 1))
const root = keyRoot('file', rootKey, randomBytes)
const clock = { now: Date.UTC(2026, 10, 25) }
const now = () => clock.now
const request: ChannelRequest = {
  ...{ method: 'POST', url: 'https://api.channel.example/', headers: { 'content-type': 'application/json' } },
  ...{ body: '{"n":"{{card.number}}"}', placeholders: true },
}
const number = '4242424242424242'

/** A process of the vault. */
function process(node: string) {
  const store = openStore()
  const sent: string[] = []
  const ports = { now, random: randomBytes, store, root }
  const vault = createVault({
    ...ports,
    send: async ({ body }) => {
      sent.push(body?.toString() ?? '')
      return { status: 200, headers: {}, body: Buffer.from('{}') }
    },
    origins: new Set(['https://api.channel.example']),
    allowLoopback: false,
  })
  const keyring = createKeyring(ports)
  const trail = createTrail({ store, now, keyring, node })
  const rotation = createRotation({ ...ports, keyring, node, trail })
  return { node, store, vault, keyring, rotation, sent }
}
type Process = ReturnType<typeof process>

async function seal({ vault }: Process, tenant: string, instrument: string) {
  const body = Buffer.from(`{"number":"${number}","expiry_month":3,"expiry_year":2040}`)
  const { reference } = await vault.capture({ tenant, mode: 'test' }, body)
  const words = { tenant, mode: 'test', reference, instrument, instrumentVersion: 1, operation: 'opn_1' } as const
  assert.notEqual(await vault.adopt(words), undefined)
  vault.clear()
}
async function read({ vault, sent }: Process, tenant: string, instrument: string) {
  const words = { tenant, mode: 'test', instrument, instrumentVersion: 1, operation: 'opn_2', timeoutMs: 1000, request } as const
  assert.equal((await vault.forward(words)).status, 200)
  assert.equal(sent.at(-1), `{"n":"${number}"}`)
}
const versions = async ({ store }: Process, purpose: 'pan' | 'secret', scope: string) =>
  (await store.find(keys, { purpose, scope })).map(row => `${row.key_version} ${row.status}`)

test('add, confirm, promote: nothing wraps with a key before every process has opened it', async () => {
  const [one, two] = [process('a'), process('b')]
  await seal(one, 'ten_1', 'ins_1')
  for (const each of [one, two]) await each.rotation.beat()
  assert.equal(await one.rotation.request('pan', 'ten_1'), true)
  assert.equal(await one.rotation.turn(), 1)
  assert.deepEqual(await versions(one, 'pan', 'ten_1'), ['1 current', '2 added'])
  assert.equal(await one.rotation.request('pan', 'ten_1'), false, 'it is being replaced')
  await one.rotation.beat()
  assert.equal(await one.rotation.turn(), 0, 'the other process has not said so yet')
  await two.rotation.beat()
  // Both at once: one of them does it.
  await Promise.all([one.rotation.turn(), two.rotation.turn()])
  assert.deepEqual(await versions(one, 'pan', 'ten_1'), ['1 retired', '2 current'])
  // The other still knows the old one as current for half a minute: what it seals opens everywhere.
  await seal(two, 'ten_1', 'ins_2')
  for (const each of [one, two]) for (const instrument of ['ins_1', 'ins_2']) await read(each, 'ten_1', instrument)
})

test('what the old version wrapped is wrapped anew, by use and by page, and a version that wraps nothing is destroyed after a day', async () => {
  const one = process('c')
  await seal(one, 'ten_2', 'ins_1')
  await one.vault.seal({ tenant: 'ten_2', owner: 'whe_1', field: 'secret', text: 'x' })
  await one.rotation.beat()
  await one.rotation.request('pan', 'ten_2')
  await one.rotation.turn()
  clock.now += 61_000
  await one.rotation.beat()
  await one.rotation.turn()
  assert.deepEqual(await versions(one, 'pan', 'ten_2'), ['1 retired', '2 current'])
  const versionOf = async (owner: string) => (await one.store.get(deks, { tenant: 'ten_2', owner, owner_version: 1 }))?.key_version
  assert.equal(await versionOf('ins_1'), 1)
  await read(one, 'ten_2', 'ins_1')
  await read(one, 'ten_2', 'ins_1')
  while ((await versionOf('ins_1')) !== 2) await one.store.get(keys, { purpose: 'pan', scope: 'ten_2', key_version: 1 })
  // A straggler, wrapped by a process that had not heard: found by the page.
  const stale = await one.store.get(deks, { tenant: 'ten_1', owner: 'ins_2', owner_version: 1 })
  assert.notEqual(stale, undefined)
  while ((await one.rotation.turn()) > 0) await one.rotation.beat()
  assert.deepEqual(await one.store.find(deks, { tenant: 'ten_1', purpose: 'pan', key_version: 1 }), [])
  assert.deepEqual(await versions(one, 'pan', 'ten_2'), ['1 retired', '2 current'])
  clock.now += 24 * 60 * 60_000
  await one.rotation.beat()
  await one.rotation.turn()
  assert.deepEqual(await versions(one, 'pan', 'ten_2'), ['2 current'])
  const fresh = process('d')
  await read(fresh, 'ten_2', 'ins_1')
  await read(fresh, 'ten_1', 'ins_2')
})

test('a version that wraps the key of a card file stays as long as the file does, however many files there are', async () => {
  const one = process('k')
  const { store, vault, rotation } = one
  const whose = { tenant: 'ten_8', mode: 'test', file: 'cdf_9' } as const
  const own = await makeOwnKey({ random: randomBytes, now }, one.keyring, { tenant: whose.tenant, name: 'a sender' })
  await vault.cardFiles.begin({ ...whose, sender: own.certificate })
  const file = (await store.get(cardFiles, { tenant: whose.tenant, id: whose.file })) ?? assert.fail()
  assert.equal(file.key_version, 1)
  const aWeek = async () => {
    for (let day = 0; day < 7; day += 1) {
      clock.now += 24 * 60 * 60_000
      await rotation.beat()
      await rotation.turn()
    }
  }
  await rotation.beat()
  await rotation.request('pan', whose.tenant)
  await rotation.turn()
  clock.now += 61_000
  await rotation.beat()
  await rotation.turn()
  // More than one answer holds come before it, and none of them names that version.
  const others = Array.from({ length: 1_000 }, (_, n) => ({ ...file, id: `cdf_${String(n).padStart(5, '0')}`, key_version: 2 }))
  for (let at = 0; at < others.length; at += 250)
    await store.commit(others.slice(at, at + 250).map(({ version: _, ...row }) => insert(cardFiles, row)))
  await aWeek()
  assert.deepEqual(await versions(one, 'pan', whose.tenant), ['1 retired', '2 current'])
  assert.ok(await openOwnKey(process('l').keyring, { tenant: whose.tenant, name: whose.file }, file), 'and it still opens')
  for (const row of [file, ...others]) {
    const found = await store.get(cardFiles, { tenant: row.tenant, id: row.id })
    if (found !== undefined) await store.commit([remove(cardFiles, found)])
  }
  await aWeek()
  assert.deepEqual(await versions(one, 'pan', whose.tenant), ['2 current'])
})

test("a purpose's own key is rotated under its tenants' keys, which stay the same", async () => {
  const one = process('e')
  await seal(one, 'ten_3', 'ins_1')
  clock.now += 61_000
  await one.rotation.beat()
  const before = await one.store.find(keys, { purpose: 'pan', parent_version: 1 })
  assert.ok(before.length >= 3)
  await one.rotation.request('pan', '*')
  await one.rotation.turn()
  await one.rotation.beat()
  await one.rotation.turn()
  assert.deepEqual(await versions(one, 'pan', '*'), ['1 retired', '2 current'])
  while ((await one.rotation.turn()) > 0) await one.rotation.beat()
  assert.deepEqual(await one.store.find(keys, { purpose: 'pan', parent_version: 1 }), [])
  const now3 = await one.store.get(keys, { purpose: 'pan', scope: 'ten_3', key_version: 1 })
  assert.deepEqual(now3?.kcv, before.find(row => row.scope === 'ten_3')?.kcv)
  await read(process('f'), 'ten_3', 'ins_1')
})

test('a process with another root never confirms, and is told which root it has', async () => {
  const one = process('g')
  await seal(one, 'ten_4', 'ins_1')
  clock.now += 61_000
  const otherRoot = keyRoot('file', createSecretKey(Buffer.alloc(32, 2)), randomBytes)
  const keyring = createKeyring({ now, random: randomBytes, store: one.store, root: otherRoot })
  const trail = createTrail({ store: one.store, now, keyring, node: 'wrong' })
  const wrong = createRotation({ now, random: randomBytes, store: one.store, keyring, node: 'wrong', trail })
  await one.rotation.beat()
  await one.rotation.request('pan', 'ten_4')
  await one.rotation.turn()
  await assert.rejects(wrong.beat(), WrongRoot)
  await one.rotation.beat()
  assert.equal(await one.rotation.turn(), 0)
  assert.deepEqual(await versions(one, 'pan', 'ten_4'), ['1 current', '2 added'])
  // It is gone for a minute: the others go on without it.
  clock.now += 61_000
  await one.rotation.beat()
  await one.rotation.turn()
  assert.deepEqual(await versions(one, 'pan', 'ten_4'), ['1 retired', '2 current'])
})

test('wraps are counted ahead in blocks of 10,000, and at 2³⁰ a key wraps no more', async () => {
  const one = process('h')
  await seal(one, 'ten_5', 'ins_1')
  const name = { purpose: 'pan', scope: 'ten_5', key_version: 1 } as const
  assert.equal((await one.store.get(keys, name))?.wraps, 10_000)
  // Another process, or the same after a crash: a block of its own.
  const two = process('i')
  await seal(two, 'ten_5', 'ins_2')
  const row = await one.store.get(keys, name)
  assert.equal(row?.wraps, 20_000)
  if (row === undefined) assert.fail()
  await one.store.commit([move(keys, row, { wraps: wrapsMax - 10_000 })])
  await seal(process('j'), 'ten_5', 'ins_3')
  assert.equal((await one.store.get(keys, name))?.wraps, wrapsMax)
  assert.ok(((await one.store.get(keys, name))?.due_at ?? Number.POSITIVE_INFINITY) <= clock.now, 'its successor is due')
  const worn = process('k')
  await assert.rejects(seal(worn, 'ten_5', 'ins_4'), KeyWornOut)
  await read(worn, 'ten_5', 'ins_3')
})

test('by age alone: a tenant key after 90 days, a purpose key after a year, fingerprint keys never', async () => {
  const one = process('l')
  await seal(one, 'ten_6', 'ins_1')
  const due = async (purpose: 'pan' | 'fp', scope: string) => (await one.store.get(keys, { purpose, scope, key_version: 1 }))?.due_at
  const dayMs = 24 * 60 * 60_000
  assert.equal(await due('pan', 'ten_6'), clock.now + 90 * dayMs)
  assert.equal(await due('fp', 'ten_6'), null)
  assert.ok(((await due('fp', '*')) ?? 0) > clock.now + 300 * dayMs)
})

test('another root takes the place of the old one: keys of purposes are wrapped anew as they are met', async () => {
  const one = process('m')
  const id = randomBytes(16)
  const key = randomBytes(32)
  await seal(one, 'ten_7', 'ins_1')
  // As they were written before there were several roots: without a name.
  const row = await one.store.get(keys, { purpose: 'pan', scope: '*', key_version: 2 })
  if (row === undefined) assert.fail()
  await one.store.commit([move(keys, row, { root: null })])
  const root2 = keyRoot('shares', createSecretKey(randomBytes(32)), randomBytes)
  const ports = { now, random: randomBytes, store: one.store }
  await assert.rejects(createKeyring({ ...ports, root: root2 }).current('pan', 'ten_7'), /wrapped by the root key file/)
  await createKeyring({ ...ports, root: root2, formerRoot: root }).current('pan', 'ten_7')
  assert.equal((await one.store.get(keys, { purpose: 'pan', scope: '*', key_version: 2 }))?.root, root2.name)
  await createKeyring({ ...ports, root: root2 }).current('pan', 'ten_7')
  // A key that somebody put in the place of another does not open.
  const wrapped = wrapKey(randomBytes, rootKey, keyContext(id, 'secret', '*', 1), key)
  const found = await one.store.get(keys, { purpose: 'pii', scope: '*', key_version: 1 })
  assert.equal(found, undefined)
  await one.store.commit([insert(keys, { ...row, purpose: 'pii', key_version: 1, id, wrapped, root: root.name })])
  await assert.rejects(createKeyring({ ...ports, root }).current('pii', 'ten_7'), WrongRoot)
})
