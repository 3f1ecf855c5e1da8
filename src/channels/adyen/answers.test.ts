import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import type { BindOutcome, Call, References } from '../channel.ts'
import { adyen } from './channel.ts'
import { account, objections, rehearse } from './rehearse.ts'

const good = { number: '4111111111111111', holder: 'John Smith' }

afterEach(() => assert.deepEqual(objections(), [], 'the official specification objects'))

const psp = { pspReference: 'QFQTPCQ8HXSKGK82' }
const answers: readonly (readonly [name: string, status: number, body: unknown, expected: Partial<Record<string, unknown>>])[] = [
  ['401', 401, { status: 401, errorCode: '000', errorType: 'security' }, { kind: 'refused', category: 'misconfigured', elsewhere: true }],
  ['403', 403, { status: 403, errorCode: '901', errorType: 'security' }, { kind: 'refused', category: 'misconfigured', elsewhere: true }],
  ['403 of a proxy', 403, '<html>', { kind: 'uncertain', cause: 'unreadable_403' }],
  ['422 about the card', 422, { errorCode: '101' }, { kind: 'refused', category: 'invalid_account', elsewhere: false, code: '101' }],
  ['422 about the code', 422, { errorCode: '103' }, { kind: 'refused', category: 'invalid_security_code', elsewhere: false }],
  ['422 about us', 422, { errorCode: '14_030', errorType: 'validation' }, { kind: 'refused', category: 'misconfigured', elsewhere: true }],
  ['422 in progress', 422, { errorCode: '704', errorType: 'validation' }, { kind: 'uncertain', cause: 'in_progress' }],
  ['409 in progress', 409, { errorCode: '704', errorType: 'validation' }, { kind: 'uncertain', cause: 'in_progress' }],
  ['422 internal', 422, { errorCode: '903', errorType: 'internal' }, { kind: 'uncertain' }],
  ['404 of nobody', 404, 'not here', { kind: 'uncertain' }],
  ['429', 429, {}, { kind: 'uncertain', cause: 'http_429' }],
  ['500 with a reason', 500, { errorCode: '905', errorType: 'configuration' }, { kind: 'uncertain', cause: 'http_500' }],
  ['302', 302, '', { kind: 'uncertain' }],
  ['nobody’s payment', 200, { resultCode: 'Authorised' }, { kind: 'uncertain' }],
  ['no result code', 200, { pspReference: 'x' }, { kind: 'uncertain' }],
  ['an unknown result code', 200, { ...psp, resultCode: 'Success' }, { kind: 'uncertain', cause: 'result_Success' }],
  [
    'another reference',
    200,
    { ...psp, resultCode: 'Authorised', merchantReference: 'opn_9' },
    { kind: 'uncertain', cause: 'another_reference' },
  ],
  [
    'another shopper',
    200,
    {
      ...psp,
      resultCode: 'Authorised',
      additionalData: { 'tokenization.shopperReference': 'cus_bob', 'tokenization.storedPaymentMethodId': 'T' },
    },
    { kind: 'uncertain', cause: 'another_shopper' },
  ],
  [
    'the old name of the token',
    200,
    { ...psp, resultCode: 'Authorised', additionalData: { 'recurring.recurringDetailReference': 'T1' } },
    { kind: 'bound', token: 'T1' },
  ],
  ['pending', 200, { ...psp, resultCode: 'Pending' }, { kind: 'verifying' }],
  [
    'cancelled without a code',
    200,
    { ...psp, resultCode: 'Cancelled' },
    { kind: 'refused', by: 'channel', category: 'unknown', elsewhere: false },
  ],
  [
    'an error without a code',
    200,
    { ...psp, resultCode: 'Error' },
    { kind: 'refused', by: 'channel', category: 'unknown', elsewhere: true },
  ],
  [
    'refused without a code',
    200,
    { ...psp, resultCode: 'Refused' },
    { kind: 'refused', by: 'issuer', category: 'unknown', elsewhere: false },
  ],
  [
    'a native challenge without its token',
    200,
    { ...psp, resultCode: 'IdentifyShopper', action: { type: 'threeDS2' } },
    { kind: 'uncertain', cause: 'step_not_read:IdentifyShopper:threeDS2' },
  ],
  ['a conflict of another kind', 409, { status: 409, errorCode: '010', message: 'Conflict' }, { kind: 'uncertain', cause: 'conflict_010' }],
  [
    'a reason by the name of something in every object',
    200,
    { ...psp, resultCode: 'Refused', refusalReasonCode: 'constructor' },
    { kind: 'refused', by: 'issuer', category: 'unknown', elsewhere: false },
  ],
  [
    'an error by the name of something in every object',
    422,
    { status: 422, errorCode: 'constructor', message: 'No' },
    { kind: 'refused', by: 'channel', category: 'misconfigured', elsewhere: true },
  ],
]
for (const [name, status, body, expected] of answers) {
  test(`answer: ${name} is ${JSON.stringify(expected)}`, async () => {
    const send = () => Promise.resolve({ status, headers: {}, body: typeof body === 'string' ? body : JSON.stringify(body) })
    const outcome: BindOutcome | undefined = await adyen.bind?.({ operation: 'opn_1', key: 'k', account, send }, rehearse().input(good))
    assert.ok(outcome !== undefined)
    const found: Record<string, unknown> = { ...outcome }
    for (const [field, value] of Object.entries(expected)) assert.deepEqual(found[field], value, field)
  })
}

