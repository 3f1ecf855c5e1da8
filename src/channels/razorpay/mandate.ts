/**
 * What the payer agrees to, as Razorpay's order takes it: `token: { max_amount, expire_at, frequency }`. Limits and frequencies by
 * razorpay.com/docs/payments/payment-gateway/s2s-integration/recurring-payments (upi-intent, cards: "Create an Order").
 */
import type { MandateTerms } from '../channel.ts'

export type Method = 'upi' | 'card'
export type OrderToken = { readonly max_amount: number; readonly frequency: string; readonly expire_at?: number }

const frequencies: ReadonlySet<string> = new Set(['weekly', 'monthly', 'quarterly', 'yearly', 'as_presented'])
/** Paise. UPI: ₹2,00,000 for some trades, ₹99,999 for the others, which Razorpay knows; cards: ₹10,00,000 (above ₹15,000 the bank asks each time). */
const most: Readonly<Record<Method, number>> = { upi: 20_000_000, card: 100_000_000 }
const least = 100
/** India has one time zone, without summers: UTC+05:30. */
const indiaMs = 19_800_000
const dayMs = 86_400_000

/** The authorisation payment, ₹1 in paise: the least that either method takes. */
export const authorisation = { amount: 100, currency: 'INR' } as const

/**
 * A text says why it cannot be. Razorpay knows an upper bound only, so `fixed` is kept by us; when it begins is ours too, since nothing is
 * collected but what we ask for.
 */
export function orderTokenOf(terms: MandateTerms | undefined, method: Method): OrderToken | string {
  if (terms === undefined) return 'mandate_terms_missing'
  if (terms.currency !== authorisation.currency) return 'currency_not_inr'
  if (terms.rule === 'any' || terms.amount === undefined || !/^\d{1,12}$/.test(terms.amount)) return 'mandate_without_amount'
  if (!frequencies.has(terms.frequency)) return `frequency_${terms.frequency}`
  const amount = Number(terms.amount)
  if (amount < least || amount > most[method]) return 'amount_out_of_bounds'
  if (terms.endsOn === undefined) return { max_amount: amount, frequency: terms.frequency }
  const endMs = Date.parse(`${terms.endsOn}T00:00:00Z`) + dayMs - indiaMs - 1_000
  return Number.isFinite(endMs) ? { max_amount: amount, frequency: terms.frequency, expire_at: Math.floor(endMs / 1_000) } : 'end_is_no_day'
}
