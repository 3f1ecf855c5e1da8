/** What the Stripe simulator keeps, and the objects it shows of it, in the shape of API version 2023-08-16. */
import type { Decline } from './magic.ts'
import { apiVersion } from './wire.ts'

export type Marks = Readonly<Record<string, string>>
export type Customer = { readonly id: string; readonly createdMs: number; readonly name: string | undefined; readonly metadata: Marks }
export type StoredMethod = {
  readonly id: string
  readonly createdMs: number
  readonly brand: string
  readonly funding: string
  readonly last4: string
  /** The simulator's own keyed hash: the same number gives the same one. */
  readonly fingerprint: string
  readonly expiryMonth: number
  readonly expiryYear: number
  readonly cvcGiven: boolean
  readonly holder: string | undefined
  readonly challenge: boolean
  readonly decline: Decline | undefined
  readonly metadata: Marks
  readonly customer: string | undefined
  /** A detached payment method can never be used again. */
  readonly detached: boolean
}
export type IntentStatus = 'requires_payment_method' | 'requires_action' | 'succeeded' | 'canceled'
export type StoredIntent = {
  readonly id: string
  readonly createdMs: number
  readonly secret: string
  readonly key: string
  readonly status: IntentStatus
  readonly customer: string | undefined
  readonly method: string | undefined
  readonly returnUrl: string | undefined
  readonly usage: string
  readonly metadata: Marks
  readonly attempt:
    | { readonly id: string; readonly createdMs: number; readonly status: string; readonly flow: 'challenge' | undefined }
    | undefined
  readonly failure: { readonly decline: Decline; readonly method: string } | undefined
  readonly cancellation: string | undefined
}

const seconds = (ms: number): number => Math.floor(ms / 1_000)

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

export const showMethod = (of: StoredMethod) => ({
  id: of.id,
  object: 'payment_method',
  billing_details: {
    address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
    email: null,
    name: of.holder ?? null,
    phone: null,
  },
  card: {
    brand: of.brand,
    checks: {
      address_line1_check: null,
      address_postal_code_check: null,
      cvc_check: of.cvcGiven ? (of.customer ? 'pass' : 'unchecked') : null,
    },
    country: 'US',
    exp_month: of.expiryMonth,
    exp_year: of.expiryYear,
    fingerprint: of.fingerprint,
    funding: of.funding,
    generated_from: null,
    last4: of.last4,
    networks: { available: [of.brand], preferred: null },
    three_d_secure_usage: { supported: true },
    wallet: null,
  },
  created: seconds(of.createdMs),
  customer: of.customer ?? null,
  livemode: false,
  metadata: of.metadata,
  type: 'card',
})

/** `expand`: names of fields shown whole instead of by id. `address`: where the challenge page is. */
export function showIntent(
  of: StoredIntent,
  method: StoredMethod | undefined,
  failed: StoredMethod | undefined,
  expand: ReadonlySet<string>,
  address: string,
) {
  const url = `${address}/_page/challenge/${of.id}?secret=${of.secret}`
  return {
    id: of.id,
    object: 'setup_intent',
    application: null,
    automatic_payment_methods: null,
    cancellation_reason: of.cancellation ?? null,
    client_secret: of.secret,
    created: seconds(of.createdMs),
    customer: of.customer ?? null,
    description: null,
    flow_directions: null,
    last_setup_error: of.failure === undefined ? null : errorOf(of.failure.decline, failed),
    latest_attempt: of.attempt === undefined ? null : expand.has('latest_attempt') ? showAttempt(of, method ?? failed) : of.attempt.id,
    livemode: false,
    mandate: null,
    metadata: of.metadata,
    next_action:
      of.status === 'requires_action' ? { redirect_to_url: { return_url: of.returnUrl ?? null, url }, type: 'redirect_to_url' } : null,
    on_behalf_of: null,
    payment_method: method === undefined ? null : expand.has('payment_method') ? showMethod(method) : method.id,
    payment_method_options: { card: { mandate_options: null, network: null, request_three_d_secure: 'automatic' } },
    payment_method_types: ['card'],
    single_use_mandate: null,
    status: of.status,
    usage: of.usage,
  }
}
export type ShownIntent = ReturnType<typeof showIntent>

function showAttempt(of: StoredIntent, method: StoredMethod | undefined) {
  const secure = of.attempt?.flow && {
    authentication_flow: of.attempt.flow,
    result:
      of.attempt.status === 'failed' && of.failure?.decline.code === 'setup_intent_authentication_failure' ? 'failed' : 'authenticated',
    result_reason: null,
    version: '2.2.0',
  }
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
    payment_method_details: { card: { three_d_secure: of.attempt?.status === 'requires_action' ? null : (secure ?? null) }, type: 'card' },
    setup_error: of.failure === undefined ? null : errorOf(of.failure.decline, method),
    setup_intent: of.id,
    status: of.attempt?.status ?? 'failed',
    usage: of.usage,
  }
}

/** The error as it stands in an object; an answer puts it under `error`. */
export const errorOf = (decline: Decline, method: StoredMethod | undefined) => ({
  code: decline.code,
  ...(decline.declineCode === undefined ? {} : { decline_code: decline.declineCode }),
  doc_url: `https://stripe.com/docs/error-codes/${decline.code.replaceAll('_', '-')}`,
  message: decline.message,
  ...(method === undefined ? {} : { payment_method: showMethod(method) }),
  type: decline.code === 'setup_intent_authentication_failure' ? 'invalid_request_error' : 'card_error',
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
