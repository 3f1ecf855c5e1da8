import { createMemoryStore } from './memory.ts'
import { storeSuite, suiteTables } from './store.suite.ts'

storeSuite('the memory store', async () => {
  const store = createMemoryStore(suiteTables)
  return { store, close: () => store.close() }
})
