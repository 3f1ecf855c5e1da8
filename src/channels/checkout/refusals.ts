/**
 * What Checkout.com's codes mean for a binding. Sources: www.checkout.com/docs/developer-resources/codes/api-response-codes (five characters, of
 * a payment that was declined) and …/codes/error-codes (names, of a request that was not taken). 50xxx are about payouts and refunds, and never
 * come to us; they are listed because they are on the page.
 */
import { categoryByCode, type RefusalCategory } from '../refusal.ts'

export const refusals: ReadonlyMap<string, RefusalCategory> = categoryByCode({
  do_not_honour: [
    ...['20001', '20002', '20005', '20012', '20018', '20021', '20046', '20060', '20063', '20064', '20066', '20082', '200N0'],
    ...['card_authorization_failed'],
  ],
  insufficient_funds: ['20051', '50003', '50280', 'amount_exceeds_balance'],
  expired: ['20054', '30033', 'card_expired'],
  lost_or_stolen: ['20004', '20067', '30004', '30007', '30041', '30043'],
  invalid_account: [
    ...['20014', '20016', '20025', '20039', '20044', '20052', '20053', '20056', '20083', '20087', '20100', '20101', '20108', '20114'],
    ...['20179', '30015', '50020', '50021', '50025', '50026', '50027', '50030', '50401', '50402', '50403', '50404', '50405', '50406'],
    ...['50407', '50408', '50409', '50410', '50441', '50451', '50452', '50491', '50492', '50494'],
    ...['card_expiry_month_invalid', 'card_expiry_month_required', 'card_expiry_year_invalid', 'card_expiry_year_required'],
    ...['card_holder_invalid', 'card_not_found', 'card_number_invalid', 'card_number_required', 'expiry_date_format_invalid'],
    ...['payment_method_invalid'],
  ],
  account_closed: ['30046', '50466'],
  invalid_security_code: ['200N7', '20124', 'cvv_invalid'],
  authentication_failed: [
    ...['2006P', '20038', '20055', '20070', '20075', '20150', '20151', '20152', '20154', '20155', '30038', '43401'],
    ...['3ds_not_enabled_for_card', '3ds_payment_required', 'password_invalid', 'payment_expired'],
  ],
  limit_exceeded: [
    ...['20061', '20065', '20121', '200P1', '200P9', '30021', '30022', '50023', '50101', '50102', '50103', '50104', '50105', '50106'],
    ...['50512', '50513', '50514', '50515', '50517', 'action_failure_limit_exceeded', 'amount_limit_exceeded'],
    ...['velocity_amount_limit_exceeded', 'velocity_count_limit_exceeded'],
  ],
  fraud_suspected: [
    ...['20059', '20183', '30034', '41101', '41201', '41202', '41203', '41204', '41205', '41206', '41301', '42101', '42201', '42202'],
    ...['42203', '42204', '42205', '42206', '42301', '43101', '43102', '43201', '43202', '43203', '43204', '43205', '43206', '43301'],
    ...['50001', '50002', '50005'],
  ],
  not_permitted: [
    ...['20057', '20058', '2005C', '20062', '20072', '20078', '20081', '20093', '2009G', '20182', '200T5', '30016', '30017', '30018'],
    ...['30019', '30035', '30036', '30037', '30044', '50022', '50453', '50454', '50471', '50481', 'card_disabled'],
    ...['card_not_eligible_cross_border_money_transfer', 'card_not_eligible_cross_border_non_money_transfer'],
    ...['card_not_eligible_cross_border_online_gambling', 'card_not_eligible_domestic_money_transfer'],
    ...['card_not_eligible_domestic_non_money_transfer', 'card_not_eligible_domestic_online_gambling'],
  ],
  not_supported: [
    '20015',
    '20031',
    '20040',
    '20045',
    '20103',
    '20106',
    '20122',
    '20156',
    '200T3',
    '3ds_not_supported',
    'aft_processor_not_matched',
    'no_authorization_enabled_processors_available',
    'payment_method_not_supported',
  ],
  cancelled_by_customer: ['20017', '50240'],
  // "Issuer initiated a stop payment (revocation order)": the cardholder cancelled this subscription, or all of them.
  mandate_revoked: ['200R1', '200R3'],
  try_later: [
    ...['20009', '20019', '20020', '20022', '20024', '20026', '20027', '20028', '20029', '20030', '20032', '20068', '20084', '20085'],
    ...['20086', '20088', '20089', '20090', '20091', '20092', '20094', '20095', '20096', '20097', '20098', '20099', '200A4', '200A5'],
    ...['200A6', '200E3', '200S4', '20118', '20153', '20159', '20199', '50150', '50260', '50399', '50490', '50499', '50531', '50599'],
    ...['3ds_malfunction', 'api_calls_quota_exceeded', 'issuer_network_unavailable', 'processing_error', 'service_unavailable'],
  ],
  misconfigured: [
    ...['20003', '20006', '20013', '20023', '20033', '20042', '200E0', '200E2', '200T2', '20102', '20104', '20105', '20107', '20109'],
    ...['20110', '20111', '20112', '20113', '20115', '20116', '20117', '20119', '20120', '20123', '20157', '20158', '20193', '20197'],
    ...['30020', '30045', '30401', '30402', '30403', '30404', '30405', '50070', '50100', '50180', '50200', '50501', '50511'],
    ...['3ds_not_configured', '3ds_version_invalid', '3ds_version_not_supported', 'address_invalid', 'amount_invalid'],
    ...['billing_descriptor_city_invalid', 'billing_descriptor_city_required', 'billing_descriptor_name_invalid'],
    ...['billing_descriptor_name_required', 'business_invalid', 'business_settings_missing', 'capture_value_greater_than_authorized'],
    ...['capture_value_greater_than_remaining_authorized', 'channel_details_invalid', 'channel_url_missing', 'charge_details_invalid'],
    ...['city_invalid', 'country_address_invalid', 'country_invalid', 'country_phone_code_invalid', 'country_phone_code_length_invalid'],
    ...['currency_invalid', 'currency_required', 'customer_already_exists', 'customer_email_invalid', 'customer_id_invalid'],
    ...['customer_not_found', 'customer_number_invalid', 'customer_plan_edit_failed', 'customer_plan_id_invalid', 'duplicate_request'],
    ...['email_in_use', 'email_invalid', 'email_required', 'endpoint_invalid', 'fail_url_invalid', 'first_name_required'],
    ...['ip_address_invalid', 'last_name_required', 'metadata_key_invalid', 'parameter_invalid', 'payment_invalid'],
    ...['payment_source_required', 'payment_type_invalid', 'phone_number_invalid', 'phone_number_length_invalid'],
    ...['previous_payment_id_invalid', 'processing_channel_id_required', 'processing_key_required', 'processing_value_required'],
    ...['recipient_account_number_invalid', 'recipient_account_number_required', 'recipient_dob_required'],
    ...['recipient_last_name_required', 'recipient_zip_invalid', 'recipient_zip_required', 'recurring_plan_exists'],
    ...['recurring_plan_not_exist', 'recurring_plan_removal_failed', 'request_invalid', 'request_json_invalid', 'request_malformed'],
    ...['refund_amount_exceeds_balance', 'refund_authorization_declined'],
    ...['risk_enabled_required', 'server_api_not_allowed', 'source_email_invalid', 'source_email_required', 'source_id_invalid'],
    ...['source_id_or_email_required', 'source_id_required', 'source_id_unknown', 'source_invalid', 'source_or_destination_required'],
    ...['source_token_invalid', 'source_token_required', 'source_token_type_invalid', 'source_token_type_required'],
    ...['source_type_required', 'sub_entities_count_invalid', 'success_url_invalid', 'success_url_required', 'token_data_invalid'],
    ...['token_expired', 'token_in_use', 'token_invalid', 'token_required', 'token_type_invalid', 'token_type_required', 'token_used'],
    ...['void_amount_invalid', 'wallet_id_invalid', 'zip_invalid'],
  ],
})