test('a redirect by POST keeps its fields', async () => {
  const body = JSON.stringify({
    ...psp,
    resultCode: 'RedirectShopper',
    action: { type: 'redirect', url: 'https://issuer.example/acs', method: 'POST', data: { MD: 'm', PaReq: 'p' } },
  })
  const outcome = await adyen.bind?.(
    { operation: 'opn_1', key: 'k', account, send: () => Promise.resolve({ status: 200, headers: {}, body }) },
    rehearse().input(good),
  )
  assert.ok(outcome?.kind === 'challenged')
  assert.deepEqual(outcome.action, { type: 'redirect', url: 'https://issuer.example/acs', method: 'POST', data: { MD: 'm', PaReq: 'p' } })
})

test('an address that is none, and a token that could be a path, are not believed', async () => {
  const answered = (body: unknown) => () => Promise.resolve({ status: 200, headers: {}, body: JSON.stringify(body) })
  const action = { type: 'redirect', url: 'javascript:alert(1)', method: 'GET' }
  const odd = await adyen.bind?.(
    { operation: 'opn_1', key: 'k', account, send: answered({ ...psp, resultCode: 'RedirectShopper', action }) },
    rehearse().input(good),
  )
  assert.equal(odd?.kind, 'uncertain')
  const additionalData = { 'tokenization.storedPaymentMethodId': '../payments' }
  const path = await adyen.bind?.(
    { operation: 'opn_1', key: 'k', account, send: answered({ ...psp, resultCode: 'Authorised', additionalData }) },
    rehearse().input(good),
  )
  assert.equal(path?.kind, 'verifying')
})

test('a closed door, when the shopper comes back, says nothing about the challenge', async () => {
  for (const status of [401, 403, 404, 422]) {
    const body = JSON.stringify({ status, errorCode: '000', message: 'HTTP Status Response - Unauthorized', errorType: 'security' })
    const send = () => Promise.resolve({ status, headers: {}, body })
    const input = { customer: 'cus_1', binding: 'bnd_1', references: { merchant_reference: 'opn_1' }, returned: { redirectResult: 'x' } }
    assert.equal((await adyen.resume?.({ operation: 'opn_2', key: 'k', account, send }, input))?.kind, 'uncertain', String(status))
  }
})

test('a mandate that only a webhook told of is revoked under its own shopper, a card under its customer', async () => {
  const shopperFor = async (references: References) => {
    let url = ''
    const send: Call['send'] = request => {
      url = request.url
      return Promise.resolve({ status: 204, headers: {}, body: '' })
    }
    await adyen.revoke?.({ operation: 'opn_9', key: 'k', account, send }, { customer: 'cus_1', binding: 'bnd_1', token: 'T', references })
    return new URL(url).searchParams.get('shopperReference')
  }
  assert.equal(await shopperFor({ merchant_reference: 'opn1' }), 'bnd1')
  assert.equal(await shopperFor({ merchant_reference: 'opn_1' }), 'cus_1')
  assert.equal(await shopperFor({ merchant_reference: 'opn1', shopper_reference: 'bnd7' }), 'bnd7')
})
