import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createMemoryStore } from '../world/memory.ts'
import { type Committed, insert, move, post, type Store, type Transfer } from '../world/store.ts'
import { table, text } from '../world/table.ts'
import { type StoreDatabase, storeDatabase } from '../world/testing-store.ts'
import { accounts } from './account.ts'
import { transfers } from './transfer.ts'

const marks = table('marks', { id: text() }, { key: ['id'] })
const ledgerTables = [accounts, transfers, marks] as const
const done: Committed = { ok: true }

let database: StoreDatabase
before(async () => {
  database = await storeDatabase(ledgerTables, 'create table marks (id text not null, constraint marks_pkey primary key (id))')
})
after(() => database.close())

const account = (id: string, limits: { debits?: boolean; credits?: boolean } = {}, currency = 'EUR') =>
  insert(accounts, {
    tenant: 't',
    id,
    currency,
    debits_posted: 0n,
    credits_posted: 0n,
    limit_debits: limits.debits ?? false,
    limit_credits: limits.credits ?? false,
  })
const transfer = (id: string, debit: string, credit: string, amount: bigint, more: Partial<Transfer> = {}): Transfer => ({
  tenant: 't',
  id,
  debit,
  credit,
  amount,
  currency: 'EUR',
  reference: 'r',
  created_at: 5,
  ...more,
})
const pay = (...all: Parameters<typeof transfer>) => post(transfer(...all))
const refused = (write: number, tableName: string, constraint: string, kind: 'exists' | 'check' | 'reference'): Committed => ({
  ok: false,
  refused: [{ write, table: tableName, constraint, kind }],
})
async function balance(store: Store, id: string): Promise<bigint> {
  const row = await store.get(accounts, { tenant: 't', id })
  assert.ok(row)
  return row.credits_posted - row.debits_posted
}

