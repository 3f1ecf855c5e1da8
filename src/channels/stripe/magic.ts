/** The test cards and accounts Stripe documents (docs.stripe.com/testing) and what each does when it is set up for later use. */
import type { MandateTerms, RefusalCategory, SandboxValue } from '../channel.ts'

const page = 'https://docs.stripe.com/testing'

function card(title: string, number: string, outcome: SandboxValue['outcome'], ends?: RefusalCategory): SandboxValue {
  return {
    title,
    shape: outcome === 'challenged' ? 'redirect' : 'direct',
    source: {
      type: 'card',
      card: { brand: brandOf(number), last4: number.slice(-4), expiryMonth: 3, expiryYear: 2030, securityCode: true, holder: true },
    },
    give: { number, expiryMonth: '03', expiryYear: '2030', securityCode: '737' },
    outcome,
    ...(ends === undefined ? {} : { ends }),
    from: page,
  }
}

const brands: readonly (readonly [RegExp, string])[] = [
  [/^4/, 'visa'],
  [/^(5[1-5]|2[2-7])/, 'mastercard'],
  [/^3[47]/, 'amex'],
  [/^(6011|65|64[4-9])/, 'discover'],
  [/^(36|30[0-5]|3095|38|39)/, 'diners'],
  [/^35/, 'jcb'],
  [/^62/, 'unionpay'],
]
const brandOf = (number: string): string => brands.find(([pattern]) => pattern.test(number))?.[1] ?? 'unknown'

const terms = (currency: string): MandateTerms => ({
  currency,
  rule: 'any',
  frequency: 'as_presented',
  startsOn: '2026-12-01',
  contract: 'ACME-42',
  description: 'ACME subscription',
})

function account(title: string, accountNumber: string, from: string, ends?: RefusalCategory): SandboxValue {
  const payer = { held: ['name', 'email', 'accountNumber', 'routingNumber'], tail: accountNumber.slice(-4), country: 'US' } as const
  return {
    title,
    shape: 'micro_deposits',
    source: { type: 'bank_account', scheme: 'ach', payer, verify: 'micro_deposits' },
    give: { name: 'Jenny "JR" Rosen & Co', email: 'jenny@example.com', accountNumber, routingNumber: '110000000' },
    terms: terms('USD'),
    outcome: 'challenged',
    ...(ends === undefined ? {} : { ends }),
    from,
  }
}

function debit(title: string, iban: string, from: string, outcome: SandboxValue['outcome'] = 'bound'): SandboxValue {
  const payer = { held: ['name', 'email', 'iban'], tail: iban.slice(-4), country: iban.slice(0, 2) } as const
  return {
    title,
    shape: 'direct',
    source: { type: 'bank_account', scheme: 'sepa_debit', payer },
    give: { name: 'Jenny "JR" Rosen & Co', email: 'jenny@example.com', iban },
    terms: terms('EUR'),
    outcome,
    from,
  }
}

const achPage = 'https://docs.stripe.com/payments/ach-direct-debit/set-up-payment'
const sepaPage = 'https://docs.stripe.com/payments/sepa-debit/set-up-payment'

export const sandboxValues: readonly SandboxValue[] = [
  card('Visa', '4242424242424242', 'bound'),
  card('Mastercard', '5555555555554444', 'bound'),
  card('American Express', '378282246310005', 'bound'),
  card('3-D Secure, always', '4000002760003184', 'challenged'),
  card('3-D Secure for the set-up', '4000002500003155', 'challenged'),
  card('3-D Secure, then insufficient funds', '4000008260003178', 'challenged', 'insufficient_funds'),
  card('3-D Secure, then declined', '4000008400001629', 'challenged', 'do_not_honour'),
  card('Declined', '4000000000000002', 'do_not_honour'),
  card('Insufficient funds', '4000000000009995', 'insufficient_funds'),
  card('Lost card', '4000000000009987', 'lost_or_stolen'),
  card('Stolen card', '4000000000009979', 'lost_or_stolen'),
  card('Expired card', '4000000000000069', 'expired'),
  card('Wrong security code', '4000000000000127', 'invalid_security_code'),
  card('Processing error', '4000000000000119', 'try_later'),
  card('Too many tries', '4000000000006975', 'limit_exceeded'),
  card('Blocked as fraudulent', '4100000000000019', 'fraud_suspected'),
  card('Wrong number', '4242424242424241', 'invalid_account'),
  // Which kind of micro-deposit is sent is Stripe's choice, not the test account's; here the account decides.
  account('US account, a code in the statement line (SM11AA)', '000123456789', achPage),
  account('US account, two amounts (32 and 45 cents)', '000000000009', 'ours'),
  account('US account that micro-deposits do not reach', '000666666661', achPage, 'invalid_account'),
  account('US account, closed', '000111111113', 'ours', 'account_closed'),
  debit('Austrian account by SEPA', 'AT611904300234573201', sepaPage),
  debit('German account by SEPA', 'DE89370400440532013000', sepaPage),
  debit('IBAN with a wrong check digit', 'DE88370400440532013000', 'ours', 'invalid_account'),
]

