/**
 * Why Razorpay says no: `error.reason` (`error_reason` of a payment), "the exact error reason. It can be handled programmatically";
 * `error.code` is a broad class and decides only where no reason stands (razorpay.com/docs/errors). Lists: razorpay.com/docs/errors/payments
 * (/list, /cards, /upi), razorpay.com/docs/payments/payments/test-card-details.
 */
import { categoryByCode, type RefusalCategory } from '../refusal.ts'

const lists: Readonly<Partial<Record<RefusalCategory, readonly string[]>>> = {
  do_not_honour:
    words(`authorisation_declined_by_psp card_declined credit_failed credit_limit_inactive credit_limit_not_approved debit_declined
    mandate_creation_declined mandate_creation_failed payment_declined payment_failed token_rejected user_not_eligible`),
  insufficient_funds: words('insufficient_funds insufficient_fund funds_blocked_by_mandate credit_limit_exceeded'),
  expired: words('card_expired credit_limit_expired'),
  lost_or_stolen: words('debit_instrument_blocked'),
  invalid_account: words(`bank_account_invalid bank_account_validation_failed card_number_invalid incorrect_card_details
    incorrect_card_expiry_date incorrect_cardholder_name invalid_vpa vpa_resolution_failed psp_not_registered`),
  account_closed: words('debit_instrument_inactive'),
  invalid_security_code: words('incorrect_cvv'),
  authentication_failed: words(`authentication_failed incorrect_atm_pin incorrect_otp incorrect_pin invalid_otp otp_attempts_exceeded
    otp_expired pin_attempts_exceeded pin_not_set mandate_creation_expired mandate_creation_timeout payment_collect_request_expired
    payment_session_expired reqauth_mandate_not_acknowledged`),
  limit_exceeded: words(`mcc_amount_limit_exceeded transaction_daily_count_exceeded transaction_daily_limit_exceeded
    transaction_frequency_limit_exceeded transaction_limit_exceeded emi_greater_than_max_amount`),
  fraud_suspected: words('payment_risk_check_failed compliance_violation payment_amount_tampered'),
  not_permitted: words(`card_disabled_for_online_payments card_not_enrolled credit_not_permitted international_transaction_not_allowed
    transaction_on_vpa_restricted collect_on_mcc_blocked user_not_registered_for_netbanking`),
  not_supported: words(`bank_not_enabled card_network_not_enabled card_type_invalid emi_plan_unavailable payment_method_not_enabled
    psp_app_not_supported recurring_payment_not_enabled upi_autopay_not_supported_on_psp upi_collect_not_enabled upi_intent_not_enabled`),
  cancelled_by_customer: words('payment_cancelled'),
  mandate_revoked: words('token_cancelled'),
  try_later: words(`bank_cutoff_in_progress bank_not_available bank_technical_error collect_request_pending deemed_transaction
    gateway_technical_error invalid_response_from_gateway issuer_technical_error payment_declined_due_to_high_traffic payment_pending
    payment_pending_approval payment_timed_out psp_app_not_available psp_not_available request_timed_out server_error
    upi_app_technical_error verification_failed GATEWAY_ERROR SERVER_ERROR`),
  misconfigured: words(`amount_less_than_minimum_amount beneficiary_account_does_not_exist beneficiary_account_dormant capture_failed
    duplicate_refund_id duplicate_request duplicate_rrn_found input_validation_failed invalid_amount invalid_currency invalid_device
    invalid_email invalid_mobile_number invalid_order_id invalid_request invalid_user_details live_mode_not_enabled merchant_not_activated
    mismatch_in_transaction_details mobile_number_invalid order_already_paid order_amount_mismatch order_payment_method_mismatch
    record_not_found refund_limit_crossed BAD_REQUEST_ERROR`),
}

function words(text: string): readonly string[] {
  return text.split(/\s+/)
}

export const refusals = categoryByCode(lists)

export type Refusal = { readonly by: 'issuer' | 'channel'; readonly category: RefusalCategory; readonly elsewhere: boolean }

const channelsOwn: ReadonlySet<RefusalCategory> = new Set(['not_supported', 'misconfigured', 'try_later'])
const elsewhere: ReadonlySet<RefusalCategory> = new Set(['not_supported', 'misconfigured'])

/** What is wrong with our request or account, or with Razorpay itself, is the channel's no; all else the bank's or the customer's. */
export function refusalOf(code: string): Refusal {
  const category = refusals.get(code) ?? 'unknown'
  return { by: channelsOwn.has(category) ? 'channel' : 'issuer', category, elsewhere: elsewhere.has(category) }
}
