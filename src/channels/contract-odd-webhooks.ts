/** The part of the contract about webhooks that are signed and odd all the same: nothing is thrown, and a null is as good as nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Told, WebhookReading } from './channel.ts'
import { type Bench, bindFully, createBench, credentialsOf, type Subject } from './contract-bench.ts'
import { assertFormed } from './contract-oddities.ts'
import { absences, parsed, spoiled } from './contract-spoil.ts'
import { read } from './contract-webhook.ts'
import type { SimulatorDelivery, SimulatorEvent } from './simulator.ts'

export function contractOfOddWebhooks(subject: Subject): void {
  test('a webhook of which one word is spoiled is told as it was, or less, or rejected: never thrown at, never another fact', async () => {
    const { bench, events } = await told(subject)
    for (const event of events) {
      const before = kindsOf(await reading(bench, event))
      // Of a history that is cut short: what never came alive was not taken back but refused; an alert that is not there was lifted.
      const ends = before.includes('revoked') ? ['refused'] : before.includes('suspended') ? ['updated', 'resumed'] : []
      for (const body of spoiled(parsed(event.body))) {
        const text = JSON.stringify(body)
        const after = await reading(bench, { ...event, body: text })
        for (const kind of kindsOf(after))
          assert.ok([...before, ...ends, 'verifying', 'none'].includes(kind), `${kind} instead of ${before}: ${text}`)
        for (const one of toldOf(after)) assertWhole(one, text)
      }
    }
  })

  test('a null in a webhook is as good as nothing there', async () => {
    const { bench, events } = await told(subject)
    for (const event of events)
      for (const { nulled, removed } of absences(parsed(event.body))) {
        const [one, other] = [
          await reading(bench, { ...event, body: JSON.stringify(nulled) }),
          await reading(bench, { ...event, body: JSON.stringify(removed) }),
        ]
        if (one === undefined || other === undefined) continue
        assert.deepEqual([one.kind, ...kindsOf(one)], [other.kind, ...kindsOf(other)], JSON.stringify(nulled))
      }
  })

  if (createBench(subject).stage.simulator.contradict !== undefined) contractOfContradictions(subject)

  test('a signature that is cut short, or has something behind it, is none', async () => {
    const { bench, events } = await told(subject)
    const [event] = events
    if (event === undefined) return assert.fail('nothing was told')
    const sent = bench.stage.simulator.sign(event, at(bench))
    const signature = /signature|-sig$/i
    for (const [name, value] of Object.entries(sent.headers))
      if (signature.test(name))
        for (const changed of [value.slice(0, -4), `${value}00`, '']) {
          const after = await read(bench, { ...sent, headers: { ...sent.headers, [name]: changed } })
          assert.equal(after.kind, 'rejected', `${name}: ${changed}`)
        }
  })
}

function contractOfContradictions(subject: Subject): void {
  test('an event that contradicts another one is signed, read, and says the opposite of the same thing', async () => {
    const { bench, events } = await told(subject)
    const { simulator } = bench.stage
    const pairs = events.flatMap(event => {
      const opposite = simulator.contradict?.(event)
      return opposite === undefined ? [] : [{ event, opposite }]
    })
    assert.ok(pairs.length > 0, 'nothing that was told has an opposite')
    for (const { event, opposite } of pairs) {
      const [one, other] = [toldOf(await reading(bench, event)), toldOf(await reading(bench, opposite))]
      assert.ok(
        other.some(said => said.news?.kind === 'revoked' || said.news?.kind === 'suspended'),
        opposite.body,
      )
      assert.ok(!one.some(said => other.some(opposed => opposed.event === said.event)), 'it has the same id')
      const names = new Set(one.flatMap(said => [...said.names, said.operation]))
      assert.ok(
        other.some(said => [...said.names, said.operation].some(name => names.has(name))),
        'it is about something else',
      )
    }
  })
}

const at = (bench: Bench) => ({ nowMs: bench.clock.nowMs, secrets: [credentialsOf(bench.subject)[0].signing] })

/** What a plain bind, and whatever happens to its token over there, make the channel tell. */
async function told(subject: Subject): Promise<{ readonly bench: Bench; readonly events: readonly SimulatorEvent[] }> {
  const bench = createBench(subject)
  const { token } = await bindFully(bench)
  const context = { nowMs: bench.clock.nowMs, random: (count: number) => Buffer.alloc(count, 7), address: 'http://127.0.0.1:9' }
  // What ends the token comes last.
  const acts = Object.entries(bench.stage.simulator.acts).toSorted(([, a], [, b]) => Number(a === 'gone') - Number(b === 'gone'))
  const [gone] = acts.filter(([, becomes]) => becomes === 'gone')
  for (const [name, becomes] of acts) if (becomes !== 'gone' || name === gone?.[0]) bench.stage.simulator.act(name, token, context)
  return { bench, events: bench.deliveries().map(one => one.event) }
}

/** Signed as the channel would; undefined where its simulator cannot even write such a thing. */
async function reading(bench: Bench, event: SimulatorEvent): Promise<WebhookReading | undefined> {
  let sent: SimulatorDelivery
  try {
    sent = bench.stage.simulator.sign(event, at(bench))
  } catch {
    return undefined
  }
  return read(bench, sent)
}

const toldOf = (one: WebhookReading | undefined): readonly Told[] => (one?.kind === 'told' ? one.told : [])
const kindsOf = (one: WebhookReading | undefined): readonly string[] => toldOf(one).map(({ news }) => news?.kind ?? 'none')

function assertWhole(one: Told, why: string): void {
  assert.ok(one.event !== '' && one.type !== '' && one.operation !== '' && one.binding !== '', why)
  for (const name of one.names) assert.equal(typeof name, 'string', why)
  if (one.moment !== undefined) assert.ok(Number.isFinite(one.moment.atMs), why)
  if (one.news?.kind === 'bound' || one.news?.kind === 'refused') assertFormed(one.news, why)
}
