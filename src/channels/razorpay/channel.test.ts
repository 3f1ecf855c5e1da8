import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { Secret } from '../../core/secret.ts'
import type { BindOutcome, Call, ChannelAnswer, MandateTerms, SandboxValue } from '../channel.ts'
import { assertBound, type Bench, bindFully, createBench, goOn, kindOf } from '../contract-bench.ts'
import { readAll } from '../contract-webhook.ts'
import { razorpay } from './channel.ts'
import { orderTokenOf } from './mandate.ts'
import { subject } from './subject.ts'

const by = (shape: string, number?: string): SandboxValue =>
  razorpay.sandboxValues.find(one => one.shape === shape && (number === undefined || one.give.number === number)) ?? assert.fail(shape)
const upi = by('app_link')
const card = by('otp')
const terms = upi.terms ?? assert.fail()
const context = (bench: Bench) => ({ nowMs: bench.clock.nowMs, random: (n: number) => Buffer.alloc(n, 5), address: 'http://127.0.0.1:9' })

async function begin(bench: Bench, value: SandboxValue = upi): Promise<BindOutcome & { readonly kind: 'challenged' }> {
  const outcome = await bench.bind(bench.call('opn_1', value), bench.input('bnd_1', value))
  return outcome.kind === 'challenged' ? outcome : assert.fail(kindOf(outcome))
}
const about = (outcome: { readonly references: Readonly<Record<string, string>> }) => ({
  customer: 'cus_contract',
  binding: 'bnd_1',
  references: outcome.references,
})
/** What was asked, in short. */
const asked = (bench: Bench) => bench.stage.requests().map(one => `${one.method} ${one.path.replace(/_[A-Za-z0-9]{14}/g, '')}`)
function spoil(call: Call, path: RegExp, answer: Partial<ChannelAnswer>): Call {
  return {
    ...call,
    send: async request => {
      const real = await call.send(request)
      return path.test(`${request.method} ${new URL(request.url).pathname}`) ? { ...real, ...answer } : real
    },
  }
}

test('terms become what Razorpay’s order takes, and nothing is guessed', () => {
  assert.deepEqual(orderTokenOf(terms, 'upi'), { max_amount: 150_000, frequency: 'monthly', expire_at: 1_953_829_799 })
  const { endsOn: _, ...open } = terms
  assert.deepEqual(orderTokenOf(open, 'upi'), { max_amount: 150_000, frequency: 'monthly' })
  const wrong: readonly (readonly [Partial<MandateTerms> | undefined, string])[] = [
    [undefined, 'mandate_terms_missing'],
    [{ currency: 'USD' }, 'currency_not_inr'],
    [{ rule: 'any' }, 'mandate_without_amount'],
    [{ frequency: 'half_yearly' }, 'frequency_half_yearly'],
    [{ amount: '99' }, 'amount_out_of_bounds'],
    [{ amount: '20000001' }, 'amount_out_of_bounds'],
    [{ endsOn: 'one day' }, 'end_is_no_day'],
  ]
  for (const [change, code] of wrong) assert.equal(orderTokenOf(change && { ...terms, ...change }, 'upi'), code)
})

test('without terms, or from a source it does not take, Razorpay is not asked, and another channel may be', async () => {
  const bench = createBench(subject)
  for (const more of [
    { terms: undefined },
    { source: { type: 'carrier_account', payer: { held: [], tail: '', country: 'IN' } } },
  ] as const) {
    const outcome = await bench.bind(bench.call('opn_1'), { ...bench.input('bnd_1'), ...more })
    assert.deepEqual(outcome.kind === 'refused' && [outcome.category, outcome.elsewhere], ['not_supported', true])
  }
  assert.equal(bench.stage.requests().length, 0)
})

test('a mandate is asked for in this order, and its payer is filled in by the vault', async () => {
  const bench = createBench(subject)
  await begin(bench)
  assert.deepEqual(asked(bench), [
    'GET /v1/orders',
    'POST /v1/customers',
    'POST /v1/orders',
    'POST /v1/payments/create/upi',
    'GET /v1/payments/pay',
  ])
})

