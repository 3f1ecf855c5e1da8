import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import Razorpay from 'razorpay'
import { Secret } from '../../core/secret.ts'
import type { News, Told, WebhookReading } from '../channel.ts'
import { bindFully, createBench, credentialsOf } from '../contract-bench.ts'
import { subject } from './subject.ts'
import { readWebhook } from './webhook.ts'

const secret = 'whsec-of-this-test'
const account = { address: '', secrets: {}, settings: {}, webhookSecrets: [] }

function read(content: unknown, headers: Readonly<Record<string, string>> = {}): WebhookReading {
  const body = JSON.stringify(content)
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  return readWebhook({
    headers: { 'x-razorpay-signature': signature, 'x-razorpay-event-id': 'evt_1', ...headers },
    body: Buffer.from(body),
    nowMs: 0,
    secrets: [new Secret(secret)],
    account,
    send: () => assert.fail('nothing is asked'),
  })
}
function told(content: unknown, headers: Readonly<Record<string, string>> = {}): Told {
  const reading = read(content, headers)
  return reading.kind === 'told' ? (reading.told[0] ?? assert.fail()) : assert.fail(reading.detail)
}

/** As the documentation shows it (razorpay.com/docs/api/payments/recurring-payments/custom/webhooks). */
const upiToken = (event: string, status: string, reason: string | null = null) => ({
  entity: 'event',
  account_id: 'acc_8TgNt9DVrJB0bl',
  event,
  contains: ['token'],
  payload: {
    token: {
      entity: {
        id: 'token_FVIP5DVexjoZjF',
        entity: 'token',
        token: '5ESJrtR1V6k6mp',
        bank: null,
        wallet: null,
        method: 'upi',
        vpa: { username: 'gaurav.kumar', handle: 'upi', name: null },
        recurring: true,
        recurring_details: { status, failure_reason: reason },
        auth_type: null,
        mrn: null,
        used_at: 1598424055,
        created_at: 1598424055,
        start_time: 1598510437,
        dcc_enabled: false,
        max_amount: 5600,
        expired_at: 1913956837,
      },
    },
  },
  created_at: 1599065559,
})

test('the states of a mandate are told as what they are', () => {
  const expected: readonly (readonly [string, string, News['kind'], string?])[] = [
    ['token.confirmed', 'confirmed', 'bound'],
    ['token.rejected', 'rejected', 'refused', 'Rejected by bank'],
    ['token.paused', 'paused', 'suspended'],
    ['token.resumed', 'resumed', 'resumed'],
    ['token.cancellation_initiated', 'cancellation_initiated', 'revoking', 'Mandate execution is completed.'],
    ['token.cancelled', 'cancelled', 'revoked'],
  ]
  for (const [event, status, kind, reason] of expected) {
    const one = told(upiToken(event, status, reason ?? null))
    assert.equal(one.news?.kind, kind, event)
    assert.deepEqual([one.event, one.names, one.moment], ['evt_1', ['token_FVIP5DVexjoZjF'], { atMs: 1_599_065_559_000 }])
  }
})

test('a mandate that goes on is told as such, whichever of the two states its snapshot has', () => {
  for (const status of ['resumed', 'confirmed']) assert.deepEqual(told(upiToken('token.resumed', status)).news, { kind: 'resumed' })
})

test('a confirmed mandate shows a masked address and how long it lives', () => {
  const { news } = told(upiToken('token.confirmed', 'confirmed'))
  assert.deepEqual(news, {
    kind: 'bound',
    token: 'token_FVIP5DVexjoZjF',
    references: { token: 'token_FVIP5DVexjoZjF' },
    shown: { brand: 'upi_autopay', handle: 'ga****@upi' },
    validUntilMs: 1_913_956_837_000,
  })
})

const payment = (event: string, more: Readonly<Record<string, unknown>>) => ({
  entity: 'event',
  event,
  contains: ['payment'],
  payload: {
    payment: {
      entity: {
        id: 'pay_FHfAzEJ51k8NLj',
        entity: 'payment',
        amount: 100,
        currency: 'INR',
        status: 'captured',
        order_id: 'order_FHfANdTUYeP8lb',
        method: 'upi',
        customer_id: 'cust_DtHaBuooGHTuyZ',
        token_id: 'token_FHfAzGzREc1ug6',
        notes: { operation: 'opn_1', binding: 'bnd_1' },
        created_at: 1595447490,
        ...more,
      },
    },
  },
  created_at: 1595447491,
})

