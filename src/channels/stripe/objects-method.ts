/** Payment methods and mandates as the Stripe simulator keeps and shows them, in the shape of API version 2023-08-16. */
import type { Decline } from './magic.ts'

export type Marks = Readonly<Record<string, string>>
export type CardDetails = {
  readonly type: 'card'
  readonly brand: string
  readonly funding: string
  readonly expiryMonth: number
  readonly expiryYear: number
  readonly cvcGiven: boolean
}
export type BankDetails =
  | { readonly type: 'us_bank_account'; readonly routing: string; readonly holderType: string }
  | { readonly type: 'sepa_debit'; readonly country: string; readonly bankCode: string }
export type StoredMethod = {
  readonly id: string
  readonly createdMs: number
  readonly details: CardDetails | BankDetails
  readonly last4: string
  /** The simulator's own keyed hash: the same number gives the same one. */
  readonly fingerprint: string
  readonly holder: string | undefined
  readonly email: string | undefined
  readonly challenge: 'page' | 'amounts' | 'descriptor_code' | undefined
  readonly decline: Decline | undefined
  readonly metadata: Marks
  readonly customer: string | undefined
  /** A detached payment method can never be used again. */
  readonly detached: boolean
}
export type StoredMandate = {
  readonly id: string
  readonly method: string
  readonly status: 'active' | 'inactive' | 'pending'
  readonly acceptedMs: number
  readonly online: { readonly ip_address: string; readonly user_agent: string } | undefined
}

export const seconds = (ms: number): number => Math.floor(ms / 1_000)

export const showMethod = (of: StoredMethod) => ({
  id: of.id,
  object: 'payment_method',
  billing_details: {
    address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
    email: of.email ?? null,
    name: of.holder ?? null,
    phone: null,
  },
  ...showDetails(of),
  created: seconds(of.createdMs),
  customer: of.customer ?? null,
  livemode: false,
  metadata: of.metadata,
  type: of.details.type,
})

function showDetails(of: StoredMethod) {
  const { details, fingerprint, last4 } = of
  if (details.type === 'card') return { card: showCard(of, details) }
  if (details.type === 'sepa_debit') {
    const { bankCode, country } = details
    return { sepa_debit: { bank_code: bankCode, branch_code: '', country, fingerprint, generated_from: null, last4 } }
  }
  return {
    us_bank_account: {
      account_holder_type: details.holderType,
      account_type: 'checking',
      bank_name: 'STRIPE TEST BANK',
      financial_connections_account: null,
      fingerprint,
      last4,
      networks: { preferred: 'ach', supported: ['ach'] },
      routing_number: details.routing,
      status_details: {},
    },
  }
}

const showCard = (of: StoredMethod, card: CardDetails) => ({
  brand: card.brand,
  checks: {
    address_line1_check: null,
    address_postal_code_check: null,
    cvc_check: card.cvcGiven ? (of.customer ? 'pass' : 'unchecked') : null,
  },
  country: 'US',
  exp_month: card.expiryMonth,
  exp_year: card.expiryYear,
  fingerprint: of.fingerprint,
  funding: card.funding,
  generated_from: null,
  last4: of.last4,
  networks: { available: [card.brand], preferred: null },
  three_d_secure_usage: { supported: true },
  wallet: null,
})

/** `address`: where the page of a SEPA mandate would be. */
export const showMandate = (of: StoredMandate, method: StoredMethod, address: string) => ({
  id: of.id,
  object: 'mandate',
  customer_acceptance: {
    accepted_at: seconds(of.acceptedMs),
    ...(of.online === undefined ? { offline: {}, type: 'offline' } : { online: of.online, type: 'online' }),
  },
  livemode: false,
  multi_use: {},
  payment_method: of.method,
  payment_method_details:
    method.details.type === 'sepa_debit'
      ? { sepa_debit: { reference: of.id.slice(-16).toUpperCase(), url: `${address}/_page/mandate/${of.id}` }, type: 'sepa_debit' }
      : { type: 'us_bank_account', us_bank_account: {} },
  status: of.status,
  type: 'multi_use',
})
