/**
 * CAMARA's error codes by what they mean: all that One Time Password SMS 1.1.1 and Carrier Billing 0.5.0 list (a test reads them from the
 * specifications). Codes of one interface carry its name; the others are CAMARA's common ones.
 */
import { categoryByCode, type RefusalCategory } from '../refusal.ts'

export const refusals: ReadonlyMap<string, RefusalCategory> = categoryByCode({
  // The phone number is all that varies in what we send to have a code sent.
  invalid_account: ['INVALID_ARGUMENT', 'IDENTIFIER_NOT_FOUND'],
  not_permitted: [
    'ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED',
    'ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_BLOCKED',
    'CARRIER_BILLING.PAYMENT_DENIED',
    'CARRIER_BILLING.PAYMENT_CANCELLED',
    'CARRIER_BILLING.PAYMENT_CONFIRMED',
  ],
  limit_exceeded: [
    'ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED',
    'CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED',
    'CARRIER_BILLING.UNAUTHORIZED_AMOUNT',
  ],
  authentication_failed: [
    'ONE_TIME_PASSWORD_SMS.INVALID_OTP',
    'ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED',
    'ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED',
    'CARRIER_BILLING.INVALID_CODE',
    'CARRIER_BILLING.INVALID_AUTHORIZATION_ID',
    'CARRIER_BILLING.VALIDATION_FAILED',
    'OUT_OF_RANGE',
  ],
  not_supported: ['SERVICE_NOT_APPLICABLE'],
  try_later: ['QUOTA_EXCEEDED', 'TOO_MANY_REQUESTS', 'NOT_FOUND', 'ALREADY_EXISTS', 'GONE'],
  misconfigured: [
    'UNAUTHENTICATED',
    'PERMISSION_DENIED',
    'INVALID_CREDENTIAL',
    'INVALID_TOKEN',
    'INVALID_SINK',
    'MISSING_IDENTIFIER',
    'UNNECESSARY_IDENTIFIER',
    'CARRIER_BILLING.INVALID_DATE_RANGE',
    'CARRIER_BILLING.TOO_MANY_MATCHING_RECORDS',
  ],
})

export const categoryOf = (code: string): RefusalCategory => refusals.get(code) ?? 'unknown'
