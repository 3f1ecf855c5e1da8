import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { testDatabase } from './testing.ts'

test('every test database is fresh, and gone after it is closed', async () => {
  const one = await testDatabase()
  const two = await testDatabase()
  const client = new Client(one.connection)
  await client.connect()
  await client.query('create table bindery.left_over (id int)')
  const other = new Client(two.connection)
  await other.connect()
  const found = await other.query(`select to_regclass('bindery.left_over') as found`)
  assert.deepEqual(found.rows, [{ found: null }])
  client.on('error', () => undefined)
  await one.close()
  await assert.rejects(client.query('select 1'))
  await assert.rejects(new Client(one.connection).connect(), /does not exist/)
  await other.end()
  await two.close()
})
