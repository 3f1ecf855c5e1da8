/**
 * Fingerprints tell that two cards are one without telling the number. Keyed, because an unkeyed hash of a card number is reversed in a
 * second; over the digits only, because a reissued card keeps its number and changes its expiry.
 */
import { createHmac, type KeyObject } from 'node:crypto'

const networkLabel = Buffer.from('fp1|card|')
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** HMAC-SHA-256(Hn, "fp1|card|" ‖ digits): the same for every tenant. Never leaves the vault. */
export function networkFingerprint(networkKey: KeyObject, digits: Buffer): Buffer {
  return createHmac('sha256', networkKey).update(networkLabel).update(digits).digest()
}

/**
 * `ifp_` and 32 letters: 20 bytes of HMAC-SHA-256(Ht, mode ‖ "|" ‖ network fingerprint), so that tenants cannot compare theirs, and a
 * test key cannot be used to ask whether a live card is known.
 */
export function tenantFingerprint(tenantKey: KeyObject, mode: 'test' | 'live', network: Buffer): string {
  const digest = createHmac('sha256', tenantKey).update(`${mode}|`).update(network).digest()
  return `ifp_${base32(digest.subarray(0, 20))}`
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
