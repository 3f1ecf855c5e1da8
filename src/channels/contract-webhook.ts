/** The part of the contract about webhooks: only what the channel signed, at a time near ours, becomes news; and the same news is the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../core/secret.ts'
import type { Told, WebhookReading } from './channel.ts'
import { type Bench, createBench, type Subject } from './contract-bench.ts'
import type { StagedDelivery } from './stage.ts'

type Sent = Pick<StagedDelivery, 'headers'> & { readonly body: string | Buffer }

function read(bench: Bench, sent: Sent, more: { readonly nowMs?: number; readonly secrets?: readonly string[] } = {}): WebhookReading {
  if (bench.channel.webhook === undefined) throw new TypeError('the channel has no webhooks')
  return bench.channel.webhook({
    headers: sent.headers,
    body: Buffer.from(sent.body),
    nowMs: more.nowMs ?? bench.clock.nowMs,
    secrets: (more.secrets ?? [bench.subject.secrets[0]]).map(one => new Secret(one)),
    account: bench.subject.account('http://127.0.0.1:9', [bench.subject.secrets[0]]),
  })
}

/** All that the channel tells of what is due now. */
export const toldOf = (bench: Bench): readonly Told[] =>
  bench.deliveries().flatMap(one => {
    const reading = read(bench, one)
    return reading.kind === 'told' ? reading.told : []
  })

const reasonOf = (reading: WebhookReading) => (reading.kind === 'rejected' ? reading.reason : 'told')
const eventsOf = (reading: WebhookReading) => (reading.kind === 'told' ? reading.told.map(one => one.event) : [])

async function boundDelivery(bench: Bench): Promise<{ readonly delivery: StagedDelivery; readonly token: string }> {
  const bound = await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
  const delivery = bench.deliveries().find(one => one.event.type === bench.subject.boundEvent)
  if (bound.kind !== 'bound' || delivery === undefined) throw new assert.AssertionError({ message: `no ${bench.subject.boundEvent}` })
  return { delivery, token: bound.token }
}

export function contractOfWebhooks(subject: Subject): void {
  const [current, former, foreign] = subject.secrets
  contractOfSignatures(subject)

  test('the news of a bind names the token and what it answers', async () => {
    const bench = createBench(subject)
    const { delivery, token } = await boundDelivery(bench)
    const reading = read(bench, delivery)
    if (reading.kind !== 'told') return assert.fail(reading.detail)
    assert.ok(reading.answer.status >= 200 && reading.answer.status < 300)
    assert.ok(reading.told.some(one => one.names.includes(token)))
    assert.ok(reading.told.some(one => one.operation === 'opn_1' || one.binding === 'bnd_1' || one.names.includes('opn_1')))
    assert.deepEqual(bench.stage.violations(), [])
  })

  test('a second delivery is the same event, and a late one too', async () => {
    const bench = createBench(subject)
    bench.stage.faults.add({ match: { event: subject.boundEvent }, fault: 'duplicate', times: 1 })
    await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
    const twice = bench.deliveries().filter(one => one.event.type === subject.boundEvent)
    assert.equal(twice.length, 2)
    const [one, two] = twice
    if (one === undefined || two === undefined) return assert.fail()
    assert.deepEqual(read(bench, two), read(bench, one))
    const laterMs = bench.clock.nowMs + 3 * 86_400_000
    const late = { ...bench.stage.simulator.sign(one.event, { nowMs: laterMs, secrets: [current] }) }
    assert.deepEqual(eventsOf(read(bench, late, { nowMs: laterMs })), eventsOf(read(bench, one)))
    const told = read(bench, late, { nowMs: laterMs })
    const first = read(bench, one)
    // When it happened does not depend on when it was delivered.
    assert.deepEqual(told.kind === 'told' && told.told, first.kind === 'told' && first.told)
  })

  test('every event of a bind has an id of its own', async () => {
    const bench = createBench(subject)
    await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
    const events = bench.deliveries().flatMap(one => eventsOf(read(bench, one)))
    assert.equal(new Set(events).size, events.length)
  })

  test('a forged webhook in front of the true one changes nothing', async () => {
    const bench = createBench(subject)
    bench.stage.faults.add({ match: {}, fault: 'forged', times: 100 })
    await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
    for (const one of bench.deliveries()) assert.equal(reasonOf(read(bench, one)), one.forged ? 'forged' : 'told')
  })

  test('two secrets are good while one is rotated out, whichever side is first', async () => {
    const bench = createBench(subject)
    const { delivery } = await boundDelivery(bench)
    const signed = (secrets: readonly string[]) => bench.stage.simulator.sign(delivery.event, { nowMs: bench.clock.nowMs, secrets })
    for (const secrets of [[current], [former], [current, former], [former, current]]) {
      assert.equal(reasonOf(read(bench, signed(secrets), { secrets: [current, former] })), 'told')
    }
    assert.equal(reasonOf(read(bench, signed([former]), { secrets: [current] })), 'forged')
    assert.equal(reasonOf(read(bench, signed([foreign]), { secrets: [current, former] })), 'forged')
    assert.equal(reasonOf(read(bench, delivery, { secrets: [] })), 'forged')
  })
}

function contractOfSignatures(subject: Subject): void {
  test('a webhook is good for five minutes either way, and stale after that', { skip: !subject.timestamped }, async () => {
    const bench = createBench(subject)
    const { delivery } = await boundDelivery(bench)
    for (const [seconds, reason] of [
      [0, 'told'],
      [299, 'told'],
      [-299, 'told'],
      [302, 'stale'],
      [-302, 'stale'],
      [86_400, 'stale'],
    ] as const) {
      assert.equal(reasonOf(read(bench, delivery, { nowMs: bench.clock.nowMs + seconds * 1_000 })), reason, `${seconds} s`)
    }
  })

  test('one changed byte anywhere makes a webhook forged', { skip: !subject.signsBytes }, async () => {
    const bench = createBench(subject)
    const { delivery } = await boundDelivery(bench)
    const bytes = Buffer.from(delivery.body)
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(reasonOf(read(bench, { headers: delivery.headers, body: changed })), 'forged', `byte ${at}`)
    }
  })

  test('a body that was parsed and written anew is rejected, and the detail says so', { skip: !subject.signsBytes }, async () => {
    const bench = createBench(subject)
    const { delivery } = await boundDelivery(bench)
    const rewritten = delivery.body.includes('\n')
      ? JSON.stringify(JSON.parse(delivery.body))
      : JSON.stringify(JSON.parse(delivery.body), null, 2)
    const reading = read(bench, { headers: delivery.headers, body: rewritten })
    assert.equal(reasonOf(reading), 'forged')
    assert.match(reading.kind === 'rejected' ? reading.detail : '', /re-serialised/)
  })

  test('what is not a webhook is rejected without an exception', async () => {
    const bench = createBench(subject)
    const { delivery } = await boundDelivery(bench)
    const headers = [{}, delivery.headers, ...Object.keys(delivery.headers).map(name => ({ ...delivery.headers, [name]: 'x' }))]
    for (const body of ['', '{}', 'null', '[]', '\u0000', '{"id":', 'a=b', '{"notificationItems":[]}', '{"notificationItems":[{}]}']) {
      for (const one of headers) assert.notEqual(reasonOf(read(bench, { headers: one, body })), 'told', `${JSON.stringify(one)} ${body}`)
    }
  })
}
