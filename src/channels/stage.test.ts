import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { NoAnswer } from './channel.ts'
import { type WebhookFault, webhookFaults } from './faults.ts'
import type { Simulator, SimulatorAnswer, SimulatorContext, SimulatorEvent } from './simulator.ts'
import { serveSimulator } from './simulator-server.ts'
import { createStage, stageSend } from './stage.ts'

/** The smallest channel there is: every ring is answered and told, with what it costs. */
function createBell(): Simulator {
  let events: SimulatorEvent[] = []
  let rung = 0
  const answer = (value: object): SimulatorAnswer => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  })
  return {
    channel: 'bell',
    handle() {
      rung += 1
      events.push({ id: `evt_${rung}`, type: 'rung', body: JSON.stringify({ items: [`${rung}a`, `${rung}b`] }) })
      return answer({ rung, amount: '100', currency: 'EUR', note: 'x'.repeat(200) })
    },
    takeEvents() {
      const out = events
      events = []
      return out
    },
    sign: (event, { secrets }) => ({ headers: { signature: secrets.join(' ') }, body: event.body }),
    reject: () => answer({ error: 'no' }),
    trouble: kind => ({ ...answer({ error: kind }), status: kind === 'error' ? 500 : 429 }),
    disguise: () => answer({ rung: 0 }),
    miscount: given => (given.body.includes('"amount"') ? { ...given, body: given.body.replace('"100"', '"101"') } : undefined),
    contradict: event => (event.type === 'rung' ? { ...event, id: `${event.id}_not`, type: 'silent' } : undefined),
    split(event) {
      const items = [...event.body.matchAll(/"(\d\w)"/g)].map(one => one[1] ?? '')
      return items.length < 2 ? undefined : items.map((one, index) => ({ ...event, id: `${event.id}_${index}`, body: `["${one}"]` }))
    },
    books: () => ({ effects: [], held: [] }),
    acts: {},
    act: () => undefined,
  }
}

const context: SimulatorContext = { nowMs: 0, random: randomBytes, address: 'http://127.0.0.1:9' }
const ring = { method: 'POST', url: 'http://127.0.0.1:9/ring', headers: {} } as const

test('an answer that drips is none before the deadline, though everything happened', async () => {
  const stage = createStage(createBell())
  const send = stageSend(stage, { context: () => context })
  stage.faults.add({ match: {}, fault: 'drip', times: 1 })
  await assert.rejects(send(ring), NoAnswer)
  assert.match((await send(ring)).body, /"rung":2/)
})

test('an answer with wrong money differs in that alone, and is true where there is none', async () => {
  const stage = createStage(createBell())
  const send = stageSend(stage, { context: () => context })
  stage.faults.add({ match: {}, fault: 'wrong_money', times: 1 })
  const [wrong, right] = [await send(ring), await send(ring)]
  assert.equal(JSON.parse(wrong.body).amount, '101')
  assert.equal(JSON.parse(right.body).amount, '100')
})

test('webhooks go out as the fault says: which, how often, when, and signed by whom', () => {
  const seen: Record<string, readonly (readonly [id: string, delayMs: number, forged: boolean])[]> = {}
  for (const fault of webhookFaults) {
    const stage = createStage(createBell())
    stage.faults.add({ match: { event: 'rung' }, fault, times: 1, delayMs: 5_000 })
    for (let i = 0; i < 2; i += 1) stage.answer({ method: 'POST', path: '/ring', query: '', headers: {}, body: '' }, context)
    const out = [...stage.deliveries({ nowMs: 0, secrets: ['s'] }), ...stage.release()]
    seen[fault] = out.map(one => [one.event.id, one.delayMs, one.forged] as const)
    assert.ok(out.every(one => one.forged !== (one.headers.signature === 's')))
  }
  const second = ['evt_2', 0, false] as const
  assert.deepEqual(seen, {
    duplicate: [['evt_1', 0, false], ['evt_1', 0, false], second],
    late: [['evt_1', 5_000, false], second],
    reordered: [second, ['evt_1', 0, false]],
    forged: [['evt_1', 0, true], ['evt_1', 0, false], second],
    dropped: [second],
    contradictory: [['evt_1', 0, false], ['evt_1_not', 0, false], second],
    partial: [['evt_1_0', 0, false], ['evt_1_1', 5_000, false], second],
  } satisfies Record<WebhookFault, unknown>)
})

