/**
 * Google Pay, ECv2 and ECv1 (developers.google.com/pay/api/web/guides/resources/payment-data-cryptography): Google's root key vouches for an
 * intermediate key (ECv2), that key for the message; the message is sealed to our key by ECDH on P-256, HKDF-SHA256, AES-CTR and HMAC.
 */
import {
  createDecipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import { z } from 'zod'
import { base64, isBlank, isNumber, parseJson, takeText } from './bytes.ts'
import { type DeviceToken, TokenRefused } from './device-token.ts'
import { type GoogleRoot, onCurve, type WalletKeys } from './keys.ts'

type Keys = NonNullable<WalletKeys['google']>

/** HKDF's output is a key for AES in counter mode and one for HMAC-SHA256, of the same length. */
const keyBytesOf: Readonly<Record<string, number>> = { ECv1: 16, ECv2: 32 }
const sender = 'Google'

const digits = z.string().regex(/^\d{1,16}$/)
const envelopeShape = z.object({
  protocolVersion: z.string(),
  signature: z.string(),
  signedMessage: z.string(),
  intermediateSigningKey: z.object({ signedKey: z.string(), signatures: z.array(z.string()).min(1).max(10) }).optional(),
})
type Envelope = z.infer<typeof envelopeShape>
const signedKeyShape = z.object({ keyValue: z.string(), keyExpiration: digits })
const sealedShape = z.object({ encryptedMessage: z.string(), ephemeralPublicKey: z.string(), tag: z.string() })

/**
 * `paymentMethodDetails` as the guide lists it. `gatewayMerchantId`, `assuranceDetails` and what else may stand there are not needed to
 * charge the card.
 */
const payloadShape = z.object({
  messageExpiration: digits,
  messageId: z.string().min(1).max(1_000),
  paymentMethod: z.literal('CARD'),
  paymentMethodDetails: z.object({
    pan: z.string(),
    expirationMonth: z.int().min(1).max(12),
    expirationYear: z.int().min(2000).max(2099),
    authMethod: z.enum(['PAN_ONLY', 'CRYPTOGRAM_3DS']),
    cryptogram: z.string().optional(),
    eciIndicator: z
      .string()
      .regex(/^\d{1,2}$/)
      .optional(),
  }),
})

/** Throws `TokenRefused`. */
export function openGoogle(keys: Keys, token: Buffer, nowMs: number): DeviceToken {
  const plain = openEnvelope(keys, token, nowMs)
  const taken: Buffer[] = []
  const take = (name: string) => {
    const text = takeText(plain, name)
    if (text !== undefined) taken.push(text)
    return text
  }
  try {
    return readPayload(plain, { number: take('pan'), cryptogram: take('cryptogram') }, nowMs)
  } catch (error) {
    for (const one of taken) one.fill(0)
    throw error
  } finally {
    plain.fill(0)
  }
}

/** What is sealed in any envelope of Google's, verified; the caller wipes it. */
export function openEnvelope(keys: Keys, token: Buffer, nowMs: number): Buffer {
  const envelope = envelopeShape.safeParse(parseJson(token.toString(), 'the token'))
  if (!envelope.success) throw new TokenRefused('malformed', 'not an envelope of Google Pay')
  const { protocolVersion, signature, signedMessage } = envelope.data
  const keyBytes = keyBytesOf[protocolVersion]
  if (keyBytes === undefined) throw new TokenRefused('unsupported', 'a version of the envelope that is not known')
  const signers = signersOf(keys.roots, envelope.data, nowMs)
  const signed = lengthPrefixed(sender, keys.recipientId, protocolVersion, signedMessage)
  const signatureBytes = base64(signature, 'the signature')
  if (!signers.some(key => verify('sha256', signed, key, signatureBytes))) throw new TokenRefused('forged', 'the message is not signed')
  const sealed = sealedShape.safeParse(parseJson(signedMessage, 'the message'))
  if (!sealed.success) throw new TokenRefused('malformed', 'not a sealed message')
  return unseal(keys.privateKeys, sealed.data, keyBytes)
}

/** Length in four bytes, little-endian, then the text in UTF-8, for each part. */
export function lengthPrefixed(...parts: readonly string[]): Buffer {
  return Buffer.concat(
    parts.flatMap(part => {
      const text = Buffer.from(part)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(text.length)
      return [length, text]
    }),
  )
}

/** ECv1 messages are signed by a root key itself, ECv2 messages by a key that a root key signed. */
function signersOf(roots: readonly GoogleRoot[], envelope: Envelope, nowMs: number): readonly KeyObject[] {
  const { protocolVersion, intermediateSigningKey: intermediate } = envelope
  const good = roots.filter(one => one.protocolVersion === protocolVersion && (one.expiresAtMs === undefined || one.expiresAtMs > nowMs))
  if (good.length === 0) throw new TokenRefused('unsupported', 'no root key of that version')
  if (protocolVersion === 'ECv1') return good.map(one => one.key)
  if (intermediate === undefined) throw new TokenRefused('malformed', 'the intermediate key is missing')
  const signed = lengthPrefixed(sender, protocolVersion, intermediate.signedKey)
  const signatures = intermediate.signatures.map(one => base64(one, 'a signature of the intermediate key'))
  if (!good.some(root => signatures.some(one => verify('sha256', signed, root.key, one))))
    throw new TokenRefused('forged', 'the intermediate key is not signed')
  const key = signedKeyShape.safeParse(parseJson(intermediate.signedKey, 'the intermediate key'))
  if (!key.success) throw new TokenRefused('malformed', 'not an intermediate key')
  if (Number(key.data.keyExpiration) <= nowMs) throw new TokenRefused('stale', 'the intermediate key has expired')
  return [publicKeyOf(base64(key.data.keyValue, 'the intermediate key'))]
}

function publicKeyOf(spki: Buffer): KeyObject {
  try {
    return onCurve(createPublicKey({ key: spki, format: 'der', type: 'spki' }))
  } catch {
    throw new TokenRefused('malformed', 'not a public key of P-256')
  }
}

/** SubjectPublicKeyInfo of a point on P-256, up to the point (RFC 5480). */
export const spkiPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')

function unseal(privateKeys: readonly KeyObject[], sealed: z.infer<typeof sealedShape>, keyBytes: number): Buffer {
  const point = base64(sealed.ephemeralPublicKey, 'the ephemeral key')
  const message = base64(sealed.encryptedMessage, 'the sealed message')
  const tag = base64(sealed.tag, 'the tag')
  const publicKey = publicKeyOf(Buffer.concat([spkiPrefix, point]))
  for (const privateKey of privateKeys) {
    const { encrypting, signing } = deriveKeys(diffieHellman({ privateKey, publicKey }), point, keyBytes)
    const expected = createHmac('sha256', signing).update(message).digest()
    if (expected.length !== tag.length || !timingSafeEqual(expected, tag)) continue
    const cipher = createDecipheriv(`aes-${keyBytes * 8}-ctr`, encrypting, Buffer.alloc(16))
    const plain = cipher.update(message)
    cipher.final()
    return plain
  }
  throw new TokenRefused('foreign', 'sealed to another key, or the tag does not fit')
}

/** The shared secret goes in with the ephemeral key before it; the salt is 32 zeros (RFC 5869 for none), the info is the sender. */
export function deriveKeys(shared: Buffer, point: Buffer, keyBytes: number): { readonly encrypting: Buffer; readonly signing: Buffer } {
  const derived = Buffer.from(hkdfSync('sha256', Buffer.concat([point, shared]), Buffer.alloc(32), sender, keyBytes * 2))
  return { encrypting: derived.subarray(0, keyBytes), signing: derived.subarray(keyBytes) }
}

type Taken = { readonly number: Buffer | undefined; readonly cryptogram: Buffer | undefined }

function readPayload(plain: Buffer, { number, cryptogram }: Taken, nowMs: number): DeviceToken {
  const payload = payloadShape.safeParse(parseJson(plain.toString(), 'the payload'))
  if (!payload.success) throw new TokenRefused('unsupported', 'a payload of a kind that is not known')
  const { messageExpiration, messageId, paymentMethodDetails: details } = payload.data
  if (number === undefined || !isNumber(number) || !isBlank(details.pan, number)) throw new TokenRefused('malformed', 'no card number')
  if (!isBlank(details.cryptogram, cryptogram)) throw new TokenRefused('malformed', 'the cryptogram is not where it belongs')
  if (Number(messageExpiration) <= nowMs) throw new TokenRefused('stale', 'the message has expired')
  const device = details.authMethod === 'CRYPTOGRAM_3DS'
  if (device !== (cryptogram !== undefined)) throw new TokenRefused('malformed', 'a cryptogram and its method do not go together')
  return {
    wallet: 'google_pay',
    number,
    numberIs: device ? 'device' : 'card',
    expiryMonth: details.expirationMonth,
    expiryYear: details.expirationYear,
    cryptogram,
    eci: details.eciIndicator?.padStart(2, '0'),
    id: messageId,
    rememberUntilMs: Number(messageExpiration),
    money: undefined,
  }
}
