/**
 * What PayPal's codes mean for a wallet. Sources: names of errors in vault_payment_tokens_v3.json (`components.schemas.error_*`); issues of the
 * Payment Method Tokens pages (developer.paypal.com/api/payment-tokens/v3/errors/…) and, since that specification lists none, the issues about
 * accounts, payers, vaulting and requests in checkout_orders_v2.json; OAuth errors of RFC 6749 as the SDK lists them (`OAuthProviderError`).
 */
import type { Refused } from '../channel.ts'
import { categoryByCode, type RefusalCategory } from '../refusal.ts'

const codes = {
  do_not_honour: ['UNPROCESSABLE_ENTITY', 'INSTRUMENT_DECLINED', 'TRANSACTION_REFUSED', 'PAYMENT_SOURCE_DECLINED_BY_PROCESSOR'],
  expired: ['TOKEN_EXPIRED'],
  invalid_account: ['RESOURCE_NOT_FOUND', 'INVALID_PAYER_ID', 'IDENTIFIER_NOT_FOUND', 'TOKEN_ID_NOT_FOUND', 'INVALID_RESOURCE_ID'],
  account_closed: ['PAYER_ACCOUNT_LOCKED_OR_CLOSED'],
  authentication_failed: ['PAYER_ACTION_REQUIRED', 'CONSENT_NEEDED', 'PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED', 'SETUP_TOKEN_NOT_TOKENIZED'],
  limit_exceeded: ['TRANSACTION_LIMIT_EXCEEDED', 'MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED'],
  not_permitted: [
    'PAYER_ACCOUNT_RESTRICTED',
    'PAYER_CANNOT_PAY',
    'COMPLIANCE_VIOLATION',
    'PAYMENT_SOURCE_CANNOT_BE_USED',
    'INVALID_ACCOUNT_STATUS',
  ],
  not_supported: ['PAYMENT_SOURCE_NOT_SUPPORTED', 'COUNTRY_NOT_SUPPORTED_BY_PAYMENT_SOURCE', 'NOT_SUPPORTED'],
  mandate_revoked: ['AGREEMENT_ALREADY_CANCELLED', 'BILLING_AGREEMENT_NOT_FOUND'],
  try_later: ['RESOURCE_CONFLICT', 'INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE', 'RATE_LIMIT_REACHED', 'SETUP_TOKEN_ALREADY_TOKENIZED'],
  misconfigured: [
    ...['INVALID_REQUEST', 'AUTHENTICATION_FAILURE', 'NOT_AUTHORIZED', 'UNSUPPORTED_MEDIA_TYPE', 'PERMISSION_DENIED'],
    ...['MISSING_REQUIRED_PARAMETER', 'INVALID_PARAMETER', 'INVALID_PARAMETER_SYNTAX', 'INVALID_PARAMETER_VALUE', 'INVALID_STRING_LENGTH'],
    ...['INVALID_STRING_MAX_LENGTH', 'MALFORMED_REQUEST_JSON', 'ONE_OF_PARAMETERS_REQUIRED', 'ONE_OF_THE_PARAMETERS_REQUIRED'],
    ...['INCOMPATIBLE_PARAMETER_VALUE', 'INVALID_COUNTRY_CODE', 'NO_PAYMENT_SOURCE_PROVIDED', 'ONLY_ONE_PAYMENT_SOURCE_ALLOWED'],
    ...[
      'RETURN_URL_REQUIRED',
      'CANCEL_URL_REQUIRED',
      'PAYPAL_REQUEST_ID_REQUIRED',
      'VAULT_INSTRUCTION_REQUIRED',
      'VAULT_INSTRUCTION_DUPLICATED',
    ],
    ...['MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE', 'NOT_ENABLED_TO_VAULT_PAYMENT_SOURCE', 'NOT_ELIGIBLE_FOR_TOKEN_PROCESSING'],
    ...['PAYEE_ACCOUNT_INVALID', 'PAYEE_ACCOUNT_LOCKED_OR_CLOSED', 'PAYEE_ACCOUNT_NOT_VERIFIED', 'PAYEE_ACCOUNT_RESTRICTED'],
    ...['invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope'],
  ],
} as const satisfies Partial<Record<RefusalCategory, readonly string[]>>

/** Where PayPal has no code because nothing was refused: the customer turned back, did not come back in time, or never saw the link. */
const ours = {
  cancelled_by_customer: ['cancelled'],
  authentication_failed: ['setup_token_expired'],
  try_later: ['setup_token_lost'],
} as const

export const refusals = categoryByCode({
  ...codes,
  cancelled_by_customer: ours.cancelled_by_customer,
  authentication_failed: [...codes.authentication_failed, ...ours.authentication_failed],
  try_later: [...codes.try_later, ...ours.try_later],
})

/** PayPal keeps the payer's account as a bank does: what it says of the payer holds wherever this wallet is presented. */
const ofPayer = (code: string): boolean => code.startsWith('PAYER_ACCOUNT_') || code === 'PAYER_CANNOT_PAY'

export type Meaning =
  | { readonly kind: 'uncertain'; readonly cause: string }
  | Pick<Refused, 'kind' | 'by' | 'category' | 'code' | 'elsewhere'>

/** What an error in PayPal's shape means. `issue`: the finer code of its first detail. */
export function meaningOf(error: { readonly name: string; readonly issue: string | undefined }, status: number): Meaning {
  const code = error.issue ?? error.name
  const uncertain = (why: string): Meaning => ({ kind: 'uncertain', cause: `paypal ${status} ${code}: ${why}` })
  // 401: the access token was given a moment ago, so this says nothing about anybody. 409: the first request may be on its way still.
  if (status < 400 || status >= 500 || [401, 408, 409, 429].includes(status)) return uncertain('no definite answer')
  const category = refusals.get(code) ?? 'unknown'
  if (category === 'try_later') return uncertain('no definite answer')
  const elsewhere = category === 'misconfigured' || category === 'not_supported'
  return { kind: 'refused', by: ofPayer(code) ? 'issuer' : 'channel', category, code, elsewhere }
}
