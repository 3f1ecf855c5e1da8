import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Told } from '../channels/channel.ts'
import { events } from '../events/tables.ts'
import { timeDue } from '../worker.ts'
import { instruments } from './tables.ts'
import { scripted, type Trial, trial, visa } from './trial.seam.ts'

let tokens = 0
const acme = () =>
  scripted('acme', {
    repeat: { bind: { kind: 'lookUp' }, revoke: { kind: 'repeatable', times: 3 } },
    bind: async () => ({ kind: 'bound', token: `tok_${tokens++}`, references: {} }),
    revoke: async () => ({ kind: 'revoked' }),
  })
const numbers = ['4111111111111111', '5555555555554444', '4242424242424242'] as const
async function three(on: Trial): Promise<readonly [string, string, string]> {
  const made: string[] = []
  for (const number of numbers) {
    made.push((await on.bind({ card: { capture: await on.capture({ ...visa, number }) } })).id)
    on.advance(1_000)
  }
  const [one = '', two = '', last = ''] = made
  return [one, two, last]
}
const setDefault = (on: Trial, instrument: string | null) => on.call('POST', `/v1/customers/${on.customer}/default`, { instrument })
const theDefault = async (on: Trial) => {
  const { instrument, because } = (await on.call('GET', `/v1/customers/${on.customer}/default`)).body
  return [instrument, because]
}
const preferred = (on: Trial) => on.rows(instruments).flatMap(one => (one.preferred ? [one.id] : []))

test('a customer has one default at most, however many say so at once', async () => {
  const on = await trial([acme()])
  const [one, two] = await three(on)
  assert.deepEqual(await theDefault(on), [null, null])
  await Promise.all([setDefault(on, one), setDefault(on, two), setDefault(on, one), setDefault(on, two)])
  const [chosen] = await theDefault(on)
  assert.deepEqual(preferred(on), [chosen])
  assert.equal((await setDefault(on, null)).body.instrument, null)
  assert.deepEqual(preferred(on), [])
})

test('when the default ends the next best takes over by the stated rule, and it is told', async () => {
  const on = await trial([acme()])
  const [one, two, last] = await three(on)
  await setDefault(on, one)
  assert.equal((await on.read(one)).is_default, true)
  await on.call('POST', `/v1/instruments/${one}/unbind`)
  assert.deepEqual(await theDefault(on), [last, 'next_best'])
  assert.deepEqual(preferred(on), [last])
  const told = on.rows(events).filter(event => event.type === 'default.changed' && event.instrument === last)
  assert.deepEqual(told.at(-1)?.data.default, { customer: on.customer, instrument: last, before: one, because: 'next_best' })
  await on.call('POST', `/v1/instruments/${last}/unbind`, { replacement: two })
  assert.deepEqual(await theDefault(on), [two, 'next_best'])
  await on.call('POST', `/v1/instruments/${two}/erase`)
  assert.deepEqual(await theDefault(on), [null, 'none_left'])
})

test('a default that its channel took away is followed too', async () => {
  const on = await trial([acme()])
  const [one, , last] = await three(on)
  await setDefault(on, one)
  const token = (await on.read(one)).bindings[0]?.token ?? assert.fail()
  const news: Told = { event: 'evt_1', type: 'revoked', names: [token], news: { kind: 'revoked' } }
  await on.tell('acme', [news])
  assert.equal((await on.read(one)).status, 'unbound')
  assert.deepEqual(await theDefault(on), [last, 'next_best'])
})

test('a default whose succession was cut short is followed by the worker', async () => {
  const on = await trial([acme()])
  const [one, , last] = await three(on)
  await setDefault(on, one)
  on.onCommit(writes => {
    if (writes.some(write => 'table' in write && write.table.name === 'defaults')) throw new Error('killed')
  })
  await on.call('POST', `/v1/instruments/${one}/unbind`)
  on.onCommit(() => {})
  assert.deepEqual(await theDefault(on), [one, 'asked'])
  await timeDue(on.world)
  assert.deepEqual(await theDefault(on), [last, 'next_best'])
  assert.deepEqual(preferred(on), [last])
})

test('a tenant, or a customer, may want no succession', async () => {
  const on = await trial([acme()])
  const [one, two] = await three(on)
  assert.equal((await on.call('GET', '/v1/default_succession')).body.succession, 'next_best')
  await on.call('POST', '/v1/default_succession', { succession: 'none' })
  await setDefault(on, one)
  await on.call('POST', `/v1/instruments/${one}/unbind`)
  assert.deepEqual(await theDefault(on), [null, 'no_succession'])
  await on.call('PATCH', `/v1/customers/${on.customer}`, { reuse: { succession: 'next_best' } })
  await setDefault(on, two)
  await on.call('POST', `/v1/instruments/${two}/unbind`)
  assert.equal((await theDefault(on))[1], 'next_best')
})

