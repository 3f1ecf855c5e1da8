import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { Secret } from '../../core/secret.ts'
import type { News, Told, WebhookReading } from '../channel.ts'
import { accountOf, credentialsOf } from '../contract-bench.ts'
import { subject } from './subject.ts'
import { readWebhook } from './webhook.ts'

const [credentials] = credentialsOf(subject)
const secret = 'ED7D658C-D8EB-4941-948B-3973214F2D49'

function read(body: string, more: { readonly signature?: string; readonly secrets?: readonly string[] } = {}): WebhookReading {
  return readWebhook({
    headers: { 'webhook-signature': more.signature ?? createHmac('sha256', secret).update(body).digest('hex') },
    body: Buffer.from(body),
    nowMs: 1_795_348_800_000,
    secrets: (more.secrets ?? [secret]).map(one => new Secret(one)),
    account: accountOf(credentials),
    send: () => assert.fail('nothing is fetched'),
  })
}
function told(events: readonly unknown[]): readonly Told[] {
  const reading = read(JSON.stringify({ events, meta: { webhook_id: 'WB123' } }))
  return reading.kind === 'told' ? reading.told : assert.fail(reading.detail)
}

const marks = (scheme: string) => ({ bindery_operation: 'opn_1', bindery_binding: 'bnd_1', bindery_scheme: scheme })
const mandateEvent = (action: string, more: Readonly<Record<string, unknown>> = {}) => ({
  id: `EV_${action}`,
  created_at: '2026-11-22T12:00:00.000Z',
  resource_type: 'mandates',
  action,
  links: { mandate: 'MD0001' },
  details: { origin: 'bank', cause: `mandate_${action}`, description: 'As it happened.' },
  metadata: {},
  resource_metadata: marks('bacs'),
  ...more,
})
const newsOf = (event: unknown): readonly (News | undefined)[] => told([event]).map(one => one.news)

test('the vector of GoCardless’ own libraries is verified, to the byte', () => {
  const body =
    '{"events":[{"id":"EV00BD05S5VM2T","created_at":"2018-07-05T09:13:51.404Z","resource_type":"subscriptions","action":"created","links":{"subscription":"SB0003JJQ2MR06"},"details":{"origin":"api","cause":"subscription_created","description":"Subscription created via the API."},"metadata":{}},{"id":"EV00BD05TB8K63","created_at":"2018-07-05T09:13:56.893Z","resource_type":"mandates","action":"created","links":{"mandate":"MD000AMA19XGEC"},"details":{"origin":"api","cause":"mandate_created","description":"Mandate created via the API."},"metadata":{}}]}'
  const signature = '2693754819d3e32d7e8fcb13c729631f316c6de8dc1cf634d6527f1c07276e7e'
  const reading = read(body, { signature })
  assert.ok(reading.kind === 'told')
  assert.deepEqual(
    reading.told.map(one => [one.event, one.type, one.names, one.news]),
    [
      ['EV00BD05S5VM2T', 'subscriptions.created', [], undefined],
      ['EV00BD05TB8K63', 'mandates.created', ['MD000AMA19XGEC'], undefined],
    ],
  )
  assert.equal(reading.told[1]?.moment?.atMs, Date.parse('2018-07-05T09:13:56.893Z'))
  for (const other of ['', 'NOTVERYCONVINCING', signature.toUpperCase(), signature.slice(2), `${signature}00`])
    assert.equal(read(body, { signature: other }).kind, 'rejected', other)
})

test('an event nobody knows and a malformed one do not take the others of their batch with them', () => {
  const list = told([
    mandateEvent('active'),
    { id: 'EV_2', created_at: 'never', resource_type: 'moons', action: 'full', links: {} },
    { id: 'EV_3', links: null },
    'not an event',
    null,
    mandateEvent('cancelled', { details: { origin: 'bank', cause: 'bank_account_closed' } }),
  ])
  assert.deepEqual(
    list.map(one => one.type),
    ['mandates.active', 'moons.full', 'malformed', 'malformed', 'malformed', 'mandates.cancelled'],
  )
  assert.equal(new Set(list.map(one => one.event)).size, 6)
  assert.equal(list[0]?.news?.kind, 'bound')
  assert.deepEqual(list[5]?.news, { kind: 'revoked', reason: 'bank_account_closed' })
  assert.equal(list[1]?.moment, undefined)
})

test('250 events in one batch are 250 pieces of news', () => {
  const events = Array.from({ length: 250 }, (_, index) =>
    mandateEvent('cancelled', { id: `EV${index}`, links: { mandate: `MD${index}` } }),
  )
  assert.deepEqual(
    told(events).map(one => one.names[0]),
    events.map((_, index) => `MD${index}`),
  )
})

test('what is signed but no batch is malformed', () => {
  for (const body of ['', '{}', '[]', '{"events":{}}', '{"events":', 'null'])
    assert.deepEqual(
      [read(body)].map(one => one.kind === 'rejected' && one.reason),
      ['malformed'],
      body,
    )
  assert.equal(read('{"events":[]}').kind, 'told')
})

