/** The test cards Stripe documents (docs.stripe.com/testing) and what each does when it is set up for later use. */
import type { RefusalCategory, SandboxValue } from '../channel.ts'

const page = 'https://docs.stripe.com/testing'

function card(title: string, number: string, outcome: SandboxValue['outcome'], then?: RefusalCategory): SandboxValue {
  return {
    title,
    shape: outcome === 'challenged' ? 'redirect' : 'direct',
    source: {
      type: 'card',
      card: { brand: brandOf(number), last4: number.slice(-4), expiryMonth: 3, expiryYear: 2030, securityCode: true, holder: true },
    },
    give: { number, expiryMonth: '03', expiryYear: '2030', securityCode: '737' },
    outcome,
    ...(then === undefined ? {} : { then }),
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
