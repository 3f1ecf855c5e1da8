import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client, Pool } from 'pg'
import { asRole, roles } from '../world/migrate.ts'
import { testDatabase } from '../world/testing.ts'
import { watch } from './watch.ts'

test('the vault asks its own rows, and says in its log which must not be there', async () => {
  const database = await testDatabase({ on: 'embedded' })
  const pool = new Pool({ ...asRole(database.connection, roles.vault), options: `-c role=${roles.vault} -c search_path=vault`, max: 1 })
  const client = new Client(database.connection)
  await client.connect()
  try {
    const logged: unknown[] = []
    const log = { info: () => {}, warn: () => {}, error: (what: string, facts?: object) => void logged.push({ what, ...facts }) }
    const turn = () => watch(pool, { log, now: Date.now })
    assert.equal(await turn(), 0)
    await client.query(
      `insert into vault.audit_log values (0, 'node', 1, now(), 'open', 'ten_1', 'whe_1', '', '', '', decode(repeat('00', 32), 'hex'))`,
    )
    assert.equal(await turn(), 1)
    const told = {
      what: 'an invariant does not hold',
      invariant: 'I34',
      name: 'opened_for_a_purpose',
      found: 1,
      id: 'whe_1',
      tenant: 'ten_1',
    }
    assert.deepEqual(logged, [told])
  } finally {
    await Promise.all([client.end(), pool.end()])
    await database.close()
  }
})
