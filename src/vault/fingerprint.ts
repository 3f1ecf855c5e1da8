/**
 * Fingerprints tell that two cards or accounts are one without telling the number. Keyed, because an unkeyed hash of a card number is
 * reversed in a second; over the digits only, because a reissued card keeps its number and changes its expiry.
 */
import { createHmac, type KeyObject } from 'node:crypto'
import type { PayerField } from '../channels/source.ts'
import type { Mode } from '../world/world.ts'
import type { Prints } from './captures.ts'
import { type Keyring, networkScope } from './keys.ts'
import type { ScannedPayer } from './scan-payer.ts'

const labels = {
  card: Buffer.from('fp1|card|'),
  device_token: Buffer.from('fp1|device|'),
  account: Buffer.from('fp1|account|'),
  pix: Buffer.from('fp1|pix|'),
  vpa: Buffer.from('fp1|vpa|'),
  phone: Buffer.from('fp1|phone|'),
} as const
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** HMAC-SHA-256(Hn, label ‖ identity), of a card "fp1|card|" ‖ digits: the same for every tenant. Never leaves the vault. */
export function networkFingerprint(networkKey: KeyObject, digits: Buffer, label: keyof typeof labels = 'card'): Buffer {
  return createHmac('sha256', networkKey).update(labels[label]).update(digits).digest()
}

/**
 * By what a payer is known again: label and bytes, which the caller zeroes. The account itself, however it is debited: its IBAN, or country,
 * bank and number (a British IBAN is its sort code and account); on Pix tax number and account; on UPI the address; a wallet or a phone
 * contract is its brand and the telephone number. Undefined: too little is known (an e-mail address, an account without its bank).
 */
export function payerIdentity(payer: ScannedPayer): { readonly label: keyof typeof labels; readonly bytes: Buffer } | undefined {
  const { kind, scheme, country, values } = payer
  const phone = values.get('phone')
  if (kind === 'wallet' || kind === 'carrier_account') {
    return phone === undefined ? undefined : { label: 'phone', bytes: joined([kind, scheme ?? '', phone]) }
  }
  const vpa = values.get('vpa')
  if (kind === 'instant_mandate' && vpa !== undefined) return { label: 'vpa', bytes: Buffer.from(vpa.toString().toLowerCase()) }
  const account = accountParts(country, values)
  if (account === undefined) return undefined
  if (kind === 'bank_account') return { label: 'account', bytes: joined(account) }
  const taxId = values.get('taxId')
  return taxId === undefined ? undefined : { label: 'pix', bytes: joined([taxId, ...account]) }
}

/** Places in a British IBAN: GB, check digits, four letters of the bank, six of the sort code, eight of the account. */
const british = { prefix: 'GB', sortCode: 8, account: 14 } as const

function accountParts(country: string, values: ReadonlyMap<PayerField, Buffer>): readonly (string | Buffer)[] | undefined {
  const iban = values.get('iban')
  if (iban?.toString('latin1', 0, 2) === british.prefix) {
    return [british.prefix, iban.subarray(british.sortCode, british.account), iban.subarray(british.account)]
  }
  if (iban !== undefined) return ['iban', iban]
  const account = values.get('accountNumber')
  const routing = values.get('routingNumber')
  if (country === british.prefix && account !== undefined && routing !== undefined) return [country, routing, account]
  const bank = [routing, values.get('bank'), values.get('branch')]
  if (account === undefined || bank.every(part => part === undefined)) return undefined
  return [country, ...bank.map(part => part ?? ''), account]
}

function joined(parts: readonly (string | Buffer)[]): Buffer {
  const bytes = parts.flatMap((part, index) => [Buffer.from(index === 0 ? '' : '|'), typeof part === 'string' ? Buffer.from(part) : part])
  const out = Buffer.allocUnsafeSlow(bytes.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of bytes) at += part.copy(out, at)
  return out
}

/**
 * `ifp_` and 32 letters: 20 bytes of HMAC-SHA-256(Ht, mode ‖ "|" ‖ network fingerprint), so that tenants cannot compare theirs, and a
 * test key cannot be used to ask whether a live card is known.
 */
export function tenantFingerprint(tenantKey: KeyObject, mode: 'test' | 'live', network: Buffer): string {
  const digest = createHmac('sha256', tenantKey).update(`${mode}|`).update(network).digest()
  return `ifp_${base32(digest.subarray(0, 20))}`
}

/** Both fingerprints of a card's number. */
export async function printsOf(keyring: Keyring, of: { readonly tenant: string; readonly mode: Mode }, number: Buffer): Promise<Prints> {
  const [shared, own] = await Promise.all([keyring.current('fp', networkScope), keyring.current('fp', of.tenant)])
  const network = networkFingerprint(shared.key, number)
  return { network, tenant: tenantFingerprint(own.key, of.mode, network) }
}

/** Crockford's alphabet in lower case; 20 bytes are exactly 32 letters. */
function base32(bytes: Buffer): string {
  let out = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      out += alphabet[(held >> bits) & 31] ?? ''
    }
    held &= (1 << bits) - 1
  }
  return out
}
