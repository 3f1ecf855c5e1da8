/** What Checkout.com tells: of a bind its end, of a stored card what the account updater found out. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { Secret } from '../../core/secret.ts'
import type { Told, WebhookReading } from '../channel.ts'
import { accountOf, bindFully, createBench, credentialsOf } from '../contract-bench.ts'
import { subject } from './subject.ts'
import { readWebhook } from './webhook.ts'

const [credentials] = credentialsOf(subject)
const secret = 'a signing key of Checkout.com'
const read = async (body: string | Buffer, signature?: string, secrets = [secret]): Promise<WebhookReading> =>
  readWebhook({
    headers: { 'cko-signature': signature ?? createHmac('sha256', secret).update(body).digest('hex') },
    body: Buffer.from(body),
    nowMs: 0,
    secrets: secrets.map(one => new Secret(one)),
    account: accountOf(credentials),
    send: () => Promise.reject(new Error('nothing is sent')),
  })

/** The specification's example of an event (`event-data`), of a card verified by nothing. */
const example = {
  id: 'evt_az5sblvku4ge3dwpztvyizgcau',
  type: 'card_verified',
  version: '1.0.1',
  created_on: '2020-02-27T11:26:59Z',
  data: {
    id: 'pay_mbabizu24mvu3mela5njyhpit4',
    action_id: 'act_y3oqhf46pyzuxjbcn2giaqnb44',
    amount: 0,
    currency: 'USD',
    response_code: '10000',
    response_summary: 'Approved',
    scheme_id: '745664329470123',
    source: { type: 'card', id: 'src_nwd3m4in3hkuddfpjsaevunhdy', expiry_month: 12, expiry_year: 2025, scheme: 'VISA', last_4: '4242' },
    reference: 'opn_1',
    metadata: { bindery_operation: 'opn_1', bindery_binding: 'bnd_1' },
  },
}
type Event = Omit<typeof example, 'data'> & { readonly data: Readonly<Record<string, unknown>> }
const toldOf = async (event: Event): Promise<readonly Told[]> => {
  const reading = await read(JSON.stringify(event))
  assert.equal(reading.kind, 'told')
  return reading.kind === 'told' ? reading.told : []
}
const data = (more: object): Event => ({ ...example, data: { ...example.data, ...more } })

test('a signature is hexadecimal HMAC-SHA256 over the body as it is', async () => {
  // Worked out by hand (RFC 4231, test case 2): key `Jefe`.
  const body = 'what do ya want for nothing?'
  const signature = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
  const reading = await read(body, signature, ['Jefe'])
  assert.deepEqual(reading.kind === 'rejected' && reading.reason, 'malformed', 'signed, but no event')
  for (const wrong of [signature.toUpperCase(), signature.slice(1), Buffer.from(signature, 'hex').toString('base64'), ''])
    assert.equal((await read(body, wrong, ['Jefe'])).kind === 'rejected' && 'forged', 'forged')
  const unsigned = await read(body, createHmac('sha256', '').update(body).digest('hex'), [''])
  assert.equal(unsigned.kind === 'rejected' && unsigned.reason, 'forged', 'an empty secret signs nothing')
})

test('a card that was verified is bound, under our names and theirs', async () => {
  const [told] = await toldOf(example)
  assert.deepEqual(told, {
    event: example.id,
    type: 'card_verified',
    operation: 'opn_1',
    binding: 'bnd_1',
    names: [example.data.id, example.data.source.id],
    moment: { atMs: Date.parse(example.created_on) },
    news: {
      kind: 'bound',
      token: example.data.source.id,
      references: { payment: example.data.id, source: example.data.source.id },
      shown: { brand: 'visa', last4: '4242', expiryMonth: 12, expiryYear: 2025 },
      networkTransactionId: '745664329470123',
    },
  })
})

