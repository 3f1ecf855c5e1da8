/**
 * Apple Pay, EC_v1 (developer.apple.com, Payment token format reference): verify the signature, find our key by its hash, agree on a key by
 * ECDH on P-256 and the one-step KDF of NIST SP 800-56A, open AES-256-GCM with an IV of 16 zeros.
 */
import { createDecipheriv, createHash, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { verifySignature } from './apple-signature.ts'
import { base64, isBlank, isNumber, parseJson, takeText } from './bytes.ts'
import { type DeviceToken, TokenRefused } from './device-token.ts'
import { type AppleMerchant, onCurve, type WalletKeys } from './keys.ts'

type Keys = NonNullable<WalletKeys['apple']>

/**
 * "If the time of the CMS signature and the transaction time differ by more than a few minutes, it's possible that the token is a replay
 * attack": a few are five, either way.
 */
export const signedWithinMs = 5 * 60_000

const hash = z.string().regex(/^[0-9a-f]{64}$/i)
const tokenShape = z.object({
  version: z.string(),
  data: z.string(),
  signature: z.string(),
  header: z.object({
    ephemeralPublicKey: z.string().optional(),
    publicKeyHash: z.string(),
    transactionId: hash,
    /** SHA-256 of what the merchant's page asked to be bound to the token. */
    applicationData: hash.optional(),
  }),
})
type Token = z.infer<typeof tokenShape>

/** The payload as the reference lists it. Other `paymentDataType` (EMV, for China UnionPay with a PIN) is not opened. */
const payloadShape = z.object({
  applicationPrimaryAccountNumber: z.string(),
  /** YYMMDD */
  applicationExpirationDate: z.string().regex(/^\d\d(?:0[1-9]|1[0-2])\d\d$/),
  currencyCode: z.string().regex(/^\d{3}$/),
  transactionAmount: z.int().min(0),
  paymentDataType: z.string(),
  paymentData: z.object({
    onlinePaymentCryptogram: z.string().optional(),
    eciIndicator: z
      .string()
      .regex(/^\d{1,2}$/)
      .optional(),
  }),
})

/** Throws `TokenRefused`. */
export async function openApple(keys: Keys, token: Buffer, nowMs: number): Promise<DeviceToken> {
  const read = tokenShape.safeParse(parseJson(token.toString(), 'the token'))
  if (!read.success) throw new TokenRefused('malformed', 'not a token of Apple Pay')
  const { version, data, signature, header } = read.data
  if (version !== 'EC_v1') throw new TokenRefused('unsupported', 'a version of the token that is not known')
  const ephemeral = base64(header.ephemeralPublicKey ?? '', 'the ephemeral key')
  const sealed = base64(data, 'the data')
  const signedAtMs = await verifySignature(keys.roots, base64(signature, 'the signature'), signedBytes(ephemeral, sealed, header), nowMs)
  if (Math.abs(nowMs - signedAtMs) > signedWithinMs) throw new TokenRefused('stale', 'it was not signed just now')
  const plain = unseal(merchantOf(keys.merchants, header.publicKeyHash), ephemeral, sealed)
  return readPayload(plain, { id: header.transactionId.toLowerCase(), rememberUntilMs: signedAtMs + signedWithinMs })
}

/** What the signature covers: ephemeral key, data, transaction identifier and application data, one after the other. */
export const signedBytes = (
  ephemeral: Buffer,
  sealed: Buffer,
  header: Pick<Token['header'], 'transactionId' | 'applicationData'>,
): Buffer => Buffer.concat([ephemeral, sealed, Buffer.from(header.transactionId, 'hex'), Buffer.from(header.applicationData ?? '', 'hex')])

function merchantOf(merchants: readonly AppleMerchant[], publicKeyHash: string): AppleMerchant {
  const found = merchants.find(one => createHash('sha256').update(one.publicKey).digest('base64') === publicKeyHash)
  if (found === undefined) throw new TokenRefused('foreign', 'sealed to another merchant’s key')
  return found
}

const tagBytes = 16

function unseal(merchant: AppleMerchant, ephemeral: Buffer, sealed: Buffer): Buffer {
  const shared = diffieHellman({ privateKey: merchant.privateKey, publicKey: publicKeyOf(ephemeral) })
  const cipher = createDecipheriv('aes-256-gcm', deriveKey(shared, merchant.merchantIdHash), Buffer.alloc(16), { authTagLength: tagBytes })
  if (sealed.length <= tagBytes) throw new TokenRefused('malformed', 'there is no data')
  cipher.setAuthTag(sealed.subarray(-tagBytes))
  const plain = cipher.update(sealed.subarray(0, -tagBytes))
  try {
    cipher.final()
    return plain
  } catch {
    plain.fill(0)
    throw new TokenRefused('forged', 'the data do not fit their tag')
  }
}

function publicKeyOf(spki: Buffer): KeyObject {
  try {
    return onCurve(createPublicKey({ key: spki, format: 'der', type: 'spki' }))
  } catch {
    throw new TokenRefused('malformed', 'not a public key of P-256')
  }
}

/** NIST SP 800-56A, 5.8.1, one round of SHA-256: counter, shared secret, then algorithm (length before it), party U and party V. */
export function deriveKey(shared: Buffer, merchantIdHash: Buffer): Buffer {
  const counter = Buffer.from([0, 0, 0, 1])
  const algorithm = Buffer.from('\u000did-aes256-GCM', 'latin1')
  return createHash('sha256').update(counter).update(shared).update(algorithm).update('Apple').update(merchantIdHash).digest()
}

function readPayload(plain: Buffer, about: Pick<DeviceToken, 'id' | 'rememberUntilMs'>): DeviceToken {
  const taken: Buffer[] = []
  const take = (name: string) => {
    const text = takeText(plain, name)
    if (text !== undefined) taken.push(text)
    return text
  }
  try {
    const number = take('applicationPrimaryAccountNumber')
    const cryptogram = take('onlinePaymentCryptogram')
    return { ...tokenOf(plain.toString(), number, cryptogram), ...about }
  } catch (error) {
    for (const one of taken) one.fill(0)
    throw error
  } finally {
    plain.fill(0)
  }
}

function tokenOf(text: string, number: Buffer | undefined, cryptogram: Buffer | undefined): Omit<DeviceToken, 'id' | 'rememberUntilMs'> {
  const payload = payloadShape.safeParse(parseJson(text, 'the payload'))
  if (!payload.success) throw new TokenRefused('unsupported', 'a payload of a kind that is not known')
  const { applicationPrimaryAccountNumber, applicationExpirationDate: date, paymentData, ...rest } = payload.data
  if (rest.paymentDataType !== '3DSecure') throw new TokenRefused('unsupported', 'a payload of another type than 3DSecure')
  if (number === undefined || !isNumber(number) || !isBlank(applicationPrimaryAccountNumber, number))
    throw new TokenRefused('malformed', 'no card number')
  if (cryptogram === undefined || !isBlank(paymentData.onlinePaymentCryptogram, cryptogram))
    throw new TokenRefused('malformed', 'no cryptogram')
  return {
    wallet: 'apple_pay',
    number,
    numberIs: 'device',
    expiryMonth: Number(date.slice(2, 4)),
    expiryYear: 2000 + Number(date.slice(0, 2)),
    cryptogram,
    eci: paymentData.eciIndicator?.padStart(2, '0'),
    money: { amount: BigInt(rest.transactionAmount), currencyNumber: rest.currencyCode },
  }
}
