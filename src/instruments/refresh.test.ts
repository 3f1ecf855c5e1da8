import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Channel, RefreshOutcome } from '../channels/channel.ts'
import { bindings, operations } from './tables.ts'
import { day, scripted, type Trial, trial } from './trial.seam.ts'

const wallet = { wallet: { brand: 'gcash' } }
const refreshes = (on: Trial) => on.rows(operations).filter(one => one.verb === 'refresh')
const tokenOf = (on: Trial) => on.rows(bindings)[0]?.token

/** Its tokens are good for ten days and renewed from the eighth on; each refresh takes the token and refresh token it is given. */
function lapsing(answer: (nth: number, nowMs: number) => RefreshOutcome = renewed, more: Partial<Channel> = {}) {
  const asked: (readonly [string, string | undefined])[] = []
  const channel = scripted('lapsing', {
    repeat: { bind: { kind: 'lookUp' }, refresh: { kind: 'repeatable', times: 3 }, revoke: { kind: 'repeatable', times: 3 } },
    bind: async call => ({ kind: 'bound', token: 'tok_0', references: { refresh_token: 'ref_0' }, ...life(call.nowMs ?? 0) }),
    refresh: async (call, { token, references }) => {
      asked.push([token, references.refresh_token])
      return answer(asked.length, call.nowMs ?? 0)
    },
    revoke: async () => ({ kind: 'uncertain', cause: 'reset' }),
    ...more,
  })
  return { channel, asked }
}
const life = (nowMs: number) => ({ validUntilMs: nowMs + 10 * day, refreshAtMs: nowMs + 8 * day })
function renewed(nth: number, nowMs: number): RefreshOutcome {
  return { kind: 'updated', token: `tok_${nth}`, references: { refresh_token: `ref_${nth}` }, ...life(nowMs) }
}

test('a token that lapses is refreshed in time, over and over, each time with the newest', async () => {
  const { channel, asked } = lapsing()
  const on = await trial([channel])
  await on.bind(wallet)
  assert.equal(refreshes(on).length, 1)
  on.advance(7 * day)
  await on.work()
  assert.equal(asked.length, 0)
  on.advance(day)
  await on.work()
  assert.equal(tokenOf(on), 'tok_1')
  on.advance(8 * day)
  await on.work()
  assert.equal(tokenOf(on), 'tok_2')
  assert.deepEqual(asked, [
    ['tok_0', 'ref_0'],
    ['tok_1', 'ref_1'],
  ])
  assert.deepEqual(
    refreshes(on).map(one => one.status),
    ['settled', 'settled', 'open'],
  )
})

test('a refresh whose answer was lost is asked again as often as the channel bears, then left to a person, and never planned twice', async () => {
  const { channel, asked } = lapsing(() => ({ kind: 'uncertain', cause: 'reset' }))
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  for (let n = 0; n < 12; n += 1) {
    on.advance(day)
    await on.work()
  }
  assert.equal(asked.length, 3)
  assert.deepEqual(
    refreshes(on).map(one => [one.status, one.cause]),
    [['parked', 'reset']],
  )
  assert.deepEqual([tokenOf(on), (await on.read(id)).status], ['tok_0', 'active'])
})

test('a refresh that a person has to look at does not stand in the way of those to come', async () => {
  const { channel } = lapsing((nth, nowMs) => (nth <= 3 ? { kind: 'uncertain', cause: 'reset' } : renewed(nth, nowMs)))
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  for (let n = 0; n < 12; n += 1) {
    on.advance(day)
    await on.work()
  }
  assert.equal((await on.call('POST', `/v1/instruments/${id}/refresh`, {})).status, 200)
  assert.equal(tokenOf(on), 'tok_4')
  on.advance(8 * day)
  await on.work()
  assert.equal(tokenOf(on), 'tok_5')
})

