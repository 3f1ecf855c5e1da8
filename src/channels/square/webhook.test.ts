import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebhooksHelper } from 'square'
import { Secret } from '../../core/secret.ts'
import type { WebhookReading } from '../channel.ts'
import { accountOf, bindFully, createBench, credentialsOf } from '../contract-bench.ts'
import { subject } from './subject.ts'
import { readWebhook, signatureHeader, signatureOf } from './webhook.ts'

const [credentials] = credentialsOf(subject)
const url = credentials.settings.notificationUrl ?? ''
const key = credentials.verifying
const account = accountOf(credentials)
const nowMs = Date.UTC(2026, 10, 22, 12)

const read = (body: string, signature: string, of = account, keys: readonly string[] = [key]): WebhookReading =>
  readWebhook({
    headers: { [signatureHeader]: signature },
    body: Buffer.from(body),
    nowMs,
    secrets: keys.map(one => new Secret(one)),
    account: of,
    send: () => Promise.reject(new Error('nothing is fetched')),
  })
const signed = (body: string, with_ = key, at = url) => signatureOf(with_, at, body).toString('base64')
const reasonOf = (reading: WebhookReading) => (reading.kind === 'rejected' ? reading.reason : 'told')
const toldOf = (body: string) => {
  const reading = read(body, signed(body))
  if (reading.kind !== 'told') throw new assert.AssertionError({ message: reading.detail })
  return reading.told
}

const card = {
  id: 'ccof:uIbfJXhXETSP197M3GB',
  card_brand: 'VISA',
  last_4: '1111',
  exp_month: 11,
  exp_year: 2029,
  customer_id: 'CUSTOMER',
  reference_id: 'opn_1',
  enabled: true,
  version: 1,
}
const event = (type: string, more: Record<string, unknown> = {}, rest: Record<string, unknown> = {}) =>
  JSON.stringify({
    merchant_id: 'M',
    type,
    event_id: 'd214f854-adb1-4f56-b078-4b8697a3187a',
    created_at: '2026-11-22T11:59:58Z',
    data: { type: 'card', id: card.id, object: { card: { ...card, ...more } } },
    ...rest,
  })

test('the official vector: what Square publishes is what we make, and what its library takes', async () => {
  // developer.squareup.com/docs/webhooks/step3validate: the sample servers' key, URL, body and signature.
  const of = { signatureKey: 'asdf1234', notificationUrl: 'https://example.com/webhook', requestBody: '{"hello":"world"}' }
  const published = '2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og='
  assert.equal(signatureOf(of.signatureKey, of.notificationUrl, of.requestBody).toString('base64'), published)
  assert.equal(await WebhooksHelper.verifySignature({ ...of, signatureHeader: published }), true)
  assert.equal(await WebhooksHelper.verifySignature({ ...of, signatureHeader: published, notificationUrl: 'https://example.com/' }), false)
})

test('what the simulator sends, the official library takes', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  const context = { nowMs: bench.clock.nowMs, random: (count: number) => Buffer.alloc(count, 7), address: 'http://127.0.0.1:9' }
  for (const name of Object.keys(bench.stage.simulator.acts)) bench.stage.simulator.act(name, bound.token, context)
  const sent = bench.deliveries()
  assert.deepEqual(
    sent.map(one => one.event.type),
    [
      'card.created',
      'card.automatically_updated',
      'card.automatically_updated',
      'card.automatically_updated',
      'card.disabled',
      'card.forgotten',
    ],
  )
  for (const { headers, body } of sent) {
    const signature = headers[signatureHeader] ?? ''
    const of = { requestBody: body, signatureHeader: signature, signatureKey: credentials.signing, notificationUrl: url }
    assert.equal(await WebhooksHelper.verifySignature(of), true)
  }
  assert.deepEqual(bench.stage.violations(), [])
})

test('the notification URL is part of what is signed, to the letter', () => {
  const body = event('card.created')
  assert.equal(reasonOf(read(body, signed(body))), 'told')
  for (const other of [`${url}/`, url.replace('https', 'http'), ''])
    assert.equal(reasonOf(read(body, signed(body, key, other))), 'forged', other)
})

test('an account without a notification URL believes nobody, and an empty key is everybody’s', () => {
  const body = event('card.created')
  const unset = { ...account, settings: {} }
  assert.equal(reasonOf(read(body, signed(body, key, ''), unset)), 'forged')
  assert.equal(reasonOf(read(body, signed(body, ''), account, [''])), 'forged')
})

test('a card that was made answers our operation', () => {
  const [told, more] = toldOf(event('card.created'))
  assert.equal(more, undefined)
  assert.deepEqual(
    [told?.operation, told?.names, told?.moment],
    ['opn_1', [card.id], { atMs: Date.UTC(2026, 10, 22, 11, 59, 58), sequence: 1 }],
  )
  assert.ok(told?.news?.kind === 'bound' && told.news.token === card.id && told.news.references.customer === 'CUSTOMER')
})

const kinds: readonly (readonly [string, Record<string, unknown>, readonly string[]])[] = [
  ['card.updated', {}, ['updated']],
  ['card.updated', { enabled: false }, ['revoked']],
  ['card.automatically_updated', { exp_year: 2033, version: 2 }, ['updated', 'resumed']],
  ['card.automatically_updated', { issuer_alert: 'ISSUER_ALERT_CARD_CLOSED', version: 2 }, ['suspended']],
  ['card.disabled', { enabled: false, version: 2 }, ['revoked']],
  ['card.forgotten', { enabled: false, version: 2 }, ['revoked']],
]
for (const [type, more, expected] of kinds)
  test(`${type} ${JSON.stringify(more)} is ${expected.join(' and ')}, and answers no operation`, () => {
    const told = toldOf(event(type, more))
    assert.deepEqual(
      told.map(one => one.news?.kind),
      expected,
    )
    assert.equal(new Set(told.map(one => one.event)).size, told.length)
    for (const one of told) assert.equal(one.operation, undefined)
  })

test('the schemes’ update shows the card as it is now', () => {
  const [told] = toldOf(event('card.automatically_updated', { last_4: '2222', exp_year: 2033, version: 2 }))
  assert.ok(told?.news?.kind === 'updated')
  assert.deepEqual(told.news.shown, { brand: 'visa', last4: '2222', expiryMonth: 11, expiryYear: 2033 })
})

test('other events, and a card that cannot be read, are no news', () => {
  assert.deepEqual(
    toldOf(event('payment.created')).map(one => one.news),
    [undefined],
  )
  assert.deepEqual(
    toldOf(event('card.created', { id: '../x' })).map(one => one.news),
    [undefined],
  )
  assert.deepEqual(
    toldOf(event('card.created', {}, { data: undefined })).map(one => one.news),
    [undefined],
  )
})

test('what is signed and of no known form is malformed', () => {
  for (const body of ['[]', '{"type":"card.created"}', event('card.created', {}, { created_at: 'yesterday' })])
    assert.equal(reasonOf(read(body, signed(body))), 'malformed', body)
})
