/**
 * Adyen's refusal reasons in our words. Source: docs.adyen.com/development-resources/refusal-reasons (every code listed there) and
 * …/testing/result-codes, which adds 43 to 45. A test keeps the list complete. The wording of a refusal is for operators: Adyen asks
 * that shoppers never see it.
 *
 * `by: 'channel'` means that Adyen or the acquirer decided and the issuer was not asked or did not answer. Only some of those are worth
 * trying elsewhere: a risk score or a block against retry fees says something about the card, and follows it.
 */
import type { RefusalCategory, Refused } from '../channel.ts'

export type Refusal = Pick<Refused, 'by' | 'category' | 'elsewhere'> & { readonly name: string }

const issuer = (name: string, category: RefusalCategory): Refusal => ({ name, by: 'issuer', category, elsewhere: false })
const channel = (name: string, category: RefusalCategory, elsewhere: boolean): Refusal => ({ name, by: 'channel', category, elsewhere })

export const refusals: Readonly<Record<string, Refusal>> = {
  // Comes with Error ("Unknown"); with Authorised it means nothing and is not looked up.
  '0': channel('Unknown', 'unknown', true),
  '2': issuer('Refused', 'do_not_honour'),
  '3': issuer('Referral', 'do_not_honour'),
  '4': channel('Acquirer Error', 'try_later', true),
  // The raw answers behind it are pick-up, lost and stolen (41, 43, 07).
  '5': issuer('Blocked Card', 'lost_or_stolen'),
  '6': issuer('Expired Card', 'expired'),
  // For a zero amount: the issuer does not take account verifications.
  '7': issuer('Invalid Amount', 'not_supported'),
  '8': issuer('Invalid Card Number', 'invalid_account'),
  // The issuer decided nothing; another acquirer may reach it.
  '9': channel('Issuer Unavailable', 'try_later', true),
  '10': issuer('Not supported', 'not_supported'),
  '11': issuer('3D Not Authenticated', 'authentication_failed'),
  '12': issuer('Not enough balance', 'insufficient_funds'),
  '14': channel('Acquirer Fraud', 'fraud_suspected', false),
  // By the shopper or by the merchant, and we never cancel.
  '15': channel('Cancelled', 'cancelled_by_customer', false),
  '16': channel('Shopper Cancelled', 'cancelled_by_customer', false),
  '17': issuer('Invalid Pin', 'authentication_failed'),
  '18': issuer('Pin tries exceeded', 'authentication_failed'),
  '19': issuer('Pin validation not possible', 'authentication_failed'),
  '20': channel('FRAUD', 'fraud_suspected', false),
  '21': channel('Not Submitted', 'misconfigured', true),
  '22': channel('FRAUD-CANCELLED', 'fraud_suspected', false),
  '23': issuer('Transaction Not Permitted', 'not_permitted'),
  '24': issuer('CVC Declined', 'invalid_security_code'),
  '25': issuer('Restricted Card', 'not_permitted'),
  // Visa's R1 and R3: the shopper told the issuer to let no more of these charges pass.
  '26': issuer('Revocation Of Auth', 'mandate_revoked'),
  '27': issuer('Declined Non Generic', 'do_not_honour'),
  '28': issuer('Withdrawal amount exceeded', 'limit_exceeded'),
  '29': issuer('Withdrawal count exceeded', 'limit_exceeded'),
  '31': issuer('Issuer Suspected Fraud', 'fraud_suspected'),
  '32': issuer('AVS Declined', 'invalid_account'),
  '33': issuer('Card requires online pin', 'not_supported'),
  '34': issuer('No checking account available on Card', 'invalid_account'),
  '35': issuer('No savings account available on Card', 'invalid_account'),
  '36': issuer('Mobile pin required', 'not_supported'),
  '37': issuer('Contactless fallback', 'not_supported'),
  '38': issuer('Authentication required', 'authentication_failed'),
  '39': issuer('RReq not received from DS', 'authentication_failed'),
  '40': channel('Current AID is in Penalty Box.', 'try_later', false),
  '41': issuer('CVM Required Restart Payment', 'not_supported'),
  '42': issuer('3DS Authentication Error', 'authentication_failed'),
  '43': issuer('Online PIN required', 'not_supported'),
  '44': issuer('Try another interface', 'not_supported'),
  '45': issuer('Chip downgrade mode', 'not_supported'),
  // The schemes fine retries of such a card, whoever makes them.
  '46': channel('Transaction blocked by Adyen to prevent excessive retry fees', 'limit_exceeded', false),
  '50': issuer('Token Revoked', 'not_permitted'),
}

/** A code Adyen added after this table was written: refused all the same, by whom is not known, so not re-presented. */
const unlisted: Refusal = { name: 'not listed', by: 'issuer', category: 'unknown', elsewhere: false }

export const refusalOf = (code: string | undefined): Refusal =>
  code !== undefined && Object.hasOwn(refusals, code) ? (refusals[code] ?? unlisted) : unlisted

const letters = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '')
const codesByName = new Map(Object.entries(refusals).map(([code, { name }]) => [letters(name), code]))

/** The code behind a reason in words: webhooks carry only those. */
export const refusalCodeOf = (reason: string): string | undefined => codesByName.get(letters(reason))

/**
 * What an HTTP 4xx with an `errorCode` says about the card rather than about our request or account. Source:
 * docs.adyen.com/development-resources/error-codes. Anything else is our request or configuration: worth trying elsewhere.
 */
export const cardErrors: Readonly<Record<string, Refusal>> = {
  '101': channel('Invalid card number', 'invalid_account', false),
  '102': channel('Unable to determine variant', 'not_supported', true),
  '103': channel('CVC is not the right length', 'invalid_security_code', false),
  '109': channel('Invalid variant', 'not_supported', true),
  '128': channel('Card Holder Missing', 'invalid_account', false),
  '129': channel('Expiry Date Invalid', 'expired', false),
  '140': channel('Expiry month is not valid', 'expired', false),
  '141': channel('Expiry year is not valid', 'expired', false),
}

/** Every code of both lists, which do not overlap. */
export const categories: ReadonlyMap<string, RefusalCategory> = new Map(
  Object.entries({ ...refusals, ...cardErrors }).map(([code, { category }]) => [code, category]),
)

/** The stored details, or all of the shopper's, are not there (any more). Same source. */
export const goneErrors: readonly string[] = ['800', '803', '805']
/** "request already processed or in progress": says nothing about how it ended. Source: …/api-idempotency. */
export const inProgressError = '704'
