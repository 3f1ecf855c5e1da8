import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Channel, UpdateOutcome } from '../channels/channel.ts'
import { bindings, operations } from './tables.ts'
import { day, scripted, type Trial, trial, visa } from './trial.seam.ts'

/** Takes any card, shows what it was given, and answers an update as it is told. */
function taking(name: string, answer?: (nth: number) => UpdateOutcome) {
  const asked: string[] = []
  let bound = 0
  const more: Partial<Channel> = {
    repeat: {
      bind: { kind: 'lookUp' },
      revoke: { kind: 'repeatable', times: 3 },
      ...(answer === undefined ? {} : { update: { kind: 'repeatable', times: 4 } }),
    },
    bind: async (_, { source }) => {
      if (source.type !== 'card') return assert.fail()
      bound += 1
      const { last4, expiryMonth, expiryYear } = source.card
      return { kind: 'bound', token: `${name}_${bound}`, references: {}, shown: { last4, expiryMonth, expiryYear } }
    },
    revoke: async () => ({ kind: 'revoked' }),
  }
  const update: NonNullable<Channel['update']> = async (_, { token, card }) => {
    asked.push(`${token} ${card.expiryYear}-${card.expiryMonth}`)
    return answer?.(asked.length) ?? assert.fail()
  }
  return { asked, channel: scripted(name, answer === undefined ? more : { ...more, update }) }
}

async function two(first: Channel, second: Channel) {
  const on = await trial([first, second])
  const instrument = await on.bind({ card: { capture: await on.capture(visa) }, bind_on: 'all' })
  return { on, id: instrument.id }
}
/** The first channel's own updater told it: the same number, another end. */
const renewed = (on: Trial, event: string, expiryYear: number, last4 = '1111') =>
  on.tell('one', [
    {
      event,
      type: 'updated',
      names: ['one_1'],
      news: { kind: 'updated', shown: { last4, expiryMonth: 3, expiryYear } },
      moment: { atMs: 1 },
    },
  ])
const updates = (on: Trial) => on.rows(operations).filter(one => one.verb === 'update')

test('a channel that says nothing of what it shows now is asked once for each end, not for ever', async () => {
  const two_ = taking('two', () => ({ kind: 'updated' }))
  const { on } = await two(taking('one').channel, two_.channel)
  for (const event of ['e1', 'e2', 'e3']) {
    await renewed(on, event, 2034)
    on.advance(day)
    await on.work()
  }
  assert.deepEqual(two_.asked, ['two_1 2034-3'])
  await renewed(on, 'e4', 2036)
  await on.work()
  assert.deepEqual(two_.asked, ['two_1 2034-3', 'two_1 2036-3'])
})

test('a channel that refuses keeps what it has, and is left in peace', async () => {
  const refused: UpdateOutcome = { kind: 'refused', by: 'channel', category: 'not_supported', code: 'no', elsewhere: false, references: {} }
  const other = taking('two', () => refused)
  const { on, id } = await two(taking('one').channel, other.channel)
  await renewed(on, 'e1', 2034)
  await on.work()
  on.advance(40 * day)
  await on.work()
  assert.equal(other.asked.length, 1)
  assert.deepEqual((await on.read(id)).bindings.map(one => one.status).toSorted(), ['active', 'active'])
})

test('an answer that is lost is asked for again, and a later end that was set meanwhile is not taken back', async () => {
  const other = taking('two', nth =>
    nth <= 2 ? { kind: 'uncertain', cause: 'reset' } : { kind: 'updated', shown: { expiryMonth: 3, expiryYear: 2036 } },
  )
  const { on } = await two(taking('one').channel, other.channel)
  await renewed(on, 'e1', 2034)
  await on.work()
  await renewed(on, 'e2', 2036)
  for (let n = 0; n < 6; n += 1) {
    on.advance(20 * 60_000)
    await on.work()
  }
  assert.deepEqual(other.asked.at(-1), 'two_1 2036-3')
  assert.deepEqual(
    updates(on).map(one => one.status),
    ['settled', 'settled'],
  )
  assert.ok(!other.asked.slice(other.asked.indexOf('two_1 2036-3')).includes('two_1 2034-3'), other.asked.join())
})