test('a verification that was declined says why; one declined for want of 3-D Secure is not the end', async () => {
  const declined = (more: object) => ({ ...data(more), type: 'card_verification_declined' })
  const [why] = await toldOf(declined({ response_code: '20051', response_summary: 'Insufficient funds' }))
  assert.deepEqual(why?.news, {
    kind: 'refused',
    by: 'issuer',
    category: 'insufficient_funds',
    code: '20051',
    elsewhere: false,
    message: 'Insufficient funds',
    references: { payment: example.data.id },
  })
  for (const code of ['20154', '43401']) assert.equal((await toldOf(declined({ response_code: code })))[0]?.news, undefined)
  const [end] = await toldOf(declined({ response_code: '20154', '3ds': { enrolled: 'Y' } }))
  assert.equal(end?.news?.kind, 'refused')
  assert.equal((await toldOf(declined({ response_code: undefined })))[0]?.news, undefined)
})

test('a payment with money in it is no bind, whatever it says of itself', async () => {
  assert.equal((await toldOf(data({ amount: 100 })))[0]?.news, undefined)
  assert.equal((await toldOf({ ...example, type: 'payment_approved' }))[0]?.news, undefined)
  assert.equal((await toldOf(data({ source: undefined })))[0]?.news, undefined)
})

test('what the account updater found out comes with the charge it was asked for', async () => {
  const charged = (status: string) =>
    toldOf({
      ...data({ amount: 1_000, metadata: undefined, source: { ...example.data.source, account_update_status: status } }),
      type: 'payment_approved',
    })
  const kinds = async (status: string) => (await charged(status)).map(one => one.news?.kind)
  assert.deepEqual(await kinds('card_updated'), ['updated', 'resumed'])
  assert.deepEqual(await kinds('card_expiry_updated'), ['updated', 'resumed'])
  assert.deepEqual(await kinds('contact_cardholder'), ['suspended'])
  assert.deepEqual(await kinds('card_closed'), ['revoked'])
  assert.deepEqual(await kinds('something_new'), [undefined])
  const told = await charged('card_updated')
  assert.equal(new Set(told.map(one => one.event)).size, 2, 'each piece of news has an event of its own')
  for (const one of told) assert.ok(one.names.includes(example.data.source.id) && one.operation === undefined)
  assert.deepEqual(told[0]?.news, { kind: 'updated', shown: { last4: '4242', expiryMonth: 12, expiryYear: 2025 } })
})

test('the simulator’s account updater is heard, and a refresh shows the same', async () => {
  for (const [name, kinds] of [
    ['card_expiry_updated', ['updated', 'resumed']],
    ['contact_cardholder', ['suspended']],
    ['card_updated', ['updated', 'resumed']],
    ['card_closed', ['revoked']],
  ] as const) {
    const bench = createBench(subject)
    const bound = await bindFully(bench)
    bench.deliveries()
    bench.stage.simulator.act(name, bound.token, { nowMs: bench.clock.nowMs, random: count => Buffer.alloc(count, 3), address: '' })
    const [delivery] = bench.deliveries()
    assert.ok(delivery !== undefined)
    const reading = await readWebhook({
      headers: delivery.headers,
      body: Buffer.from(delivery.body),
      nowMs: bench.clock.nowMs,
      secrets: [new Secret(credentials.verifying)],
      account: accountOf(credentials),
      send: () => Promise.reject(new Error('nothing is sent')),
    })
    assert.deepEqual(reading.kind === 'told' && reading.told.map(one => one.news?.kind), kinds, name)
    assert.ok(reading.kind === 'told' && reading.told.every(one => one.names.includes(bound.token)))
    const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references, token: bound.token }
    const shown = await bench.channel.refresh?.(bench.call('opn_5'), about)
    assert.equal(shown?.kind === 'updated' && shown.shown?.expiryYear, name.endsWith('updated') ? 2034 : 2030, name)
  }
})

test('an event about something else than a payment is taken, and says nothing; nulls are as good as nothing', async () => {
  const [other] = await toldOf({ ...example, type: 'report_generated', data: { report_id: 'rpt_1' } })
  assert.deepEqual([other?.type, other?.names, other?.news], ['report_generated', [], undefined])
  const [bound] = await toldOf(data({ '3ds': null, reference: null, amount: null }))
  assert.equal(bound?.news?.kind, 'bound')
  const declined = { ...data({ '3ds': null, response_code: '20154' }), type: 'card_verification_declined' }
  const [first] = await toldOf(declined)
  assert.equal(first?.news, undefined, 'declined for want of 3-D Secure')
})
