/** What becomes of commits when the way to the database is cut, at every moment at which it can be. */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { Client } from 'pg'
import { createPostgresStore, type PostgresStore } from './postgres.ts'
import { counters, notes, suiteSql, suiteTables } from './store.suite.ts'
import { add, insert, type Store, Unavailable } from './store.ts'
import { type Line, type StoreDatabase, storeDatabase, type Wire, wireTo } from './testing-store.ts'

let database: StoreDatabase
let wire: Wire
let store: PostgresStore
before(async () => {
  database = await storeDatabase(suiteTables, suiteSql)
})
after(() => database.close())
beforeEach(async () => {
  wire = await wireTo(database.connection)
  store = await database.open({ connection: wire.connection })
  await store.connect()
})
afterEach(async () => {
  wire.watch = undefined
  await store.close()
  wire.close()
})

const done = { ok: true }
const taken = { ok: false, refused: [{ write: 0, table: 'notes', constraint: 'notes_pkey', kind: 'exists' }] }
const count = (of: Store) => of.get(counters, { tenant: 't', name: 'n' }).then(row => row?.n ?? 0n)
const note = (id: string) => insert(notes, { id, body: '' })
const one = add(counters, { tenant: 't', name: 'n' }, { n: 1n })
const carriesRide = (sent: Buffer): boolean => sent.includes('"insert":')

/** Does something to the first message that carries a ride; everything else passes. */
function onRide(what: (sent: Buffer, line: Line) => void): void {
  let seen = false
  wire.watch = (sent, line) => {
    if (seen || !carriesRide(sent)) return line.pass(sent)
    seen = true
    what(sent, line)
  }
}
/** The answer gets as far as the wire and no further. */
function loseAnswer(sent: Buffer, line: Line): void {
  line.server.removeAllListeners('data')
  line.server.once('data', () => line.cut())
  line.pass(sent)
}
const both = () =>
  Promise.all([store.commit([note('first'), one]), store.commit([note('taken'), one]), store.commit([note('second'), one])])

test('an answer that is lost after the commit landed is found again, refusals included', async () => {
  await store.commit([note('taken')])
  onRide(loseAnswer)
  assert.deepEqual(await both(), [done, taken, done])
  assert.equal(await count(store), 2n)
})

test('a ride that is lost before it landed is carried out once', async () => {
  await store.commit([note('taken')])
  onRide((_sent, line) => line.cut())
  assert.deepEqual(await both(), [done, taken, done])
  assert.equal(await count(store), 2n)
})

test('a ride that arrives after it was given up never lands', async () => {
  let late: (() => void) | undefined
  onRide((sent, line) => {
    // The client is gone, the server has not heard of it yet.
    late = () => line.pass(sent)
    line.client.removeAllListeners('end')
    line.client.destroy()
  })
  assert.deepEqual(await store.commit([note('first'), one]), done)
  assert.ok(late)
  late()
  assert.deepEqual(await store.commit([note('second'), one]), done)
  await waitFor(async () => {
    const working = await database.query(
      `select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like '%ride_%'`,
    )
    return working.length === 0
  })
  assert.equal(await count(store), 2n)
})

test('a ride that is still under way is waited for', async () => {
  const blocker = new Client(database.connection)
  await blocker.connect()
  await blocker.query(`begin; insert into bindery.notes (id, body) values ('held', '')`)
  onRide((sent, line) => {
    line.pass(sent)
    setTimeout(() => {
      line.client.removeAllListeners('end')
      line.client.destroy()
    }, 50)
  })
  const committed = store.commit([note('held'), one])
  await waitFor(
    async () =>
      (await database.query(`select 1 from pg_stat_activity where query like 'insert into "bindery".rides%' and wait_event_type = 'Lock'`))
        .length > 0,
  )
  await blocker.query('rollback')
  await blocker.end()
  assert.deepEqual(await committed, done)
  assert.equal(await count(store), 1n)
})

