/** What users send: for every unit a customer, a card, a client address and an Idempotency-Key of its own. */
import { randomUUID } from 'node:crypto'

/** Where one of the ways is reached. */
export type Target = { readonly address: string; readonly captureUrl: string; readonly apiKey: string }
/** Made before the clock starts: nobody's unit waits for them. */
export type Supply = { readonly customers: readonly string[]; readonly grants: readonly string[] }
/** Captures one grant is good for. */
export const capturesPerGrant = 1_000

const userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'
/** Units before this run: no number, address or key ever comes twice in one run, whichever way it goes. */
let made = 0

export type Unit = {
  readonly grant: string
  readonly captureBody: string
  readonly bindBody: (reference: string) => string
  readonly key: string
}

/** Throws when the supply is used up: a unit with somebody else's customer would not be a unit. */
export function nextUnit(supply: Supply, index: number): Unit {
  const customer = supply.customers[index]
  const grant = supply.grants[Math.floor(index / capturesPerGrant)]
  if (customer === undefined || grant === undefined) throw new RangeError('the supply of customers is used up: make more of them')
  made += 1
  const ip = addressOf(made)
  const accepted = new Date().toISOString()
  return {
    grant,
    captureBody: `{"number":"${numberOf(made)}","expiry_month":12,"expiry_year":2030,"security_code":"737","holder":"Ada Lovelace"}`,
    bindBody: reference =>
      `{"customer":"${customer}","card":{"capture":"${reference}"},"return_url":"https://shop.example/cards/back","client":{"ip":"${ip}","user_agent":"${userAgent}","device":"d_${made}"},"consent":{"text_version":"save-card-2026-11","accepted_at":"${accepted}","ip":"${ip}","user_agent":"${userAgent}"},"metadata":{"cart":"${made}"}}`,
    key: randomUUID(),
  }
}

/** A Visa number that nobody has, its check digit included. The middle is spread out, so that the fingerprints' BINs differ too. */
export function numberOf(index: number): string {
  const digits = `4${String((index * 2_654_435_761) % 1e14).padStart(14, '0')}`
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = digits.charCodeAt(i) - 48
    const twice = digit * 2
    sum += i % 2 === 0 ? (twice > 9 ? twice - 9 : twice) : digit
  }
  return `${digits}${(10 - (sum % 10)) % 10}`
}

const addressOf = (index: number): string => `${20 + ((index >> 24) & 127)}.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
