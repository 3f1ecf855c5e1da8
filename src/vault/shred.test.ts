import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { ChannelRequest } from '../channels/channel.ts'
import { createMemoryStore, type MemoryStore } from '../world/memory.ts'
import { insert } from '../world/store.ts'
import { rowOf } from '../world/table.ts'
import { keyRoot } from './root.ts'
import { deks, keys, owners, records, vaultTables } from './tables.ts'
import { createVault } from './vault.ts'

const root = keyRoot('file', createSecretKey(Buffer.alloc(32, 1)), randomBytes)
const start = Date.UTC(2026, 10, 22)
const grant = { tenant: 'ten_1', mode: 'test' } as const
const card = { number: '4242424242424242', expiry_month: 3, expiry_year: 2030, security_code: '123' }
const request: ChannelRequest = {
  method: 'POST',
  url: 'https://api.channel.example/v1/cards',
  headers: { 'content-type': 'application/json' },
  body: '{"number":"{{card.number}}"}',
  placeholders: true,
}

function vaultOver(store: MemoryStore, now = start) {
  return createVault({
    now: () => now,
    random: randomBytes,
    store,
    root,
    send: async () => ({ status: 200, headers: {}, body: Buffer.from('{}') }),
    origins: new Set(['https://api.channel.example']),
    allowLoopback: false,
  })
}
type Vault = ReturnType<typeof vaultOver>

async function seal(vault: Vault, instrument: string, instrumentVersion: number) {
  const { reference } = await vault.capture(grant, Buffer.from(JSON.stringify(card)))
  return vault.adopt({ ...grant, reference, instrument, instrumentVersion, operation: `opn_${instrumentVersion}` })
}
const open = (vault: Vault, instrument: string, instrumentVersion: number) =>
  vault.forward({ ...grant, instrument, instrumentVersion, operation: 'opn_x', timeoutMs: 1_000, request })
const all = (store: MemoryStore, table: typeof deks | typeof records | typeof keys) =>
  (store.snapshot()[table.name] ?? []).map(row => rowOf(table, row))

test('every version is shredded, hot or not, and nothing of another owner', async () => {
  const store = createMemoryStore(vaultTables)
  const vault = vaultOver(store)
  for (const version of [1, 2, 3]) await seal(vault, 'ins_1', version)
  await seal(vault, 'ins_10', 1)
  const note = { tenant: 'ten_1', owner: 'ins_1', field: 'note' }
  const sealed = await vault.seal({ ...note, text: 'x' })
  await open(vault, 'ins_1', 3)
  assert.deepEqual(await vault.shred({ tenant: 'ten_1', owner: 'ins_1' }), { keys: 4 })
  for (const version of [1, 2, 3]) await assert.rejects(open(vault, 'ins_1', version), /nothing is sealed/)
  await assert.rejects(vault.open({ ...note, sealed }))
  await open(vault, 'ins_10', 1)
  assert.deepEqual(await vault.shred({ tenant: 'ten_1', owner: 'ins_1' }), { keys: 0 })
  await open(vault, 'ins_10', 1)
})

test('the vault logs what it shredded, and when; a second time changes nothing', async () => {
  const store = createMemoryStore(vaultTables)
  await seal(vaultOver(store), 'ins_1', 1)
  await vaultOver(store, start + 1).shred({ tenant: 'ten_1', owner: 'ins_1' })
  const first = await store.get(owners, { tenant: 'ten_1', owner: 'ins_1' })
  assert.deepEqual([first?.sealed, first?.shredded, first?.shredded_at], [1, 1, start + 1])
  await vaultOver(store, start + 2).shred({ tenant: 'ten_1', owner: 'ins_1' })
  assert.deepEqual(await store.get(owners, { tenant: 'ten_1', owner: 'ins_1' }), first)
  await vaultOver(store).shred({ tenant: 'ten_1', owner: 'ins_never' })
  assert.equal((await store.get(owners, { tenant: 'ten_1', owner: 'ins_never' }))?.shredded, 1)
})

test('nothing is sealed for a shredded owner, however late it comes, and a race leaves nothing behind', async () => {
  const store = createMemoryStore(vaultTables)
  const vault = vaultOver(store)
  await vault.shred({ tenant: 'ten_1', owner: 'ins_1' })
  assert.equal(await seal(vault, 'ins_1', 1), undefined)
  await assert.rejects(vault.seal({ tenant: 'ten_1', owner: 'ins_1', field: 'note', text: 'x' }))
  for (let n = 0; n < 20; n += 1) {
    const owner = `ins_race_${n}`
    await Promise.all([seal(vault, owner, 1), vault.shred({ tenant: 'ten_1', owner }), seal(vault, owner, 2)])
    for (const version of [1, 2]) await assert.rejects(open(vault, owner, version), /nothing is sealed/)
  }
  assert.deepEqual([...all(store, deks), ...all(store, records)], [])
})

test('a backup of the sealed rows opens nothing once the key is gone; a backup of the keys beside it would', async () => {
  const store = createMemoryStore(vaultTables)
  const vault = vaultOver(store)
  await seal(vault, 'ins_1', 1)
  const [envelopes, wrapped, above] = [all(store, records), all(store, deks), all(store, keys)]
  await vault.shred({ tenant: 'ten_1', owner: 'ins_1' })
  const restored = createMemoryStore(vaultTables)
  for (const row of envelopes) await restored.commit([insert(records, rowOf(records, row))])
  for (const row of above) await restored.commit([insert(keys, rowOf(keys, row))])
  await assert.rejects(open(vaultOver(restored), 'ins_1', 1), /nothing is sealed/)
  // Why key stores are backed up apart, and for 35 days at most.
  for (const row of wrapped) await restored.commit([insert(deks, rowOf(deks, row))])
  assert.equal((await open(vaultOver(restored), 'ins_1', 1)).status, 200)
})

test('what was sealed ahead for an owner that is shredded meanwhile is not adopted, and goes nowhere', async () => {
  const store = createMemoryStore(vaultTables)
  const vault = vaultOver(store)
  const { reference } = await vault.capture(grant, Buffer.from(JSON.stringify(card)))
  const words = { ...grant, reference, instrument: 'ins_1', instrumentVersion: 1, operation: 'opn_1' }
  await vault.sealAhead(words)
  await vault.shred({ tenant: 'ten_1', owner: 'ins_1' })
  assert.equal(await vault.adopt(words), undefined)
  await assert.rejects(open(vault, 'ins_1', 1), /nothing is sealed/)
})
