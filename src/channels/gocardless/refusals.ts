/**
 * GoCardless' words for no, by what they mean. Three vocabularies in one list, for none has a word of another:
 *
 * - `error.errors[].reason` of the API (developer.gocardless.com/api-reference, "Errors"; the reasons as its client libraries spell them).
 * - `details.cause` of mandate events (same page, "Event types"). GoCardless asks to decide by the cause, not by the scheme's own
 *   `reason_code`, which differs from bank to bank.
 * - `error.type`, where an error brings no reason.
 */
import { categoryByCode, type RefusalCategory } from '../refusal.ts'

const api = {
  try_later: [
    'gocardless',
    'internal_server_error',
    'request_timed_out',
    'query_timed_out',
    'rate_limit_exceeded',
    'idempotent_creation_conflict',
  ],
  // What was typed into the payer's fields; a violation elsewhere in the request is ours, see `categoryOfField`.
  invalid_account: ['validation_failed', 'invalid_type', 'customer_bank_account_token_used'],
  account_closed: ['bank_account_disabled', 'customer_data_removed'],
  mandate_revoked: ['mandate_is_inactive', 'mandate_replaced'],
  not_permitted: ['cancellation_failed', 'mandate_not_inactive', 'bank_account_exists', 'disable_failed', 'retry_failed'],
  misconfigured: [
    'invalid_api_usage',
    'path_not_found',
    'resource_not_found',
    'link_not_found',
    'unauthorized',
    'forbidden',
    'feature_disabled',
    'not_acceptable',
    'request_entity_too_large',
    'unsupported_media_type',
    'access_token_not_found',
    'access_token_not_active',
    'access_token_revoked',
    'missing_authorization_header',
    'invalid_authorization_header',
    'insufficient_permissions',
    'method_not_allowed',
    'bad_request',
    'idempotency_key_too_long',
    'invalid_document_structure',
    'invalid_content_type',
    'tls_required',
    'missing_version_header',
    'version_not_found',
    'invalid_filters',
    'request_body_not_allowed',
  ],
} as const satisfies Partial<Record<RefusalCategory, readonly string[]>>

const causes = {
  do_not_honour: ['refer_to_payer', 'other', 'return_on_odfi_request', 'initial_one_off_payment_failed'],
  account_closed: ['bank_account_closed'],
  // The account moved to another bank, and the mandate did not move with it.
  invalid_account: ['invalid_bank_details', 'bank_account_transferred'],
  not_supported: ['direct_debit_not_enabled'],
  mandate_revoked: ['mandate_cancelled', 'authorisation_disputed', 'payment_stopped', 'scheme_identifier_changed'],
  not_permitted: ['account_blocked_for_any_financial_transaction', 'mandate_suspended_by_payer'],
  fraud_suspected: ['mandate_blocked', 'mandate_blocked_by_gocardless'],
  expired: ['mandate_expired', 'mandate_consumed'],
  cancelled_by_customer: ['billing_request_cancelled'],
} as const satisfies Partial<Record<RefusalCategory, readonly string[]>>

const merged = (category: RefusalCategory): readonly string[] => {
  const of = (lists: Readonly<Partial<Record<RefusalCategory, readonly string[]>>>) => lists[category] ?? []
  return [...of(api), ...of(causes)]
}

export const refusals: ReadonlyMap<string, RefusalCategory> = categoryByCode({
  do_not_honour: merged('do_not_honour'),
  expired: merged('expired'),
  invalid_account: merged('invalid_account'),
  account_closed: merged('account_closed'),
  fraud_suspected: merged('fraud_suspected'),
  not_permitted: merged('not_permitted'),
  not_supported: merged('not_supported'),
  cancelled_by_customer: merged('cancelled_by_customer'),
  mandate_revoked: merged('mandate_revoked'),
  try_later: merged('try_later'),
  misconfigured: merged('misconfigured'),
})

export const categoryOf = (code: string): RefusalCategory => refusals.get(code) ?? 'unknown'

const ourFields =
  /mandate_request|scheme|currency|description|links|metadata|redirect_uri|exit_uri|verify|consent|authorisation_source|ip_address/

/** Of a `validation_failed`: fields the payer filled in can be corrected, the others are of our making. */
export const categoryOfField = (field: string): RefusalCategory => (ourFields.test(field) ? 'misconfigured' : 'invalid_account')