test('a refused refresh leaves the binding as it is and is not repeated for the same moment', async () => {
  const { channel, asked } = lapsing(() => ({
    kind: 'refused',
    by: 'channel',
    category: 'try_later',
    code: 'busy',
    elsewhere: false,
    references: {},
  }))
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  for (let n = 0; n < 12; n += 1) {
    on.advance(day)
    await on.work()
  }
  assert.equal(asked.length, 1)
  assert.deepEqual([tokenOf(on), (await on.read(id)).status], ['tok_0', 'active'])
})

test('a refresh that finds the token gone ends the binding', async () => {
  const { channel } = lapsing(() => ({ kind: 'expired' }))
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  on.advance(8 * day)
  await on.work()
  assert.equal((await on.read(id)).status, 'expired')
})

test('what is being given up is not refreshed any more', async () => {
  const { channel, asked } = lapsing()
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  on.advance(8 * day)
  const planned = refreshes(on)[0] ?? assert.fail('nothing planned')
  assert.ok((planned.due_at ?? Infinity) <= on.world.now())
  await on.call('POST', `/v1/instruments/${id}/unbind`)
  await on.work()
  assert.equal(asked.length, 0)
  assert.equal(tokenOf(on), 'tok_0')
  assert.equal(refreshes(on)[0]?.status, 'settled')
})

test('a refresh that falls due while the revocation is under way is left', async () => {
  const { channel, asked } = lapsing()
  const gate = { open: () => {} }
  const opened = new Promise<void>(resolve => {
    gate.open = resolve
  })
  const on = await trial([{ ...channel, revoke: () => opened.then(() => ({ kind: 'revoked' })) }])
  const { id } = await on.bind(wallet)
  on.advance(8 * day)
  const unbinding = on.call('POST', `/v1/instruments/${id}/unbind`)
  while (on.rows(bindings)[0]?.status !== 'revoking') await new Promise(resolve => setImmediate(resolve))
  await on.work()
  assert.equal(asked.length, 0)
  gate.open()
  assert.equal((await unbinding).status, 200)
  assert.equal((await on.read(id)).bindings[0]?.status, 'revoked')
})

test('a refresh that was under way when the customer unbound neither revives nor renames what is given up', async () => {
  let during = async (): Promise<void> => {}
  const { channel } = lapsing(renewed)
  const refresh: Channel['refresh'] = async (call, input) => {
    await during()
    return channel.refresh?.(call, input) ?? { kind: 'expired' }
  }
  const on = await trial([{ ...channel, refresh }])
  const { id } = await on.bind(wallet)
  during = async () => {
    await on.call('POST', `/v1/instruments/${id}/unbind`)
  }
  await on.call('POST', `/v1/instruments/${id}/refresh`, {})
  const [row] = on.rows(bindings)
  assert.equal(row?.status, 'revoking')
  assert.equal((await on.read(id)).status, 'unbound')
  assert.ok(refreshes(on).every(one => one.status === 'settled'))
})

test('who asks for a refresh twice at once gets one', async () => {
  const { channel, asked } = lapsing()
  const slow: Channel['refresh'] = async (call, input) => {
    await new Promise(resolve => setTimeout(resolve, 100))
    return channel.refresh?.(call, input) ?? { kind: 'expired' }
  }
  const on = await trial([{ ...channel, refresh: slow }])
  const { id } = await on.bind(wallet)
  const answers = await Promise.all([1, 2].map(() => on.call('POST', `/v1/instruments/${id}/refresh`, {})))
  assert.deepEqual(answers.map(one => one.status).sort(), [200, 409])
  assert.equal(asked.length, 1)
})

test('a wallet of Antom is bound on its page, and its token refreshed before it lapses', async () => {
  const on = await trial(['antom'])
  const asked = await on.bind({ wallet: { brand: 'gcash', by: 'redirect' } })
  await on.pass(asked)
  assert.equal((await on.read(asked.id)).status, 'active')
  const before = tokenOf(on)
  const due = refreshes(on)[0]?.due_at ?? assert.fail('no refresh is planned')
  on.advance(due - on.world.now())
  await on.work()
  assert.notEqual(tokenOf(on), before)
  assert.equal((await on.read(asked.id)).status, 'active')
})
