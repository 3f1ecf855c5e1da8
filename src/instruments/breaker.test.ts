/** What a breaker does to binds and to what is owed: nothing is sent, nothing is written that was not, and nothing is forgotten. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breakerLimits } from '../safeguards/breaker.ts'
import { bindings, instruments, operations } from './tables.ts'
import { returnUrl, scripted, type Trial, trial, visa } from './trial.seam.ts'

function counting(name: string, answers: () => boolean) {
  const asked: string[] = []
  const channel = scripted(name, {
    repeat: { bind: { kind: 'keyed', windowMs: 86_400_000, keyLengthMax: 64 } },
    bind: async call => {
      asked.push(call.operation)
      return answers() ? { kind: 'bound', token: `${name}_${call.operation}`, references: {} } : { kind: 'uncertain', cause: 'no_answer' }
    },
  })
  return { channel, asked }
}
const down = (on: Trial, channel: string) => {
  for (let i = 0; i < breakerLimits.callsMin; i += 1) on.world.health.note(channel, false, on.world.now())
}
const tryBind = async (on: Trial, more: object = {}) => {
  const card = { capture: await on.capture(visa) }
  return on.call('POST', '/v1/instruments', { customer: on.customer, return_url: returnUrl, card, ...more })
}

test('a bind that only a channel left alone could take is refused at once, and leaves nothing', async () => {
  const a = counting('aa', () => true)
  const on = await trial([a.channel])
  down(on, 'aa')
  const answer = await tryBind(on)
  assert.deepEqual([answer.status, answer.body.code], [503, 'unavailable'])
  assert.deepEqual([a.asked.length, on.rows(instruments).length, on.rows(operations).length], [0, 0, 0])
  on.advance(breakerLimits.pauseMs)
  assert.equal((await tryBind(on)).status, 201)
})

test('another channel takes it, and who has it there already is told so', async () => {
  const [a, b] = [counting('aa', () => true), counting('bb', () => true)]
  const on = await trial([a.channel, b.channel])
  const first = await on.bind({ card: { capture: await on.capture(visa) } })
  down(on, 'aa')
  assert.equal((await on.bind({ card: { capture: await on.capture(visa) } })).id, first.id)
  assert.equal((await on.call('POST', `/v1/instruments/${first.id}/bindings`, { channel: 'bb', return_url: returnUrl })).status, 200)
  const other = { card: { capture: await on.capture({ ...visa, number: '5555555555554444' }) } }
  assert.equal((await on.bind(other)).bindings[0]?.channel, 'bb')
  down(on, 'bb')
  const again = await on.call('POST', `/v1/instruments/${first.id}/bindings`, { channel: 'bb', return_url: returnUrl })
  assert.equal(again.status, 409, 'it is bound there')
  assert.equal(a.asked.length, 1)
})

test('what is owed waits without a try while its channel is left alone, and is settled afterwards under its one key', async () => {
  let well = false
  const a = counting('aa', () => well)
  const on = await trial([a.channel])
  await on.bind({ card: { capture: await on.capture(visa) } })
  down(on, 'aa')
  const before = on.rows(operations)[0]?.tries
  on.advance(10_000)
  await on.work()
  assert.deepEqual([a.asked.length, on.rows(operations)[0]?.tries], [1, before])
  well = true
  for (let i = 0; i < 20 && on.rows(bindings)[0]?.status !== 'active'; i += 1) {
    on.advance(30_000)
    await on.work()
  }
  assert.equal(on.rows(bindings)[0]?.status, 'active')
  assert.equal(new Set(a.asked).size, 1)
})
