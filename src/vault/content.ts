/** What an instrument is made of in the vault: facts that may be shown, and secrets that are sealed, filled into requests and zeroed. */
import type { PayerField } from '../channels/source.ts'
import type { Row } from '../world/table.ts'
import type { Captured, CapturedCard } from '../world/world.ts'
import type { PayerKind, PayerValues } from './scan-payer.ts'
import type { records } from './tables.ts'

type CardFacts = Pick<CapturedCard, 'brand' | 'bin' | 'last4' | 'expiryMonth' | 'expiryYear' | 'holder'>
export type Facts =
  | (CardFacts & { readonly kind: 'card' })
  | (CardFacts & { readonly kind: 'device_token'; readonly wallet: 'apple_pay' | 'google_pay'; readonly eci: string | undefined })
  | {
      readonly kind: PayerKind
      readonly scheme: string | undefined
      readonly country: string
      readonly held: readonly PayerField[]
      readonly tail: string
    }

export type CardSecrets = {
  readonly number: Buffer
  /** UTF-8. */
  readonly holder: Buffer | undefined
  readonly expiryMonth: number
  readonly expiryYear: number
}
export type PayerSecrets = { readonly values: PayerValues }
export type Secrets = CardSecrets | PayerSecrets

/** Zeroes them. */
export function forgetSecrets(secrets: Secrets | undefined): void {
  if (secrets === undefined) return
  if ('values' in secrets) for (const value of secrets.values.values()) value.fill(0)
  else for (const part of [secrets.number, secrets.holder]) part?.fill(0)
}

/** A copy of its own, since what lies in memory may lapse while a request is out. */
export function copySecrets(secrets: Secrets): Secrets {
  if ('values' in secrets) return { values: new Map(Array.from(secrets.values, ([field, value]) => [field, copyOf(value)])) }
  return { ...secrets, number: copyOf(secrets.number), holder: secrets.holder === undefined ? undefined : copyOf(secrets.holder) }
}

export function copyOf(buffer: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(buffer.length)
  buffer.copy(copy)
  return copy
}

/**
 * As the rest of the system may know it. `once`: whether the vault still holds what is never sealed, a card's security code or a device
 * token's cryptogram.
 */
export function viewOf(facts: Facts, fingerprint: string | undefined, once: boolean): Captured {
  if (facts.kind !== 'card' && facts.kind !== 'device_token') {
    const { kind, scheme, country, held, tail } = facts
    return { kind, fingerprint, scheme, payer: { held, tail, country } }
  }
  if (fingerprint === undefined) throw new TypeError('a card without a fingerprint')
  const { brand, bin, last4, expiryMonth, expiryYear, holder } = facts
  const card = { brand, bin, last4, expiryMonth, expiryYear, securityCode: facts.kind === 'card' && once, holder }
  if (facts.kind === 'card') return { kind: 'card', fingerprint, card }
  return { kind: 'device_token', fingerprint, card, wallet: facts.wallet, cryptogram: once, eci: facts.eci }
}

type RecordRow = Row<typeof records>
type FactColumns = Pick<
  RecordRow,
  ('kind' | 'brand' | 'bin' | 'last4' | 'expiry_month' | 'expiry_year' | 'holder') | ('scheme' | 'eci' | 'country' | 'held' | 'tail')
>

const noCard = { brand: null, bin: null, last4: null, expiry_month: null, expiry_year: null, holder: false, eci: null } as const
const noPayer = { country: null, held: null, tail: null } as const

export function columnsOf(facts: Facts): FactColumns {
  if (facts.kind !== 'card' && facts.kind !== 'device_token') {
    const { kind, scheme, country, held, tail } = facts
    return { ...noCard, kind, scheme: scheme ?? null, country, held, tail }
  }
  const { kind, brand, bin, last4, expiryMonth, expiryYear, holder } = facts
  const wallet = facts.kind === 'device_token' ? { scheme: facts.wallet, eci: facts.eci ?? null } : { scheme: null, eci: null }
  return { ...noPayer, ...wallet, kind, brand, bin, last4, expiry_month: expiryMonth, expiry_year: expiryYear, holder }
}

/** The columns of a sealed record, which the table's checks have looked at, as facts. */
export function factsOf(row: FactColumns): Facts {
  const { kind } = row
  if (kind !== 'card' && kind !== 'device_token') {
    return { kind, scheme: row.scheme ?? undefined, country: row.country ?? '', held: row.held ?? [], tail: row.tail ?? '' }
  }
  const card = {
    brand: row.brand ?? 'unknown',
    bin: row.bin ?? '',
    last4: row.last4 ?? '',
    expiryMonth: row.expiry_month ?? 0,
    expiryYear: row.expiry_year ?? 0,
    holder: row.holder,
  }
  if (kind === 'card') return { kind, ...card }
  return { kind, ...card, wallet: row.scheme === 'google_pay' ? 'google_pay' : 'apple_pay', eci: row.eci ?? undefined }
}

/** The last four characters that may be shown of what names the payer best; nothing of a short number. */
export function tailOf(values: PayerValues): string {
  for (const field of ['iban', 'accountNumber', 'phone'] as const) {
    const value = values.get(field)
    if (value !== undefined) return value.length < tailedFrom ? '' : value.toString('latin1', value.length - 4)
  }
  return ''
}
/** So that at least as much is hidden as is shown. */
const tailedFrom = 8