test('a server that ends the session before the commit changes nothing but time', async () => {
  const blocker = new Client(database.connection)
  await blocker.connect()
  await blocker.query(`begin; insert into bindery.notes (id, body) values ('held', '')`)
  const committed = store.commit([note('held'), one])
  await waitFor(
    async () =>
      (
        await database.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where query like '%ride_%' and wait_event_type = 'Lock'`,
        )
      ).length > 0,
  )
  await blocker.query('rollback')
  await blocker.end()
  assert.deepEqual(await committed, done)
  assert.equal(await count(store), 1n)
})

test('a ride that is chosen to end a deadlock is sent again', async () => {
  await store.commit([add(counters, { tenant: 't', name: 'a' }, { n: 1n }), add(counters, { tenant: 't', name: 'b' }, { n: 1n })])
  const other = new Client(database.connection)
  await other.connect()
  await other.query(`begin; set deadlock_timeout = '1h'; update bindery.counters set n = n + 10 where name = 'b'`)
  const committed = store.commit([
    add(counters, { tenant: 't', name: 'a' }, { n: 1n }),
    add(counters, { tenant: 't', name: 'b' }, { n: 1n }),
  ])
  await waitFor(
    async () => (await database.query(`select 1 from pg_stat_activity where query like '%ride_%' and wait_event_type = 'Lock'`)).length > 0,
  )
  await other.query(`update bindery.counters set n = n + 10 where name = 'a'`)
  await other.query('commit')
  await other.end()
  assert.deepEqual(await committed, done)
  assert.deepEqual(
    (await store.find(counters, { tenant: 't' })).map(row => row.n),
    [12n, 12n],
  )
})

test('reading outlives a connection that died, and says Unavailable when there is no other', async () => {
  await store.commit([note('n')])
  assert.ok(await store.get(notes, { id: 'n' }))
  await database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  assert.ok(await store.get(notes, { id: 'n' }))
  wire.close()
  await assert.rejects(store.get(notes, { id: 'n' }), Unavailable)
  await assert.rejects(store.find(notes, { id: 'n' }), Unavailable)
})

test('a connection that dies while nobody uses it is replaced', async () => {
  await database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  assert.deepEqual(await store.commit([note('n'), one]), done)
  assert.equal(await count(store), 1n)
})

test('cuts at random moments never double or lose a commit', async () => {
  let rides = 0
  wire.watch = (sent, line) => {
    if (!carriesRide(sent)) return line.pass(sent)
    rides += 1
    if (rides % 3 === 1) return line.cut()
    if (rides % 3 === 2) return loseAnswer(sent, line)
    line.pass(sent)
  }
  const results = []
  for (let i = 0; i < 10; i += 1)
    results.push(...(await Promise.all(Array.from({ length: 20 }, (_, j) => store.commit([note(`n${i}.${j}`), one])))))
  assert.ok(results.every(result => result.ok))
  assert.equal(await count(store), 200n)
})

test('a database that cannot be reached is Unavailable, and comes back without a restart', async () => {
  const nowhere = await wireTo(database.connection)
  const cut = createPostgresStore({ connection: nowhere.connection, schema: 'bindery', tables: suiteTables })
  nowhere.close()
  await assert.rejects(cut.commit([note('x')]), Unavailable)
  await assert.rejects(cut.connect(), Unavailable)
  await cut.close()
  await assert.rejects(cut.commit([note('x')]), Unavailable)
})

test('more commits than may wait are Unavailable, those that wait are carried out', async () => {
  const small = createPostgresStore({ connection: database.connection, schema: 'bindery', tables: suiteTables, waitingMax: 50 })
  const results = await Promise.allSettled(Array.from({ length: 80 }, (_, i) => small.commit([note(`q${i}`)])))
  assert.equal(results.filter(result => result.status === 'fulfilled').length, 50)
  for (const result of results.slice(50)) assert.ok(result.status === 'rejected' && result.reason instanceof Unavailable)
  await small.close()
})

test('rides are forgotten after an hour, not before', async () => {
  await store.commit([note('n')])
  await database.query(`insert into bindery.rides (id, at) values ('00000000-0000-7000-8000-000000000000', now() - interval '61 minutes')`)
  assert.equal(await store.forgetRides(), 1)
  assert.equal((await database.query('select 1 from bindery.rides')).length, 1)
})

test('a database that is not migrated is a mistake that says so', async () => {
  const strange = createPostgresStore({ connection: database.connection, schema: 'bindery', tables: [notes] })
  await assert.rejects(strange.commit([note('n')]), /ride_[0-9a-f]{12}/)
  await strange.close()
})

async function waitFor(check: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i += 1) {
    if (await check()) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  assert.fail('waited in vain')
}