test('a channel without opposites or batches delivers the true event', () => {
  const { contradict: _, split: __, ...simple } = createBell()
  for (const fault of ['contradictory', 'partial'] as const) {
    const stage = createStage(simple)
    stage.faults.add({ match: {}, fault, times: 1 })
    stage.answer({ method: 'POST', path: '/ring', query: '', headers: {}, body: '' }, context)
    const [only, ...others] = stage.deliveries({ nowMs: 0, secrets: ['s'] })
    assert.ok(only !== undefined && others.length === 0 && only.delayMs === 0)
  }
})

test('what a fault makes up is judged like what the channel says of itself', () => {
  const judged: string[] = []
  const judge = {
    covers: () => false,
    request: () => [],
    answer: () => [],
    event(event: SimulatorEvent) {
      judged.push(event.id)
      return []
    },
  }
  const stage = createStage(createBell(), judge)
  stage.faults.add({ match: {}, fault: 'contradictory', times: 1 })
  stage.answer({ method: 'POST', path: '/ring', query: '', headers: {}, body: '' }, context)
  stage.deliveries({ nowMs: 0, secrets: ['s'] })
  assert.deepEqual(judged, ['evt_1', 'evt_1_not'])
})

test('a body that does not say what it is is refused at every channel', async () => {
  const stage = createStage(createBell())
  const send = stageSend(stage, { context: () => context })
  assert.match((await send({ ...ring, body: '{}' })).body, /no/)
  assert.match((await send({ ...ring, body: '{}', headers: { 'Content-Type': 'application/json' } })).body, /"rung":1/)
  assert.deepEqual(
    stage.violations().map(one => [one.about, one.pointer]),
    [['POST /ring', 'content-type']],
  )
})

async function served<T>(run: (address: string, simulator: Awaited<ReturnType<typeof serveSimulator>>) => Promise<T>): Promise<T> {
  const one = await serveSimulator(createBell(), {
    webhookSecrets: ['s'],
    now: Date.now,
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
  try {
    return await run(one.address, one)
  } finally {
    await one.close()
  }
}

test('over a socket an answer drips for as long as asked, no pause long, and only a deadline for the whole ends it', async () => {
  await served(async (address, { faults }) => {
    faults.add({ match: {}, fault: 'drip', times: 1, delayMs: 400 })
    const begun = performance.now()
    const answer = await fetch(`${address}/ring`, { method: 'POST' })
    assert.ok(answer.ok && performance.now() - begun < 350, 'the head comes at once')
    const chunks: number[] = []
    for await (const _ of answer.body ?? []) chunks.push(performance.now() - begun)
    assert.ok(chunks.length > 5, `${chunks.length} pieces`)
    assert.ok(performance.now() - begun >= 350)

    faults.add({ match: {}, fault: 'drip', times: 1, delayMs: 90_000 })
    const cut = fetch(`${address}/ring`, { method: 'POST', signal: AbortSignal.timeout(200) }).then(one => one.text())
    await assert.rejects(cut, /timeout|aborted/i)
  })
})

test('over a socket a contradiction follows the truth, and the rest of a batch comes later', async () => {
  const heard: string[] = []
  const hooks = createServer((request, response) => {
    request.on('data', chunk => heard.push(String(chunk)))
    request.on('end', () => response.writeHead(200).end())
  })
  await new Promise<void>(resolve => hooks.listen(0, '127.0.0.1', resolve))
  const bound = hooks.address()
  const url = `http://127.0.0.1:${bound !== null && typeof bound === 'object' ? bound.port : 0}`
  try {
    await served(async (address, simulator) => {
      simulator.setWebhookTarget(url)
      for (const fault of ['contradictory', 'partial']) {
        const armed = await fetch(`${address}/_sandbox/faults`, {
          method: 'POST',
          body: JSON.stringify({ match: {}, fault, delayMs: 50 }),
        })
        assert.equal(armed.status, 201)
      }
      await fetch(`${address}/ring`, { method: 'POST' })
      await fetch(`${address}/ring`, { method: 'POST' })
      for (let i = 0; i < 100 && heard.length < 4; i += 1) await sleep(20)
      assert.deepEqual(heard, ['{"items":["1a","1b"]}', '{"items":["1a","1b"]}', '["2a"]', '["2b"]'])
    })
  } finally {
    hooks.closeAllConnections()
    hooks.close()
  }
})
