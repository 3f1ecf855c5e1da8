import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../core/secret.ts'
import type { Told } from '../channel.ts'
import { credentialsOf } from '../contract-bench.ts'
import { isSigned, signatureHeader } from './sign.ts'
import { subject } from './subject.ts'
import { readWebhook } from './webhook.ts'

/**
 * Signed by `SignatureTool` of the official Java SDK 2.2.8 with a key made for this test, and found good by its `WebhookTool`. (Its two
 * base64 classes wrap commons-codec by lombok; the JDK's own base64 stood in for them.) The body is the example of
 * docs.antom.com/ac/autodebitpay/notify_auth, with a sign beyond ASCII.
 */
const sdkVector = {
  path: '/v1/channels/antom/test/webhook',
  clientId: 'SANDBOX_5X00000000000000',
  time: '1685599933871',
  body: '{"authorizationNotifyType":"AUTHCODE_CREATED","authState":"489767958497","authCode":"28100113_1631148338197000019ba74","result":{"resultCode":"SUCCESS","resultMessage":"success \u2713","resultStatus":"S"}}',
}
const sdkSignature =
  'hQbKh0p6oCb1ft0vbaT6TYlnKlfNLkK3ZaDlWL%2BWaqGqkD8O3DY7o3Vsg65fszDBEZ0ZfUZnZTIADGw3ZPZPppedN0g77AB5QassqaWw4OgC2UMcYT1GwHFivDY2MUtl92zO7pqndY%2BABHMMLAZUdmoQ5AO3wcqkWP2AZMLMCiuLcrmJfrr6GKN9TwOXS5y5iRqdcJRT6rCehSus0lrklMgfQ6BPUH1tq7mo75TXzJHbI3VTprvAbDh7y%2FdjYdomx6RoYjpTDOafFpR0c8Ex%2B1asMDRncTvIMLNLy4cR5a2uekjfR8HQ09Ae12DgUqEQuC6Wd4jkzuIscUUSusWt%2FQ%3D%3D'
const sdkPublicKey =
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAjx3jRk8Bwd/LG8QhsTm0iAQhTrfqGiqaImXLArSwTA04m8CRCX4unDX3FEygszO19aI1RT86BKCtCXo7zvSy7PBNsDnW2S+yFm7iIB/TisJ7yNO+Asg/60frfBTQ4ca9Y7eH5bwrEMlmPHll47Lij8t6Gi9Bp7Sp9H6gIjYnbTCdoTSYziH2xK6iy/eoC7l/rBw/oDGyeuPgwjqF+e33hI2cuocLJOA347y1alBZ7mIHG/Ub3Apo/1TjI8dmYOpxMF8ZfCRZHN5QpLTGXioGW5851rh2D9cUzylcidcsLCBvJQxcZbmVDtMD44vHglVQA4onxP2+pjP0najg9IQIEwIDAQAB'

const header = `algorithm=RSA256,keyVersion=1,signature=${sdkSignature}`

test('what the official SDK signed is good, with its header written either way', () => {
  assert.ok(isSigned(sdkVector, header, sdkPublicKey))
  assert.ok(isSigned(sdkVector, `algorithm=RSA256, keyVersion=2, signature=${sdkSignature}`, sdkPublicKey))
  assert.ok(isSigned(sdkVector, header, `-----BEGIN PUBLIC KEY-----\n${sdkPublicKey}\n-----END PUBLIC KEY-----\n`))
})

test('another path, client, time or body is not what was signed', () => {
  for (const changed of [{ path: '/v1/channels/antom/live/webhook' }, { clientId: 'SANDBOX_6' }, { time: '1685599933872' }, { body: '{}' }])
    assert.equal(isSigned({ ...sdkVector, ...changed }, header, sdkPublicKey), false)
  for (const odd of [undefined, '', 'signature=', 'signature=%', 'algorithm=RSA256', `signature=${sdkSignature.slice(4)}`])
    assert.equal(isSigned(sdkVector, odd, sdkPublicKey), false, odd)
  assert.equal(isSigned(sdkVector, header, 'no key'), false)
  assert.equal(signatureHeader(sdkVector, 'no key'), undefined)
})

const [credentials] = credentialsOf(subject)

