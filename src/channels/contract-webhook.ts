/** The part of the contract about webhooks: only what the channel signed, at a time near ours, becomes news; and the same news is the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../core/secret.ts'
import type { Told, WebhookReading } from './channel.ts'
import { accountOf, type Bench, bindFully, createBench, credentialsOf, type Subject } from './contract-bench.ts'
import type { StagedDelivery } from './stage.ts'

type Sent = Pick<StagedDelivery, 'headers'> & { readonly body: string | Buffer }

export async function read(
  bench: Bench,
  sent: Sent,
  more: { readonly nowMs?: number; readonly verifying?: readonly string[] } = {},
): Promise<WebhookReading> {
  const { webhook } = bench.channel
  if (webhook === undefined) throw new TypeError('the channel has no webhooks')
  const [current] = credentialsOf(bench.subject)
  const verifying = more.verifying ?? [current.verifying]
  return webhook({
    headers: sent.headers,
    body: Buffer.from(sent.body),
    nowMs: more.nowMs ?? bench.clock.nowMs,
    secrets: verifying.map(one => new Secret(one)),
    account: accountOf(current, verifying),
    send: bench.call('opn_webhook').send,
  })
}

/** All that the channel tells of what is due now. */
export async function readAll(bench: Bench): Promise<readonly Told[]> {
  const out: Told[] = []
  for (const one of bench.deliveries()) {
    const reading = await read(bench, one)
    if (reading.kind === 'told') out.push(...reading.told)
  }
  return out
}

const reasonOf = (reading: WebhookReading) => (reading.kind === 'rejected' ? reading.reason : 'told')
const eventsOf = (reading: WebhookReading) => (reading.kind === 'told' ? reading.told.map(one => one.event) : [])

async function boundDelivery(bench: Bench): Promise<{ readonly delivery: StagedDelivery; readonly token: string }> {
  const bound = await bindFully(bench)
  const delivery = bench.deliveries().find(one => one.event.type === bench.subject.boundEvent)
  if (delivery === undefined) throw new assert.AssertionError({ message: `no ${bench.subject.boundEvent}` })
  return { delivery, token: bound.token }
}

export function contractOfWebhooks(subject: Subject): void {
  const [current, former, foreign] = credentialsOf(subject)
  contractOfSignatures(subject)

  test('the news of a bind names the token and what it answers', async () => {
    const bench = createBench(subject)
    const { delivery, token } = await boundDelivery(bench)
    const reading = await read(bench, delivery)
    if (reading.kind !== 'told') return assert.fail(reading.detail)
    assert.ok(reading.answer.status >= 200 && reading.answer.status < 300)
    assert.ok(
      reading.told.some(
        one => one.names.includes(token) || one.operation === 'opn_1' || one.binding === 'bnd_1' || one.names.includes('opn_1'),
      ),
    )
    assert.ok(token !== '')
    assert.deepEqual(bench.stage.violations(), [])
  })

  test('a second delivery is the same event, and a late one too', async () => {
    const bench = createBench(subject)
    bench.stage.faults.add({ match: { event: subject.boundEvent }, fault: 'duplicate', times: 1 })
    await bindFully(bench)
    const twice = bench.deliveries().filter(one => one.event.type === subject.boundEvent)
    assert.equal(twice.length, 2)
    const [one, two] = twice
    if (one === undefined || two === undefined) return assert.fail()
    assert.deepEqual(await read(bench, two), await read(bench, one))
    const laterMs = bench.clock.nowMs + 3 * 86_400_000
    const late = { ...bench.stage.simulator.sign(one.event, { nowMs: laterMs, secrets: [current.signing] }) }
    assert.deepEqual(eventsOf(await read(bench, late, { nowMs: laterMs })), eventsOf(await read(bench, one)))
    const told = await read(bench, late, { nowMs: laterMs })
    const first = await read(bench, one)
    // When it happened does not depend on when it was delivered.
    assert.deepEqual(told.kind === 'told' && told.told, first.kind === 'told' && first.told)
  })

  test('every event of a bind has an id of its own', async () => {
    const bench = createBench(subject)
    await bindFully(bench)
    const events = (await Promise.all(bench.deliveries().map(one => read(bench, one)))).flatMap(eventsOf)
    assert.equal(new Set(events).size, events.length)
  })

  test('a forged webhook in front of the true one changes nothing', async () => {
    const bench = createBench(subject)
    bench.stage.faults.add({ match: {}, fault: 'forged', times: 100 })
    await bindFully(bench)
    for (const one of bench.deliveries()) assert.equal(reasonOf(await read(bench, one)), one.forged ? 'forged' : 'told')
  })

  test('two secrets are good while one is rotated out, whichever side is first', async () => {
    const bench = createBench(subject)
    const { delivery } = await boundDelivery(bench)
    const signed = (secrets: readonly string[]) => bench.stage.simulator.sign(delivery.event, { nowMs: bench.clock.nowMs, secrets })
    const both = { verifying: [current.verifying, former.verifying] }
    const [one, two] = [current.signing, former.signing]
    for (const secrets of [[one], [two], [one, two], [two, one]]) assert.equal(reasonOf(await read(bench, signed(secrets), both)), 'told')
    assert.equal(reasonOf(await read(bench, signed([two]))), 'forged')
    assert.equal(reasonOf(await read(bench, signed([foreign.signing]), both)), 'forged')
    assert.equal(reasonOf(await read(bench, delivery, { verifying: [] })), 'forged')
  })
}

