import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { refusalCategories } from '../channel.ts'
import { knownCodes, meaningOf } from './refusals.ts'

/** docs.stripe.com/declines/codes as of October 2026, card payments. */
const documented = `authentication_not_handled authentication_required approve_with_id call_issuer card_not_supported card_velocity_exceeded
currency_not_supported do_not_honor do_not_try_again duplicate_transaction expired_card fraudulent generic_decline incorrect_address incorrect_number
incorrect_cvc incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc invalid_expiry_month invalid_expiry_year
invalid_number invalid_pin issuer_not_available lost_card merchant_blacklist mobile_device_authentication_required new_account_information_available
no_action_taken not_permitted offline_pin_required online_or_offline_pin_required pickup_card pin_try_exceeded processing_error reenter_transaction
restricted_card revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed stolen_card stop_payment_order
testmode_decline transaction_not_allowed try_again_later withdrawal_count_limit_exceeded`.split(/\s+/)

/** Every error code the official SDK lists for a failed setup. */
function codesOfSdk(): readonly string[] {
  const file = join(import.meta.dirname, '../../../node_modules/stripe/esm/resources/SetupIntents.d.ts')
  const list = /type Code = ([^;]+);/.exec(readFileSync(file, 'utf8'))?.[1] ?? ''
  return [...list.matchAll(/'([a-z_0-9]+)'/g)].map(one => one[1] ?? '')
}

test('every documented decline code has a cause of its own', () => {
  assert.equal(documented.length, 50)
  for (const code of documented) {
    const meaning = meaningOf({ type: 'card_error', code: 'card_declined', decline_code: code }, 402)
    if (meaning.kind !== 'refused') assert.fail(code)
    assert.ok(refusalCategories.includes(meaning.category) && meaning.category !== 'unknown', code)
    assert.ok(knownCodes.has(code), code)
    assert.equal(meaning.code, code)
  }
})

test('every error code the SDK lists is a definite refusal with a cause, or uncertain', () => {
  const codes = codesOfSdk()
  assert.ok(codes.length > 150)
  for (const code of codes) {
    const meaning = meaningOf({ type: 'invalid_request_error', code }, 400)
    if (meaning.kind === 'refused') assert.notEqual(meaning.category, 'unknown', code)
    else assert.match(code, /in_use$|timeout|rate_limit|upstream/)
  }
})

test('an issuer’s refusal is never presented elsewhere; a fault of our account is', () => {
  for (const code of documented.filter(one => one !== 'testmode_decline')) {
    const meaning = meaningOf({ type: 'card_error', code: 'card_declined', decline_code: code }, 402)
    assert.equal(meaning.kind === 'refused' && meaning.elsewhere, false, code)
  }
  for (const [status, code] of [
    [400, 'parameter_missing'],
    [400, 'resource_missing'],
    [401, 'api_key_expired'],
    [403, 'platform_account_required'],
    [404, undefined],
  ] as const) {
    const meaning = meaningOf({ type: 'invalid_request_error', code }, status)
    assert.deepEqual(
      meaning.kind === 'refused' && [meaning.by, meaning.category, meaning.elsewhere],
      ['channel', 'misconfigured', true],
      String(code),
    )
  }
})

test('no status without a definite answer becomes a refusal, whatever the body says', () => {
  for (const status of [200, 301, 409, 429, 500, 502, 503, 504]) {
    for (const type of ['card_error', 'invalid_request_error', 'api_error', 'idempotency_error', 'something_new']) {
      assert.equal(meaningOf({ type, code: 'card_declined', decline_code: 'stolen_card' }, status).kind, 'uncertain', `${status} ${type}`)
    }
  }
  assert.equal(meaningOf({ type: 'idempotency_error' }, 400).kind, 'uncertain')
  assert.equal(meaningOf({ type: 'something_new' }, 400).kind, 'uncertain')
  assert.equal(meaningOf({ type: 'invalid_request_error', code: 'lock_timeout' }, 400).kind, 'uncertain')
})