test('what cannot be a default is refused by its field', async () => {
  const on = await trial([acme()])
  const [one, two] = await three(on)
  await on.call('POST', `/v1/instruments/${one}/unbind`)
  const stranger = String((await on.call('POST', '/v1/customers', {})).body.id)
  assert.deepEqual((await setDefault(on, one)).body.errors, [{ pointer: '/instrument', detail: 'is unbound' }])
  const theirs = await on.call('POST', `/v1/customers/${stranger}/default`, { instrument: two })
  assert.deepEqual(theirs.body.errors, [{ pointer: '/instrument', detail: 'is not an instrument of this customer' }])
  assert.equal((await on.call('POST', `/v1/customers/${on.customer}/default`, {})).status, 400)
})

test('reuse rules: bound once, and shown again as the customer said', async () => {
  const on = await trial([acme()])
  const made = await on.call('POST', '/v1/customers', { reuse: { allow_redisplay: 'limited', bind_again: 'refuse' } })
  const customer = String(made.body.id)
  const bind = async (more: object = {}) =>
    on.call('POST', '/v1/instruments', {
      customer,
      return_url: 'https://shop.example/back',
      card: { capture: await on.capture(visa) },
      ...more,
    })
  const first = await bind()
  assert.deepEqual([first.status, first.body.allow_redisplay], [201, 'limited'])
  const again = await bind()
  assert.deepEqual([again.status, again.body.instrument], [409, first.body.id])
  await on.call('POST', `/v1/instruments/${String(first.body.id)}/unbind`)
  const anew = await bind({ allow_redisplay: 'always' })
  assert.deepEqual([anew.status, anew.body.allow_redisplay], [201, 'always'])
})

test('policy, metadata and redisplay are changed as a whole, told once, and nothing else is touched', async () => {
  const on = await trial([acme()])
  const [id] = await three(on)
  const policy = { amount_max: { amount: '5000', currency: 'EUR' }, count_max_per_day: 2, purposes: ['subscription'] }
  const { status, body } = await on.call('PATCH', `/v1/instruments/${id}`, { policy, allow_redisplay: 'always' })
  assert.deepEqual([status, body.policy, body.allow_redisplay, body.metadata], [200, policy, 'always', {}])
  const before = on.rows(events).length
  assert.equal((await on.call('PATCH', `/v1/instruments/${id}`, { policy })).status, 200)
  assert.equal(on.rows(events).length, before, 'nothing differs, nothing is told')
  assert.deepEqual((await on.call('PATCH', `/v1/instruments/${id}`, { policy: {} })).body.policy, {})
})

test('blocked it cannot be charged, unblocked it can; each is told, and twice is once', async () => {
  const on = await trial([acme()])
  const [id] = await three(on)
  for (const _ of [1, 2]) {
    const { body } = await on.call('POST', `/v1/instruments/${id}/block`, { reason: 'a fraud report' })
    assert.deepEqual([body.status, body.reasons], ['blocked', ['blocked']])
  }
  for (const _ of [1, 2]) assert.equal((await on.call('POST', `/v1/instruments/${id}/unblock`)).body.status, 'active')
  assert.equal((await on.call('POST', `/v1/instruments/${id}/block`, { reason: 'again' })).body.status, 'blocked')
  const types = on.rows(events).flatMap(one => (one.instrument === id ? [one.type] : []))
  assert.equal(types.filter(one => one === 'instrument.blocked').length, 2)
  assert.equal(types.filter(one => one === 'instrument.resumed').length, 1)
})

test('bad input is refused by its field, and changes nothing', async () => {
  const on = await trial([acme()])
  const [id] = await three(on)
  const before = JSON.stringify(on.rows(instruments))
  const money = (amount: string, currency = 'EUR') => ({ amount, currency })
  for (const [body, pointer] of [
    [{ policy: { amount_max: money('0') } }, '/policy/amount_max/amount'],
    [{ policy: { amount_max: money('12.5') } }, '/policy/amount_max/amount'],
    [{ policy: { amount_max_per_day: money('1', 'XXZ') } }, '/policy/amount_max_per_day/currency'],
    [{ policy: { count_max_per_month: 0 } }, '/policy/count_max_per_month'],
    [{ policy: { purposes: [] } }, '/policy/purposes'],
    [{ policy: { purposes: ['a', 'a'] } }, '/policy/purposes'],
    [{ policy: { purposes: ['Bad Word'] } }, '/policy/purposes/0'],
    [{ policy: { more: 1 } }, '/policy/more'],
    [{ allow_redisplay: 'sometimes' }, '/allow_redisplay'],
    [{ metadata: { 'a b': 'c' } }, '/metadata/'],
    [{ status: 'active' }, '/status'],
  ] as const) {
    const { status, body: problem } = await on.call('PATCH', `/v1/instruments/${id}`, body)
    assert.equal(status, 400, JSON.stringify(body))
    assert.match(JSON.stringify(problem.errors), new RegExp(`"pointer":"${pointer}`), JSON.stringify(problem))
  }
  for (const reason of ['', 'x'.repeat(201), 'a\nb'])
    assert.equal((await on.call('POST', `/v1/instruments/${id}/block`, { reason })).status, 400)
  assert.equal(JSON.stringify(on.rows(instruments)), before)
})