test('an authorisation payment names its token, so that news of the token finds the binding', () => {
  const one = told(payment('payment.captured', {}))
  assert.deepEqual([one.operation, one.binding, one.news?.kind], ['opn_1', 'bnd_1', 'verifying'])
  assert.deepEqual(one.names, ['pay_FHfAzEJ51k8NLj', 'order_FHfANdTUYeP8lb', 'token_FHfAzGzREc1ug6'])
})

test('a failed authorisation payment sends us to look; a later collection is not about the binding', () => {
  const failed = told(payment('payment.failed', { status: 'failed', error_code: 'BAD_REQUEST_ERROR', error_reason: 'payment_cancelled' }))
  assert.deepEqual([failed.operation, failed.news, failed.returned], ['opn_1', undefined, {}])
  const collected = told(payment('payment.captured', { notes: [] }))
  assert.deepEqual([collected.news, collected.operation], [undefined, undefined])
})

test('a network token of a card has a life of its own', () => {
  const bare = (event: string) => ({
    entity: 'event',
    event,
    payload: { token: { entity: { id: 'token_4lsdksD31GaZ09', method: 'card', status: 'active', expired_at: 1748716199 } } },
    created_at: 1748716199,
  })
  for (const [event, kind] of [
    ['token.suspended', 'suspended'],
    ['token.activated', 'resumed'],
    ['token.deactivated', 'revoked'],
    ['token.expiry_updated', 'updated'],
    ['token.initiated', undefined],
  ])
    assert.equal(told(bare(event ?? '')).news?.kind, kind, event)
})

test('an event without an id of its own is known by its body; what is no event is malformed', () => {
  const headers = { 'x-razorpay-signature': '' }
  assert.equal(read(upiToken('token.paused', 'paused'), headers).kind, 'rejected')
  const { event: name } = told(upiToken('token.paused', 'paused'))
  assert.equal(name, 'evt_1')
  for (const content of [{}, { entity: 'event', event: 'token.paused', payload: {}, created_at: 1 }, { entity: 'event', event: 'x' }]) {
    const reading = read(content)
    assert.equal(reading.kind === 'rejected' && reading.reason, 'malformed')
  }
  assert.deepEqual(told({ entity: 'event', event: 'order.paid', payload: {}, created_at: 1 }).names, [])
})

test('the official verifier takes our simulator’s signature, and ours takes what it takes', async () => {
  const bench = createBench(subject)
  await bindFully(bench)
  const [{ signing }] = credentialsOf(subject)
  const sent = bench.deliveries()
  assert.deepEqual(
    sent.map(one => one.event.type),
    ['payment.authorized', 'payment.captured', 'token.confirmed'],
  )
  for (const { headers, body } of sent) {
    const signature = headers['x-razorpay-signature'] ?? ''
    assert.equal(Razorpay.validateWebhookSignature(body, signature, signing), true)
    assert.equal(Razorpay.validateWebhookSignature(`${body} `, signature, signing), false)
  }
})

/** `test/utils/razorpay-utils.spec.js` of razorpay-node. */
test('the SDK’s own example of a signature is one to us too', () => {
  const body = '{"a":1,"b":2,"c":{"d":3}}'
  const signature = '2fe04e22977002e6c7cb553adab8b460cb9e2a4970d5953cb27a8472752e3bbc'
  assert.equal(Razorpay.validateWebhookSignature(body, signature, '123456'), true)
  const reading = readWebhook({
    headers: { 'x-razorpay-signature': signature },
    body: Buffer.from(body),
    nowMs: 0,
    secrets: [new Secret('123456')],
    account,
    send: () => assert.fail('nothing is asked'),
  })
  assert.equal(reading.kind === 'rejected' && reading.reason, 'malformed', 'signed, but no event')
})
