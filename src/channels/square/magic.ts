/**
 * What decides a card on file in Square's sandbox, and so in the simulator: the token. The first six are Square's
 * (developer.squareup.com/docs/devtools/sandbox/payments, "error state values"); the codes that the next four come with are those that
 * integrations' public tests assert of payments, and are taken to be the same for cards. The others are ours, by the code they bring about.
 */
import type { RefusalCategory, SandboxValue } from '../channel.ts'

export type Verdict =
  | { readonly kind: 'card'; readonly brand: string; readonly last4: string; readonly verified?: true }
  | { readonly kind: 'error'; readonly code: string }

const prefix = 'cnon:bindery-'
export const verdicts: ReadonlyMap<string, Verdict> = new Map<string, Verdict>([
  ['cnon:card-nonce-ok', { kind: 'card', brand: 'VISA', last4: '1111' }],
  ['cnon:card-nonce-rejected-cvv', { kind: 'error', code: 'CVV_FAILURE' }],
  ['cnon:card-nonce-rejected-postalcode', { kind: 'error', code: 'ADDRESS_VERIFICATION_FAILURE' }],
  ['cnon:card-nonce-rejected-expiration', { kind: 'error', code: 'INVALID_EXPIRATION' }],
  ['cnon:card-nonce-declined', { kind: 'error', code: 'GENERIC_DECLINE' }],
  ['cnon:card-nonce-already-used', { kind: 'error', code: 'SOURCE_USED' }],
  [`${prefix}mastercard`, { kind: 'card', brand: 'MASTERCARD', last4: '5100' }],
  [`${prefix}to-be-verified`, { kind: 'card', brand: 'VISA', last4: '1019', verified: true }],
  ...['INSUFFICIENT_FUNDS', 'CARD_EXPIRED', 'ACCOUNT_UNUSABLE', 'TRANSACTION_LIMIT', 'CARD_NOT_SUPPORTED'].map(
    (code): [string, Verdict] => [`${prefix}${code.toLowerCase()}`, { kind: 'error', code }],
  ),
  ...['CARDHOLDER_INSUFFICIENT_PERMISSIONS', 'CARD_PROCESSING_NOT_ENABLED', 'SOURCE_EXPIRED'].map((code): [string, Verdict] => [
    `${prefix}${code.toLowerCase()}`,
    { kind: 'error', code },
  ]),
])

const page = 'developer.squareup.com/docs/devtools/sandbox/payments'
const value = (
  title: string,
  source: string,
  outcome: SandboxValue['outcome'],
  more: Readonly<Record<string, string>> = {},
): SandboxValue => ({
  title,
  shape: 'hosted_fields',
  source: { type: 'encrypted_card', fields: { source_id: source, ...more } },
  give: {},
  outcome,
  from: source.startsWith(prefix) ? 'ours' : page,
})
const refused = (name: string, outcome: RefusalCategory): SandboxValue => value(`Token ${name}`, `${prefix}${name}`, outcome)

export const sandboxValues: readonly SandboxValue[] = [
  value('Visa', 'cnon:card-nonce-ok', 'bound'),
  value('Mastercard', `${prefix}mastercard`, 'bound'),
  value('Visa whose buyer was verified', `${prefix}to-be-verified`, 'bound', { verification_token: 'verf:buyer-verified' }),
  value('Visa whose buyer was not verified', `${prefix}to-be-verified`, 'authentication_failed'),
  value('Wrong security code', 'cnon:card-nonce-rejected-cvv', 'invalid_security_code'),
  value('Wrong postal code', 'cnon:card-nonce-rejected-postalcode', 'invalid_account'),
  value('Wrong expiry', 'cnon:card-nonce-rejected-expiration', 'invalid_account'),
  value('Declined', 'cnon:card-nonce-declined', 'do_not_honour'),
  value('A token that was used before', 'cnon:card-nonce-already-used', 'invalid_account'),
  refused('insufficient_funds', 'insufficient_funds'),
  refused('card_expired', 'expired'),
  refused('account_unusable', 'account_closed'),
  refused('transaction_limit', 'limit_exceeded'),
  refused('card_not_supported', 'not_supported'),
  refused('cardholder_insufficient_permissions', 'not_permitted'),
  refused('card_processing_not_enabled', 'misconfigured'),
  refused('source_expired', 'invalid_account'),
]