export type Meaning = {
  readonly by: 'issuer' | 'channel'
  readonly category: RefusalCategory
  readonly code: string
  /** Only what Checkout.com itself refused, and for a reason of its own, may be presented elsewhere. */
  readonly elsewhere: boolean
}

const oursToMend: ReadonlySet<RefusalCategory> = new Set(['misconfigured', 'not_supported'])

/**
 * Of a request (422), not of a payment: it did not work for the moment, or the same is on its way already. What became of that one is not
 * said, so the key decides, or the list.
 */
export const isUndecided = (name: string): boolean =>
  name === 'duplicate_request' || (refusals.get(name) === 'try_later' && /^[a-z3]/.test(name))

/** 20xxx and 30xxx are the issuer's word, but for those about our account; 40xxx are rules at Checkout.com; names are about the request. */
export function meaningOf(code: string): Meaning {
  const category = refusals.get(code) ?? 'unknown'
  const mend = oursToMend.has(category)
  const issuer = !mend && /^[23]0/.test(code)
  return { by: issuer ? 'issuer' : 'channel', category, code, elsewhere: mend }
}

/** The issuer, or a rule of ours there, wants 3-D Secure first: "Retry the transaction with 3D Secure". */
export const wantsAuthentication: ReadonlySet<string> = new Set(['20154', '43401'])
