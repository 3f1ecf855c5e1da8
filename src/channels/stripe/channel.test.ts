import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../core/secret.ts'
import { NoAnswer } from '../channel.ts'
import { type Bench, createBench } from '../contract-bench.ts'
import { readAll } from '../contract-webhook.ts'
import { stripe } from './channel.ts'
import { byNumber, subject } from './subject.ts'
import { readWebhook } from './webhook.ts'

async function bound(bench: Bench, operation = 'opn_1', binding = 'bnd_1', channelCustomer?: string) {
  const outcome = await bench.bind(bench.call(operation), bench.input(binding, undefined, { channelCustomer }))
  if (outcome.kind !== 'bound') throw new assert.AssertionError({ message: JSON.stringify(outcome) })
  return outcome
}

test('a second binding of a customer goes to the customer Stripe knows', async () => {
  const bench = createBench(subject)
  const first = await bound(bench)
  const second = await bound(bench, 'opn_2', 'bnd_2', first.references.customer)
  assert.equal(second.references.customer, first.references.customer)
  assert.equal(bench.effects('customer_made').length, 1)
  assert.notEqual(second.token, first.token)
})

test('a customer Stripe does not know is our mistake, and may be tried elsewhere', async () => {
  const bench = createBench(subject)
  const outcome = await bench.bind(bench.call('opn_1'), bench.input('bnd_1', undefined, { channelCustomer: 'cus_gone' }))
  assert.deepEqual(outcome.kind === 'refused' && [outcome.by, outcome.category, outcome.elsewhere], ['channel', 'misconfigured', true])
})

test('without the security code and the name, neither is asked for', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  const bodies: string[] = []
  const send: typeof call.send = request => {
    bodies.push(request.body ?? '')
    return call.send(request)
  }
  const input = bench.input('bnd_1')
  if (input.source.type !== 'card') return assert.fail()
  await bench.bind(
    { ...call, send },
    { ...input, source: { ...input.source, card: { ...input.source.card, securityCode: false, holder: false } } },
  )
  assert.ok(!bodies.join().includes('securityCode') && !bodies.join().includes('holder'))
  assert.ok(bodies.join().includes('{{card.number}}'))
})

test('a value of ours never becomes a placeholder', async () => {
  const bench = createBench(subject)
  const call = bench.call('{{card.number}}')
  const outcome = await bench.bind(
    call,
    bench.input('bnd_1', undefined, { customer: '{{card.number}}', returnUrl: 'https://x.example/?a={{card.number}}' }),
  )
  assert.equal(outcome.kind, 'bound')
  assert.ok(!JSON.stringify([bench.stage.requests(), bench.stage.simulator.books()]).includes(bench.plain.give.number ?? ''))
})

test('a wrong API key is our mistake, and may be tried elsewhere', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  const body = JSON.stringify({ error: { type: 'invalid_request_error', message: 'Invalid API Key provided' } })
  for (const status of [401, 403]) {
    const outcome = await bench.bind({ ...call, send: () => Promise.resolve({ status, headers: {}, body }) }, bench.input('bnd_1'))
    assert.deepEqual(outcome.kind === 'refused' && [outcome.category, outcome.elsewhere], ['misconfigured', true])
  }
})

test('a bug in the way out is not taken for a lost answer', async () => {
  const bench = createBench(subject)
  const call = { ...bench.call('opn_1'), send: () => Promise.reject(new TypeError('a bug')) }
  await assert.rejects(bench.bind(call, bench.input('bnd_1')), /a bug/)
  const lost = await bench.bind({ ...call, send: () => Promise.reject(new NoAnswer('deadline')) }, bench.input('bnd_1'))
  assert.equal(lost.kind, 'uncertain')
})

test('the first 500 is uncertain; the same 500 again proves that nothing was stored', async () => {
  const bench = createBench(subject)
  const [call, input] = [bench.call('opn_1'), bench.input('bnd_1')]
  bench.fault('error_after', '/v1/payment_methods')
  const first = await bench.bind(call, input)
  assert.equal(first.kind, 'uncertain')
  assert.match(first.kind === 'uncertain' ? (first.references?.customer ?? '') : '', /^cus_/)
  const second = await bench.bind(call, input)
  assert.deepEqual(second.kind === 'refused' && [second.by, second.category, second.elsewhere], ['channel', 'try_later', true])
  // For the step that stores, it proves nothing: the saved 500 hides a stored card, which the look-up finds.
  const other = createBench(subject)
  other.fault('error_after', '/v1/setup_intents')
  await other.bind(call, input)
  assert.equal((await other.bind(other.call('opn_1'), input)).kind, 'uncertain')
})

