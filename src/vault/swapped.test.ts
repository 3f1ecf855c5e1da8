/** Rows put in each other's place by somebody who can write to the vault's tables: whatever is exchanged, nothing is opened where it does not belong. */
import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { Pool } from 'pg'
import type { ChannelRequest } from '../channels/channel.ts'
import { asRole, roles } from '../world/migrate.ts'
import { createPostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { testDatabase } from '../world/testing.ts'
import { keyRoot } from './root.ts'
import { vaultTables } from './tables.ts'
import { createVault } from './vault.ts'

const database = await testDatabase({ extraSql: [rideFunctionSql('vault', vaultTables).sql] })
const store = createPostgresStore({ connection: asRole(database.connection, roles.vault), schema: 'vault', tables: vaultTables })
/** The owner of the tables, whom no role of ours stops. */
const owner = new Pool({ ...database.connection, max: 1 })
after(async () => {
  await Promise.all([store.close(), owner.end()])
  await database.close()
})
const root = keyRoot('file', createSecretKey(randomBytes(32)), randomBytes)
const sent: string[] = []
/** A process that holds nothing in its memory: all it knows stands in the tables. */
const newVault = () =>
  createVault({
    ...{ now: Date.now, random: randomBytes, store, allowLoopback: false, root, origins: new Set(['https://api.channel.example']) },
    send: async ({ body }) => {
      sent.push(String(body))
      return { status: 200, headers: {}, body: Buffer.from('{}') }
    },
  })
const request: ChannelRequest = {
  ...{ method: 'POST', url: 'https://api.channel.example/v1/x', headers: { 'content-type': 'application/json' } },
  ...{ body: '{"n":"{{card.number}}"}', placeholders: true },
}
type Whose = { readonly tenant: string; readonly instrument: string; readonly version: number; readonly number: string }
const whose: readonly Whose[] = [
  { tenant: 'ten_1', instrument: 'ins_1', version: 1, number: '4242424242424242' },
  { tenant: 'ten_1', instrument: 'ins_1', version: 2, number: '4000056655665556' },
  { tenant: 'ten_1', instrument: 'ins_2', version: 1, number: '5555555555554444' },
  { tenant: 'ten_2', instrument: 'ins_3', version: 1, number: '4111111111111111' },
]
const wordsOf = (one: Whose) =>
  ({
    tenant: one.tenant,
    mode: 'test',
    instrument: one.instrument,
    instrumentVersion: one.version,
    operation: `opn_${one.number}`,
  }) as const

const vault = newVault()
for (const one of whose) {
  const { reference } = await vault.capture(
    { tenant: one.tenant, mode: 'test' },
    Buffer.from(`{"number":"${one.number}","expiry_month":3,"expiry_year":2040}`),
  )
  assert.ok((await vault.adopt({ ...wordsOf(one), reference })) !== undefined)
}
const forward = (one: Whose) => newVault().forward({ ...wordsOf(one), timeoutMs: 1_000, request })
const of = ({ tenant, instrument, version }: Whose): readonly unknown[] => [tenant, instrument, version]

/** Exchanges a column of two rows; both ways, in one statement. */
const swapColumn = (table: 'records' | 'deks', column: string, a: Whose, b: Whose): Promise<unknown> => {
  const [owning, version] = table === 'records' ? ['instrument', 'instrument_version'] : ['owner', 'owner_version']
  return owner.query(
    `update vault.${table} as t
     set ${column} = o.${column}
     from vault.${table} as o
     where (t.tenant, t.${owning}, t.${version}, o.tenant, o.${owning}, o.${version}) in (($1, $2, $3::int, $4, $5, $6::int), ($4, $5, $6::int, $1, $2, $3::int))`,
    [...of(a), ...of(b)],
  )
}

test('each card is sent as itself before anything is exchanged', async () => {
  for (const one of whose) {
    sent.length = 0
    await forward(one)
    assert.deepEqual(sent, [`{"n":"${one.number}"}`])
  }
})

const exchanges: Readonly<Record<string, (a: Whose, b: Whose) => Promise<unknown>>> = {
  'the ciphertext': (a, b) => swapColumn('records', 'envelope', a, b),
  'the wrapped data key': (a, b) => swapColumn('deks', 'wrapped', a, b),
  'the data key’s id': (a, b) => swapColumn('deks', 'id', a, b),
  'ciphertext and wrapped key': async (a, b) => {
    await swapColumn('records', 'envelope', a, b)
    await swapColumn('deks', 'wrapped', a, b)
  },
  'ciphertext and the whole data key': async (a, b) => {
    await swapColumn('records', 'envelope', a, b)
    for (const column of ['wrapped', 'id', 'key_version', 'purpose']) await swapColumn('deks', column, a, b)
  },
}

test('between instruments, versions and tenants: nothing opens, and nothing is sent', async () => {
  let tried = 0
  for (const [what, exchange] of Object.entries(exchanges))
    for (const [i, a] of whose.entries())
      for (const b of whose.slice(i + 1)) {
        await exchange(a, b)
        sent.length = 0
        for (const one of [a, b]) {
          await assert.rejects(forward(one), { name: 'SealBroken' }, `${what} of ${of(a)} and ${of(b)}`)
          tried += 1
        }
        assert.deepEqual(sent, [])
        await exchange(a, b)
      }
  assert.equal(tried, Object.keys(exchanges).length * 12)
  for (const one of whose) await forward(one)
})

test('a row that is renamed to another instrument, version or tenant opens there no more than where it was', async () => {
  const [first] = whose
  if (first === undefined) assert.fail()
  for (const other of [
    { ...first, instrument: 'ins_9' },
    { ...first, version: 9 },
    { ...first, tenant: 'ten_2' },
    { ...first, tenant: 'ten_new' },
  ]) {
    const rename = async (from: Whose, to: Whose): Promise<void> => {
      const set = 'set tenant = $4'
      await owner.query(
        `update vault.records ${set}, instrument = $5, instrument_version = $6 where (tenant, instrument, instrument_version) = ($1, $2, $3)`,
        [...of(from), ...of(to)],
      )
      await owner.query(`update vault.deks ${set}, owner = $5, owner_version = $6 where (tenant, owner, owner_version) = ($1, $2, $3)`, [
        ...of(from),
        ...of(to),
      ])
    }
    await rename(first, other)
    await assert.rejects(forward(other), { name: 'SealBroken' }, JSON.stringify(other))
    await assert.rejects(forward(first), { code: 'gone' })
    await rename(other, first)
  }
  await forward(first)
})

test('keys of tenants and purposes that are exchanged fit nothing', async () => {
  const swap = () =>
    owner.query(
      `update vault.keys as t
       set wrapped = o.wrapped, kcv = o.kcv
       from vault.keys as o
       where (t.purpose, o.purpose) = ('pan', 'pan') and (t.scope, o.scope) in (('ten_1', 'ten_2'), ('ten_2', 'ten_1'))`,
    )
  await swap()
  for (const one of whose) await assert.rejects(forward(one), { name: 'WrongRoot' })
  await swap()
  for (const one of whose) await forward(one)
})

test('a short text opens for its owner, field and tenant only', async () => {
  const at = { tenant: 'ten_1', owner: 'whe_1', field: 'webhook_keys' }
  const sealed = await vault.seal({ ...at, text: 'hush' })
  for (const other of [{ owner: 'whe_2' }, { tenant: 'ten_2' }, { field: 'email' }]) {
    const there = { ...at, ...other }
    await vault.seal({ ...there, text: 'another' })
    await assert.rejects(vault.open({ ...there, sealed }), { name: 'SealBroken' })
  }
  assert.equal(await vault.open({ ...at, sealed }), 'hush')
})