test('where there is no such verb the card is bound again from the vault, and the old token goes when the new one lives', async () => {
  const { on, id } = await two(taking('one').channel, taking('two').channel)
  await renewed(on, 'e1', 2034)
  await on.work()
  const seen = await on.read(id)
  assert.deepEqual(seen.bindings.map(one => [one.channel, one.token, one.status]).toSorted(), [
    ['one', 'one_1', 'active'],
    ['two', 'two_1', 'revoked'],
    ['two', 'two_2', 'active'],
  ])
  assert.equal(seen.bindings.find(one => one.token === 'two_2')?.card?.expiry_year, 2034)
  await renewed(on, 'e2', 2034)
  await on.work()
  assert.equal(on.rows(bindings).length, 3)
})

test('a channel that would ask the customer is not let: the old token stays', async () => {
  const asking = taking('two')
  let bound = 0
  const channel = scripted('two', {
    ...asking.channel,
    bind: async (call, input) => {
      bound += 1
      if (bound === 1) return asking.channel.bind?.(call, input) ?? assert.fail()
      return { kind: 'challenged', action: { type: 'redirect', url: 'https://bank.example', method: 'GET' }, references: {} }
    },
  })
  const { on, id } = await two(taking('one').channel, channel)
  await renewed(on, 'e1', 2034)
  await on.work()
  const seen = await on.read(id)
  assert.equal(seen.next_action, null)
  assert.deepEqual(
    seen.bindings
      .filter(one => one.channel === 'two')
      .map(one => one.status)
      .toSorted(),
    ['active', 'failed'],
  )
  assert.equal(seen.status, 'active')
})

test('four digits alone are no number: where a channel replaced it by itself nobody else is told', async () => {
  const other = taking('two', () => assert.fail('it was told'))
  const { on, id } = await two(taking('one').channel, other.channel)
  await renewed(on, 'e1', 2034, '2222')
  await on.work()
  assert.deepEqual((await on.read(id)).bindings.map(one => [one.channel, one.card?.expiry_year]).toSorted(), [
    ['one', 2034],
    ['two', 2030],
  ])
})

test('a card bound on one more channel carries the end that is known by now, sealed anew', async () => {
  const three = taking('three')
  const on = await trial([taking('one').channel, three.channel])
  const { id } = await on.bind({ card: { capture: await on.capture(visa) }, channels: ['one'] })
  await renewed(on, 'e1', 2034)
  const answer = await on.call('POST', `/v1/instruments/${id}/bindings`, { channel: 'three', return_url: 'https://shop.example/back' })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const operation = on.rows(operations).find(one => one.channel === 'three' && one.verb === 'bind')
  assert.deepEqual(operation?.input.renew, { from: 1, expiry: { year: 2034, month: 3 } })
  assert.equal((await on.read(id)).bindings.find(one => one.channel === 'three')?.card?.expiry_year, 2034)
})

test('what was to take the place of a binding that is gone by then is never sent', async () => {
  const other = taking('two')
  let binds = 0
  const channel = scripted('two', {
    ...other.channel,
    bind: async (call, input) => {
      binds += 1
      return other.channel.bind?.(call, input) ?? assert.fail()
    },
  })
  const { on, id } = await two(taking('one').channel, channel)
  await renewed(on, 'e1', 2034)
  for (const name of ['one', 'two'])
    await on.tell(name, [{ event: `${name}_gone`, type: 'revoked', names: [`${name}_1`], news: { kind: 'revoked' }, moment: { atMs: 2 } }])
  // Whatever came first: no channel holds it any more.
  assert.equal((await on.read(id)).status, 'unbound')
  await on.work()
  assert.equal(binds, 1)
  const seen = await on.read(id)
  assert.equal(seen.status, 'unbound')
  assert.ok(seen.bindings.every(one => one.status !== 'active' && one.status !== 'initiated'))
})

test('what is given up gets no news', async () => {
  const other = taking('two', () => assert.fail('it was told'))
  const { on, id } = await two(taking('one').channel, other.channel)
  await on.call('POST', `/v1/instruments/${id}/unbind`)
  await renewed(on, 'e1', 2034)
  await on.work()
  assert.equal(other.asked.length, 0)
})
