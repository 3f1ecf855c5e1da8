/**
 * `result.resultCode` of the authorisation APIs, by what each means. A code decides nothing alone: `result.resultStatus` F is a no, U is
 * unknown whatever its code (docs.antom.com/ac/ams/authconsult, …/authrevocation, "Result process logic").
 *
 * Sources: the result code tables of consult and revoke (docs.antom.com/ac/ams/authconsult, /ac/ams_zh-cn/authrevocation). Of applyToken's
 * own table only copies for the same wallets' mini programs were at hand (Alipay+ `applyToken`, v1 `…_CODE` and v2 `…_AUTHCODE`), so both
 * spellings are listed.
 */
import { categoryByCode, type RefusalCategory } from '../refusal.ts'

const lists: Readonly<Partial<Record<RefusalCategory, readonly string[]>>> = {
  do_not_honour: ['PROCESS_FAIL'],
  fraud_suspected: ['RISK_REJECT'],
  not_permitted: ['PAYMENT_NOT_QUALIFIED', 'USER_NOT_SUPPORT', 'USER_STATUS_ABNORMAL'],
  not_supported: ['NO_PAY_OPTIONS'],
  account_closed: ['USER_NOT_EXIST'],
  authentication_failed: ['INVALID_AUTHCODE', 'EXPIRED_AUTHCODE', 'USED_AUTHCODE', 'INVALID_CODE', 'EXPIRED_CODE', 'USED_CODE'],
  mandate_revoked: ['INVALID_ACCESS_TOKEN', 'EXPIRED_ACCESS_TOKEN', 'INVALID_REFRESH_TOKEN', 'EXPIRED_REFRESH_TOKEN', 'USED_REFRESH_TOKEN'],
  try_later: ['SYSTEM_ERROR', 'REQUEST_TRAFFIC_EXCEED_LIMIT', 'UNKNOWN_EXCEPTION'],
  misconfigured: [
    'ACCESS_DENIED',
    'AUTH_CLIENT_UNSUPPORTED_GRANT_TYPE',
    'CLIENT_FORBIDDEN_ACCESS_API',
    'INVALID_API',
    'INVALID_AUTH_CLIENT',
    'INVALID_AUTH_CLIENT_STATUS',
    'INVALID_CLIENT_STATUS',
    'INVALID_SIGNATURE',
    'KEY_NOT_FOUND',
    'MERCHANT_NOT_REGISTERED',
    'NO_INTERFACE_DEF',
    'OAUTH_FAILED',
    'PARAM_ILLEGAL',
    'UNKNOWN_CLIENT',
  ],
}
export const refusals = categoryByCode(lists)

/** Whose no it is: the wallet's, or Antom's own about the request or our account. Only the latter may do better elsewhere. */
const walletsOwn: ReadonlySet<RefusalCategory> = new Set([
  'do_not_honour',
  'fraud_suspected',
  'account_closed',
  'authentication_failed',
  'mandate_revoked',
  'unknown',
])
const elsewhere: ReadonlySet<RefusalCategory> = new Set(['not_supported', 'misconfigured'])

export type Refusal = { readonly by: 'issuer' | 'channel'; readonly category: RefusalCategory; readonly elsewhere: boolean }

export function refusalOf(code: string): Refusal {
  const category = refusals.get(code) ?? 'unknown'
  return { by: walletsOwn.has(category) ? 'issuer' : 'channel', category, elsewhere: elsewhere.has(category) }
}

/**
 * The authorisation code, or the refresh token, was exchanged before: maybe by ourselves, in a call whose answer was lost. That is no no.
 * `TOKEN_CREATED` tells the token then.
 */
export const usedCodes: ReadonlySet<string> = new Set(['USED_AUTHCODE', 'USED_CODE', 'USED_REFRESH_TOKEN'])
/** "The access token has expired, been revoked, or does not exist": what was to be revoked is gone. */
export const goneCodes: ReadonlySet<string> = new Set(['INVALID_ACCESS_TOKEN', 'EXPIRED_ACCESS_TOKEN'])