test('a payer of whom nothing is held has our name, and a customer who is known is not made again', async () => {
  const bench = createBench(subject)
  const source = { type: 'instant_mandate', rail: 'upi_autopay', by: 'qr', payer: { held: [], tail: '', country: 'IN' } } as const
  const first = await bench.bind(bench.call('opn_1'), bench.input('bnd_1', upi, { source }))
  const body = bench.stage.requests().find(one => one.path === '/v1/customers')?.body ?? ''
  // Names are masked in recordings, ours too.
  assert.deepEqual(JSON.parse(body), { name: '***ct', fail_existing: '0', notes: { customer: 'cus_contract' } })
  const channelCustomer = 'references' in first ? first.references?.customer : undefined
  await bench.bind(bench.call('opn_2'), bench.input('bnd_2', upi, { source, channelCustomer }))
  assert.equal(bench.effects('customer_made').length, 1)
})

test('two customers of ours who are one person to Razorpay are both bound', async () => {
  const bench = createBench(subject)
  await begin(bench)
  const other = await bench.bind(bench.call('opn_2'), bench.input('bnd_2', upi, { customer: 'cus_other' }))
  assert.equal(other.kind, 'challenged')
  assert.equal(bench.effects('customer_made').length, 1)
})

test('a customer who was made in an answer that was lost is given back; without `fail_existing` there would be an error', async () => {
  const bench = createBench(subject)
  bench.fault('lost_after', '/v1/customers')
  assert.equal((await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))).kind, 'uncertain')
  await begin(bench)
  assert.equal(bench.effects('customer_made').length, 1)
  const call = bench.call('opn_2')
  const send: Call['send'] = request =>
    call.send({ ...request, ...(request.body && { body: request.body.replace('"fail_existing":"0",', '') }) })
  const refused = await bench.bind({ ...call, send }, bench.input('bnd_2'))
  assert.equal(refused.kind, 'refused')
})

test('a bind that is sent again goes on in the order it finds, and an agreed one is found', async () => {
  const bench = createBench(subject)
  await begin(bench)
  await begin(bench)
  assert.equal(asked(bench).filter(one => one === 'POST /v1/orders').length, 1)
  bench.stage.simulator.act('approve', 'opn_1', context(bench))
  assertBound(await bench.bind(bench.call('opn_1'), bench.input('bnd_1')))
  assert.equal(bench.effects('stored').length, 1)
})

test('only one of several links of an order can be agreed to', async () => {
  const bench = createBench(subject)
  const first = await begin(bench)
  const second = await begin(bench)
  assert.notEqual(first.references.payment, second.references.payment)
  bench.stage.simulator.act('approve', second.references.payment ?? '', context(bench))
  bench.stage.simulator.act('approve', first.references.payment ?? '', context(bench))
  assert.equal(bench.effects('stored').length, 1)
  assertBound(await goOn(bench, first.references, undefined, upi))
})

test('a link that was lost is asked for anew by a look-up, one that was shown is waited for', async () => {
  const bench = createBench(subject)
  bench.fault('lost_after', '/v1/payments/create/upi')
  const lost = await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
  assert.equal(lost.kind, 'uncertain')
  const lookUp = async (references: Readonly<Record<string, string>>) =>
    await razorpay.lookUp?.(bench.call('opn_1'), { ...about({ references }), verb: 'bind', source: upi.source })
  const found = await lookUp('references' in lost ? (lost.references ?? {}) : {})
  if (found?.kind !== 'challenged') return assert.fail(found?.kind)
  const again = await lookUp(found.references)
  assert.deepEqual(again?.kind === 'uncertain' && again.cause, 'awaiting_the_customer')
  assert.equal(bench.effects('challenged').length, 1)
})

test('a wrong password may be typed again, the third ends it; another is sent on request', async () => {
  const bench = createBench(subject)
  const { references } = await begin(bench, card)
  for (const tries of [1, 2]) {
    const wrong = await goOn(bench, references, { otp: '123' }, card, `opn_${tries + 1}`)
    assert.equal(wrong.kind, 'challenged')
  }
  const last = await goOn(bench, references, { otp: '12' }, card, 'opn_4')
  assert.deepEqual(last.kind === 'refused' && [last.category, last.by], ['authentication_failed', 'issuer'])
  const after = await goOn(bench, references, { otp: '123456' }, card, 'opn_5')
  assert.equal(after.kind, 'refused')
})

