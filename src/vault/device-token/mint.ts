/**
 * The sandbox's fake wallet: makes tokens as Apple Pay and Google Pay do, for a given test card, under keys of its own. Demo, simulation and
 * tests tap it; the vault opens its tokens like any other, since `settings` names its roots.
 */
import { createCipheriv, createHash, createHmac, createPublicKey, diffieHellman, type KeyObject, sign } from 'node:crypto'
import { deriveKey, signedBytes, signedWithinMs } from './apple.ts'
import { deriveKeys, lengthPrefixed, spkiPrefix } from './google.ts'
import type { WalletSettings } from './keys.ts'
import { type AppleLike, keyOf, makeAppleLike, pemOf, pemOfCertificate, type Random, spkiOf } from './mint-certificates.ts'
import { signLikeApple } from './mint-signature.ts'

/** `number` becomes the device's number, so that a channel's test numbers mean what they mean for cards. */
export type TestCard = { readonly number: string; readonly expiryMonth: number; readonly expiryYear: number; readonly eci?: string }
export type Tap = { readonly nowMs: number; readonly random: Random }
export type FakeWallet = {
  /** What the vault has to be told to open its tokens. */
  readonly settings: WalletSettings
  apple(card: TestCard, tap: Tap, money?: { readonly amount: number; readonly currencyNumber: string }): Buffer
  google(card: TestCard, tap: Tap, method?: 'CRYPTOGRAM_3DS' | 'PAN_ONLY'): Buffer
}

type Google = { readonly root: KeyObject; readonly intermediate: KeyObject; readonly recipient: KeyObject; readonly recipientId: string }

const dayMs = 86_400_000
/** What Google calls its test merchant (developers.google.com/pay/api/web/guides/test-and-deploy). */
const recipientId = 'merchant:12345678901234567890'
const merchantIdHash = createHash('sha256').update('merchant.dev.bindery.fake').digest()

export function createFakeWallet({ nowMs, random }: Tap): FakeWallet {
  const apple = makeAppleLike(random, merchantIdHash, nowMs)
  const google: Google = { root: keyOf(random), intermediate: keyOf(random), recipient: keyOf(random), recipientId }
  return {
    settings: {
      apple: {
        roots: [pemOfCertificate(apple.root)],
        merchants: [{ certificate: pemOfCertificate(apple.merchant), privateKey: pemOf(apple.merchantKey) }],
      },
      google: {
        roots: [
          {
            keyValue: spkiOf(google.root).toString('base64'),
            protocolVersion: 'ECv2',
            keyExpiration: String(nowMs + 5 * 365 * dayMs),
          },
        ],
        recipientId,
        privateKeys: [pemOf(google.recipient)],
      },
    },
    apple: (card, tap, money = { amount: 0, currencyNumber: '840' }) => mintApple(apple, tap, applePayload(card, tap, money)),
    google: (card, tap, method = 'CRYPTOGRAM_3DS') => mintGoogle(google, tap, googlePayload(card, tap, method)),
  }
}

/** A cryptogram of Visa's length (TAVV, 20 bytes). */
const cryptogram = (random: Random): string => random(20).toString('base64')
const twoDigits = (value: number): string => String(value % 100).padStart(2, '0')

const applePayload = (card: TestCard, { random }: Tap, money: { readonly amount: number; readonly currencyNumber: string }): string =>
  JSON.stringify({
    applicationPrimaryAccountNumber: card.number,
    applicationExpirationDate: `${twoDigits(card.expiryYear)}${twoDigits(card.expiryMonth)}28`,
    currencyCode: money.currencyNumber,
    transactionAmount: money.amount,
    deviceManufacturerIdentifier: '040010030273',
    paymentDataType: '3DSecure',
    paymentData: { onlinePaymentCryptogram: cryptogram(random), eciIndicator: card.eci ?? '5' },
  })

/** `payload`: what is sealed; a test may seal anything. */
export function mintApple(of: AppleLike, { nowMs, random }: Tap, payload: string): Buffer {
  const ephemeralKey = keyOf(random)
  const ephemeral = spkiOf(ephemeralKey)
  const shared = diffieHellman({ privateKey: ephemeralKey, publicKey: createPublicKey(of.merchantKey) })
  const cipher = createCipheriv('aes-256-gcm', deriveKey(shared, merchantIdHash), Buffer.alloc(16))
  const sealed = Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()])
  const transactionId = random(32).toString('hex')
  return Buffer.from(
    JSON.stringify({
      version: 'EC_v1',
      data: sealed.toString('base64'),
      signature: signLikeApple(of, signedBytes(ephemeral, sealed, { transactionId }), nowMs).toString('base64'),
      header: {
        ephemeralPublicKey: ephemeral.toString('base64'),
        publicKeyHash: createHash('sha256').update(spkiOf(of.merchantKey)).digest('base64'),
        transactionId,
      },
    }),
  )
}

const googlePayload = (card: TestCard, { nowMs, random }: Tap, authMethod: 'CRYPTOGRAM_3DS' | 'PAN_ONLY'): string =>
  JSON.stringify({
    messageExpiration: String(nowMs + signedWithinMs),
    messageId: random(24).toString('base64url'),
    paymentMethod: 'CARD',
    paymentMethodDetails: {
      expirationYear: card.expiryYear,
      expirationMonth: card.expiryMonth,
      pan: card.number,
      authMethod,
      ...(authMethod === 'PAN_ONLY' ? {} : { cryptogram: cryptogram(random), eciIndicator: card.eci ?? '05' }),
    },
  })

export function mintGoogle(of: Google, { nowMs, random }: Tap, payload: string): Buffer {
  const ephemeralKey = keyOf(random)
  const point = spkiOf(ephemeralKey).subarray(spkiPrefix.length)
  const shared = diffieHellman({ privateKey: ephemeralKey, publicKey: createPublicKey(of.recipient) })
  const { encrypting, signing } = deriveKeys(shared, point, 32)
  const cipher = createCipheriv('aes-256-ctr', encrypting, Buffer.alloc(16))
  const sealed = Buffer.concat([cipher.update(payload), cipher.final()])
  const signedMessage = JSON.stringify({
    encryptedMessage: sealed.toString('base64'),
    ephemeralPublicKey: point.toString('base64'),
    tag: createHmac('sha256', signing).update(sealed).digest('base64'),
  })
  const signedKey = JSON.stringify({ keyValue: spkiOf(of.intermediate).toString('base64'), keyExpiration: String(nowMs + 7 * dayMs) })
  const signed = (key: KeyObject, ...parts: readonly string[]): string => sign('sha256', lengthPrefixed(...parts), key).toString('base64')
  return Buffer.from(
    JSON.stringify({
      signature: signed(of.intermediate, 'Google', of.recipientId, 'ECv2', signedMessage),
      intermediateSigningKey: { signedKey, signatures: [signed(of.root, 'Google', 'ECv2', signedKey)] },
      protocolVersion: 'ECv2',
      signedMessage,
    }),
  )
}
