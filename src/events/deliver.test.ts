import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { createSend } from '../world/http.ts'
import { move } from '../world/store.ts'
import { deliver, leaseMs } from './deliver.ts'
import { rotateKeys } from './endpoint.ts'
import { fanOut } from './fanOut.ts'
import { failingMaxMs } from './health.ts'
import { openKeys, rotationMs } from './keys.ts'
import { replay } from './replay.ts'
import { triesMax } from './retry.ts'
import { cursors, deliveries, webhookEndpoints } from './tables.ts'
import { createEndpoint, createReceiver, createStage, eventOf, type Receiver, recordAll, type Stage, tenant } from './testing.ts'

const hour = 3_600_000

/** Runs with a stage and a receiver, and closes both whatever happens. */
async function staged(run: (stage: Stage, receiver: Receiver) => Promise<void>, stage = createStage()): Promise<void> {
  const receiver = await createReceiver()
  try {
    await run(stage, receiver)
  } finally {
    await stage.close()
    await receiver.close()
  }
}

/** Delivers whatever is due now, one after the other, until nothing is. */
async function work(stage: Stage): Promise<void> {
  while ((await fanOut(stage.world, stage.queries)) > 0);
  for (;;) {
    const [due] = await stage.queries.due(stage.world.now(), 1)
    if (due === undefined) return
    await deliver(stage.world, stage.outbound, due)
  }
}

/** Lets time pass to the next due delivery, and works, until nothing is left. Returns how long it took. */
async function workToTheEnd(stage: Stage): Promise<number> {
  const startedAt = stage.world.now()
  for (;;) {
    await work(stage)
    const [next] = await stage.queries.due(stage.world.now() + 1_000 * hour, 1)
    if (next === undefined) return stage.world.now() - startedAt
    stage.clock.nowMs = next.due_at
  }
}

async function stateOf(stage: Stage, endpoint: string, event: string) {
  const [found] = await stage.world.store.find(deliveries, { tenant, endpoint, event }, 1)
  assert.ok(found)
  return found
}

test('an event reaches every endpoint that wants its type, signed, once', async () => {
  await staged(async (stage, receiver) => {
    const other = await createReceiver()
    const endpoint = await createEndpoint(stage, receiver.url, ['binding.*'])
    await createEndpoint(stage, other.url, ['instrument.bound'])
    const event = eventOf(stage, 'ins_1', 1)
    await recordAll(stage, event)
    await work(stage)
    await work(stage)
    await other.close()
    assert.equal(receiver.received.length, 1)
    assert.equal(other.received.length, 0)
    const [got] = receiver.received
    assert.ok(got)
    assert.equal(got.headers['webhook-id'], event.id)
    assert.equal(got.headers['webhook-timestamp'], String(Math.floor(stage.world.now() / 1000)))
    assert.deepEqual(JSON.parse(got.body), {
      id: event.id,
      object: 'event',
      type: 'binding.active',
      timestamp: new Date(event.created_at).toISOString(),
      livemode: false,
      instrument: 'ins_1',
      customer: 'cus_1',
      sequence: 1,
      data: { instrument: { id: 'ins_1' } },
    })
    const delivered = await stateOf(stage, endpoint.id, event.id)
    assert.deepEqual([delivered.state, delivered.tries, delivered.last_status, delivered.due_at], ['delivered', 1, 200, null])
  })
})

test('a card number in an event does not leave: it is masked before it is signed', async () => {
  await staged(async (stage, receiver) => {
    await createEndpoint(stage, receiver.url)
    await recordAll(stage, eventOf(stage, 'ins_1', 1, { data: { instrument: { id: 'ins_1', note: 'card 4111 1111 1111 1111' } } }))
    await work(stage)
    const [got] = receiver.received
    assert.ok(got)
    assert.equal(got.body.includes('4111 11** **** 1111'), true, got.body)
  })
})

test('an endpoint hears what is recorded after it was created, in its own tenant and mode', async () => {
  await staged(async (stage, receiver) => {
    await recordAll(stage, eventOf(stage, 'ins_1', 1))
    await createEndpoint(stage, receiver.url)
    const mine = eventOf(stage, 'ins_1', 2)
    await recordAll(stage, mine, eventOf(stage, 'ins_2', 1, { tenant: 'ten_2' }), eventOf(stage, 'ins_3', 1, { mode: 'live' }))
    await work(stage)
    assert.deepEqual(
      receiver.received.map(one => one.id),
      [mine.id],
    )
  })
})

