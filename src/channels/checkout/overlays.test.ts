/** The specification's own examples, and what the official library sends: with the overlays they pass, without each of them one fails. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isRecord } from '../json.ts'
import { type Judge, specJudge, specsDirOf } from '../judge.ts'
import { resolver } from '../judge-operations.ts'
import { createCheckoutJudge, judgeCheckout, overlays } from './judged.ts'

const skip = specJudge(specsDirOf()) === 'off' && 'SPECS_DIR has no specifications'
const all = Object.entries(overlays)
const whole = skip === false ? createCheckoutJudge(specsDirOf()) : undefined
const without = (name: keyof typeof overlays): Judge =>
  createCheckoutJudge(
    specsDirOf(),
    all.filter(([one]) => one !== name).map(([, overlay]) => overlay),
  )

const post = (path: string, body: unknown) => ({
  method: 'POST',
  path,
  query: '',
  headers: {},
  body: JSON.stringify(body),
  contentType: 'application/json',
})
const list = { method: 'GET', path: '/payments', query: 'limit=100&reference=opn_1', headers: {}, body: '', contentType: '' }
const instrument = post('/instruments', { type: 'token', token: 'tok_asoto22g2fsu7prwomy12sgfsa' })
const accepted = {
  method: 'POST',
  path: '/payments',
  status: 202,
  body: JSON.stringify({
    id: 'pay_mbabizu24mvu3mela5njyhpit4',
    status: 'Pending',
    reference: 'ORD-5023-4E89',
    _links: { self: { href: 'https://api.checkout.com/payments/pay_x' }, redirect: { href: 'https://api.checkout.com/3ds/pay_x' } },
  }),
}

test('a token is a token: its pattern has no blanks', { skip }, () => {
  assert.deepEqual(whole?.checkRequest(instrument), [])
  assert.ok(
    without('tokenPattern')
      .checkRequest(instrument)
      .some(one => one.pointer === '/token'),
  )
  assert.notDeepEqual(whole?.checkRequest(post('/instruments', { type: 'token', token: 'bad' })), [])
})

test('a payment that is accepted need not be told from a payout', { skip }, () => {
  assert.deepEqual(whole?.checkResponse(accepted), [])
  assert.match(without('eitherAccepted').checkResponse(accepted)[0]?.message ?? '', /exactly one/)
})

test('a payment that was declined need not be told from a payout that was', { skip }, () => {
  const href = 'https://api.checkout.com/payments/pay_mbabizu24mvu3mela5njyhpit4'
  const body = JSON.stringify({
    id: 'pay_mbabizu24mvu3mela5njyhpit4',
    requested_on: '2019-08-24T14:15:22Z',
    amount: 0,
    currency: 'USD',
    approved: false,
    status: 'Declined',
    _links: { self: { href }, actions: { href: `${href}/actions` } },
  })
  const read = { method: 'GET', path: '/payments/pay_mbabizu24mvu3mela5njyhpit4', status: 200, body }
  assert.deepEqual(whole?.checkResponse(read), [])
  assert.match(without('eitherRead').checkResponse(read)[0]?.message ?? '', /exactly one/)
})

test('payments are listed by reference', { skip }, () => {
  assert.deepEqual(whole?.checkRequest(list), [])
  assert.match(without('paymentList').checkRequest(list)[0]?.message ?? '', /not in the specification/)
  assert.notDeepEqual(whole?.checkRequest({ ...list, query: 'limit=100' }), [])
})

test('every overlay says why', () => {
  assert.deepEqual(Object.keys(overlays).toSorted(), ['eitherAccepted', 'eitherRead', 'paymentList', 'tokenPattern'])
  for (const [, overlay] of all) assert.ok(overlay.reason.length > 40)
})

test('the specification’s own examples of a payment pass', { skip }, () => {
  const document: unknown = JSON.parse(readFileSync(join(specsDirOf(), 'checkout/nas_spec.bundled.json'), 'utf8'))
  assert.ok(isRecord(document))
  const examples = resolver(document)({
    $ref: '#/paths/~1payments/post/requestBody/content/application~1json/examples',
  })
  assert.ok(isRecord(examples) && isRecord(examples.Payment))
  assert.deepEqual(whole?.checkRequest(post('/payments', examples.Payment.value)), [])
})

test('a card and a network token are judged by their own fields, not by the base alone', { skip }, () => {
  const card = { type: 'card', number: '4242424242424242', expiry_month: 3, expiry_year: 2030 }
  const token = { type: 'network_token', token: '4242424242424242', expiry_month: 3, expiry_year: 2030, token_type: 'applepay' }
  const payment = (source: unknown) => whole?.checkRequest(post('/payments', { source, amount: 0, currency: 'USD' })) ?? []
  assert.deepEqual(payment(card), [])
  assert.deepEqual(payment({ ...token, cryptogram: 'hv8mUFzPzRZoCAAAAAEQBDMAAAA=', eci: '05' }), [])
  for (const bad of [
    { ...card, number: undefined },
    { ...card, expiry_month: '03' },
    { ...card, expiry_month: 0 },
    token,
    { ...token, cryptogram: 'x', eci: '005' },
    { ...token, cryptogram: 'x', eci: '05', token_type: 'apple_pay' },
    { ...card, type: 'cash' },
  ])
    assert.notDeepEqual(payment(bad), [], JSON.stringify(bad))
})

test('a name that the specification does not know is a violation, wherever it stands in a payment', { skip }, () => {
  const stage = judgeCheckout(specsDirOf())
  const source = { type: 'card', number: '4242424242424242', expiry_month: 3, expiry_year: 2030, cvv: '100' }
  const judged = (body: object) =>
    stage.request({ ...post('/payments', body), headers: { 'content-type': 'application/json' } }).map(one => one.pointer)
  const good = { source, amount: 0, currency: 'USD', '3ds': { enabled: true }, metadata: { any: 'thing' } }
  assert.deepEqual(judged(good), [])
  assert.deepEqual(judged({ ...good, strange: 1 }), ['/strange'])
  assert.deepEqual(judged({ ...good, source: { ...source, strange: 1 } }), ['/source/strange'])
  assert.deepEqual(judged({ ...good, '3ds': { enabled: true, strange: 1 } }), ['/3ds/strange'])
})
