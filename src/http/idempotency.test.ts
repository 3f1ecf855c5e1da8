import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../core/problem.ts'
import { canonical, keptMs, leaseMs, pruneIdempotency, readKey } from './idempotency.ts'
import { idempotency } from './tables.ts'
import { type TrialServer, thingSample, things, trialServer } from './trial.seam.ts'

let one: TrialServer
beforeEach(async () => {
  await one?.close()
  one = await trialServer()
})
after(() => one.close())

const make = (key: string, body: unknown = thingSample) => one.call('POST', '/v1/things', { body, headers: { 'idempotency-key': key } })
const note = (key: string, body: unknown = { name: 'a' }) => one.call('POST', '/v1/notes', { body, headers: { 'idempotency-key': key } })
const failOnce = (step: 'before' | 'between', error: Error) => {
  one.trial[step] = async () => {
    one.trial[step] = async () => {}
    throw error
  }
}
/** A request that waits at a step until told to go on. */
function gate(step: 'before' | 'between'): { reached: Promise<void>; open: () => void } {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const reached = new Promise<void>(resolve => {
    one.trial[step] = () => {
      one.trial[step] = async () => {}
      resolve()
      return opened
    }
  })
  return { reached, open }
}

for (const [kind, send, status] of [
  ['own', make, 201],
  ['wrapped', note, 201],
] as const) {
  test(`${kind}: the same request again gets the same bytes, marked as replayed`, async () => {
    const first = await send('k-1')
    const second = await send('"k-1"')
    assert.equal(first.status, status)
    assert.equal(first.headers.get('idempotent-replayed'), null)
    assert.deepEqual([second.status, second.text, second.headers.get('idempotent-replayed')], [status, first.text, 'true'])
    assert.equal(second.headers.get('content-type'), first.headers.get('content-type'))
    assert.notEqual(second.headers.get('request-id'), first.headers.get('request-id'))
    assert.equal(one.world.store.count(things), 1)
  })

  test(`${kind}: a key used for another body is refused`, async () => {
    await send('k-1')
    const other = await send('k-1', kind === 'own' ? { ...thingSample, name: 'b' } : { name: 'b' })
    assert.deepEqual([other.status, other.json.code], [422, 'idempotency_mismatch'])
    assert.equal(one.world.store.count(things), 1)
  })

  test(`${kind}: twenty at once have one effect`, async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send('k-1')))
    assert.ok(answers.every(answer => answer.status === 201 || answer.json.code === 'idempotency_in_progress'))
    assert.equal(new Set(answers.filter(answer => answer.status === 201).map(answer => answer.text)).size, 1)
    assert.equal(one.world.store.count(things), 1)
  })

  test(`${kind}: while the first is running the second is told to wait`, async () => {
    const { reached, open } = gate('between')
    const first = send('k-1')
    await reached
    const second = await send('k-1')
    assert.deepEqual([second.status, second.json.code, second.headers.get('retry-after')], [409, 'idempotency_in_progress', '1'])
    open()
    assert.equal((await first).status, 201)
    assert.equal((await send('k-1')).headers.get('idempotent-replayed'), 'true')
  })

  test(`${kind}: a 5xx before anything was written is not frozen`, async () => {
    failOnce('before', new TypeError('a bug'))
    assert.equal((await send('k-1')).status, 500)
    assert.equal((await send('k-1')).status, 201)
    assert.equal(one.world.store.count(things), 1)
  })

  test(`${kind}: a request that is not valid leaves its key unused`, async () => {
    assert.equal((await send('k-1', { name: '' })).status, 400)
    assert.equal(one.world.store.count(idempotency), 0)
    assert.equal((await send('k-1')).status, 201)
  })
}

test('a failure between the commits recovers the first resource and makes no second', async () => {
  failOnce('between', new TypeError('a bug'))
  assert.equal((await make('k-1')).status, 500)
  const second = await make('k-1')
  assert.deepEqual([second.status, second.json.recovered], [201, true])
  assert.equal((await make('k-1')).text, second.text)
  assert.equal(one.world.store.count(things), 1)
})

test('a request that died holds its key for a minute, then its repetition recovers', async () => {
  const { reached, open } = gate('between')
  const dead = make('k-1')
  await reached
  one.world.advance(leaseMs - 1)
  assert.equal((await make('k-1')).status, 409)
  one.world.advance(2)
  assert.equal((await make('k-1')).json.recovered, true)
  open()
  await dead
  assert.equal((await make('k-1')).json.recovered, true)
  assert.equal(one.world.store.count(things), 1)
})

test('a repetition that fails on what the first one used up gets the first answer', async () => {
  const first = await make('k-1')
  failOnce('before', new Problem('gone', 'the captured card was used'))
  const second = await make('k-1')
  assert.deepEqual([second.status, second.text], [201, first.text])
  failOnce('before', new Problem('gone', 'the captured card was used'))
  assert.equal((await make('k-2')).json.code, 'gone')
})

test('a refusal that will stay is kept, one that may pass is not', async () => {
  failOnce('before', new Problem('unprocessable', 'never'))
  assert.equal((await note('k-1')).json.code, 'unprocessable')
  const again = await note('k-1')
  assert.deepEqual([again.json.code, again.headers.get('idempotent-replayed'), one.trial.runs], ['unprocessable', 'true', 1])
  assert.equal(again.headers.get('content-type'), 'application/problem+json')
  failOnce('before', new Problem('conflict', 'now'))
  assert.equal((await note('k-2')).json.code, 'conflict')
  assert.equal((await note('k-2')).status, 201)
})

test('names in another order are the same request, other values or addresses are not', async () => {
  const turned = Object.fromEntries(Object.entries(thingSample).reverse())
  const first = await make('k-1')
  assert.equal((await make('k-1', turned)).text, first.text)
  assert.equal((await note('k-1')).status, 422)
})

test('a key belongs to its tenant and mode', async () => {
  await make('k-1')
  const other = await trialServer({}, one.world)
  assert.equal(
    (await other.call('POST', '/v1/things', { body: thingSample, headers: { 'idempotency-key': 'k-1' } })).headers.get(
      'idempotent-replayed',
    ),
    null,
  )
  await other.close()
  assert.equal(one.world.store.count(things), 2)
})

test('keys of the wrong form are refused, and a card number is no key', async () => {
  for (const key of ['a b', '""', 'é', 'x'.repeat(256), 'a"b', 'a, b']) {
    const answer = await make(key)
    assert.deepEqual([answer.status, answer.text.includes('header/idempotency-key')], [400, true], key)
  }
  assert.equal((await make('4111-1111-1111-1111')).json.code, 'card_number_refused')
  assert.equal(readKey('"a-b"'), 'a-b')
  assert.equal(one.world.store.count(idempotency), 0)
})

test('keys are forgotten after thirty days', async () => {
  await make('k-1')
  assert.equal(await pruneIdempotency(one.world), 0)
  one.world.advance(keptMs + 1)
  assert.equal(await pruneIdempotency(one.world), 1)
  assert.equal((await make('k-1')).status, 201)
  assert.equal(one.world.store.count(things), 2)
})

test('two values have one canonical form only if they are equal', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const [one, two] = [JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))]
      let equal = true
      try {
        assert.deepEqual(one, two)
      } catch {
        equal = false
      }
      assert.equal(canonical(one) === canonical(two), equal)
    }),
  )
})
