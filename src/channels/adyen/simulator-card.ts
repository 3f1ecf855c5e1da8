/** Cards as the simulator takes them: by number, or encrypted by Adyen's fields; and what is wrong with one before an issuer is asked. */

import { cardHash, type SimulatorAnswer, type SimulatorContext } from '../simulator.ts'
import { showField } from './hosted-fields.ts'
import { invalid, isJson, type Json, type Settings, text } from './simulator-answers.ts'
import type { Card } from './simulator-state.ts'

const encrypted: Readonly<Record<string, string>> = {
  encryptedCardNumber: 'number',
  encryptedExpiryMonth: 'expiryMonth',
  encryptedExpiryYear: 'expiryYear',
  encryptedSecurityCode: 'cvc',
}

/**
 * The card in the clear. The test environment takes `test_` and the value for an encrypted one ("add a prefix of test_ to the test card
 * credentials", docs.adyen.com/development-resources/testing/test-card-numbers); what a real field encrypts, only Adyen reads. Undefined:
 * not to be decrypted.
 */
export function decrypted(method: unknown): Json | undefined {
  const out: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(isJson(method) ? method : {})) {
    const plain = encrypted[name]
    if (plain === undefined) out[name] = value
    else {
      const field = typeof value === 'string' ? (showField(value) ?? afterTest(value)) : undefined
      if (field === undefined) return undefined
      out[plain] = field
    }
  }
  return out
}

const afterTest = (value: string): string | undefined => (value.startsWith('test_') ? value.slice('test_'.length) : undefined)

/** What Adyen checks itself, before anyone is asked. */
export function wrongCard(method: unknown, context: SimulatorContext): SimulatorAnswer | undefined {
  const number = text(method, 'number')
  if (!/^\d{12,19}$/.test(number) || !luhn(number)) return invalid('101', 'Invalid card number', context)
  if (brandOf(number) === '') return invalid('102', 'Unable to determine variant', context)
  const month = text(method, 'expiryMonth')
  if (!/^(?:0?[1-9]|1[0-2])$/.test(month)) return invalid('140', 'Expiry month should be between 1 and 12 inclusive', context)
  if (!/^20\d\d$/.test(text(method, 'expiryYear'))) return invalid('141', 'Expiry year should be a four digit number', context)
  const code = text(method, 'cvc')
  const length = brandOf(number) === 'amex' ? 4 : 3
  if (code !== '' && code.length !== length) return invalid('103', 'CVC is not the right length', context)
  return undefined
}

function luhn(number: string): boolean {
  let sum = 0
  for (let at = 0; at < number.length; at += 1) {
    const digit = Number(number[number.length - 1 - at])
    const twice = at % 2 === 1 ? digit * 2 : digit
    sum += twice > 9 ? twice - 9 : twice
  }
  return sum % 10 === 0
}

function brandOf(number: string): string {
  if (/^4/.test(number)) return 'visa'
  if (/^(?:5[1-5]|2[2-7])/.test(number)) return 'mc'
  if (/^3[47]/.test(number)) return 'amex'
  if (/^(?:6011|65|64[4-9])/.test(number)) return 'discover'
  if (/^35/.test(number)) return 'jcb'
  if (/^(?:36|38|30)/.test(number)) return 'diners'
  return /^62/.test(number) ? 'cup' : ''
}

export function cardOf(settings: Settings, method: unknown): Card {
  const number = text(method, 'number')
  return {
    type: 'scheme',
    hash: cardHash(settings.hashKey, number),
    last4: number.slice(-4),
    brand: brandOf(number),
    expiryMonth: Number(text(method, 'expiryMonth')),
    expiryYear: Number(text(method, 'expiryYear')),
  }
}
