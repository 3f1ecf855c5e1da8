import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { channels } from '../channels/index.ts'
import { routingRules } from './routing.ts'
import { bindBody } from './schemas.ts'
import { returnUrl, type TrialAnswer, trial, visa } from './trial.seam.ts'

const pointers = ({ body }: TrialAnswer): unknown => {
  const { errors } = z.object({ errors: z.array(z.object({ pointer: z.string() })) }).parse(body)
  return errors.map(one => one.pointer)
}
const listed = ({ body }: TrialAnswer) =>
  z.object({ object: z.literal('list'), data: z.array(z.record(z.string(), z.unknown())) }).parse(body).data
const terms = {
  currency: 'EUR',
  rule: 'max',
  amount: '5000',
  frequency: 'monthly',
  starts_on: '2026-04-01',
  contract: 'C-1',
  description: 'Subscription',
}
const bank = { scheme: 'sepa_debit', country: 'DE' }

test('every channel is listed as it is, and as available where it has an account', async () => {
  const on = await trial(['stripe', 'gocardless', 'pix'])
  const data = listed(await on.call('GET', '/v1/channels'))
  assert.deepEqual(
    data.map(one => [one.name, one.available, one.object]),
    ['stripe', 'gocardless', 'pix'].map(name => [name, true, 'channel']),
  )
  const stripe = z
    .object({
      shapes: z.array(z.string()),
      operations: z.array(z.object({ name: z.string(), repeat: z.string(), window_seconds: z.number().nullable() })),
      currencies: z.array(z.object({ code: z.string(), places: z.number() })),
      proof: z.object({ rank: z.string() }),
    })
    .parse(data[0])
  assert.ok(stripe.shapes.includes('micro_deposits'))
  assert.deepEqual(
    stripe.currencies.find(one => one.code === 'JPY'),
    { code: 'JPY', places: 0 },
  )
  assert.equal(stripe.proof.rank, 'specification')
  assert.ok(stripe.operations.some(one => one.name === 'bind' && one.repeat === 'keyed' && one.window_seconds !== null))
})

test('each sandbox value is listed with bodies that our own doors take', async () => {
  const on = await trial([...channels.keys()])
  const values = listed(await on.call('GET', '/v1/sandbox/values'))
  const expected = [...channels.values()].reduce((sum, one) => sum + one.sandboxValues.length, 0)
  assert.equal(values.length, expected)
  for (const { channel, title, bind, capture } of values) {
    const text = JSON.stringify({ customer: on.customer, return_url: returnUrl, ...z.looseObject({}).parse(bind) })
    const body: unknown = JSON.parse(text.replaceAll('cap_…', `cap_${'0'.repeat(26)}`))
    const read = bindBody.safeParse(body)
    assert.ok(read.success, `${channel} ${title}: ${JSON.stringify(read.error?.issues)}`)
    assert.equal(capture === null, !text.includes('cap_…'), `${channel} ${title}`)
  }
})

test('sandbox values of one channel are those of that channel, and of none a mistake by name', async () => {
  const on = await trial(['stripe', 'adyen'])
  const mine = listed(await on.call('GET', '/v1/sandbox/values?channel=adyen'))
  assert.ok(mine.length > 0 && mine.every(one => one.channel === 'adyen'))
  const wrong = await on.call('GET', '/v1/sandbox/values?channel=nobody')
  assert.deepEqual([wrong.status, pointers(wrong)], [400, ['query/channel']])
})

test('a device is tapped, its token handed to the vault, and bound', async () => {
  const on = await trial(['checkout'])
  const taps = channels.get('checkout')?.sandboxValues.filter(one => one.source.type === 'device_token' && one.outcome === 'bound') ?? []
  assert.ok(taps.length > 0)
  for (const { title } of taps) {
    const { status, body } = await on.call('POST', '/v1/sandbox/device_tokens', { channel: 'checkout', title })
    assert.equal(status, 200, JSON.stringify(body))
    const { wallet, token } = z.object({ wallet: z.enum(['apple_pay', 'google_pay']), token: z.looseObject({}) }).parse(body)
    const capture = await on.capture({ [wallet]: token })
    const { kind, card, status: bound } = await on.bind({ device_token: { capture } })
    assert.deepEqual([kind, card?.wallet, bound], ['device_token', wallet, 'active'])
  }
})

