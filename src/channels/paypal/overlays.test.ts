/** Each correction of the specification is needed: without it the official SDK's request, or an error the document itself describes, fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Judge, type Overlay, specJudge, specsDirOf } from '../judge.ts'
import { createPayPalJudge, overlays } from './judged.ts'

const skip = specJudge(specsDirOf()) === 'off' ? 'SPECS_DIR has no specifications' : false

const post = (judge: Judge, path: string, body: object) =>
  judge.checkRequest({
    method: 'POST',
    path,
    query: '',
    headers: { 'paypal-request-id': 'x' },
    contentType: 'application/json',
    body: JSON.stringify(body),
  })
const error = (name: string) => JSON.stringify({ name, message: 'm', debug_id: 'd' })
const wallet = (more: object) => ({
  payment_source: {
    paypal: { usage_type: 'MERCHANT', experience_context: { return_url: 'https://a.example', cancel_url: 'https://b.example' }, ...more },
  },
})

/** What has to be right, as the SDK sends it or the document's own components have it; by the overlay that makes it so. */
const cases: Readonly<Record<keyof typeof overlays, (judge: Judge) => number>> = {
  setupToken: judge =>
    post(judge, '/v3/vault/payment-tokens', { payment_source: { token: { id: '4G4976650J0948357', type: 'SETUP_TOKEN' } } }).length,
  merchantCustomer: judge => post(judge, '/v3/vault/setup-tokens', { customer: { merchant_customer_id: 'bnd_1' }, ...wallet({}) }).length,
  unauthorized: judge =>
    judge.checkResponse({ method: 'POST', path: '/v3/vault/setup-tokens', status: 401, body: error('AUTHENTICATION_FAILURE') }).length,
  nothingToDelete: judge =>
    judge.checkResponse({ method: 'DELETE', path: '/v3/vault/payment-tokens/8kk8451t', status: 404, body: error('RESOURCE_NOT_FOUND') })
      .length,
  // Not compiled, the pattern lets everything through.
  description: judge => 1 - Math.min(1, post(judge, '/v3/vault/setup-tokens', wallet({ description: 'Ärger' })).length),
  wholeWallet: judge => post(judge, '/v3/vault/setup-tokens', wallet({ description: 'ACME!' })).length,
}

test('with all corrections the official requests and errors pass', { skip }, () => {
  const judge = createPayPalJudge(specsDirOf())
  for (const [name, faults] of Object.entries(cases)) assert.equal(faults(judge), 0, name)
})

for (const name of ['setupToken', 'merchantCustomer', 'unauthorized', 'nothingToDelete', 'description', 'wholeWallet'] as const)
  test(`without the correction ${name} they do not`, { skip }, () => {
    const others: readonly Overlay[] = Object.entries(overlays).flatMap(([one, overlay]) => (one === name ? [] : [overlay]))
    // The pattern stands twice: where it was written, and in the wallet that was put together.
    assert.notEqual(cases[name](createPayPalJudge(specsDirOf(), others, name === 'description' ? 3 : 1)), 0)
    assert.ok(overlays[name].reason.length > 40)
  })

test('a field that is dropped, renamed or mistyped turns the judge red', { skip }, () => {
  const judge = createPayPalJudge(specsDirOf())
  for (const [path, body] of [
    ['/v3/vault/payment-tokens', { payment_source: { token: { type: 'SETUP_TOKEN' } } }],
    ['/v3/vault/payment-tokens', { payment_source: { token: { id: 'X1' } } }],
    ['/v3/vault/payment-tokens', { payment_source: { token: { id: 'X1', type: 'SETUP_TOKEN', xattributes: 1 } } }],
    ['/v3/vault/payment-tokens', { xpayment_source: {} }],
    ['/v3/vault/setup-tokens', wallet({ permit_multiple_payment_tokens: 'yes' })],
    ['/v3/vault/setup-tokens', wallet({ xusage_type: 'MERCHANT' })],
    ['/v3/vault/setup-tokens', wallet({ experience_context: { xreturn_url: 'https://a.example' } })],
    ['/v3/vault/setup-tokens', wallet({ experience_context: { return_url: 'nowhere' } })],
  ] as const)
    assert.notEqual(post(judge, path, body).length, 0, JSON.stringify(body))
})
