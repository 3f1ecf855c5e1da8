import { after, before } from 'node:test'
import { storeSuite, suiteSql, suiteTables } from './store.suite.ts'
import { type StoreDatabase, storeDatabase } from './testing-store.ts'

let database: Promise<StoreDatabase>
before(() => {
  database = storeDatabase(suiteTables, suiteSql)
})
after(async () => (await database).close())

storeSuite('the PostgreSQL store', async () => {
  const store = await (await database).open()
  return { store, close: () => store.close() }
})