test('a mandate that becomes active answers our bind; one that ends ends the binding, whatever was asked', () => {
  const [active] = told([mandateEvent('active')])
  assert.deepEqual(
    [active?.operation, active?.binding, active?.news],
    ['opn_1', 'bnd_1', { kind: 'bound', token: 'MD0001', references: { mandate: 'MD0001' } }],
  )
  for (const [action, cause] of [
    ['cancelled', 'authorisation_disputed'],
    ['blocked', 'mandate_blocked_by_gocardless'],
  ] as const) {
    const [ended] = told([mandateEvent(action, { details: { origin: 'gocardless', cause } })])
    assert.deepEqual([ended?.operation, ended?.binding, ended?.news], [undefined, 'bnd_1', { kind: 'revoked', reason: cause }])
  }
  assert.deepEqual(newsOf(mandateEvent('expired')), [{ kind: 'expired' }])
  assert.deepEqual(newsOf(mandateEvent('consumed')), [{ kind: 'expired', reason: 'consumed' }])
})

test('a Bacs mandate that is submitted is being verified; a SEPA mandate takes payments by then', () => {
  for (const action of ['submitted', 'customer_approval_granted', 'customer_approval_skipped']) {
    assert.equal(newsOf(mandateEvent(action))[0]?.kind, 'verifying', action)
    const sepa = told([mandateEvent(action, { resource_metadata: marks('sepa_core') })])
    assert.deepEqual([sepa[0]?.operation, sepa[0]?.news?.kind], ['opn_1', 'bound'], action)
    // Without its scheme nothing is concluded.
    assert.equal(newsOf(mandateEvent(action, { resource_metadata: {} }))[0], undefined, action)
  }
})

test('a mandate that fails is refused if it never lived, and gone if it did', () => {
  const details = { origin: 'bank', cause: 'direct_debit_not_enabled', scheme: 'bacs', reason_code: 'AUDDIS-5', description: 'No.' }
  const [refused, gone] = told([mandateEvent('failed', { details })])
  assert.deepEqual(refused?.news, {
    kind: 'refused',
    by: 'issuer',
    category: 'not_supported',
    code: 'direct_debit_not_enabled',
    message: 'No.',
    elsewhere: false,
    references: { mandate: 'MD0001' },
  })
  // As the answer to our bind it would stand before everything that came after, and undo a year of a living mandate.
  assert.deepEqual([refused?.operation, refused?.binding], [undefined, 'bnd_1'])
  assert.deepEqual(
    [gone?.event, gone?.operation, gone?.news],
    ['EV_failed:gone', undefined, { kind: 'revoked', reason: 'direct_debit_not_enabled' }],
  )
})

test('what lives again brings its evidence, what is replaced its new name, what moved its new account', () => {
  const [back] = newsOf(mandateEvent('reinstated', { details: { origin: 'bank', cause: 'mandate_reinstated' } }))
  assert.deepEqual(back, { kind: 'reinstated', token: 'MD0001', evidence: 'EV_reinstated: bank, mandate_reinstated' })
  const [replaced] = told([mandateEvent('replaced', { links: { mandate: 'MD0001', new_mandate: 'MD0002' } })])
  assert.deepEqual(replaced?.names, ['MD0001', 'MD0002'])
  assert.deepEqual(replaced?.news, { kind: 'updated', token: 'MD0002', references: { mandate: 'MD0002' } })
  const links = { mandate: 'MD0001', previous_customer_bank_account: 'BA1', new_customer_bank_account: 'BA2' }
  assert.deepEqual(newsOf(mandateEvent('transferred', { links })), [
    { kind: 'updated', references: { mandate: 'MD0001', customer_bank_account: 'BA2' } },
  ])
  for (const action of ['created', 'resubmission_requested']) assert.deepEqual(newsOf(mandateEvent(action)), [undefined], action)
})

test('a billing request that is fulfilled is gone to see; one that is cancelled is refused', () => {
  const request = (action: string) => ({
    ...mandateEvent(action),
    resource_type: 'billing_requests',
    links: { billing_request: 'BRQ1', mandate_request_mandate: 'MD0001', customer: 'CU1' },
  })
  const [fulfilled] = told([request('fulfilled')])
  assert.deepEqual(fulfilled?.names, ['MD0001', 'BRQ1'])
  assert.deepEqual([fulfilled?.returned, fulfilled?.news, fulfilled?.operation], [{ billing_request: 'BRQ1' }, undefined, 'opn_1'])
  const [cancelled] = newsOf(request('cancelled'))
  assert.deepEqual(cancelled?.kind === 'refused' && [cancelled.category, cancelled.elsewhere], ['cancelled_by_customer', false])
  assert.deepEqual(newsOf(request('flow_visited')), [undefined])
})
