/**
 * Test cards. Numbers with the owner's page beside them are Checkout.com's own, with the response code that its sandbox gives them; an older
 * edition of the page (May 2023) had the verification (amount 0) of some of them succeed, the later ones make no such difference.
 */
import type { SandboxValue } from '../channel.ts'
import { refusals } from './refusals.ts'

const page = 'www.checkout.com/docs/developer-resources/testing/test-cards'

/** Number → response code. Any other number that passes the Luhn check is approved. */
export const codeOfNumber: Readonly<Record<string, string>> = {
  '4734868958733862': '200N7',
  '4567361325981788': '200R3',
  '4111111111111129': '20001',
  '4024007103573027': '20012',
  '4485381577182090': '20014',
  '4544249167673670': '20051',
  '4724117215951699': '20054',
  '4151512736305999': '20057',
  '4897453568485113': '20059',
  '4556294593757189': '20061',
  '4818924250131070': '20062',
  '4556253752712245': '20063',
  '4095254802642505': '20068',
  '4532819413487978': '20078',
  // Ours: the page names these codes, but the edition at hand lost their numbers.
  '4000002760003184': '20154',
  '4000000000009987': '30041',
  '4000000000009979': '30043',
  '4000000000003055': '43401',
  '4000000000004954': '41101',
  '4000000000000069': '20054',
  '4000000000009995': '20051',
  '4000000000000002': '20005',
}
/** 3-D Secure is passed and the issuer refuses all the same. */
export const refusedAfterwards: Readonly<Record<string, string>> = { '4000008400001629': '20005' }

const card = (number: string, brand = 'visa') => ({
  brand,
  last4: number.slice(-4),
  expiryMonth: 3,
  expiryYear: 2030,
  securityCode: true,
  holder: true,
})
const give = (number: string) => ({ number, expiryMonth: '03', expiryYear: '2030', securityCode: '100', holder: 'Bruce Wayne' })

const typed = (title: string, number: string, outcome: SandboxValue['outcome'], more: Partial<SandboxValue> = {}): SandboxValue => ({
  title,
  shape: outcome === 'challenged' ? 'redirect' : 'direct',
  source: { type: 'card', card: card(number, number.startsWith('5') ? 'mastercard' : 'visa') },
  give: give(number),
  outcome,
  from: page,
  ...more,
})

const refused = (title: string, number: string, from = page): SandboxValue =>
  typed(title, number, refusals.get(codeOfNumber[number] ?? '') ?? 'unknown', { from })

type Wallet = 'apple_pay' | 'google_pay'
const tapped = (title: string, wallet: Wallet, number: string, outcome: SandboxValue['outcome'] = 'bound'): SandboxValue => ({
  title,
  shape: 'device_token',
  source: {
    type: 'device_token',
    wallet,
    card: { ...card(number), securityCode: false, holder: false },
    cryptogram: true,
    eci: '05',
  },
  give: { number, expiryMonth: '03', expiryYear: '2030', cryptogram: 'hv8mUFzPzRZoCAAAAAEQBDMAAAA=' },
  outcome,
  from: 'ours',
})

export const sandboxValues: readonly SandboxValue[] = [
  typed('Visa, stored at once', '4242424242424242', 'bound'),
  typed('Mastercard, stored at once', '5436031030606378', 'bound', { from: 'checkoutdocs.readme.io/docs/testing' }),
  typed('Visa whose issuer wants 3-D Secure', '4000002760003184', 'challenged', { from: 'ours' }),
  typed('Visa that our own rules send to 3-D Secure', '4000000000003055', 'challenged', { from: 'ours' }),
  typed('Visa refused after 3-D Secure', '4000008400001629', 'challenged', { ends: 'do_not_honour', from: 'ours' }),
  tapped('Apple Pay on a Visa', 'apple_pay', '4242424242424242'),
  tapped('Google Pay on a Visa, with a cryptogram', 'google_pay', '4543474002249996'),
  {
    ...tapped('Google Pay on a Visa, the card itself', 'google_pay', '4242424242424242', 'challenged'),
    source: {
      type: 'device_token',
      wallet: 'google_pay',
      card: { ...card('4242424242424242'), securityCode: false, holder: false },
      cryptogram: false,
    },
    give: { number: '4242424242424242', expiryMonth: '03', expiryYear: '2030' },
  },
  tapped('Apple Pay with too little behind it', 'apple_pay', '4544249167673670', 'insufficient_funds'),
  refused('Visa: refer to card issuer', '4111111111111129'),
  refused('Visa: insufficient funds', '4544249167673670'),
  refused('Visa: expired', '4724117215951699'),
  refused('Visa: reported lost', '4000000000009987', 'ours'),
  refused('Visa: no such number', '4485381577182090'),
  refused('Visa: wrong security code', '4734868958733862'),
  refused('Visa: limit of amount exceeded', '4556294593757189'),
  refused('Visa: suspected fraud', '4897453568485113'),
  refused('Visa: blocked by a rule of ours', '4000000000004954', 'ours'),
  refused('Visa: restricted', '4818924250131070'),
  refused('Visa: payments stopped by the cardholder', '4567361325981788'),
  refused('Visa: the issuer answered too late', '4095254802642505'),
]