test('a password is sent again while Razorpay offers it; a request that fails decides nothing', async () => {
  const bench = createBench(subject)
  const { references } = await begin(bench, card)
  const resend = async () => await razorpay.resend?.(bench.call('opn_2', card), { ...about({ references }), returned: {} })
  const offered = []
  for (let i = 0; i < 3; i += 1) {
    const outcome = await resend()
    offered.push(outcome?.kind === 'challenged' && outcome.action.type === 'otp' ? outcome.action.resends : undefined)
  }
  assert.equal(offered.length, 3)
  const more = await resend()
  assert.deepEqual(more?.kind === 'uncertain' && more.cause, 'not_sent_again')
  assertBound(await goOn(bench, references, { otp: '123456' }, card, 'opn_3'))
})

test('the card goes out by placeholders, with the month and the short year Razorpay wants', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1', card)
  let sent = ''
  const send: Call['send'] = request => {
    if (request.url.endsWith('/create/json')) sent = request.body ?? ''
    return call.send(request)
  }
  const bound = await bench.bind({ ...call, send }, bench.input('bnd_1', card))
  assert.equal(bound.kind, 'challenged')
  const body = z.looseObject({ card: z.unknown() }).parse(JSON.parse(sent))
  assert.deepEqual(body.card, {
    number: '{{card.number}}',
    name: '{{card.holder}}',
    expiry_month: '03',
    expiry_year: '30',
    cvv: '{{card.securityCode}}',
  })
})

test('a payment that is of another order, or over other money, is not ours', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  const real = {
    id: 'pay_00000000000001',
    entity: 'payment',
    order_id: 'order_00000000000001',
    amount: 100,
    currency: 'INR',
    status: 'created',
    method: 'upi',
    created_at: 1,
  }
  for (const change of [{}, { amount: 200 }, { currency: 'USD' }]) {
    const strange = spoil(call, /^GET .*\/payments\/pay_/, { body: JSON.stringify({ ...real, ...change }) })
    const outcome = await bench.bind(strange, bench.input('bnd_1'))
    assert.deepEqual(outcome.kind === 'uncertain' && outcome.cause, 'another_payment')
  }
})

test('a mandate that is cancelled ends later, and may live on when NPCI says no', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  const revoke = async () => await razorpay.revoke?.(bench.call('opn_6'), { ...about(bound), token: bound.token })
  const ask = async () => await razorpay.lookUp?.(bench.call('opn_6'), { ...about(bound), verb: 'revoke', source: upi.source })
  assert.equal((await revoke())?.kind, 'revoking')
  assert.equal((await ask())?.kind, 'revoking')
  bench.stage.simulator.act('fail_cancellation', bound.token, context(bench))
  assert.equal((await ask())?.kind, 'none', 'it was not carried out')
  assert.equal((await revoke())?.kind, 'revoking')
  bench.clock.nowMs += 3_600_000
  assert.equal((await ask())?.kind, 'revoked')
  const kinds = (await readAll(bench)).flatMap(one => (one.type.startsWith('token.') ? [one.news?.kind] : []))
  assert.deepEqual(kinds, ['bound', 'revoking', 'revoking', 'revoked'])
})

test('a lost answer to a cancellation, and an odd one, are uncertain', async () => {
  for (const answer of [{ status: 500 }, { body: '{"status":"maybe"}' }, { body: '[]' }]) {
    const bench = createBench(subject)
    const bound = await bindFully(bench)
    const call = spoil(bench.call('opn_6'), /^PUT /, answer)
    assert.equal((await razorpay.revoke?.(call, { ...about(bound), token: bound.token }))?.kind, 'uncertain')
    assert.equal((await razorpay.revoke?.(bench.call('opn_6'), { ...about(bound), token: bound.token }))?.kind, 'revoking')
  }
})

