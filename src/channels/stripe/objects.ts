/** What the Stripe simulator keeps besides payment methods, and the objects it shows of it, in the shape of API version 2023-08-16. */
import type { Decline } from './magic.ts'
import { type Marks, type StoredMethod, seconds, showMethod } from './objects-method.ts'
import { apiVersion } from './wire.ts'

export type Customer = { readonly id: string; readonly createdMs: number; readonly name: string | undefined; readonly metadata: Marks }
export type IntentStatus = 'requires_payment_method' | 'requires_action' | 'succeeded' | 'canceled'
export type StoredIntent = {
  readonly id: string
  readonly createdMs: number
  readonly secret: string
  readonly key: string
  readonly status: IntentStatus
  readonly customer: string | undefined
  readonly method: string | undefined
  readonly methodTypes: readonly string[]
  readonly automatic: boolean
  /** How a US account is to be verified: `automatic`, `instant` or `microdeposits`. */
  readonly verification: string
  readonly returnUrl: string | undefined
  readonly usage: string
  readonly description: string | undefined
  readonly metadata: Marks
  readonly attempt:
    | { readonly id: string; readonly createdMs: number; readonly status: string; readonly flow: 'challenge' | undefined }
    | undefined
  readonly mandate: string | undefined
  /** Wrong answers to the micro-deposits so far. */
  readonly mistakes: number
  readonly failure: { readonly decline: Decline; readonly method: string } | undefined
  readonly cancellation: string | undefined
}

export const showCustomer = (of: Customer) => ({
  id: of.id,
  object: 'customer',
  address: null,
  balance: 0,
  created: seconds(of.createdMs),
  currency: null,
  default_source: null,
  delinquent: false,
  description: null,
  discount: null,
  email: null,
  invoice_prefix: of.id.slice(-8).toUpperCase(),
  invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
  livemode: false,
  metadata: of.metadata,
  name: of.name ?? null,
  phone: null,
  preferred_locales: [],
  shipping: null,
  tax_exempt: 'none',
  test_clock: null,
})

/** What an intent is shown with: the method it has, or the one that failed on it. */
export type Beside = { readonly method: StoredMethod | undefined; readonly failed: StoredMethod | undefined }

/** `expand`: names of fields shown whole instead of by id. `address`: where the challenge page is. */
export function showIntent(of: StoredIntent, { method, failed }: Beside, expand: ReadonlySet<string>, address: string) {
  return {
    id: of.id,
    object: 'setup_intent',
    application: null,
    automatic_payment_methods: of.automatic ? { allow_redirects: 'always', enabled: true } : null,
    cancellation_reason: of.cancellation ?? null,
    client_secret: of.secret,
    created: seconds(of.createdMs),
    customer: of.customer ?? null,
    description: of.description ?? null,
    flow_directions: null,
    last_setup_error: of.failure === undefined ? null : errorOf(of.failure.decline, failed),
    latest_attempt: of.attempt === undefined ? null : expand.has('latest_attempt') ? showAttempt(of, method ?? failed) : of.attempt.id,
    livemode: false,
    mandate: of.mandate ?? null,
    metadata: of.metadata,
    next_action: of.status === 'requires_action' ? nextAction(of, method, address) : null,
    on_behalf_of: null,
    payment_method: method === undefined ? null : expand.has('payment_method') ? showMethod(method) : method.id,
    payment_method_options: Object.fromEntries(of.methodTypes.map(type => [type, optionOf(type, of.verification)])),
    payment_method_types: of.methodTypes,
    single_use_mandate: null,
    status: of.status,
    usage: of.usage,
  }
}
export type ShownIntent = ReturnType<typeof showIntent>

function optionOf(type: string, verification: string): object {
  if (type === 'us_bank_account') return { verification_method: verification }
  return type === 'sepa_debit' ? { mandate_options: {} } : { mandate_options: null, network: null, request_three_d_secure: 'automatic' }
}

/** Micro-deposits take one to two business days (support.stripe.com, "Verify a new ACH Direct Debit customer using micro-deposits"). */
const arrivalMs = 2 * 86_400_000

function nextAction(of: StoredIntent, method: StoredMethod | undefined, address: string) {
  const url = `${address}/_page/challenge/${of.id}?secret=${of.secret}`
  if (method?.challenge !== 'amounts' && method?.challenge !== 'descriptor_code')
    return { redirect_to_url: { return_url: of.returnUrl ?? null, url }, type: 'redirect_to_url' }
  return {
    type: 'verify_with_microdeposits',
    verify_with_microdeposits: {
      arrival_date: seconds(of.createdMs + arrivalMs),
      hosted_verification_url: `${address}/_page/microdeposits/${of.id}?secret=${of.secret}`,
      microdeposit_type: method.challenge,
    },
  }
}

function showAttempt(of: StoredIntent, method: StoredMethod | undefined) {
  const secure = of.attempt?.flow && {
    authentication_flow: of.attempt.flow,
    result:
      of.attempt.status === 'failed' && of.failure?.decline.code === 'setup_intent_authentication_failure' ? 'failed' : 'authenticated',
    result_reason: null,
    version: '2.2.0',
  }
  const type = method?.details.type ?? 'card'
  return {
    id: of.attempt?.id ?? '',
    object: 'setup_attempt',
    application: null,
    created: seconds(of.attempt?.createdMs ?? 0),
    customer: of.customer ?? null,
    flow_directions: null,
    livemode: false,
    on_behalf_of: null,
    payment_method: method?.id ?? '',
    payment_method_details:
      type === 'card'
        ? { card: { three_d_secure: of.attempt?.status === 'requires_action' ? null : (secure ?? null) }, type }
        : { [type]: {}, type },
    setup_error: of.failure === undefined ? null : errorOf(of.failure.decline, method),
    setup_intent: of.id,
    status: of.attempt?.status ?? 'failed',
    usage: of.usage,
  }
}

/** Of the same kind, but not about the card itself: authentication and micro-deposits. */
const isOfRequest = (code: string) => code === 'setup_intent_authentication_failure' || code.startsWith('payment_method_microdeposit_')

/** The error as it stands in an object; an answer puts it under `error`. */
export const errorOf = (decline: Decline, method: StoredMethod | undefined) => ({
  code: decline.code,
  ...(decline.declineCode === undefined ? {} : { decline_code: decline.declineCode }),
  doc_url: `https://stripe.com/docs/error-codes/${decline.code.replaceAll('_', '-')}`,
  message: decline.message,
  ...(method === undefined ? {} : { payment_method: showMethod(method) }),
  type: isOfRequest(decline.code) ? 'invalid_request_error' : 'card_error',
})

export const showEvent = (of: {
  readonly id: string
  readonly type: string
  readonly createdMs: number
  readonly object: object
  readonly previous?: object
  readonly request: { readonly id: string | null; readonly idempotency_key: string | null }
}) => ({
  id: of.id,
  object: 'event',
  api_version: apiVersion,
  created: seconds(of.createdMs),
  data: { object: of.object, ...(of.previous === undefined ? {} : { previous_attributes: of.previous }) },
  livemode: false,
  pending_webhooks: 1,
  request: of.request,
  type: of.type,
})