test('events of an instrument arrive in their order, in one turn', async () => {
  await staged(async (stage, receiver) => {
    await createEndpoint(stage, receiver.url)
    const all = [3, 1, 2].map(sequence => eventOf(stage, 'ins_1', sequence))
    await recordAll(stage, ...all)
    await fanOut(stage.world, stage.queries)
    const [due] = await stage.queries.due(stage.world.now(), 1)
    assert.ok(due)
    assert.equal(await deliver(stage.world, stage.outbound, due), 'sent')
    assert.deepEqual(
      receiver.received.map(one => one.sequence),
      [1, 2, 3],
    )
  })
})

test('a failing event holds back its instrument at its endpoint, nothing else', async () => {
  await staged(async (stage, receiver) => {
    const healthy = await createReceiver()
    await createEndpoint(stage, receiver.url)
    await createEndpoint(stage, healthy.url)
    receiver.answer = one => ({ status: one.instrument === 'ins_1' && one.sequence === 1 ? 500 : 200 })
    await recordAll(stage, eventOf(stage, 'ins_1', 1), eventOf(stage, 'ins_1', 2), eventOf(stage, 'ins_2', 1))
    await work(stage)
    await healthy.close()
    assert.deepEqual(receiver.received.map(one => `${one.instrument} ${one.sequence}`).sort(), ['ins_1 1', 'ins_2 1'])
    assert.equal(healthy.received.length, 3)
    receiver.answer = () => ({ status: 200 })
    stage.clock.nowMs += 10_000
    await work(stage)
    assert.deepEqual(
      receiver.received.filter(one => one.instrument === 'ins_1').map(one => one.sequence),
      [1, 1, 2],
    )
  })
})

test('after ten tries over about three days an event is parked with its cause, and the next one goes', async () => {
  await staged(async (stage, receiver) => {
    const endpoint = await createEndpoint(stage, receiver.url)
    receiver.answer = one => ({ status: one.sequence === 1 ? 503 : 200 })
    const [first, second] = [eventOf(stage, 'ins_1', 1), eventOf(stage, 'ins_1', 2)]
    await recordAll(stage, first, second)
    const tookMs = await workToTheEnd(stage)
    assert.deepEqual(
      receiver.received.map(one => one.sequence),
      [...Array.from({ length: triesMax }, () => 1), 2],
    )
    assert.ok(tookMs > 65 * hour && tookMs < 85 * hour, `${tookMs / hour} hours`)
    const parked = await stateOf(stage, endpoint.id, first.id)
    assert.deepEqual([parked.state, parked.tries, parked.last_status, parked.last_error], ['parked', triesMax, 503, 'answered 503'])
    assert.equal((await stateOf(stage, endpoint.id, second.id)).state, 'delivered')
    assert.equal(new Set(receiver.received.slice(0, triesMax).map(one => one.headers['webhook-id'])).size, 1)
  })
})

test('silence, a redirect, and a refused connection are failures; the answer decides what is kept of them', async () => {
  await staged(async (stage, receiver) => {
    const endpoint = await createEndpoint(stage, receiver.url)
    const quick = { ...stage.outbound, send: createSend({ timeoutMs: 100, maxBytes: 100, allowLoopback: true }) }
    const cases = [
      { answer: 'hang' as const, status: null, error: /no whole answer within 100 ms/ },
      { answer: { status: 302, headers: { location: receiver.url } }, status: 302, error: /redirects are not followed/ },
      { answer: { status: 200, body: 'x'.repeat(200) }, status: null, error: /exceed/i },
    ]
    for (const [index, one] of cases.entries()) {
      receiver.answer = () => one.answer
      const event = eventOf(stage, `ins_${index}`, 1)
      await recordAll(stage, event)
      await fanOut(stage.world, stage.queries)
      await deliver(stage.world, quick, await stateOf(stage, endpoint.id, event.id))
      const after = await stateOf(stage, endpoint.id, event.id)
      assert.deepEqual([after.state, after.tries, after.last_status], ['pending', 1, one.status])
      assert.match(after.last_error ?? '', one.error)
      assert.equal(receiver.received.length, index + 1)
    }
    await quick.send.close()
  })
})