export type Decline = { readonly code: string; readonly declineCode?: string; readonly message: string }
export type Behaviour = {
  readonly brand: string
  readonly funding: 'credit' | 'debit' | 'prepaid'
  /** Refused when the payment method is made (Stripe checks it itself). */
  readonly unusable?: Decline
  /** A challenge comes first. */
  readonly challenge?: true
  /** Refused when set up; after the challenge, if there is one. */
  readonly decline?: Decline
}

const declined = (declineCode: string): Decline => ({ code: 'card_declined', declineCode, message: 'Your card was declined.' })
const expired: Decline = { code: 'expired_card', declineCode: 'expired_card', message: 'Your card has expired.' }
const wrongCvc: Decline = { code: 'incorrect_cvc', declineCode: 'incorrect_cvc', message: "Your card's security code is incorrect." }
const broken: Decline = {
  code: 'processing_error',
  declineCode: 'processing_error',
  message: 'An error occurred while processing your card. Try again in a little bit.',
}
export const wrongNumber: Decline = { code: 'incorrect_number', message: 'Your card number is incorrect.' }

const visa = { brand: 'visa', funding: 'credit' } as const
const special: Readonly<Record<string, Behaviour>> = {
  '4000056655665556': { brand: 'visa', funding: 'debit' },
  '5200828282828210': { brand: 'mastercard', funding: 'debit' },
  '5105105105105100': { brand: 'mastercard', funding: 'prepaid' },
  '4000000000000002': { ...visa, decline: declined('generic_decline') },
  '4000000000009995': { ...visa, decline: { ...declined('insufficient_funds'), message: 'Your card has insufficient funds.' } },
  '4000000000009987': { ...visa, decline: declined('lost_card') },
  '4000000000009979': { ...visa, decline: declined('stolen_card') },
  '4000000000000069': { ...visa, decline: expired },
  '4000000000000127': { ...visa, decline: wrongCvc },
  '4000000000000101': { ...visa, decline: wrongCvc },
  '4000000000000119': { ...visa, decline: broken },
  '4000000000006975': { ...visa, decline: declined('card_velocity_exceeded') },
  '4100000000000019': { ...visa, decline: declined('fraudulent') },
  '4242424242424241': { ...visa, unusable: wrongNumber },
  '4000002500003155': { ...visa, challenge: true },
  '4000002760003184': { ...visa, challenge: true },
  '4000000000003220': { ...visa, challenge: true },
  '4000008260003178': {
    ...visa,
    challenge: true,
    decline: { ...declined('insufficient_funds'), message: 'Your card has insufficient funds.' },
  },
  '4000008400001629': { ...visa, challenge: true, decline: declined('generic_decline') },
}

/** A US account is proven by micro-deposits first; the documented failures that show at set-up follow. */
export function behaviourOfAccount(number: string): {
  readonly challenge: 'amounts' | 'descriptor_code'
  readonly decline: Decline | undefined
} {
  return { challenge: number === '000000000009' ? 'amounts' : 'descriptor_code', decline: unreachable[number] }
}
const unreachable: Readonly<Record<string, Decline>> = {
  '000666666661': {
    code: 'payment_method_microdeposit_failed',
    message: 'Microdeposits were failed to be deposited into the customer’s bank account.',
  },
  '000111111113': { code: 'account_closed', message: "The customer's bank account has been closed." },
}
/** What this number does; any other number that passes the check digit is accepted. */
export function behaviourOf(number: string): Behaviour {
  const found = special[number]
  if (found !== undefined) return found
  const brand = brandOf(number)
  return passesCheckDigit(number) ? { brand, funding: 'credit' } : { brand, funding: 'credit', unusable: wrongNumber }
}

/** ISO/IEC 7812-1 annex B (Luhn). */
function passesCheckDigit(number: string): boolean {
  if (!/^\d{12,19}$/.test(number)) return false
  let sum = 0
  for (let i = 0; i < number.length; i += 1) {
    const digit = Number(number[number.length - 1 - i])
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2
  }
  return sum % 10 === 0
}
