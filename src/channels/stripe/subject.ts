/** Stripe as the contract suite takes it. Tests only. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SandboxValue } from '../channel.ts'
import type { Subject } from '../contract-bench.ts'
import { stripe } from './channel.ts'
import { sandbox } from './sandbox.ts'

/** docs.stripe.com/declines/codes as of October 2026, card payments. */
export const documentedDeclines = `authentication_not_handled authentication_required approve_with_id call_issuer card_not_supported
card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again duplicate_transaction expired_card fraudulent generic_decline
incorrect_address incorrect_number incorrect_cvc incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc
invalid_expiry_month invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card merchant_blacklist
mobile_device_authentication_required new_account_information_available no_action_taken not_permitted offline_pin_required
online_or_offline_pin_required pickup_card pin_try_exceeded processing_error reenter_transaction restricted_card
revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed stolen_card stop_payment_order
testmode_decline transaction_not_allowed try_again_later withdrawal_count_limit_exceeded`.split(/\s+/)

/** Every error code the official SDK lists for a failed setup. */
export function codesOfSdk(): readonly string[] {
  const file = join(import.meta.dirname, '../../../node_modules/stripe/esm/resources/SetupIntents.d.ts')
  const list = /type Code = ([^;]+);/.exec(readFileSync(file, 'utf8'))?.[1] ?? ''
  return [...list.matchAll(/'([a-z_0-9]+)'/g)].map(one => one[1] ?? '')
}

export const subject: Subject = {
  channel: stripe,
  sandbox,
  storePath: '/v1/setup_intents',
  unknownRefusal: {
    status: 402,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ error: { type: 'card_error', code: 'card_declined', decline_code: 'moon_phase', message: 'Not tonight.' } }),
  },
  timestamped: true,
  signsBytes: true,
  goneWord: /"customer":null/,
  boundEvent: 'setup_intent.succeeded',
  officialCodes: [...documentedDeclines, ...codesOfSdk(), 'abandoned', 'duplicate', 'requested_by_customer'],
}

export function byGive(name: keyof SandboxValue['give'], text: string): SandboxValue {
  const found = stripe.sandboxValues.find(one => one.give[name] === text)
  if (found === undefined) throw new TypeError(`no sandbox value with ${name} ${text}`)
  return found
}
export const byNumber = (number: string): SandboxValue => byGive('number', number)