test('Retry-After is honoured, within bounds', async () => {
  await staged(async (stage, receiver) => {
    const endpoint = await createEndpoint(stage, receiver.url)
    const cases = [
      { header: '3600', waitMs: hour },
      { header: '99999999', waitMs: 24 * hour },
      { header: new Date(stage.world.now() + 2 * hour).toUTCString(), waitMs: 2 * hour },
      { header: '0', waitMs: 5_000 },
      { header: 'soon', waitMs: 5_000 },
    ]
    for (const [index, one] of cases.entries()) {
      receiver.answer = () => ({ status: 429, headers: { 'retry-after': one.header } })
      const event = eventOf(stage, `ins_${index}`, 1)
      await recordAll(stage, event)
      await fanOut(stage.world, stage.queries)
      await deliver(stage.world, stage.outbound, await stateOf(stage, endpoint.id, event.id))
      const waitMs = ((await stateOf(stage, endpoint.id, event.id)).due_at ?? 0) - stage.world.now()
      assert.ok(Math.abs(waitMs - one.waitMs) <= one.waitMs * 0.1, `${one.header}: ${waitMs}`)
    }
  })
})

test('410 disables the endpoint, and what waits for it is skipped with the reason', async () => {
  await staged(async (stage, receiver) => {
    const witness = await createReceiver()
    const endpoint = await createEndpoint(stage, receiver.url, ['binding.*'])
    await createEndpoint(stage, witness.url, ['webhook_endpoint.*'])
    receiver.answer = () => ({ status: 410 })
    const [first, second, other] = [eventOf(stage, 'ins_1', 1), eventOf(stage, 'ins_1', 2), eventOf(stage, 'ins_2', 1)]
    await recordAll(stage, first, second, other)
    await work(stage)
    await work(stage)
    await witness.close()
    assert.equal(receiver.received.length, 1)
    const after = await stage.world.store.get(webhookEndpoints, { tenant, id: endpoint.id })
    assert.deepEqual([after?.status, after?.disabled_reason], ['disabled', 'gone'])
    for (const event of [first, second, other]) assert.equal((await stateOf(stage, endpoint.id, event.id)).state, 'skipped')
    assert.match((await stateOf(stage, endpoint.id, second.id)).last_error ?? '', /disabled \(gone\)/)
    assert.equal(witness.received.length, 1)
    assert.ok(stage.logged.some(one => one.what === 'a webhook endpoint was disabled'))
    // It hears nothing more, and nothing is made for it.
    await recordAll(stage, eventOf(stage, 'ins_1', 3))
    assert.equal(await fanOut(stage.world, stage.queries), 0)
  })
})

test('an endpoint that only fails for five days is disabled and reported; one success starts the count anew', async () => {
  await staged(async (stage, receiver) => {
    const endpoint = await createEndpoint(stage, receiver.url)
    const statusOf = async () => (await stage.world.store.get(webhookEndpoints, { tenant, id: endpoint.id }))?.status
    receiver.answer = () => ({ status: 500 })
    await recordAll(stage, eventOf(stage, 'ins_1', 1))
    await work(stage)
    stage.clock.nowMs += failingMaxMs - hour
    receiver.answer = () => ({ status: 200 })
    await work(stage)
    receiver.answer = () => ({ status: 500 })
    await recordAll(stage, eventOf(stage, 'ins_1', 2))
    await work(stage)
    stage.clock.nowMs += failingMaxMs - hour
    await work(stage)
    assert.equal(await statusOf(), 'enabled')
    stage.clock.nowMs += 2 * hour
    await work(stage)
    assert.equal(await statusOf(), 'disabled')
    assert.ok(stage.logged.some(one => one.what === 'a webhook endpoint was disabled'))
  })
})

test('a crash between call and commit sends the same event again under the same id, after the lease', async () => {
  await staged(async (stage, receiver) => {
    const endpoint = await createEndpoint(stage, receiver.url)
    const event = eventOf(stage, 'ins_1', 1)
    await recordAll(stage, event)
    await fanOut(stage.world, stage.queries)
    const { store } = stage.world
    let commits = 0
    const dying = {
      ...stage.world,
      store: {
        ...store,
        commit: async (writes: Parameters<typeof store.commit>[0]) => {
          commits += 1
          if (commits > 1) throw new Error('killed')
          return store.commit(writes)
        },
      },
    }
    await assert.rejects(deliver(dying, stage.outbound, await stateOf(stage, endpoint.id, event.id)), /killed/)
    assert.equal(receiver.received.length, 1)
    await work(stage)
    assert.equal(receiver.received.length, 1, 'the lease still holds')
    stage.clock.nowMs += leaseMs
    await work(stage)
    assert.deepEqual(
      receiver.received.map(one => one.headers['webhook-id']),
      [event.id, event.id],
    )
    assert.equal((await stateOf(stage, endpoint.id, event.id)).state, 'delivered')
  })
})

