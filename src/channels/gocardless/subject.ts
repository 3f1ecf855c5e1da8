/** GoCardless as the contract suite takes it. Tests only. */
import type { Subject } from '../contract-bench.ts'
import { gocardless } from './channel.ts'
import { sandbox } from './sandbox.ts'

/** `error.type`, and `error.errors[].reason` as far as billing requests, mandates and the API as a whole can say them. */
const reasons = `gocardless invalid_api_usage validation_failed internal_server_error request_timed_out query_timed_out
  invalid_type path_not_found resource_not_found link_not_found unauthorized forbidden feature_disabled not_acceptable
  request_entity_too_large unsupported_media_type rate_limit_exceeded access_token_not_found access_token_not_active access_token_revoked
  missing_authorization_header invalid_authorization_header insufficient_permissions method_not_allowed bad_request
  idempotency_key_too_long invalid_document_structure invalid_content_type tls_required missing_version_header version_not_found
  invalid_filters request_body_not_allowed customer_data_removed cancellation_failed retry_failed disable_failed mandate_is_inactive
  mandate_replaced bank_account_disabled bank_account_exists mandate_not_inactive idempotent_creation_conflict
  customer_bank_account_token_used`

/** `details.cause` of mandate events, and of the end of a billing request. */
const causes = `bank_account_closed refer_to_payer mandate_cancelled authorisation_disputed invalid_bank_details
  direct_debit_not_enabled other return_on_odfi_request bank_account_transferred payment_stopped
  account_blocked_for_any_financial_transaction initial_one_off_payment_failed mandate_blocked mandate_blocked_by_gocardless
  mandate_expired mandate_consumed scheme_identifier_changed mandate_suspended_by_payer billing_request_cancelled`

export const subject: Subject = {
  channel: gocardless,
  sandbox,
  storePath: '/billing_requests',
  unknownRefusal: {
    status: 422,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      error: {
        type: 'invalid_state',
        code: 422,
        message: 'The moon is full',
        errors: [{ reason: 'moon_phase', message: 'The moon is full' }],
        documentation_url: 'https://developer.gocardless.com/api-reference#moon_phase',
        request_id: 'deadbeef-0000-4000-8000-000000000000',
      },
    }),
  },
  timestamped: false,
  signsBytes: true,
  boundEvent: 'billing_requests.fulfilled',
  officialCodes: `${reasons} ${causes}`.split(/\s+/),
}
