/**
 * What the sandbox does on purpose. Cards are those of razorpay.com/docs/payments/payments/test-card-details (there a button says success or
 * failure; here the failing ones fail whatever is typed). For mandates Razorpay's test mode has no values of its own: the amount decides.
 */
import type { CardView, MandateTerms, SandboxValue } from '../channel.ts'
import type { RefusalCategory } from '../refusal.ts'

const page = 'razorpay.com/docs/payments/payments/test-card-details'
const terms: MandateTerms = {
  currency: 'INR',
  rule: 'max',
  amount: '150000',
  frequency: 'monthly',
  startsOn: '2026-12-01',
  endsOn: '2031-11-30',
  contract: 'Bindery Ltd',
  description: 'Monthly plan',
}
const payer = { held: ['name', 'email', 'phone'] as const, tail: '10', country: 'IN' }
const give = { name: 'Gaurav Kumar', email: 'gaurav.kumar@example.com', phone: '+919876543210' }

/** By the mandate's amount, in paise: what the bank says when the customer agrees. */
export const badAmounts: Readonly<Record<number, { readonly reason: string; readonly category: RefusalCategory }>> = {
  20100: { reason: 'insufficient_funds', category: 'insufficient_funds' },
  40200: { reason: 'mandate_creation_declined', category: 'do_not_honour' },
  40300: { reason: 'payment_risk_check_failed', category: 'fraud_suspected' },
  40400: { reason: 'bank_technical_error', category: 'try_later' },
  40500: { reason: 'transaction_frequency_limit_exceeded', category: 'limit_exceeded' },
}
/** … and what Razorpay says at once. */
export const badOrders: Readonly<Record<number, { readonly reason: string; readonly category: RefusalCategory }>> = {
  50300: { reason: 'recurring_payment_not_enabled', category: 'not_supported' },
  50400: { reason: 'merchant_not_activated', category: 'misconfigured' },
}
/** By the card's number: what the bank says to a password. */
export const badCards: Readonly<Record<string, { readonly reason: string; readonly category: RefusalCategory }>> = {
  '4100280000080001': { reason: 'insufficient_funds', category: 'insufficient_funds' },
  '4100280000070002': { reason: 'payment_cancelled', category: 'cancelled_by_customer' },
  '4100280000060003': { reason: 'card_declined', category: 'do_not_honour' },
  '4100280000030006': { reason: 'card_disabled_for_online_payments', category: 'not_permitted' },
  '4100280000090000': { reason: 'payment_timed_out', category: 'try_later' },
}
/** Refused before a password is asked for. */
export const wrongCards: Readonly<Record<string, { readonly reason: string; readonly category: RefusalCategory }>> = {
  '4100280000010008': { reason: 'card_number_invalid', category: 'invalid_account' },
}
/** Whose bank takes no password from a shop's own form: the customer is sent to its page. */
export const pageCards: ReadonlySet<string> = new Set(['5500670000001002'])

const upi = (title: string, by: 'app_link' | 'qr', amount = '150000'): SandboxValue => ({
  title,
  shape: by,
  source: { type: 'instant_mandate', rail: 'upi_autopay', by, payer },
  give,
  terms: { ...terms, amount },
  outcome: 'challenged',
  from: 'ours',
})
const view = (number: string): CardView => ({
  brand: number.startsWith('4') ? 'visa' : 'mastercard',
  last4: number.slice(-4),
  expiryMonth: 3,
  expiryYear: 2030,
  securityCode: true,
  holder: true,
})
const card = (title: string, number: string, shape: 'otp' | 'redirect' = 'otp'): SandboxValue => ({
  title,
  shape,
  source: { type: 'card', card: view(number) },
  give: { number, expiryMonth: '03', expiryYear: '2030', securityCode: '123', holder: 'Gaurav Kumar' },
  terms,
  outcome: 'challenged',
  from: page,
})

const late = (one: SandboxValue, category: RefusalCategory): SandboxValue => ({ ...one, ends: category })

export const sandboxValues: readonly SandboxValue[] = [
  upi('UPI Autopay, the app on this phone', 'app_link'),
  upi('UPI Autopay, a code to scan', 'qr'),
  card('Visa, a password', '4100280000001007'),
  card('Mastercard, the bank’s page', '5500670000001002', 'redirect'),
  ...Object.entries(badAmounts).map(([amount, { reason, category }]) => late(upi(`a mandate: ${reason}`, 'app_link', amount), category)),
  ...Object.entries(badOrders).map(([amount, { reason, category }]) => ({
    ...upi(`an order: ${reason}`, 'app_link', amount),
    outcome: category,
  })),
  ...Object.entries(badCards).map(([number, { reason, category }]) => late(card(`a card: ${reason}`, number), category)),
  ...Object.entries(wrongCards).map(([number, { reason, category }]) => ({ ...card(`a card: ${reason}`, number), outcome: category })),
]