test('a crash anywhere in the fan-out loses no event and doubles none', async () => {
  let left = 0
  let crash: 'before' | 'after' | undefined
  const dies = (when: 'before' | 'after') => () => {
    if (crash !== when) return
    left -= 1
    if (left < 0) {
      crash = undefined
      throw new Error('killed')
    }
  }
  const stage = createStage({ before: dies('before'), after: dies('after') })
  await staged(async (_stage, receiver) => {
    await createEndpoint(stage, receiver.url)
    await createEndpoint(stage, `${receiver.url}/2`)
    for (let round = 1; round <= 8; round += 1) {
      await recordAll(stage, eventOf(stage, 'ins_1', round))
      crash = round % 2 === 0 ? 'before' : 'after'
      left = Math.floor(round / 4)
      await fanOut(stage.world, stage.queries).catch(() => {})
      crash = undefined
    }
    await work(stage)
    const got = receiver.received.map(one => `${one.path} ${one.sequence}`)
    const wanted = ['/hooks', '/hooks/2'].flatMap(path => [1, 2, 3, 4, 5, 6, 7, 8].map(sequence => `${path} ${sequence}`))
    assert.deepEqual(got.sort(), wanted)
  }, stage)
})

test('two workers never send one delivery at the same time', async () => {
  await staged(async (stage, receiver) => {
    await createEndpoint(stage, receiver.url)
    await recordAll(stage, ...[1, 2, 3, 4].map(sequence => eventOf(stage, 'ins_1', sequence)))
    await Promise.all([fanOut(stage.world, stage.queries), fanOut(stage.world, stage.queries)])
    const due = await stage.queries.due(stage.world.now(), 100)
    assert.equal(due.length, 4)
    await Promise.all([...due, ...due].map(one => deliver(stage.world, stage.outbound, one)))
    await work(stage)
    assert.deepEqual(
      receiver.received.map(one => one.sequence),
      [1, 2, 3, 4],
    )
  })
})

test('a delivery is never put to sleep behind one that was settled at that very moment', async () => {
  await staged(async (stage, receiver) => {
    const endpoint = await createEndpoint(stage, receiver.url)
    const [first, second] = [eventOf(stage, 'ins_1', 1), eventOf(stage, 'ins_1', 2)]
    await recordAll(stage, first, second)
    await fanOut(stage.world, stage.queries)
    const { store } = stage.world
    await store.commit([move(deliveries, await stateOf(stage, endpoint.id, first.id), { due_at: stage.world.now() + leaseMs })])
    // Another worker settles the first between this one's look and its commit, having seen no second.
    const late = {
      ...stage.world,
      store: {
        ...store,
        commit: async (writes: Parameters<typeof store.commit>[0]) => {
          await store.commit([move(deliveries, await stateOf(stage, endpoint.id, first.id), { state: 'delivered', due_at: null })])
          return store.commit(writes)
        },
      },
    }
    assert.equal(await deliver(late, stage.outbound, await stateOf(stage, endpoint.id, second.id)), 'held')
    assert.ok(((await stateOf(stage, endpoint.id, second.id)).due_at ?? 0) <= stage.world.now())
  })
})

test('a replay sends the same event under the same id to the URL of now, delivered or not', async () => {
  await staged(async (stage, receiver) => {
    const moved = await createReceiver()
    const endpoint = await createEndpoint(stage, receiver.url)
    const all = [1, 2, 3].map(sequence => eventOf(stage, 'ins_1', sequence))
    await recordAll(stage, ...all)
    await work(stage)
    await stage.world.store.commit([
      { verb: 'move', table: webhookEndpoints, key: { tenant, id: endpoint.id }, version: 1, set: { url: moved.url } },
    ])
    const ids = all.map(event => event.id)
    assert.deepEqual(await replay(stage.world, endpoint, [...ids, 'evt_unknown', ids[0] ?? '']), {
      queued: 3,
      waiting: 0,
      missing: ['evt_unknown'],
    })
    await work(stage)
    await moved.close()
    assert.equal(receiver.received.length, 3)
    assert.deepEqual(
      moved.received.map(one => one.headers['webhook-id']),
      ids,
    )
    assert.equal((await stateOf(stage, endpoint.id, ids[0] ?? '')).tries, 1)
  })
})

