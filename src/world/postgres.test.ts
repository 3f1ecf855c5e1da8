import { after } from 'node:test'
import pg from 'pg'
import { createPostgresStore } from './postgres.ts'
import { rideFunctionSql } from './ride-sql.ts'
import { storeSuite, suiteSql, suiteTables } from './store.suite.ts'
import { type TestDatabase, testDatabase } from './testing.ts'

let database: Promise<TestDatabase> | undefined
after(async () => (await database)?.close())

const openDatabase = (): Promise<TestDatabase> => {
  database ??= testDatabase({ extraSql: [suiteSql, rideFunctionSql('bindery', suiteTables).sql] })
  return database
}

async function openEmpty() {
  const { connection } = await openDatabase()
  const client = new pg.Client(connection)
  await client.connect()
  await client.query('truncate bindery.things, bindery.parents, bindery.counters, bindery.notes, bindery.rides')
  await client.end()
  const store = createPostgresStore({ connection, schema: 'bindery', tables: suiteTables })
  return { store, close: () => store.close() }
}

storeSuite('the PostgreSQL store', openEmpty)
