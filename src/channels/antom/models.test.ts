/**
 * What crosses the wire, judged by the models of the official Java SDK 2.2.8: every field of ours and of the simulator is one of theirs, and
 * what they call required is there. Their field names and enumerations, taken down by hand; there is no specification to compile.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import type { Call, SandboxValue } from '../channel.ts'
import { type Bench, bindFully, createBench } from '../contract-bench.ts'
import { antom } from './channel.ts'
import { subject } from './subject.ts'
import { wallets } from './wallets.ts'

/** `CustomerBelongsTo` without the debits and the business account. */
const codes = `ALIPAY_CN ALIPAY_HK MPAY DANA PAYPAY BOOST TNG GRABPAY_MY HIPAY GCASH MAYA GRABPAY_PH GRABPAY_SG KAKAOPAY NAVERPAY TOSSPAY
RABBIT_LINE_PAY TRUEMONEY KPLUS ZALOPAY MOMO VIETTELMONEY JKOPAY BKASH EASYPAISA`.split(/\s+/)
const result = z.strictObject({ resultCode: z.string(), resultStatus: z.enum(['S', 'F', 'U']), resultMessage: z.string() })
const url = z.url().max(2048)
const token = z.string().min(1).max(128)
const iso = z.iso.datetime({ offset: true })
const codeDetail = z.strictObject({
  codeValueType: z.enum(['BARCODE', 'QRCODE']),
  codeValue: z.string().max(2048),
  displayType: z.enum(['TEXT', 'MIDDLEIMAGE', 'SMALLIMAGE', 'BIGIMAGE', 'IMAGE']),
})

const requests = {
  consult: z.strictObject({
    customerBelongsTo: z.enum(codes),
    authRedirectUrl: z.url().max(1024),
    scopes: z.array(z.literal('AGREEMENT_PAY')).length(1),
    authState: z.string().min(1).max(256),
    terminalType: z.enum(['WEB', 'WAP', 'APP', 'MINI_APP']),
    osType: z.enum(['IOS', 'ANDROID']).optional(),
  }),
  applyToken: z.strictObject({
    grantType: z.enum(['AUTHORIZATION_CODE', 'REFRESH_TOKEN']),
    customerBelongsTo: z.enum(codes),
    authCode: token.optional(),
    refreshToken: token.optional(),
  }),
  revoke: z.strictObject({ accessToken: token }),
}
const answers = {
  consult: z.strictObject({
    result,
    normalUrl: url.optional(),
    schemeUrl: url.optional(),
    applinkUrl: url.optional(),
    appIdentifier: z.string().max(128).optional(),
    authCodeForm: z.strictObject({ codeDetails: z.array(codeDetail) }).optional(),
  }),
  applyToken: z.strictObject({
    result,
    accessToken: token.optional(),
    accessTokenExpiryTime: iso.optional(),
    refreshToken: token.optional(),
    refreshTokenExpiryTime: iso.optional(),
    userLoginId: z.string().max(64).optional(),
    pspCustomerInfo: z.strictObject({ pspName: z.string().max(64), pspCustomerId: z.string().max(64) }).optional(),
  }),
  revoke: z.strictObject({ result }),
}
const notice = z.strictObject({
  authorizationNotifyType: z.enum(['AUTHCODE_CREATED', 'TOKEN_CREATED', 'TOKEN_CANCELED']),
  result,
  authState: z.string().max(256).optional(),
  authCode: token.optional(),
  accessToken: token.optional(),
  reason: z.string().max(256).optional(),
  userLoginId: z.string().optional(),
  userId: z.string().optional(),
})
const headers = z.object({
  'client-id': z.string().min(1),
  'content-type': z.literal('application/json; charset=UTF-8'),
  signature: z.string().regex(/^algorithm=RSA256,keyVersion=1,signature=[\w%.-]+$/),
})

test('our wallets are the SDK’s', () => {
  assert.deepEqual(wallets.map(one => one.code).toSorted(), codes.toSorted())
})

/** Everything said in a life: bound, renewed, revoked. */
async function live(bench: Bench, value: SandboxValue): Promise<void> {
  const whole = bench.call
  const judged = (call: Call): Call => ({
    ...call,
    send: async request => {
      const [api] = Object.keys(requests).filter(one => request.url.endsWith(`/authorizations/${one}`))
      if (api !== 'consult' && api !== 'applyToken' && api !== 'revoke') return assert.fail(request.url)
      requests[api].parse(JSON.parse(request.body ?? ''))
      headers.extend({ 'request-time': z.string().regex(/^\d{13}$/) }).parse(request.headers)
      const answer = await call.send(request)
      answers[api].parse(JSON.parse(answer.body))
      headers.extend({ 'response-time': z.string().regex(/^\d{13}$/) }).parse(answer.headers)
      return answer
    },
  })
  const bound = await bindFully({ ...bench, call: (...of) => judged(whole(...of)) }, value)
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references, token: bound.token }
  await antom.refresh?.(judged(whole('opn_7', value)), about)
  assert.equal((await antom.revoke?.(judged(whole('opn_8', value)), about))?.kind, 'revoked')
}

test('what is said in the life of an agreement is said in the SDK’s words, by both sides', async () => {
  for (const value of antom.sandboxValues.filter(one => one.outcome === 'challenged' && one.ends === undefined)) {
    const bench = createBench(subject)
    await live(bench, value)
    const events = bench.deliveries().map(one => notice.parse(JSON.parse(one.body)).authorizationNotifyType)
    assert.deepEqual(events, ['AUTHCODE_CREATED', 'TOKEN_CREATED', 'TOKEN_CANCELED'])
  }
})
