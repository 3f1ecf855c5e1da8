/** Antom as the contract suite takes it. Tests only. */
import { credentialsOf, type Subject } from '../contract-bench.ts'
import { antom } from './channel.ts'
import { sandbox } from './sandbox.ts'
import { signatureHeader } from './sign.ts'
import { pathOf } from './wire.ts'

/** docs.antom.com/ac/ams/authconsult (2024-04), /ac/ams_zh-cn/authrevocation; the mini programs' applyToken v1 and v2, cancelToken v1. */
export const documentedCodes = `ACCESS_DENIED CLIENT_FORBIDDEN_ACCESS_API INVALID_ACCESS_TOKEN INVALID_API INVALID_CLIENT_STATUS
INVALID_SIGNATURE KEY_NOT_FOUND MERCHANT_NOT_REGISTERED NO_INTERFACE_DEF NO_PAY_OPTIONS OAUTH_FAILED PARAM_ILLEGAL PAYMENT_NOT_QUALIFIED
PROCESS_FAIL RISK_REJECT SYSTEM_ERROR UNKNOWN_CLIENT REQUEST_TRAFFIC_EXCEED_LIMIT UNKNOWN_EXCEPTION AUTH_CLIENT_UNSUPPORTED_GRANT_TYPE
INVALID_AUTH_CLIENT INVALID_AUTH_CLIENT_STATUS INVALID_REFRESH_TOKEN EXPIRED_REFRESH_TOKEN USED_REFRESH_TOKEN INVALID_CODE USED_CODE
EXPIRED_CODE INVALID_AUTHCODE USED_AUTHCODE EXPIRED_AUTHCODE EXPIRED_ACCESS_TOKEN`.split(/\s+/)

export const subject: Subject = {
  channel: antom,
  sandbox,
  storePath: '/ams/sandbox/api/v1/authorizations/consult',
  /** Signed, or it would not count. */
  get unknownRefusal() {
    const [{ settings, signing }] = credentialsOf(subject)
    const { clientId = '' } = settings
    const body = JSON.stringify({ result: { resultCode: 'MOON_PHASE', resultStatus: 'F', resultMessage: 'Not tonight.' } })
    const time = '1795348800000'
    const signature = signatureHeader({ path: pathOf('consult', clientId), clientId, time, body }, signing) ?? ''
    return { status: 200, headers: { 'response-time': time, signature }, body }
  },
  timestamped: false,
  signsBytes: true,
  boundEvent: 'TOKEN_CREATED',
  officialCodes: documentedCodes,
  resign(request, { secrets, settings }) {
    const { clientId = '' } = settings
    const signed = { path: new URL(request.url).pathname, clientId, time: request.headers['request-time'] ?? '', body: request.body ?? '' }
    return { ...request, headers: { ...request.headers, signature: signatureHeader(signed, secrets.privateKey ?? '') ?? '' } }
  },
}