function told(content: Readonly<Record<string, unknown>>, about: Partial<typeof sdkVector> = {}): Told {
  const { clientId = '', webhookPath = '' } = credentials.settings
  const signed = { path: webhookPath, clientId, time: '1795348800000', body: JSON.stringify(content), ...about }
  const reading = readWebhook({
    headers: { 'client-id': clientId, 'request-time': signed.time, signature: signatureHeader(signed, credentials.signing) ?? '' },
    body: Buffer.from(signed.body),
    nowMs: 1_795_348_800_000,
    secrets: [new Secret(credentials.verifying)],
    account: { address: '', secrets: {}, settings: credentials.settings, webhookSecrets: [] },
    send: () => assert.fail('nothing is asked'),
  })
  if (reading.kind !== 'told') return assert.fail(`${reading.reason}: ${reading.detail}`)
  assert.deepEqual(JSON.parse(reading.answer.body), { result: { resultCode: 'SUCCESS', resultStatus: 'S', resultMessage: 'success' } })
  const [one, ...more] = reading.told
  assert.equal(more.length, 0)
  return one ?? assert.fail()
}

const authState = 'opn_1.bnd_1.GCASH'

test('a code that was made is what the browser would have brought', () => {
  const { operation, binding, returned, news } = told({ authorizationNotifyType: 'AUTHCODE_CREATED', authState, authCode: 'code_1' })
  assert.deepEqual(
    { operation, binding, returned, news },
    {
      operation: 'opn_1',
      binding: 'bnd_1',
      returned: { authCode: 'code_1', authState },
      news: undefined,
    },
  )
})

test('a token that was made is bound news, matched by the state we sent', () => {
  const one = told({
    authorizationNotifyType: 'TOKEN_CREATED',
    authState,
    accessToken: 'token_1',
    userId: '2188',
    userLoginId: 'ada@example.com',
  })
  assert.deepEqual([one.operation, one.names], ['opn_1', [authState, 'token_1']])
  assert.deepEqual(one.news, {
    kind: 'bound',
    token: 'token_1',
    references: { auth_state: authState },
    shown: { brand: 'gcash', handle: 'ad****om' },
    identity: { kind: 'wallet', value: 'gcash:2188' },
  })
})

test('of a short login id as little is shown as of a long one', () => {
  const handleOf = (userLoginId: string) => {
    const { news } = told({ authorizationNotifyType: 'TOKEN_CREATED', authState, accessToken: 'token_1', userLoginId })
    return news?.kind === 'bound' ? news.shown?.handle : undefined
  }
  assert.deepEqual(['ada', 'ada12', '63-9*1234', '*'].map(handleOf), ['****', '****', '63-9*1234', '*'])
  assert.equal(handleOf('ada.lovelace*@example.com'), 'ad****om', 'a star in it masks nothing by itself')
})

test('a token that was cancelled, by whomever, is revoked news found by the token', () => {
  const one = told({ authorizationNotifyType: 'TOKEN_CANCELED', accessToken: 'token_1', reason: 'changed my mind' })
  assert.deepEqual([one.names, one.news], [['token_1'], { kind: 'revoked', reason: 'changed my mind' }])
  // Where it repeats the state of the bind, it does not answer the bind.
  const named = told({ authorizationNotifyType: 'TOKEN_CANCELED', authState, accessToken: 'token_1' })
  assert.deepEqual([named.operation, named.binding, named.names], [undefined, 'bnd_1', [authState, 'token_1']])
})

test('what says nothing to us is acknowledged and means nothing', () => {
  for (const content of [
    { authorizationNotifyType: 'TOKEN_FROZEN', accessToken: 'token_1' },
    { authorizationNotifyType: 'TOKEN_CREATED', authState: 'somebody else’s', accessToken: 'token_1' },
    { authorizationNotifyType: 'AUTHCODE_CREATED', authState },
  ]) {
    const { news, returned } = told(content)
    assert.deepEqual([news, returned], [undefined, undefined])
  }
})

test('the blanks of the documentation’s own example are no part of names and values', () => {
  const one = told({ authorizationNotifyType: 'AUTHCODE_CREATED ', authState: `${authState} `, authCode: 'code_1' })
  assert.deepEqual([one.type, one.operation, one.returned?.authState], ['AUTHCODE_CREATED', 'opn_1', authState])
})
