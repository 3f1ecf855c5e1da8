import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NoAnswer, type Send } from '../channels/channel.ts'
import { createDispatcher } from './dispatch.ts'
import { fanOut } from './fanOut.ts'
import { createEndpoint, createStage, eventOf, recordAll, type Stage } from './testing.ts'

const dead = 'https://dead.example.com/hooks'
const alive = 'https://alive.example.com/hooks'

/** Requests to the dead endpoint hang until they are let go; the others are answered at once. */
function hanging() {
  const waiting: (() => void)[] = []
  const open = new Map<string, number>()
  const most = new Map<string, number>()
  const answered: string[] = []
  const send: Send = async request => {
    const count = (open.get(request.url) ?? 0) + 1
    open.set(request.url, count)
    most.set(request.url, Math.max(count, most.get(request.url) ?? 0))
    try {
      if (request.url === dead) {
        await new Promise<void>(resolve => waiting.push(resolve))
        throw new NoAnswer('no whole answer')
      }
      answered.push(request.headers['webhook-id'] ?? '')
      return { status: 200, headers: {}, body: '' }
    } finally {
      open.set(request.url, (open.get(request.url) ?? 1) - 1)
    }
  }
  return { send, waiting, most, answered }
}

async function withBacklog(count: number): Promise<Stage> {
  const stage = createStage()
  await createEndpoint(stage, dead)
  for (let from = 0; from < count; from += 500)
    await recordAll(stage, ...Array.from({ length: Math.min(500, count - from) }, (_, index) => eventOf(stage, `ins_${from + index}`, 1)))
  while ((await fanOut(stage.world, stage.queries)) > 0);
  return stage
}

/** A tick starts turns and does not wait for them: give them a moment to run. */
const settle = () => new Promise(resolve => setTimeout(resolve, 5))

test('the backlog of a dead endpoint delays no other endpoint', async () => {
  const stage = await withBacklog(2_000)
  const { send, waiting, most, answered } = hanging()
  await createEndpoint(stage, alive)
  await recordAll(stage, ...Array.from({ length: 20 }, (_, index) => eventOf(stage, `ins_new_${index}`, 1)))
  await fanOut(stage.world, stage.queries)
  const dispatcher = createDispatcher(stage.world, stage.queries, { ...stage.outbound, send })
  // 2,000 deliveries that were due earlier stand before those 20, and not one call to the dead endpoint returns.
  for (let tick = 0; tick < 20 && answered.length < 20; tick += 1) {
    stage.clock.nowMs += 50
    await dispatcher.tick()
    await settle()
  }
  assert.equal(answered.length, 20)
  assert.ok((most.get(dead) ?? 0) > 0 && (most.get(dead) ?? 0) <= 8, `${most.get(dead)} calls open`)
  const drained = dispatcher.drain()
  for (const go of waiting) go()
  await drained
  await stage.close()
})

test('an endpoint that keeps failing gets one call at a time', async () => {
  const stage = await withBacklog(100)
  const { send, waiting, most } = hanging()
  const dispatcher = createDispatcher(stage.world, stage.queries, { ...stage.outbound, send })
  await dispatcher.tick()
  await settle()
  assert.equal(most.get(dead), 8)
  const release = async () => {
    for (const go of waiting.splice(0)) go()
    await settle()
  }
  await release()
  await release()
  for (let round = 0; round < 5; round += 1) {
    most.clear()
    await dispatcher.tick()
    await release()
    assert.equal(most.get(dead), 1)
  }
  const drained = dispatcher.drain()
  for (const go of waiting) go()
  await drained
  await stage.close()
})

test('a line is in one turn at a time', async () => {
  const stage = createStage()
  const { send, answered } = hanging()
  await createEndpoint(stage, alive)
  const all = [1, 2, 3, 4, 5].flatMap(sequence => ['ins_1', 'ins_2'].map(instrument => eventOf(stage, instrument, sequence)))
  await recordAll(stage, ...all)
  await fanOut(stage.world, stage.queries)
  const dispatcher = createDispatcher(stage.world, stage.queries, { ...stage.outbound, send })
  assert.equal(await dispatcher.tick(), 2)
  assert.equal(await dispatcher.tick(), 0)
  for (let wait = 0; wait < 20 && answered.length < 10; wait += 1) await settle()
  const order = (instrument: string) =>
    answered.flatMap(id => all.filter(event => event.id === id && event.instrument === instrument).map(event => event.sequence))
  assert.deepEqual(order('ins_1'), [1, 2, 3, 4, 5])
  assert.deepEqual(order('ins_2'), [1, 2, 3, 4, 5])
  await stage.close()
})

test('a mistake of ours in one delivery is logged and stops no other', async () => {
  const stage = createStage()
  await createEndpoint(stage, alive)
  await recordAll(stage, eventOf(stage, 'ins_1', 1), eventOf(stage, 'ins_2', 1))
  await fanOut(stage.world, stage.queries)
  let calls = 0
  const send: Send = async () => {
    calls += 1
    if (calls === 1) throw new RangeError('a bug')
    return { status: 200, headers: {}, body: '' }
  }
  const dispatcher = createDispatcher(stage.world, stage.queries, { ...stage.outbound, send })
  await dispatcher.tick()
  await dispatcher.drain()
  assert.equal(calls, 2)
  assert.deepEqual(
    stage.logged.map(one => one.what),
    ['a delivery failed on our side'],
  )
  await stage.close()
})

test('a backlog longer than the queue is worked off in one tick, and a database that is away is not asked in a circle', async () => {
  const stage = createStage()
  const { send, answered } = hanging()
  await createEndpoint(stage, alive)
  await recordAll(stage, ...Array.from({ length: 200 }, (_, index) => eventOf(stage, `ins_${index}`, 1)))
  await fanOut(stage.world, stage.queries)
  let looks = 0
  const away = { ...stage.queries, due: () => Promise.reject(new Error(`away ${++looks}`)) }
  const unlucky = createDispatcher(stage.world, away, { ...stage.outbound, send })
  await assert.rejects(unlucky.tick(), /away 1/)
  await settle()
  assert.equal(looks, 1)
  const dispatcher = createDispatcher(stage.world, stage.queries, { ...stage.outbound, send })
  await dispatcher.tick()
  for (let wait = 0; wait < 100 && answered.length < 200; wait += 1) await settle()
  assert.equal(answered.length, 200)
  await dispatcher.drain()
  await stage.close()
})

test('draining waits for the calls that are open, starts none, and leaves the rest of a line due', async () => {
  const stage = createStage()
  await createEndpoint(stage, alive)
  await recordAll(stage, ...[1, 2, 3].map(sequence => eventOf(stage, 'ins_1', sequence)))
  await fanOut(stage.world, stage.queries)
  let calls = 0
  let answer = () => {}
  const send: Send = async () => {
    calls += 1
    await new Promise<void>(resolve => {
      answer = resolve
    })
    return { status: 200, headers: {}, body: '' }
  }
  const dispatcher = createDispatcher(stage.world, stage.queries, { ...stage.outbound, send })
  await dispatcher.tick()
  await settle()
  const drained = dispatcher.drain()
  answer()
  await drained
  assert.equal(calls, 1)
  assert.equal(await dispatcher.tick(), 0)
  const left = await stage.queries.due(stage.world.now(), 9)
  assert.deepEqual(
    left.map(one => one.sequence),
    [2, 3],
  )
  await stage.close()
})
