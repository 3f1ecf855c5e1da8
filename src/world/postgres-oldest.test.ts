/** The store's suite on the oldest PostgreSQL we promise to work with, from Debian's package. */
import { after, test } from 'node:test'
import { Client } from 'pg'
import { createPostgresStore } from './postgres.ts'
import { rideFunctionSql } from './ride-sql.ts'
import { type Opened, storeSuite, suiteSql, suiteTables } from './store.suite.ts'
import { startOldestServer, testDatabase } from './testing.ts'

const server = await startOldestServer()

if (typeof server === 'string') test('the store on the oldest PostgreSQL', { skip: server }, () => undefined)
else {
  const { connection } = await testDatabase({ on: server.connection, extraSql: [suiteSql, rideFunctionSql('bindery', suiteTables).sql] })
  after(() => server.stop())
  storeSuite('the PostgreSQL store, oldest server', async (): Promise<Opened> => {
    const client = new Client(connection)
    await client.connect()
    await client.query('truncate bindery.things, bindery.parents, bindery.counters, bindery.notes, bindery.rides')
    await client.end()
    const store = createPostgresStore({ connection, schema: 'bindery', tables: suiteTables })
    return { store, close: () => store.close() }
  })
}