test('who taps names the channel and the value, and is told which of them is wrong', async () => {
  const on = await trial(['checkout'])
  const nobody = await on.call('POST', '/v1/sandbox/device_tokens', { channel: 'nobody', title: 'x' })
  assert.deepEqual([nobody.status, pointers(nobody)], [400, ['/channel']])
  const title = channels.get('checkout')?.sandboxValues.find(one => one.source.type === 'card')?.title
  const card = await on.call('POST', '/v1/sandbox/device_tokens', { channel: 'checkout', title })
  assert.deepEqual([card.status, pointers(card)], [422, ['/title']])
})

test('a rule decides where a bind goes, and the answer says which and why', async () => {
  const on = await trial(['stripe', 'gocardless'])
  const before = await on.call('POST', '/v1/route', { bank_account: bank })
  assert.deepEqual([before.body.channels, before.body.rule], [['stripe', 'gocardless'], 'deployment'])
  const rule = { priority: 10, when: { kinds: ['bank_account'], countries: ['DE'] }, channels: ['gocardless', 'stripe'] }
  const made = await on.call('POST', '/v1/routing_rules', rule)
  assert.equal(made.status, 201)
  assert.deepEqual([made.body.bind_on, made.body.when, made.body.channels], ['first', rule.when, rule.channels])
  const after = await on.call('POST', '/v1/route', { bank_account: bank })
  assert.deepEqual(after.body, {
    object: 'route',
    channels: ['gocardless', 'stripe'],
    bind_on: 'first',
    rule: made.body.id,
    considered: [
      { channel: 'gocardless', verdict: 'chosen', because: 'takes it' },
      { channel: 'stripe', verdict: 'next', because: 'takes it' },
    ],
  })
  const french = await on.call('POST', '/v1/route', { bank_account: { ...bank, country: 'FR' } })
  assert.equal(french.body.rule, 'deployment')
  const bound = await on.bind({ bank_account: bank })
  assert.deepEqual([bound.bindings[0]?.channel, bound.bindings[0]?.route?.rule], ['gocardless', made.body.id])
  const timeline = await on.call('GET', `/v1/instruments/${bound.id}/timeline`)
  assert.match(JSON.stringify(timeline.body), new RegExp(`"rule":"${made.body.id}"`))
})

test('rules are tried from the lowest, listed in that order, and gone when they are removed', async () => {
  const on = await trial(['stripe', 'gocardless'])
  const add = async (priority: number, name: string) =>
    (await on.call('POST', '/v1/routing_rules', { priority, when: {}, channels: [name] })).body.id
  const [late, early] = [await add(20, 'stripe'), await add(10, 'gocardless')]
  assert.deepEqual(
    listed(await on.call('GET', '/v1/routing_rules')).map(one => one.id),
    [early, late],
  )
  assert.equal((await on.call('POST', '/v1/route', { bank_account: bank })).body.rule, early)
  assert.equal((await on.call('DELETE', `/v1/routing_rules/${early}`)).status, 204)
  assert.equal((await on.call('DELETE', `/v1/routing_rules/${early}`)).status, 404)
  assert.equal((await on.call('POST', '/v1/route', { bank_account: bank })).body.rule, late)
  assert.equal(on.rows(routingRules).length, 1)
})

test('a mistake in a rule is named by its field', async () => {
  const on = await trial(['stripe'])
  const good = { priority: 1, when: {}, channels: ['stripe'] }
  const wrong = async (more: Readonly<Record<string, unknown>>, status: number, ...at: readonly string[]) => {
    const answer = await on.call('POST', '/v1/routing_rules', { ...good, ...more })
    assert.deepEqual([answer.status, pointers(answer)], [status, at], JSON.stringify(more))
  }
  await wrong({ channels: ['stripe', 'nobody'] }, 400, '/channels/1')
  await wrong({ channels: [] }, 400, '/channels')
  await wrong({ channels: ['stripe', 'stripe'] }, 400, '/channels')
  await wrong({ priority: -1 }, 400, '/priority')
  await wrong({ when: { countries: ['Germany'] } }, 400, '/when/countries/0')
  await wrong({ when: { bins: ['4x'] } }, 400, '/when/bins/0')
  await wrong({ when: { kinds: ['cheque'] } }, 400, '/when/kinds/0')
  await wrong({ when: { colour: 'red' } }, 400, '/when/colour')
  assert.equal((await on.call('POST', '/v1/routing_rules', good)).status, 201)
  await wrong({}, 409, '/priority')
})