test('a card’s token is deleted; deleting a mandate would only hide it, and is not what we do', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench, card)
  assert.equal((await razorpay.revoke?.(bench.call('opn_6', card), { ...about(bound), token: bound.token }))?.kind, 'revoked')
  assert.equal((await razorpay.revoke?.(bench.call('opn_7', card), { ...about(bound), token: bound.token }))?.kind, 'revoked')
  assert.equal(asked(bench).filter(one => one.startsWith('DELETE')).length, 1)

  const other = createBench(subject)
  const mandate = await bindFully(other)
  const { customer = '' } = mandate.references
  const { send, account } = other.call('opn_6')
  const { keyId = '' } = account.settings
  const basic = Buffer.from(`${keyId}:${account.secrets.keySecret?.reveal()}`).toString('base64')
  await send({
    method: 'DELETE',
    url: `http://127.0.0.1:9/v1/customers/${customer}/tokens/${mandate.token}`,
    headers: { authorization: `Basic ${basic}` },
  })
  assert.equal(other.stage.simulator.books().held.filter(one => one.usable).length, 1, 'it lives on at NPCI')
  const revoked = await razorpay.revoke?.(other.call('opn_7'), { ...about(mandate), token: mandate.token })
  assert.deepEqual(revoked?.kind === 'uncertain' && revoked.cause, 'token_not_found')
})

test('a customer pauses, goes on and cancels in the app, and we hear of it', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  await readAll(bench)
  for (const [name, kind] of [
    ['pause', 'suspended'],
    ['resume', 'resumed'],
    ['cancel', 'revoked'],
  ] as const) {
    bench.stage.simulator.act(name, bound.token, context(bench))
    const [one, ...more] = await readAll(bench)
    assert.deepEqual([one?.news?.kind, one?.names, more.length], [kind, [bound.token], 0])
  }
})

test('a wrong key closes the door, and says nothing about the instrument', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  const account = { ...call.account, secrets: { keySecret: new Secret('another') } }
  const outcome = await bench.bind({ ...call, account }, bench.input('bnd_1'))
  assert.deepEqual(outcome.kind === 'refused' && [outcome.by, outcome.category], ['channel', 'misconfigured'])
})

test('an order that was agreed to between our look and our next attempt is a mandate, not a refusal', async () => {
  const bench = createBench(subject)
  const first = await begin(bench)
  const call = bench.call('opn_1')
  const send: Call['send'] = request => {
    if (request.url.endsWith('/create/upi')) bench.stage.simulator.act('approve', first.references.payment ?? '', context(bench))
    return call.send(request)
  }
  assertBound(await bench.bind({ ...call, send }, bench.input('bnd_1')))
})

test('what could not be done for the moment decides nothing', async () => {
  const technical = { error: { code: 'GATEWAY_ERROR', description: 'Timed out.', reason: 'gateway_technical_error' } }
  for (const [value, path] of [
    [upi, /create\/upi$/],
    [card, /create\/json$/],
  ] as const) {
    const bench = createBench(subject)
    const call = spoil(bench.call('opn_1', value), path, { status: 400, body: JSON.stringify(technical) })
    assert.equal((await bench.bind(call, bench.input('bnd_1', value))).kind, 'uncertain')
  }
})

test('a door that closes, and a bank that does not answer, say nothing about a password that may have been right', async () => {
  const closed = { error: { code: 'BAD_REQUEST_ERROR', description: 'Authentication failed' } }
  const technical = { error: { code: 'GATEWAY_ERROR', description: 'Timed out.', reason: 'request_timed_out' } }
  for (const [status, body, kind] of [
    [401, closed, 'uncertain'],
    [400, technical, 'bound'],
  ] as const) {
    const bench = createBench(subject)
    const { references } = await begin(bench, card)
    const call = spoil(bench.call('opn_2', card), /otp\/submit$/, { status, body: JSON.stringify(body) })
    assert.equal((await razorpay.resume?.(call, { ...about({ references }), returned: { otp: '123456' } }))?.kind, kind)
  }
})

test('a link that nobody holds any more and that lapses does not end the bind: the customer holds the next', async () => {
  const bench = createBench(subject)
  const first = await begin(bench)
  const second = await begin(bench)
  bench.stage.simulator.act('decline', first.references.payment ?? '', context(bench))
  const failed = (await readAll(bench)).filter(one => one.type === 'payment.failed')
  assert.deepEqual(
    failed.map(one => [one.operation, one.news, one.returned]),
    [['opn_1', undefined, {}]],
  )
  const looked = await goOn(bench, second.references, undefined, upi)
  assert.equal(looked.kind, 'uncertain')
  bench.stage.simulator.act('decline', second.references.payment ?? '', context(bench))
  assert.equal((await goOn(bench, second.references, undefined, upi)).kind, 'refused')
})
