/** Phone numbers that make the simulator do something on purpose. CAMARA has none: these are ours, in a range that is given to nobody. */
import type { RefusalCategory, SandboxValue } from '../channel.ts'

/** What every text message of the sandbox says. */
export const sandboxCode = '123456'

export type Verdict = 'sent' | 'lapsed' | 'not_allowed' | 'blocked' | 'too_many'
const numbers: Readonly<Record<string, Verdict>> = {
  '+34999000002': 'lapsed',
  '+34999000003': 'not_allowed',
  '+34999000004': 'blocked',
  '+34999000005': 'too_many',
}
export const verdictOf = (phone: string): Verdict => numbers[phone] ?? 'sent'

const value = (title: string, phone: string, outcome: 'challenged' | RefusalCategory, ends?: RefusalCategory): SandboxValue => ({
  title,
  shape: 'otp',
  source: { type: 'carrier_account', payer: { held: ['phone'], tail: phone.slice(-3), country: 'ES' } },
  give: { phone },
  outcome,
  ...(ends === undefined ? {} : { ends }),
  from: 'ours',
})

export const sandboxValues: readonly SandboxValue[] = [
  value(`Phone that gets a code, ${sandboxCode}`, '+34999000001', 'challenged'),
  value('Phone whose code lapses at once', '+34999000002', 'challenged', 'authentication_failed'),
  value('Phone that may not get text messages', '+34999000003', 'not_permitted'),
  value('Phone that is blocked', '+34999000004', 'not_permitted'),
  value('Phone that was sent too many codes', '+34999000005', 'limit_exceeded'),
]
