/** How the Stripe simulator makes a payment method of what it is given: a card, a US account, an IBAN. It keeps no number. */
import { isRecord, type Json } from '../json.ts'
import { cardHash, drawName } from '../simulator.ts'
import { behaviourOf, behaviourOfAccount } from './magic.ts'
import type { CardDetails, Marks, StoredMethod } from './objects-method.ts'
import { type Input, invalid, StripeRefusal } from './simulator-input.ts'

export const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
export const tree = (value: unknown): Json => (isRecord(value) ? value : {})
export const marksOf = (value: unknown): Marks => Object.fromEntries(Object.entries(tree(value)).map(([name, one]) => [name, String(one)]))

/** Throws the refusal that Stripe gives for what cannot be a payment method. */
export function readMethod(input: Input): StoredMethod {
  const { type } = input.form
  if (type === 'us_bank_account') return account(input)
  if (type === 'sepa_debit') return iban(input)
  if (type !== 'card') throw missing('type')
  return card(input)
}

type Own = Pick<StoredMethod, 'details' | 'challenge' | 'decline'>

function method(input: Input, number: string, own: Own): StoredMethod {
  const billing = tree(input.form.billing_details)
  return {
    id: `pm_1${drawName(input.context, 23)}`,
    createdMs: input.context.nowMs,
    last4: number.slice(-4),
    fingerprint: cardHash('stripe simulator', number).slice(0, 16),
    holder: text(billing.name),
    email: text(billing.email),
    metadata: marksOf(input.form.metadata),
    customer: undefined,
    detached: false,
    ...own,
  }
}

function card(input: Input): StoredMethod {
  const given = tree(input.form.card)
  const number = String(given.number ?? '')
  const cvc = text(given.cvc)
  const behaviour = behaviourOf(number)
  const details: CardDetails = {
    type: 'card',
    brand: behaviour.brand,
    funding: behaviour.funding,
    expiryMonth: Number(given.exp_month),
    expiryYear: Number(given.exp_year),
    cvcGiven: cvc !== undefined,
  }
  if (behaviour.unusable !== undefined) throw bad(behaviour.unusable.code, behaviour.unusable.message, 'number')
  assertLasts(details.expiryMonth, details.expiryYear, input)
  if (cvc !== undefined && !/^\d{3,4}$/.test(cvc)) throw bad('invalid_cvc', "Your card's security code is invalid.", 'cvc')
  return method(input, number, { details, challenge: behaviour.challenge === true ? 'page' : undefined, decline: behaviour.decline })
}

/** With another end of its card; what is not said stays. Throws as for a new card. */
export function renewed(before: StoredMethod, input: Input): StoredMethod {
  const given = tree(input.form.card)
  const { details } = before
  if (details.type !== 'card') throw invalid('Only the end of a card can be set.', { param: 'card' })
  const expiryMonth = Number(given.exp_month ?? details.expiryMonth)
  const expiryYear = Number(given.exp_year ?? details.expiryYear)
  assertLasts(expiryMonth, expiryYear, input)
  return { ...before, details: { ...details, expiryMonth, expiryYear } }
}

const bad = (code: string, message: string, param: string) => new StripeRefusal(402, { code, message, param, type: 'card_error' })

function assertLasts(month: number, year: number, { context }: Input): void {
  const now = new Date(context.nowMs)
  if (!(month >= 1 && month <= 12)) throw bad('invalid_expiry_month', "Your card's expiration month is invalid.", 'exp_month')
  if (year < now.getUTCFullYear() || (year === now.getUTCFullYear() && month < now.getUTCMonth() + 1)) {
    throw bad('invalid_expiry_year', "Your card's expiration year is invalid.", 'exp_year')
  }
}

function account(input: Input): StoredMethod {
  const given = tree(input.form.us_bank_account)
  const number = String(given.account_number ?? '')
  const routing = String(given.routing_number ?? '')
  const holderType = text(given.account_holder_type)
  if (!isRouting(routing)) throw wrong('routing_number_invalid', 'Invalid routing number', 'us_bank_account[routing_number]')
  // NACHA: an account number has up to 17 characters.
  if (!/^\d{4,17}$/.test(number)) throw wrong('account_number_invalid', 'Invalid account number', 'us_bank_account[account_number]')
  if (holderType === undefined) throw missing('us_bank_account[account_holder_type]')
  if (!text(tree(input.form.billing_details).name)) throw missing('billing_details[name]')
  return method(input, `${routing} ${number}`, {
    details: { type: 'us_bank_account', routing, holderType },
    ...behaviourOfAccount(number),
  })
}

function iban(input: Input): StoredMethod {
  const given = String(tree(input.form.sepa_debit).iban ?? '')
    .replaceAll(' ', '')
    .toUpperCase()
  const billing = tree(input.form.billing_details)
  if (!isIban(given)) throw invalid('The IBAN you provided is invalid.', { param: 'sepa_debit[iban]' })
  for (const name of ['name', 'email']) if (!text(billing[name])) throw missing(`billing_details[${name}]`)
  return method(input, given, {
    details: { type: 'sepa_debit', country: given.slice(0, 2), bankCode: given.slice(4, 9) },
    challenge: undefined,
    // Of the documented IBANs all succeed at set-up; they differ when they are debited.
    decline: undefined,
  })
}

const wrong = (code: string, message: string, param: string) => invalid(message, { code, param })
const missing = (param: string) => invalid(`Missing required param: ${param}.`, { code: 'parameter_missing', param })

/** American Bankers Association: weights 3, 7, 1 over nine digits, the sum a multiple of ten. */
function isRouting(routing: string): boolean {
  if (!/^\d{9}$/.test(routing)) return false
  const sum = [...routing].reduce((total, digit, at) => total + Number(digit) * ([3, 7, 1][at % 3] ?? 0), 0)
  return sum % 10 === 0
}

/** ISO 13616: the first four characters go to the end, letters count from 10, the whole leaves 1 when divided by 97. */
function isIban(given: string): boolean {
  if (!/^[A-Z]{2}\d{2}[0-9A-Z]{11,30}$/.test(given)) return false
  const digits = [...given.slice(4), ...given.slice(0, 4)].map(one => Number.parseInt(one, 36)).join('')
  return [...digits].reduce((rest, digit) => (rest * 10 + Number(digit)) % 97, 0) === 1
}