test('a rule knows a card by its first digits, and /v1/route takes them without a capture being used up', async () => {
  const on = await trial(['stripe', 'adyen'])
  const made = await on.call('POST', '/v1/routing_rules', { priority: 1, when: { bins: ['4111'] }, channels: ['adyen', 'stripe'] })
  const capture = await on.capture(visa)
  for (let n = 0; n < 2; n += 1) assert.equal((await on.call('POST', '/v1/route', { card: { capture } })).body.rule, made.body.id)
  const other = await on.call('POST', '/v1/route', { card: { capture }, bin: '555555' })
  assert.equal(other.body.rule, 'deployment')
  const bound = await on.bind({ card: { capture } })
  assert.equal(bound.bindings[0]?.channel, 'adyen')
})

test('a capture that lapsed is told as gone by /v1/route as by a bind, whatever it was of', async () => {
  const on = await trial(['gocardless'])
  const capture = `cap_${'0'.repeat(26)}`
  for (const subject of [{ card: { capture } }, { bank_account: { ...bank, capture } }]) {
    const name = Object.keys(subject)[0]
    for (const [path, more] of [
      ['/v1/route', {}],
      ['/v1/instruments', { customer: on.customer, return_url: returnUrl }],
    ] as const) {
      const answer = await on.call('POST', path, { ...more, ...subject })
      assert.deepEqual([answer.status, pointers(answer)], [410, [`/${name}/capture`]], path)
    }
  }
})

test('no channel left is told with what was thought of each', async () => {
  const on = await trial(['stripe', 'gocardless'])
  const answer = await on.call('POST', '/v1/route', { instant_mandate: { rail: 'upi_autopay', by: 'qr' } })
  assert.deepEqual([answer.status, pointers(answer)], [422, ['/channels']])
  assert.match(String(answer.body.detail), /stripe takes no instant_mandate; gocardless takes no instant_mandate/)
})

test('a body that is not as it should be is refused by the name of its field', async () => {
  const on = await trial(['stripe', 'gocardless'])
  const good = { customer: on.customer, return_url: returnUrl, bank_account: bank }
  const wrong = async (more: Readonly<Record<string, unknown>>, status: number, ...at: readonly string[]) => {
    const answer = await on.call('POST', '/v1/instruments', { ...good, ...more })
    assert.deepEqual([answer.status, pointers(answer)], [status, at], JSON.stringify(more))
  }
  await wrong({ wallet: { brand: 'gcash' } }, 400, '/card')
  await wrong({ bank_account: undefined }, 400, '/card')
  await wrong({ channels: ['stripe', 'nobody'] }, 400, '/channels/1')
  await wrong({ channels: ['stripe', 'stripe'] }, 400, '/channels')
  await wrong({ bind_on: 'some' }, 400, '/bind_on')
  await wrong({ bank_account: { scheme: 'cheque' } }, 400, '/bank_account/scheme')
  await wrong({ bank_account: { ...bank, country: 'de' } }, 400, '/bank_account/country')
  await wrong({ mandate: { ...terms, amount: undefined } }, 400, '/mandate/amount')
  await wrong({ mandate: { ...terms, rule: 'any' } }, 400, '/mandate/amount')
  await wrong({ mandate: { ...terms, amount: '0' } }, 400, '/mandate/amount')
  await wrong({ mandate: { ...terms, currency: 'EURO' } }, 400, '/mandate/currency')
  await wrong({ mandate: { ...terms, starts_on: '2026-02-30' } }, 400, '/mandate/starts_on')
  await wrong({ mandate: { ...terms, ends_on: '2026-03-31' } }, 400, '/mandate/ends_on')
  await wrong({ customer: 'cus_nobody' }, 400, '/customer')
  await wrong({ return_url: 'javascript:alert(1)' }, 400, '/return_url')
  const extend = await on.call('POST', `/v1/instruments/${(await on.bind({ bank_account: bank })).id}/bindings`, {
    channel: 'nobody',
    return_url: returnUrl,
  })
  assert.deepEqual([extend.status, pointers(extend)], [400, ['/channel']])
})
