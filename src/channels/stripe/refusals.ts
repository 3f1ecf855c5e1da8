/**
 * What Stripe's codes mean for a binding. Sources: docs.stripe.com/declines/codes (all codes listed in October 2026, and those it has
 * retired, which old API versions still send), docs.stripe.com/error-codes, docs.stripe.com/radar for blocks.
 */
import { categoryByCode, type RefusalCategory } from '../refusal.ts'
import { misuse } from './misuse.ts'

/** Every code Stripe lists, by what it means for a binding: decline codes, and error codes of the API (the SDK's list, 209 in October 2026). */
const codes = {
  do_not_honour: [
    ...['approve_with_id', 'call_issuer', 'do_not_honor', 'do_not_try_again', 'generic_decline', 'no_action_taken', 'refer_to_customer'],
    ...['revocation_of_all_authorizations', 'revocation_of_authorization', 'security_violation', 'stop_payment_order', 'card_declined'],
    ...['bank_account_declined'],
  ],
  insufficient_funds: ['insufficient_funds'],
  expired: ['expired_card', 'invalid_expiry_month', 'invalid_expiry_year', 'expired_payment_method'],
  lost_or_stolen: ['lost_card', 'pickup_card', 'stolen_card'],
  invalid_account: [
    ...['incorrect_number', 'invalid_account', 'invalid_number', 'new_account_information_available', 'incorrect_address', 'incorrect_zip'],
    ...['incorrect_postal_code', 'postal_code_invalid', 'no_account', 'account_number_invalid', 'routing_number_invalid', 'email_invalid'],
    ...['bank_account_bad_routing_numbers', 'bank_account_unusable', 'clearing_code_unsupported', 'payment_method_microdeposit_failed'],
  ],
  account_closed: ['account_closed', 'financial_connections_account_inactive'],
  invalid_security_code: ['incorrect_cvc', 'invalid_cvc'],
  authentication_failed: [
    ...['authentication_required', 'authentication_not_handled', 'mobile_device_authentication_required', 'authentication_failure'],
    ...['setup_intent_authentication_failure', 'payment_intent_authentication_failure', 'three_d_secure_authentication_upstream_error'],
    ...['incorrect_pin', 'invalid_pin', 'offline_pin_required', 'online_or_offline_pin_required', 'pin_try_exceeded'],
    ...['account_information_mismatch', 'acss_debit_session_incomplete', 'bank_account_unverified', 'bank_account_verification_failed'],
    ...['amounts_invalid', 'amounts_mismatch', 'attempts_exceeded', 'descriptor_code_mismatch', 'timeout'].map(
      what => `payment_method_microdeposit_verification_${what}`,
    ),
  ],
  limit_exceeded: [
    ...['card_velocity_exceeded', 'withdrawal_count_limit_exceeded', 'card_decline_rate_limit_exceeded', 'invalid_amount'],
    ...['amount_too_large', 'charge_exceeds_source_limit', 'charge_exceeds_transaction_limit', 'customer_max_payment_methods'],
  ],
  fraud_suspected: [
    ...['fraudulent', 'merchant_blacklist', 'highest_risk_level', 'elevated_risk_level', 'rule', 'request_blocked'],
    ...['anomalous_money_movement_request'],
  ],
  not_permitted: [
    ...['not_permitted', 'restricted_card', 'service_not_allowed', 'transaction_not_allowed', 'debit_not_authorized'],
    ...['bank_account_restricted', 'payment_method_bank_account_blocked', 'payment_method_restricted'],
  ],
  not_supported: [
    ...['card_not_supported', 'currency_not_supported', 'invalid_card_type', 'three_d_secure_authentication_not_supported'],
    ...['country_unsupported', 'payment_method_currency_mismatch', 'payment_method_unsupported_type', 'sepa_unsupported_account'],
    ...['setup_intent_mobile_wallet_unsupported', 'state_unsupported', 'token_card_network_invalid'],
  ],
  cancelled_by_customer: ['payment_method_customer_decline', 'abandoned', 'requested_by_customer'],
  mandate_revoked: [
    ...['billing_invalid_mandate', 'india_recurring_payment_mandate_canceled', 'payment_intent_mandate_invalid'],
    ...['setup_intent_mandate_invalid'],
  ],
  try_later: [
    ...['duplicate_transaction', 'issuer_not_available', 'processing_error', 'reenter_transaction', 'try_again_later'],
    ...['payment_method_provider_timeout', 'setup_intent_setup_attempt_expired', 'setup_attempt_failed', 'payment_method_provider_decline'],
    ...['payment_intent_payment_attempt_expired', 'payment_intent_payment_attempt_failed', 'payment_method_microdeposit_processing_error'],
    ...['payment_method_not_available', 'idempotency_key_in_use', 'lock_timeout', 'rate_limit', 'payment_intent_rate_limit_exceeded'],
    ...['forwarding_api_retryable_upstream_error', 'forwarding_api_upstream_connection_error', 'forwarding_api_upstream_error'],
    ...['forwarding_api_upstream_connection_timeout', 'terminal_reader_busy', 'terminal_reader_offline', 'terminal_reader_timeout'],
  ],
  misconfigured: ['testmode_decline', 'live_mode_test_card', 'test_mode_live_card', 'duplicate', ...misuse],
} as const satisfies Partial<Record<RefusalCategory, readonly string[]>>

export const refusals = categoryByCode(codes)

/** Stripe itself said no, before or instead of the issuer or bank. It would be refused elsewhere too, or must not be tried elsewhere. */
const byStripe: ReadonlySet<string> = new Set([
  ...['incorrect_number', 'invalid_number', 'invalid_expiry_month', 'invalid_expiry_year', 'invalid_cvc', 'highest_risk_level', 'rule'],
  ...['merchant_blacklist', 'card_decline_rate_limit_exceeded', 'elevated_risk_level', 'request_blocked', 'payment_method_restricted'],
  ...['account_number_invalid', 'routing_number_invalid', 'bank_account_unusable', 'payment_method_bank_account_blocked'],
  ...codes.authentication_failed.filter(code => code.startsWith('payment_method_microdeposit_')),
])
/** Stripe does not take this kind of instrument, or not now: others may. */
const notHere: ReadonlySet<string> = new Set([
  ...['country_unsupported', 'payment_method_not_available', 'payment_method_unsupported_type', 'state_unsupported'],
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
  const category = refusals.get(error.decline_code ?? error.code ?? '')
  // An authentication failure inside a setup intent comes as invalid_request_error, and is still about the card.
  if (category !== undefined && category !== 'misconfigured') return ofCard(code)
  if (error.type !== 'invalid_request_error') return uncertain(`unknown type ${error.type}`)
  const typed = /^(card|us_bank_account|sepa_debit|billing_details)\b/.test(error.param ?? '')
  return { kind: 'refused', by: 'channel', category: typed ? 'invalid_account' : 'misconfigured', code, elsewhere: !typed }
}

function ofCard(code: string): Meaning {
  // With a decline code, `code` is no more than `card_declined`; a decline code nobody knows is not guessed from it.
  const category = refusals.get(code) ?? 'unknown'
  const elsewhere = category === 'misconfigured' || notHere.has(code)
  return { kind: 'refused', by: elsewhere || byStripe.has(code) ? 'channel' : 'issuer', category, code, elsewhere }
}
