/**
 * What decides a payment in Adyen's test environment, and so in the simulator: the holder's name, or `RequestedTestAcquirerResponseCode`
 * in `additionalData`. Source: docs.adyen.com/development-resources/testing/result-codes.
 */
import { refusals } from './refusals.ts'

export type Verdict =
  | { readonly result: 'Authorised' | 'Received' }
  | { readonly result: 'Refused' | 'Error' | 'Cancelled'; readonly code: string; readonly reason: string }

/** Names by response code; the same code is the refusal's. 1, 13 and 30 are no refusals. */
export const magicHolders: Readonly<Record<string, string>> = {
  UNKNOWN: '0',
  APPROVED: '1',
  DECLINED: '2',
  REFERRAL: '3',
  ERROR: '4',
  BLOCK_CARD: '5',
  CARD_EXPIRED: '6',
  INVALID_AMOUNT: '7',
  INVALID_CARD_NUMBER: '8',
  ISSUER_UNAVAILABLE: '9',
  NOT_SUPPORTED: '10',
  NOT_3D_AUTHENTICATED: '11',
  NOT_ENOUGH_BALANCE: '12',
  PENDING: '13',
  ACQUIRER_FRAUD: '14',
  CANCELLED: '15',
  SHOPPER_CANCELLED: '16',
  INVALID_PIN: '17',
  PIN_TRIES_EXCEEDED: '18',
  PIN_VALIDATION_NOT_POSSIBLE: '19',
  FRAUD: '20',
  NOT_SUBMITTED: '21',
  FRAUD_CANCELLED: '22',
  TRANSACTION_NOT_PERMITTED: '23',
  CVC_DECLINED: '24',
  RESTRICTED_CARD: '25',
  REVOCATION_OF_AUTH: '26',
  DECLINED_NON_GENERIC: '27',
  WITHDRAWAL_AMOUNT_EXCEEDED: '28',
  WITHDRAWAL_COUNT_EXCEEDED: '29',
  PARTIALLY_APPROVED: '30',
  ISSUER_SUSPECTED_FRAUD: '31',
  AVS_DECLINED: '32',
  PIN_REQUIRED: '33',
  NO_CHECKING_ACCOUNT: '34',
  NO_SAVINGS_ACCOUNT: '35',
  MOBILE_PIN_REQUIRED: '36',
  CONTACTLESS_FALLBACK: '37',
  AUTHENTICATION_REQUIRED: '38',
  RREQ_NOT_RECEIVED: '39',
  BAN_CURRENT_AID: '40',
  CVM_REQUIRED: '41',
  THREED_SECURE_ERROR: '42',
  ONLINE_PIN_REQUIRED: '43',
  TRY_ANOTHER_INTERFACE: '44',
  CHIP_DOWNGRADE_MODE: '45',
  ERPS_BLOCK: '46',
}

/**
 * Cards by number. The first two are Adyen's; the others are ours (Adyen decides by name only), so that one set of test cards works at
 * every channel.
 */
const challengedNumbers = ['4917610000000000', '4212345678901237', '4000002500003155', '4000002760003184', '4000000000003220']
export const refusedNumbers: Readonly<Record<string, string>> = {
  '4000000000000002': '2',
  '4000000000000069': '6',
  '4000000000000127': '24',
  '4000000000009995': '12',
  '4000000000009979': '5',
}

/**
 * Enrolled in 3-D Secure 2 (docs.adyen.com/development-resources/testing/3d-secure-2-authentication; the first is also the specification's
 * own example of the native flow). That the second is let through after the fingerprint is ours.
 */
const nativeNumbers: Readonly<Record<string, 'challenge' | 'frictionless'>> = {
  '4035501428146300': 'challenge',
  '371449635398431': 'frictionless',
}

/** How the shopper authenticates. The other challenged numbers fall back to the redirect whatever was asked for, as Adyen may. */
export function authenticationOf(number: string, native: boolean): 'none' | 'redirect' | 'challenge' | 'frictionless' {
  const known = nativeNumbers[number]
  if (known === undefined) return challengedNumbers.includes(number) ? 'redirect' : 'none'
  return native ? known : 'redirect'
}

/** `DECLINED`, or `DECLINED : whatever`. A name that is no magic one is approved. */
export function verdictOf(of: { readonly number: string; readonly holder: string; readonly responseCode: string }): Verdict {
  const name = of.holder.split(':')[0]?.trim() ?? ''
  const code = of.responseCode === '' ? (magicHolders[name] ?? refusedNumbers[of.number] ?? '1') : of.responseCode
  if (code === '13') return { result: 'Received' }
  const refusal = refusals[code]
  if (refusal === undefined) return { result: 'Authorised' }
  const result = code === '0' || code === '4' ? 'Error' : code === '22' ? 'Cancelled' : 'Refused'
  return { result, code, reason: refusal.name }
}
