import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Channel, RefreshOutcome } from '../channels/channel.ts'
import { timeDue } from '../worker.ts'
import { bindings, facts, instrumentFacts, instruments, operations } from './tables.ts'
import { day, scripted, type Trial, trial } from './trial.seam.ts'
import { verifyBinding, verifyInstrument } from './verify.ts'

const wallet = { wallet: { brand: 'gcash' } }
const refused: RefreshOutcome = { kind: 'refused', by: 'channel', category: 'not_permitted', code: 'no', elsewhere: false, references: {} }

/** Its tokens are good for ten days and renewed from the eighth on. */
const lapsing = (refresh: NonNullable<Channel['refresh']>, more: Partial<Channel> = {}) =>
  scripted('lapsing', {
    repeat: { bind: { kind: 'lookUp' }, refresh: { kind: 'repeatable', times: 3 }, revoke: { kind: 'repeatable', times: 3 } },
    bind: async call => ({ kind: 'bound', token: 'tok_0', references: {}, ...life(call.nowMs ?? 0) }),
    refresh,
    revoke: async () => ({ kind: 'revoked' }),
    ...more,
  })
const life = (nowMs: number) => ({ validUntilMs: nowMs + 10 * day, refreshAtMs: nowMs + 8 * day })

async function pass(on: Trial, days: number): Promise<void> {
  for (let n = 0; n < days; n += 1) {
    on.advance(day)
    await on.work()
    await timeDue(on.world)
    consistent(on)
  }
}
/** What is stored is what the facts say, at every moment. */
function consistent(on: Trial): void {
  for (const row of on.rows(bindings)) {
    const mine = on.rows(facts).filter(one => one.binding === row.id)
    const asked = on.rows(operations).filter(one => one.binding === row.id)
    assert.deepEqual(verifyBinding(row, mine, asked), [])
  }
  for (const row of on.rows(instruments)) {
    const legs = on.rows(bindings).filter(one => one.instrument === row.id)
    const own = on.rows(instrumentFacts).filter(one => one.instrument === row.id)
    assert.deepEqual(verifyInstrument({ instrument: row, bindings: legs, facts: own }), [])
  }
}
const standing = (on: Trial) => on.rows(bindings).map(({ status, reason }) => [status, reason])
const told = (on: Trial, event: string, news: object) =>
  on.tell('lapsing', JSON.parse(JSON.stringify([{ event, type: event, names: ['tok_0'], news }])))

for (const [why, refresh] of [
  ['was refused', async () => refused],
  ['never had an answer', async (): Promise<RefreshOutcome> => ({ kind: 'uncertain', cause: 'reset' })],
] as const)
  test(`a token whose refresh ${why} lapses when the channel said it would, and its binding is no longer active`, async () => {
    const on = await trial([lapsing(refresh)])
    const { id } = await on.bind(wallet)
    await pass(on, 9)
    assert.deepEqual(standing(on), [['active', null]])
    await pass(on, 1)
    assert.deepEqual(standing(on), [['expired', 'its token lapsed']])
    assert.equal((await on.read(id)).status, 'expired')
    assert.equal(await timeDue(on.world), 0, 'told once')
  })

test('a token that is refreshed in time never lapses', async () => {
  const on = await trial([lapsing(async call => ({ kind: 'updated', token: 'tok_1', references: {}, ...life(call.nowMs ?? 0) }))])
  await on.bind(wallet)
  await pass(on, 40)
  assert.deepEqual(standing(on), [['active', null]])
  assert.equal(on.rows(facts).filter(one => one.source === 'clock').length, 0)
})

test('an answer that comes after the lapse, and gives the token longer, takes the lapse back and says so', async () => {
  const on = await trial([lapsing(async () => refused)])
  const { id } = await on.bind(wallet)
  const until = on.world.now() + 30 * day
  await pass(on, 10)
  assert.deepEqual(standing(on), [['expired', 'its token lapsed']])
  assert.ok((await told(on, 'late', { kind: 'updated', validUntilMs: until })).status < 300)
  assert.deepEqual(standing(on), [['active', null]])
  consistent(on)
  assert.equal((await on.read(id)).status, 'active')
  const { body } = await on.call('GET', `/v1/instruments/${id}/timeline`)
  assert.match(JSON.stringify(body), /good for longer/)
  await pass(on, 20)
  assert.deepEqual(standing(on), [['expired', 'its token lapsed']])
})

test('a channel that gives a token less time than before is believed', async () => {
  const on = await trial([lapsing(async () => refused)])
  await on.bind(wallet)
  await told(on, 'shorter', { kind: 'updated', validUntilMs: on.world.now() + 3 * day })
  consistent(on)
  await pass(on, 2)
  assert.deepEqual(standing(on), [['active', null]])
  await pass(on, 1)
  assert.deepEqual(standing(on), [['expired', 'its token lapsed']])
})

test('what the channel shows to be alive after the lapse is alive, until it says when that ends', async () => {
  const on = await trial([lapsing(async () => refused)])
  await on.bind(wallet)
  await pass(on, 11)
  const atMs = on.world.now()
  await on.tell(
    'lapsing',
    JSON.parse(
      JSON.stringify([
        { event: 'back', type: 'back', names: ['tok_0'], moment: { atMs }, news: { kind: 'reinstated', evidence: 'it was renewed there' } },
      ]),
    ),
  )
  assert.equal(on.rows(bindings)[0]?.status, 'active')
  await pass(on, 5)
  assert.equal(on.rows(bindings)[0]?.status, 'active')
})