test('a look-up reads every page before it says that there is nothing', async () => {
  const bench = createBench(subject)
  const first = await bound(bench)
  const { customer = '' } = first.references
  for (let i = 2; i <= 230; i += 1) await bound(bench, `opn_${i}`, `bnd_${i}`, customer)
  const ask = (operation: string, binding: string) =>
    stripe.lookUp?.(bench.call(operation), { customer: 'cus_contract', binding, verb: 'bind', references: { customer }, source: undefined })
  const before = bench.stage.requests().length
  const found = await ask('opn_1', 'bnd_1')
  assert.equal(found?.kind === 'bound' && found.token, first.token)
  assert.equal(bench.stage.requests().length - before, 3)
  assert.equal((await ask('opn_999', 'bnd_999'))?.kind, 'none')
  // Our mark on what does not fit, or a list about somebody else, proves nothing.
  assert.equal((await ask('opn_2', 'bnd_1'))?.kind, 'uncertain')
})

test('news of a setup intent answers our operation; its kind follows the intent', async () => {
  const bench = createBench(subject)
  await bound(bench)
  await bench.bind(bench.call('opn_2', byNumber('4000000000009995')), bench.input('bnd_2'))
  await bench.bind(bench.call('opn_3', byNumber('4000002760003184')), bench.input('bnd_3'))
  const told = (await readAll(bench)).filter(one => one.news !== undefined)
  assert.deepEqual(
    told.map(one => [one.type, one.operation, one.binding, one.news?.kind]),
    [
      ['setup_intent.succeeded', 'opn_1', 'bnd_1', 'bound'],
      ['setup_intent.setup_failed', 'opn_2', 'bnd_2', 'refused'],
      ['setup_intent.requires_action', 'opn_3', 'bnd_3', 'challenged'],
    ],
  )
  assert.ok(told.every(one => one.moment?.atMs === bench.clock.nowMs))
})

test('what Stripe does to a stored card on its own answers no operation', async () => {
  const bench = createBench(subject)
  const { token } = await bound(bench)
  await readAll(bench)
  const context = { nowMs: bench.clock.nowMs, random: (count: number) => Buffer.alloc(count, 7), address: 'http://127.0.0.1:9' }
  bench.stage.simulator.act('update_card', token, context)
  bench.stage.simulator.act('detach', token, context)
  const [updated, detached] = await readAll(bench)
  assert.deepEqual(
    [updated?.news, updated?.names, updated?.binding, updated?.operation],
    [{ kind: 'updated', token, shown: { brand: 'visa', last4: '4243', expiryMonth: 3, expiryYear: 2034 } }, [token], 'bnd_1', undefined],
  )
  assert.deepEqual([detached?.news, detached?.operation], [{ kind: 'revoked' }, undefined])
  assert.deepEqual(bench.stage.violations(), [])
})

test('an event that changes no status is taken, and says nothing', () => {
  const body = JSON.stringify({ id: 'evt_1', object: 'event', type: 'invoice.paid', created: 1, data: { object: { id: 'in_1' } } })
  const bench = createBench(subject)
  const signed = bench.stage.simulator.sign({ id: 'evt_1', type: 'invoice.paid', body }, { nowMs: 5_000, secrets: ['a'] })
  const reading = readWebhook({ headers: signed.headers, body: Buffer.from(body), nowMs: 5_000, secrets: [new Secret('a')] })
  assert.deepEqual(reading.kind === 'told' && reading.told, [{ event: 'evt_1', type: 'invoice.paid', moment: { atMs: 1_000 }, names: [] }])
})

test('a token of the other mode is our mistake, not a card that is gone', async () => {
  const bench = createBench(subject)
  const error = {
    type: 'invalid_request_error',
    code: 'resource_missing',
    param: 'payment_method',
    message: "No such PaymentMethod: 'pm_1'; a similar object exists in test mode, but a live mode key was used to make this request.",
  }
  const send = () => Promise.resolve({ status: 404, headers: {}, body: JSON.stringify({ error }) })
  const outcome = await stripe.revoke?.({ ...bench.call('opn_1'), send }, { customer: 'c', binding: 'b', token: 'pm_1', references: {} })
  assert.notEqual(outcome?.kind, 'revoked')
  const missing = { ...error, message: "No such PaymentMethod: 'pm_1'" }
  const gone = () => Promise.resolve({ status: 404, headers: {}, body: JSON.stringify({ error: missing }) })
  assert.equal(
    (await stripe.revoke?.({ ...bench.call('opn_1'), send: gone }, { customer: 'c', binding: 'b', token: 'pm_1', references: {} }))?.kind,
    'revoked',
  )
})