function contractOfSignatures(subject: Subject): void {
  if (subject.timestamped) contractOfAge(subject)
  if (subject.signsBytes) contractOfBytes(subject)
  contractOfRubbish(subject)
}

function contractOfAge(subject: Subject): void {
  test('a webhook is good for five minutes either way, and stale after that', async () => {
    const bench = createBench(subject)
    const { delivery } = await boundDelivery(bench)
    for (const [seconds, reason] of [
      [0, 'told'],
      [299, 'told'],
      [-299, 'told'],
      [300, 'told'],
      [-300, 'told'],
      [301, 'stale'],
      [-301, 'stale'],
      [86_400, 'stale'],
    ] as const) {
      assert.equal(reasonOf(await read(bench, delivery, { nowMs: bench.clock.nowMs + seconds * 1_000 })), reason, `${seconds} s`)
    }
  })
}

function contractOfBytes(subject: Subject): void {
  test('one changed byte anywhere makes a webhook forged', async () => {
    const bench = createBench(subject)
    const { delivery } = await boundDelivery(bench)
    const bytes = Buffer.from(delivery.body)
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(reasonOf(await read(bench, { headers: delivery.headers, body: changed })), 'forged', `byte ${at}`)
    }
  })

  test('a body that was parsed and written anew is rejected, and the detail says so', async () => {
    const bench = createBench(subject)
    const { delivery } = await boundDelivery(bench)
    const rewritten = delivery.body.includes('\n')
      ? JSON.stringify(JSON.parse(delivery.body))
      : JSON.stringify(JSON.parse(delivery.body), null, 2)
    const reading = await read(bench, { headers: delivery.headers, body: rewritten })
    assert.equal(reasonOf(reading), 'forged')
    assert.match(reading.kind === 'rejected' ? reading.detail : '', /re-serialised/)
  })
}

function contractOfRubbish(subject: Subject): void {
  test('what is not a webhook is rejected without an exception', async () => {
    const bench = createBench(subject)
    const { delivery } = await boundDelivery(bench)
    const headers = [{}, delivery.headers, ...Object.keys(delivery.headers).map(name => ({ ...delivery.headers, [name]: 'x' }))]
    for (const body of ['', '{}', 'null', '[]', '\u0000', '{"id":', 'a=b', '{"notificationItems":[]}', '{"notificationItems":[{}]}']) {
      for (const one of headers)
        assert.notEqual(reasonOf(await read(bench, { headers: one, body })), 'told', `${JSON.stringify(one)} ${body}`)
    }
  })
}
