import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryStore, type MemoryStore } from '../world/memory.ts'
import { Unavailable } from '../world/store.ts'
import { trialServer, trialTables, trialWorld, trialWorldOver } from './trial.seam.ts'

test('stopping lets what runs finish, and then nothing answers', async () => {
  const one = await trialServer()
  let finish = () => {}
  const started = new Promise<void>(resolve => {
    one.trial.before = () => {
      resolve()
      return new Promise(done => {
        finish = done
      })
    }
  })
  const running = one.call('POST', '/v1/notes', { body: { name: 'a' } })
  await started
  const closing = one.close()
  assert.equal(one.server.draining(), true)
  setTimeout(finish, 30)
  const answer = await running
  assert.deepEqual([answer.status, answer.headers.get('connection')], [201, 'close'])
  await closing
  await assert.rejects(one.call('GET', '/healthz'))
})

test('stopping waits for a stuck request no longer than it may', async () => {
  const world = trialWorld()
  const one = await trialServer({ drainTimeoutMs: 100 }, world)
  let stuck = () => {}
  const started = new Promise<void>(resolve => {
    one.trial.before = () => {
      resolve()
      return new Promise(done => {
        stuck = done
      })
    }
  })
  const running = one.call('POST', '/v1/notes', { body: { name: 'a' } })
  running.catch(() => {})
  await started
  const closing = one.close()
  world.advance(101)
  await closing
  await assert.rejects(running)
  stuck()
})

test('health: alive while the process lives, ready while database and vault answer', async () => {
  const world = trialWorld()
  let databaseDown = false
  const store: MemoryStore = {
    ...world.store,
    get: (table, key) => (databaseDown ? Promise.reject(new Unavailable('down')) : world.store.get(table, key)),
  }
  const one = await trialServer({}, { ...world, store })
  assert.deepEqual((await one.call('GET', '/readyz')).json, { status: 'ready', database: 'up', vault: 'up' })
  databaseDown = true
  const answer = await one.call('GET', '/readyz')
  assert.deepEqual([answer.status, answer.json.database, answer.json.vault], [503, 'down', 'up'])
  assert.equal((await one.call('GET', '/healthz')).status, 200)
  await one.close()
})

test('a database out of reach is 503 with Retry-After, and nothing was written', async () => {
  let down = false
  const store = createMemoryStore(trialTables, {
    before: () => {
      if (down) throw new Unavailable('down')
    },
  })
  const one = await trialServer({}, trialWorldOver(store))
  down = true
  for (const headers of [{}, { 'idempotency-key': 'k' }]) {
    const answer = await one.call('POST', '/v1/notes', { body: { name: 'a' }, headers })
    assert.deepEqual(
      [answer.status, answer.json.code, answer.headers.get('retry-after'), answer.json.retryable],
      [503, 'unavailable', '1', true],
    )
  }
  await one.close()
})