for (const name of ['memory', 'PostgreSQL']) {
  const rule = (what: string, check: (store: Store) => Promise<void>): void => {
    test(what, async () => {
      const store = name === 'memory' ? createMemoryStore(ledgerTables) : await database.open()
      try {
        await store.commit([
          account('bank'),
          account('a', { debits: true }),
          account('b', { debits: true }),
          account('due', { credits: true }),
          account('usd', {}, 'USD'),
        ])
        await check(store)
      } finally {
        await store.close()
      }
    })
  }
  describe(`posting in the ${name} store`, () => {
    rule('a transfer moves an amount from one account to the other, once', async store => {
      assert.deepEqual(await store.commit([pay('1', 'bank', 'a', 5n)]), done)
      assert.deepEqual(await store.commit([pay('1', 'bank', 'a', 5n)]), done)
      assert.deepEqual(await store.commit([pay('1', 'bank', 'a', 5n), pay('2', 'a', 'b', 2n), pay('2', 'a', 'b', 2n)]), done)
      assert.deepEqual([await balance(store, 'bank'), await balance(store, 'a'), await balance(store, 'b')], [-5n, 3n, 2n])
      assert.deepEqual(await store.get(transfers, { tenant: 't', id: '1' }), transfer('1', 'bank', 'a', 5n))
      assert.equal((await store.get(accounts, { tenant: 't', id: 'a' }))?.version, 3)
    })
    rule('the same id with other content is refused', async store => {
      await store.commit([pay('1', 'bank', 'a', 5n)])
      const taken = refused(1, 'transfers', 'transfers_pkey', 'exists')
      assert.deepEqual(await store.commit([insert(marks, { id: 'm' }), pay('1', 'bank', 'a', 6n)]), taken)
      assert.deepEqual(await store.commit([pay('2', 'bank', 'a', 1n), pay('2', 'bank', 'a', 2n)]), taken)
      assert.equal(await balance(store, 'a'), 5n)
      assert.equal(await store.get(marks, { id: 'm' }), undefined)
    })
    rule('no account is overdrawn, not even on the way', async store => {
      await store.commit([pay('1', 'bank', 'a', 5n)])
      const overdrawn = (write: number) => refused(write, 'accounts', 'accounts_debits_limit', 'check')
      assert.deepEqual(await store.commit([pay('2', 'a', 'b', 6n)]), overdrawn(0))
      assert.deepEqual(await store.commit([pay('3', 'b', 'bank', 1n), pay('4', 'a', 'b', 5n)]), overdrawn(0))
      assert.deepEqual(await store.commit([pay('3', 'a', 'b', 5n), pay('4', 'b', 'bank', 5n)]), done)
      assert.deepEqual(
        await store.commit([pay('5', 'due', 'bank', 3n), pay('6', 'bank', 'due', 4n)]),
        refused(1, 'accounts', 'accounts_credits_limit', 'check'),
      )
      assert.deepEqual(await store.commit([pay('5', 'due', 'bank', 3n), pay('6', 'bank', 'due', 3n)]), done)
    })
    rule('accounts that are missing, of another currency, the same, or amounts of nothing are refused', async store => {
      assert.deepEqual(await store.commit([pay('1', 'nobody', 'a', 1n)]), refused(0, 'transfers', 'transfers_debit_fkey', 'reference'))
      assert.deepEqual(await store.commit([pay('1', 'bank', 'nobody', 1n)]), refused(0, 'transfers', 'transfers_credit_fkey', 'reference'))
      assert.deepEqual(await store.commit([pay('1', 'bank', 'usd', 1n)]), refused(0, 'transfers', 'transfers_currency', 'check'))
      assert.deepEqual(
        await store.commit([pay('1', 'bank', 'a', 1n, { currency: 'USD' })]),
        refused(0, 'transfers', 'transfers_currency', 'check'),
      )
      assert.deepEqual(await store.commit([pay('1', 'bank', 'bank', 1n)]), refused(0, 'transfers', 'transfers_two_accounts', 'check'))
      for (const amount of [0n, -1n])
        assert.deepEqual(await store.commit([pay('1', 'bank', 'a', amount)]), refused(0, 'transfers', 'transfers_amount_positive', 'check'))
    })
    rule('a hundred at once draw exactly what is there', async store => {
      await store.commit([pay('1', 'bank', 'a', 30n)])
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, i) => store.commit([insert(marks, { id: `m${i}` }), pay(`p${i}`, 'a', 'b', 1n)])),
      )
      assert.equal(results.filter(result => result.ok).length, 30)
      assert.deepEqual([await balance(store, 'a'), await balance(store, 'b')], [0n, 30n])
    })
    rule('the same transfer a hundred times at once is one transfer', async store => {
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, i) => store.commit([insert(marks, { id: `m${i}` }), pay('same', 'bank', 'a', 7n)])),
      )
      assert.ok(results.every(result => result.ok))
      assert.equal(await balance(store, 'a'), 7n)
    })
    rule('posting is noticed by whoever read the account before', async store => {
      const row = await store.get(accounts, { tenant: 't', id: 'a' })
      assert.ok(row)
      await store.commit([pay('1', 'bank', 'a', 1n)])
      const result = await store.commit([move(accounts, row, { limit_debits: false })])
      assert.deepEqual(result, { ok: false, refused: [{ write: 0, table: 'accounts', constraint: 'accounts_version', kind: 'moved' }] })
    })
  })
}

test('random transfers have the same answers and balances in both stores', async () => {
  const real = await database.open()
  const model = createMemoryStore(ledgerTables)
  let seed = 7
  const dice = (sides: number): number => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % sides
  }
  const names = ['bank', 'a', 'b', 'c', 'd']
  const opening = names.map(name => account(name, { debits: name !== 'bank' }))
  await Promise.all([real.commit(opening), model.commit(opening)])
  for (let i = 0; i < 300; i += 1) {
    const writes = Array.from({ length: 1 + dice(3) }, () => {
      const from = dice(5)
      return pay(`p${dice(250)}`, names[from] ?? '', names[(from + 1 + dice(4)) % 5] ?? '', BigInt(1 + dice(9)))
    })
    assert.deepEqual(await real.commit(writes), await model.commit(writes))
  }
  for (const name of names) assert.equal(await balance(real, name), await balance(model, name))
  await real.close()
})
