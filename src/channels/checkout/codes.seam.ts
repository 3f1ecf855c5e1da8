/**
 * Every code of the owner's pages, copied from them and from nothing of ours: www.checkout.com/docs/developer-resources/codes/api-response-codes
 * (all but the approvals, 10xxx; read July 2026) and …/codes/error-codes (names for `/payments`, as read in public connectors' tables of that
 * page, 2022 to 2025).
 */
const soft = `
  20001 20002 20003 20004 20005 20006 20009 20012 20013 20014 20015 20016 20017 20018 20019 20020 20021 20022 20023 20024 20025 20026 20027
  20028 20029 20030 20031 20032 20033 20038 20039 20040 20042 20044 20045 20046 20051 20052 20053 20054 20055 20056 20057 20058 20059 2005C
  20060 20061 20062 20063 20064 20065 20066 20067 20068 2006P 20070 20072 20075 20078 20081 20082 20083 20084 20085 20086 20087 20088 20089
  20090 20091 20092 20093 20094 20095 20096 20097 20098 20099 2009G 200A4 200A5 200A6 200E0 200E2 200E3 200N0 200N7 200P1 200P9 200R1 200R3
  200S4 200T2 200T3 200T5 20100 20101 20102 20103 20104 20105 20106 20107 20108 20109 20110 20111 20112 20113 20114 20115 20116 20117 20118
  20119 20120 20121 20122 20123 20124 20150 20151 20152 20153 20154 20155 20156 20157 20158 20159 20179 20182 20183 20193 20197 20199`
const hard = `
  30004 30007 30015 30016 30017 30018 30019 30020 30021 30022 30033 30034 30035 30036 30037 30038 30041 30043 30044 30045 30046 30401 30402
  30403 30404 30405`
const risk = `
  41101 41201 41202 41203 41204 41205 41206 41301 42101 42201 42202 42203 42204 42205 42206 42301 43101 43102 43201 43202 43203 43204 43205
  43206 43301 43401`
const payouts = `
  50001 50002 50003 50005 50020 50021 50022 50023 50025 50026 50027 50030 50070 50100 50101 50102 50103 50104 50105 50106 50150 50180 50200
  50240 50260 50280 50399 50401 50402 50403 50404 50405 50406 50407 50408 50409 50410 50441 50451 50452 50453 50454 50466 50471 50481 50490
  50491 50492 50494 50499 50501 50511 50512 50513 50514 50515 50517 50531 50599`
const names = `
  action_failure_limit_exceeded address_invalid aft_processor_not_matched amount_exceeds_balance amount_invalid amount_limit_exceeded
  api_calls_quota_exceeded billing_descriptor_city_invalid billing_descriptor_city_required billing_descriptor_name_invalid
  billing_descriptor_name_required business_invalid business_settings_missing capture_value_greater_than_authorized
  capture_value_greater_than_remaining_authorized card_authorization_failed card_disabled card_expired card_expiry_month_invalid
  card_expiry_month_required card_expiry_year_invalid card_expiry_year_required card_holder_invalid card_not_found
  card_not_eligible_cross_border_money_transfer card_not_eligible_cross_border_non_money_transfer
  card_not_eligible_cross_border_online_gambling card_not_eligible_domestic_money_transfer card_not_eligible_domestic_non_money_transfer
  card_not_eligible_domestic_online_gambling card_number_invalid card_number_required channel_details_invalid channel_url_missing
  charge_details_invalid city_invalid country_address_invalid country_invalid country_phone_code_invalid country_phone_code_length_invalid
  currency_invalid currency_required customer_already_exists customer_email_invalid customer_id_invalid customer_not_found
  customer_number_invalid customer_plan_edit_failed customer_plan_id_invalid cvv_invalid duplicate_request email_in_use email_invalid
  email_required endpoint_invalid expiry_date_format_invalid fail_url_invalid first_name_required ip_address_invalid
  issuer_network_unavailable last_name_required metadata_key_invalid no_authorization_enabled_processors_available parameter_invalid
  password_invalid payment_expired payment_invalid payment_method_invalid payment_method_not_supported payment_source_required
  payment_type_invalid phone_number_invalid phone_number_length_invalid previous_payment_id_invalid processing_channel_id_required
  processing_error processing_key_required processing_value_required recipient_account_number_invalid recipient_account_number_required
  recipient_dob_required recipient_last_name_required recipient_zip_invalid recipient_zip_required recurring_plan_exists
  recurring_plan_not_exist recurring_plan_removal_failed refund_amount_exceeds_balance refund_authorization_declined request_invalid
  request_json_invalid request_malformed risk_enabled_required server_api_not_allowed service_unavailable source_email_invalid
  source_email_required source_id_invalid source_id_or_email_required source_id_required source_id_unknown source_invalid
  source_or_destination_required source_token_invalid source_token_required source_token_type_invalid source_token_type_required
  source_type_required sub_entities_count_invalid success_url_invalid success_url_required 3ds_malfunction 3ds_not_configured
  3ds_not_enabled_for_card 3ds_not_supported 3ds_payment_required 3ds_version_invalid 3ds_version_not_supported token_data_invalid
  token_expired token_in_use token_invalid token_required token_type_invalid token_type_required token_used velocity_amount_limit_exceeded
  velocity_count_limit_exceeded void_amount_invalid wallet_id_invalid zip_invalid`

export const officialCodes: readonly string[] = [soft, hard, risk, payouts, names].flatMap(text => text.trim().split(/\s+/))