test('a replay of an event the endpoint never heard of sends it, and the fan-out does not stumble over it', async () => {
  await staged(async (stage, receiver) => {
    const before = eventOf(stage, 'ins_1', 1)
    await recordAll(stage, before)
    const endpoint = await createEndpoint(stage, receiver.url)
    const [second, third] = [eventOf(stage, 'ins_1', 2), eventOf(stage, 'ins_1', 3)]
    await recordAll(stage, second, third)
    await replay(stage.world, endpoint, [before.id, second.id])
    assert.equal(await fanOut(stage.world, stage.queries), 1)
    await work(stage)
    assert.deepEqual(
      receiver.received.map(one => one.sequence),
      [1, 2, 3],
    )
  })
})

test('while keys are rotated both sign, a day later only the new ones, and the vault is asked once for each', async () => {
  await staged(async (stage, receiver) => {
    const endpoint = await createEndpoint(stage, receiver.url)
    const secretOf = async (at: number) => {
      const row = await stage.world.store.get(webhookEndpoints, { tenant, id: endpoint.id })
      const keys = row?.secrets[at]
      assert.ok(row && keys)
      return (await openKeys(stage.world, row, keys)).secret
    }
    const old = await secretOf(0)
    await rotateKeys(stage.world, { tenant, id: endpoint.id }, 'test')
    const fresh = await secretOf(0)
    assert.notEqual(fresh, old)
    stage.vault.opened = 0
    const fits = (secret: string, index: number) => {
      const one = receiver.received[index]
      assert.ok(one)
      const headers = Object.fromEntries(Object.entries(one.headers).map(([name, value]) => [name, String(value)]))
      const signature = new Webhook(secret).sign(
        String(headers['webhook-id']),
        new Date(Number(headers['webhook-timestamp']) * 1000),
        one.body,
      )
      return String(headers['webhook-signature']).split(' ').includes(signature)
    }
    await recordAll(stage, eventOf(stage, 'ins_1', 1), eventOf(stage, 'ins_1', 2))
    await work(stage)
    assert.deepEqual([fits(old, 1), fits(fresh, 1), stage.vault.opened], [true, true, 2])
    stage.clock.nowMs += rotationMs
    await recordAll(stage, eventOf(stage, 'ins_1', 3))
    await work(stage)
    assert.deepEqual([fits(old, 2), fits(fresh, 2)], [false, true])
  })
})

test('an endpoint whose URL turned private is not called', async () => {
  await staged(async (stage, receiver) => {
    const endpoint = await createEndpoint(stage, 'http://169.254.169.254/latest/meta-data')
    const event = eventOf(stage, 'ins_1', 1)
    await recordAll(stage, event)
    await work(stage)
    const after = await stateOf(stage, endpoint.id, event.id)
    assert.deepEqual([after.state, after.last_status], ['pending', null])
    assert.match(after.last_error ?? '', /refused to call/)
    assert.equal(receiver.received.length, 0)
  })
})

test('a cursor is not moved at every look over events nobody wants', async () => {
  await staged(async (stage, receiver) => {
    const endpoint = await createEndpoint(stage, receiver.url, ['instrument.*'])
    const versionOf = async () => (await stage.world.store.get(cursors, { tenant, endpoint: endpoint.id }))?.version
    await recordAll(stage, eventOf(stage, 'ins_1', 1))
    for (let look = 0; look < 5; look += 1) await fanOut(stage.world, stage.queries)
    assert.equal(await versionOf(), 1)
    stage.clock.nowMs += 20_000
    for (let look = 0; look < 5; look += 1) await fanOut(stage.world, stage.queries)
    assert.equal(await versionOf(), 2)
  })
})

test('more events than fit in one commit become deliveries in several, none left out', async () => {
  await staged(async (stage, receiver) => {
    const endpoint = await createEndpoint(stage, receiver.url)
    const all = Array.from({ length: 1_200 }, (_, index) => eventOf(stage, `ins_${index}`, 1))
    for (let from = 0; from < all.length; from += 400) await recordAll(stage, ...all.slice(from, from + 400))
    const made: number[] = []
    do made.push(await fanOut(stage.world, stage.queries))
    while (made.at(-1) !== 0)
    assert.deepEqual(made, [500, 500, 200, 0])
    for (const event of all) assert.equal((await stateOf(stage, endpoint.id, event.id)).state, 'pending')
  })
})
