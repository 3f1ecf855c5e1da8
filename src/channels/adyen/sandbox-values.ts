/** What to type to make something happen on purpose: Adyen's own test cards and names, and a few of ours. */

import type { RefusalCategory, SandboxValue } from '../channel.ts'
import { hideField } from './hosted-fields.ts'
import { magicHolders, refusedNumbers } from './magic.ts'
import { refusals } from './refusals.ts'

const visa = '4111111111111111'
const card = (number: string, brand = 'visa') =>
  ({
    type: 'card',
    card: { brand, last4: number.slice(-4), expiryMonth: 3, expiryYear: 2030, securityCode: true, holder: true },
  }) as const
const testCards = 'docs.adyen.com/development-resources/testing/test-card-numbers'
const resultCodes = 'docs.adyen.com/development-resources/testing/result-codes'

const bound = (title: string, number: string, brand: string, from: string): SandboxValue => ({
  title,
  shape: 'direct',
  source: card(number, brand),
  give: { number, holder: 'John Smith', ...(brand === 'amex' ? { securityCode: '7373' } : {}) },
  outcome: 'bound',
  from,
})
const challenged = (title: string, number: string, from: string): SandboxValue => ({
  title,
  shape: 'redirect',
  source: card(number),
  give: { number, holder: 'John Smith' },
  outcome: 'challenged',
  from,
})
const refusedByName = (holder: string, outcome: RefusalCategory): SandboxValue => ({
  title: `Holder ${holder}`,
  shape: 'direct',
  source: card(visa),
  give: { number: visa, holder },
  outcome,
  from: resultCodes,
})
const refusedByNumber = (number: string, outcome: RefusalCategory): SandboxValue => ({
  title: `Card ending ${number.slice(-4)}`,
  shape: 'direct',
  source: card(number),
  give: { number, holder: 'John Smith' },
  outcome,
  from: 'ours',
})

const threeDs = 'docs.adyen.com/development-resources/testing/3d-secure-2-authentication'
const native = (title: string, number: string, brand: string): SandboxValue => ({
  title,
  shape: 'three_ds',
  source: card(number, brand),
  give: { number, holder: 'John Smith', ...(brand === 'amex' ? { securityCode: '7373' } : {}) },
  outcome: 'challenged',
  from: threeDs,
})
/** As the sandbox's fields hide it: the `test_` form that Adyen's test environment takes as well would be a card number in our own API. */
const hosted = (
  title: string,
  of: { readonly number: string; readonly holderName: string },
  outcome: SandboxValue['outcome'],
): SandboxValue => ({
  title,
  shape: 'hosted_fields',
  source: {
    type: 'encrypted_card',
    fields: {
      encryptedCardNumber: hideField(of.number),
      encryptedExpiryMonth: hideField('03'),
      encryptedExpiryYear: hideField('2030'),
      encryptedSecurityCode: hideField('737'),
      holderName: of.holderName,
    },
  },
  give: {},
  outcome,
  from: testCards,
})
const upi = (title: string, by: 'qr' | 'app_link' | 'await'): SandboxValue => ({
  title,
  shape: by,
  source: { type: 'instant_mandate', rail: 'upi_autopay', by, payer: { held: by === 'await' ? ['vpa'] : [], tail: '', country: 'IN' } },
  give: by === 'await' ? { vpa: 'ada@okaxis' } : {},
  terms: {
    currency: 'INR',
    rule: 'max',
    amount: '49900',
    frequency: 'monthly',
    startsOn: '2027-01-01',
    endsOn: '2031-12-31',
    contract: 'PLAN1',
    description: 'Monthly plan',
  },
  outcome: 'challenged',
  from: 'ours',
})

export const sandboxValues: readonly SandboxValue[] = [
  bound('Visa', visa, 'visa', testCards),
  bound('Mastercard', '5555444433331111', 'mastercard', testCards),
  bound('American Express', '370000000000002', 'amex', testCards),
  challenged('3-D Secure, on the issuer’s page', '4917610000000000', testCards),
  {
    ...challenged('3-D Secure, then refused', '4917610000000000', testCards),
    give: { number: '4917610000000000', holder: 'DECLINED' },
    ends: 'do_not_honour',
  },
  {
    title: 'Authorised later',
    shape: 'direct',
    source: card(visa),
    give: { number: visa, holder: 'PENDING' },
    outcome: 'verifying',
    from: resultCodes,
  },
  hosted('Visa, typed into Adyen’s fields', { number: visa, holderName: 'John Smith' }, 'bound'),
  hosted('Adyen’s fields, then refused', { number: visa, holderName: 'CARD_EXPIRED' }, 'expired'),
  native('3-D Secure in the page: device, then challenge', '4035501428146300', 'visa'),
  native('3-D Secure in the page: device only', '371449635398431', 'amex'),
  upi('UPI Autopay by QR code', 'qr'),
  upi('UPI Autopay by the app’s link', 'app_link'),
  upi('UPI Autopay, asked in the app', 'await'),
  ...Object.entries(magicHolders).flatMap(([holder, code]) => {
    const refusal = refusals[code]
    return refusal === undefined ? [] : [refusedByName(holder, refusal.category)]
  }),
  ...Object.entries(refusedNumbers).flatMap(([number, code]) => {
    const refusal = refusals[code]
    return refusal === undefined ? [] : [refusedByNumber(number, refusal.category)]
  }),
  refusedByNumber('4111111111111112', 'invalid_account'),
]
