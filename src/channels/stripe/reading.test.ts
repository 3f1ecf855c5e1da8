/** How one answer is read: every status of a setup intent, and answers that are not about what was asked. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { Secret } from '../../core/secret.ts'
import { createBench } from '../contract-bench.ts'
import { stripe } from './channel.ts'
import { meaningOf } from './refusals.ts'
import { subject } from './subject.ts'
import { readWebhook } from './webhook.ts'

const intent = {
  id: 'seti_1',
  object: 'setup_intent',
  status: 'succeeded',
  customer: 'cus_1',
  payment_method: 'pm_1',
  metadata: { bindery_binding: 'bnd_1', bindery_operation: 'opn_1' },
}
const references = { setup_intent: 'seti_1', customer: 'cus_1', payment_method: 'pm_1' }

/** Resumes with this for an answer. */
function resumed(body: object, status = 200) {
  const call = {
    ...createBench(subject).call('opn_2'),
    send: () => Promise.resolve({ status, headers: {}, body: JSON.stringify(body) }),
  }
  const outcome = stripe.resume?.(call, { customer: 'cus_contract', binding: 'bnd_1', references, returned: {} })
  if (outcome === undefined) throw new TypeError('Stripe resumes')
  return outcome
}

test('each status of a setup intent has one meaning', async () => {
  const kinds: Record<string, string> = {}
  for (const status of [
    'succeeded',
    'processing',
    'canceled',
    'requires_confirmation',
    'requires_payment_method',
    'requires_action',
    'of_the_future',
  ]) {
    kinds[status] = (await resumed({ ...intent, status })).kind
  }
  assert.deepEqual(kinds, {
    succeeded: 'bound',
    processing: 'verifying',
    canceled: 'refused',
    requires_confirmation: 'uncertain',
    requires_payment_method: 'uncertain',
    requires_action: 'uncertain',
    of_the_future: 'uncertain',
  })
})

test('only a redirect to a web address is a challenge we can give', async () => {
  const action = (next_action: object) => resumed({ ...intent, status: 'requires_action', next_action })
  const redirect = (url: unknown) => action({ type: 'redirect_to_url', redirect_to_url: { url } })
  assert.equal((await redirect('https://hooks.example/3ds')).kind, 'challenged')
  for (const url of [null, '', 'javascript:alert(1)', '/relative', 'http://'])
    assert.equal((await redirect(url)).kind, 'uncertain', String(url))
  assert.equal((await action({ type: 'use_stripe_sdk', use_stripe_sdk: {} })).kind, 'uncertain')
})

test('an answer about another intent, binding, customer or card decides nothing', async () => {
  for (const other of [
    { id: 'seti_2' },
    { customer: 'cus_2' },
    { customer: null },
    { payment_method: 'pm_2' },
    { payment_method: null },
    { metadata: { bindery_binding: 'bnd_2' } },
    { metadata: {} },
    { object: 'payment_intent' },
  ]) {
    assert.equal((await resumed({ ...intent, ...other })).kind, 'uncertain', JSON.stringify(other))
  }
})

test('an error while reading is no answer to what was asked before', async () => {
  for (const status of [400, 401, 402, 403, 404, 409, 429, 500]) {
    for (const type of ['card_error', 'invalid_request_error', 'api_error']) {
      const outcome = await resumed({ error: { type, code: 'card_declined', decline_code: 'stolen_card' } }, status)
      assert.equal(outcome.kind, 'uncertain', `${status} ${type}`)
    }
  }
})

test('a signature is checked over the bytes as they came, not over what they decode to', () => {
  const text = JSON.stringify({ id: 'evt_1', object: 'event', type: 'x', created: 1, data: { object: { name: '?' } } })
  const body = Buffer.from(text)
  body[text.indexOf('?')] = 0xff
  const signature = createHmac('sha256', 'a').update('5.').update(body).digest('hex')
  const request = { body, nowMs: 5_000, secrets: [new Secret('a')] }
  assert.equal(readWebhook({ ...request, headers: { 'stripe-signature': `t=5,v1=${signature}` } }).kind, 'told')
  const decoded = createHmac('sha256', 'a').update('5.').update(body.toString('utf8')).digest('hex')
  assert.equal(readWebhook({ ...request, headers: { 'stripe-signature': `t=5,v1=${decoded}` } }).kind, 'rejected')
})

test('a key that was used with another request is called by its name', () => {
  const meaning = meaningOf({ type: 'idempotency_error' }, 400)
  assert.match(meaning.kind === 'uncertain' ? meaning.cause : '', /key was used with another request/)
})
