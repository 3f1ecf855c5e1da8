/**
 * Standard Webhooks 1.0.0: every request carries `webhook-id`, `webhook-timestamp` and `webhook-signature`. What is signed is
 * `<id>.<timestamp>.<body>`. Each key gives two signatures, `v1` (HMAC-SHA-256) and `v1a` (ed25519); a receiver checks the kind it
 * has the key for and passes over the others. While keys are being rotated, the old ones sign too.
 */
import { createHmac, createPrivateKey, type KeyObject, sign as signWith } from 'node:crypto'

/** Ready to sign with. */
export type SigningKey = { readonly hmac: Buffer; readonly private: KeyObject }
/** As the owner sees them. */
export type KeyTexts = { readonly secret: string; readonly privateKey: string; readonly publicKey: string }

/** PKCS #8 wrapping of an ed25519 seed (RFC 8410, 7): these bytes, then the seed. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')
const hmacBytes = 32
const seedBytes = 32
/** How many random bytes `makeKeys` takes. */
export const keyBytes = hmacBytes + seedBytes

/** A new pair of keys from `keyBytes` random bytes: `whsec_…` for `v1`; `whsk_…` (seed and public key) and `whpk_…` for `v1a`. */
export function makeKeys(random: Buffer): KeyTexts {
  const seed = random.subarray(hmacBytes, keyBytes)
  const spki = createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' }).export({ format: 'jwk' })
  const publicKey = Buffer.from(spki.x ?? '', 'base64url')
  return {
    secret: `whsec_${random.subarray(0, hmacBytes).toString('base64')}`,
    privateKey: `whsk_${Buffer.concat([seed, publicKey]).toString('base64')}`,
    publicKey: `whpk_${publicKey.toString('base64')}`,
  }
}

/** Reads what `makeKeys` wrote. Throws a TypeError for anything else. */
export function readKey(texts: Pick<KeyTexts, 'secret' | 'privateKey'>): SigningKey {
  const hmac = bytesOf(texts.secret, 'whsec_')
  const pair = bytesOf(texts.privateKey, 'whsk_')
  if (hmac.length < 24 || hmac.length > 64 || pair.length !== 64) throw new TypeError('not a signing key')
  return {
    hmac,
    private: createPrivateKey({ key: Buffer.concat([pkcs8Head, pair.subarray(0, seedBytes)]), format: 'der', type: 'pkcs8' }),
  }
}

function bytesOf(text: string, prefix: string): Buffer {
  if (!text.startsWith(prefix)) throw new TypeError(`a key that does not start with ${prefix}`)
  return Buffer.from(text.slice(prefix.length), 'base64')
}

/** The three headers. `id` holds no full stop (our ids do not), else two messages could sign alike. `nowMs`: this attempt's time. */
export function sign(
  message: { readonly id: string; readonly nowMs: number; readonly body: string },
  keys: readonly SigningKey[],
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const timestamp = String(Math.floor(message.nowMs / 1000))
  const signed = Buffer.from(`${message.id}.${timestamp}.${message.body}`)
  const shared = keys.map(key => `v1,${createHmac('sha256', key.hmac).update(signed).digest('base64')}`)
  const asymmetric = keys.map(key => `v1a,${signWith(null, signed, key.private).toString('base64')}`)
  return { 'webhook-id': message.id, 'webhook-timestamp': timestamp, 'webhook-signature': [...shared, ...asymmetric].join(' ') }
}
