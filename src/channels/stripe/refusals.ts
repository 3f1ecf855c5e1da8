/**
 * What Stripe's codes mean for a binding. Sources: docs.stripe.com/declines/codes (all codes listed in October 2026, and those it has
 * retired, which old API versions still send), docs.stripe.com/error-codes, docs.stripe.com/radar for blocks.
 */
import type { RefusalCategory } from '../channel.ts'

/** Decline codes: what the issuer, or Stripe in its place, said about this card. */
const declines = {
  do_not_honour: [
    ...['approve_with_id', 'call_issuer', 'do_not_honor', 'do_not_try_again', 'generic_decline', 'no_action_taken', 'refer_to_customer'],
    ...['revocation_of_all_authorizations', 'revocation_of_authorization', 'security_violation', 'stop_payment_order', 'card_declined'],
  ],
  insufficient_funds: ['insufficient_funds'],
  expired: ['expired_card', 'invalid_expiry_month', 'invalid_expiry_year'],
  lost_or_stolen: ['lost_card', 'pickup_card', 'stolen_card'],
  invalid_account: [
    ...['incorrect_number', 'invalid_account', 'invalid_number', 'new_account_information_available', 'incorrect_address', 'incorrect_zip'],
    ...['incorrect_postal_code', 'account_closed', 'postal_code_invalid', 'expired_payment_method', 'no_account'],
  ],
  invalid_security_code: ['incorrect_cvc', 'invalid_cvc'],
  authentication_failed: [
    ...['authentication_required', 'authentication_not_handled', 'mobile_device_authentication_required', 'authentication_failure'],
    ...['setup_intent_authentication_failure', 'payment_intent_authentication_failure', 'three_d_secure_authentication_upstream_error'],
    ...['incorrect_pin', 'invalid_pin', 'offline_pin_required', 'online_or_offline_pin_required', 'pin_try_exceeded'],
  ],
  limit_exceeded: ['card_velocity_exceeded', 'withdrawal_count_limit_exceeded', 'card_decline_rate_limit_exceeded', 'invalid_amount'],
  fraud_suspected: ['fraudulent', 'merchant_blacklist', 'highest_risk_level', 'elevated_risk_level', 'rule', 'request_blocked'],
  not_permitted: [
    'not_permitted',
    'restricted_card',
    'service_not_allowed',
    'transaction_not_allowed',
    'india_recurring_payment_mandate_canceled',
  ],
  not_supported: ['card_not_supported', 'currency_not_supported', 'invalid_card_type', 'three_d_secure_authentication_not_supported'],
  cancelled_by_customer: ['payment_method_customer_decline'],
  try_later: [
    ...['duplicate_transaction', 'issuer_not_available', 'processing_error', 'reenter_transaction', 'try_again_later'],
    ...['payment_method_provider_timeout', 'setup_intent_setup_attempt_expired', 'setup_attempt_failed', 'payment_method_provider_decline'],
  ],
  misconfigured: ['testmode_decline', 'live_mode_test_card', 'test_mode_live_card'],
} as const satisfies Partial<Record<RefusalCategory, readonly string[]>>

const categoryOf: ReadonlyMap<string, RefusalCategory> = new Map(
  entries(declines).flatMap(([category, codes]) => codes.map(code => [code, category] as const)),
)

function entries<K extends string, V>(record: Readonly<Partial<Record<K, V>>>): readonly (readonly [K, V])[] {
  const out: (readonly [K, V])[] = []
  for (const key in record) {
    const value = record[key]
    if (value !== undefined) out.push([key, value])
  }
  return out
}

/** Stripe itself said no, before or instead of the issuer. The card would be refused elsewhere too, or must not be tried elsewhere. */
const byStripe: ReadonlySet<string> = new Set([
  ...['incorrect_number', 'invalid_number', 'invalid_expiry_month', 'invalid_expiry_year', 'invalid_cvc', 'highest_risk_level', 'rule'],
  ...['merchant_blacklist', 'card_decline_rate_limit_exceeded', 'elevated_risk_level', 'request_blocked'],
])

/** Codes after which nobody knows whether the request was carried out, whatever status they came with. */
const undecided: ReadonlySet<string> = new Set([
  ...['idempotency_key_in_use', 'lock_timeout', 'rate_limit', 'payment_intent_rate_limit_exceeded'],
  ...['forwarding_api_retryable_upstream_error', 'forwarding_api_upstream_connection_error', 'forwarding_api_upstream_connection_timeout'],
])

export type StripeError = {
  readonly type: string
  readonly code?: string | undefined
  readonly decline_code?: string | undefined
  readonly message?: string | undefined
  readonly param?: string | undefined
}
export type Meaning =
  | { readonly kind: 'uncertain'; readonly cause: string }
  | {
      readonly kind: 'refused'
      readonly by: 'issuer' | 'channel'
      readonly category: RefusalCategory
      readonly code: string
      readonly elsewhere: boolean
    }

/** What an error in Stripe's shape means, by its status (`undefined`: it stood in an object, not in an answer of its own). */
export function meaningOf(error: StripeError, status?: number): Meaning {
  const code = error.decline_code ?? error.code ?? error.type
  const uncertain = (why: string): Meaning => ({ kind: 'uncertain', cause: `stripe ${status ?? ''} ${code}: ${why}`.replace('  ', ' ') })
  if (status !== undefined && (status < 400 || status === 409 || status === 429 || status >= 500)) return uncertain('no definite answer')
  if (undecided.has(error.code ?? '')) return uncertain('no definite answer')
  // Our key was used with other bytes: what became of those is not known from this answer.
  if (error.type === 'idempotency_error') return uncertain('the key was used with another request')
  if (error.type === 'api_error') return uncertain('trouble at the channel')
  if (error.type === 'card_error') return ofCard(code)
  const category = categoryOf.get(error.decline_code ?? error.code ?? '')
  // An authentication failure inside a setup intent comes as invalid_request_error, and is still about the card.
  if (category !== undefined) return ofCard(code)
  if (error.type !== 'invalid_request_error') return uncertain(`unknown type ${error.type}`)
  const aboutCard = error.param?.startsWith('card') === true
  return { kind: 'refused', by: 'channel', category: aboutCard ? 'invalid_account' : 'misconfigured', code, elsewhere: !aboutCard }
}

function ofCard(code: string): Meaning {
  // With a decline code, `code` is no more than `card_declined`; a decline code nobody knows is not guessed from it.
  const category = categoryOf.get(code) ?? 'unknown'
  const channel = byStripe.has(code) || category === 'misconfigured'
  return { kind: 'refused', by: channel ? 'channel' : 'issuer', category, code, elsewhere: category === 'misconfigured' }
}

/** For the test that compares this table with what the official SDK and the documentation list. */
export const knownCodes: ReadonlySet<string> = new Set([...categoryOf.keys(), ...undecided])
