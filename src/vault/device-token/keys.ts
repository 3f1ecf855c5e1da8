/** The keys that wallets' tokens are opened with, read once at the start: what is wrong with them is said then, not at the first token. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { fromBER } from 'asn1js'
import { Certificate } from 'pkijs'

/** As they stand in configuration. Certificates and private keys in PEM. */
export type WalletSettings = {
  readonly apple?: {
    /** Apple Root CA - G3; in the sandbox the fake wallet's own. */
    readonly roots: readonly string[]
    /** Payment processing certificates with their keys: the current one, and those being rotated out. */
    readonly merchants: readonly { readonly certificate: string; readonly privateKey: string }[]
  }
  readonly google?: {
    /** As Google publishes them (`keys` of its JSON): DER of the public key in base64; `keyExpiration` in Unix milliseconds as digits. */
    readonly roots: readonly { readonly keyValue: string; readonly protocolVersion: string; readonly keyExpiration?: string }[]
    /** `merchant:<merchant id>` for a merchant that decrypts itself, `gateway:<gateway>` for a gateway. */
    readonly recipientId: string
    readonly privateKeys: readonly string[]
  }
}

export type AppleMerchant = {
  readonly privateKey: KeyObject
  /** SHA-256 of the public key's SubjectPublicKeyInfo is what a token names its key by. */
  readonly publicKey: Buffer
  /** 32 bytes: SHA-256 of the merchant identifier, which Apple put into the certificate. */
  readonly merchantIdHash: Buffer
}
export type GoogleRoot = { readonly key: KeyObject; readonly protocolVersion: string; readonly expiresAtMs: number | undefined }
export type WalletKeys = {
  readonly apple: { readonly roots: readonly X509Certificate[]; readonly merchants: readonly AppleMerchant[] } | undefined
  readonly google:
    | { readonly roots: readonly GoogleRoot[]; readonly recipientId: string; readonly privateKeys: readonly KeyObject[] }
    | undefined
}

/** developer.apple.com, Payment token format reference: the merchant identifier's hash in the payment processing certificate. */
export const merchantIdOid = '1.2.840.113635.100.6.32'

/** Throws a TypeError that names what cannot be used. */
export function readKeys(settings: WalletSettings): WalletKeys {
  const { apple, google } = settings
  return {
    apple: apple && { roots: apple.roots.map(one => new X509Certificate(one)), merchants: apple.merchants.map(readMerchant) },
    google: google && {
      roots: google.roots.map(readGoogleRoot),
      recipientId: google.recipientId,
      privateKeys: google.privateKeys.map(one => onCurve(createPrivateKey(one))),
    },
  }
}

/** What is wrong, each with its place in the settings; nothing of what stands there. */
export function mistakesIn({ apple, google }: WalletSettings): readonly string[] {
  const each = <T>(at: string, list: readonly T[] = [], read: (one: T) => unknown): string[] =>
    list.flatMap((one, index) => {
      try {
        read(one)
        return []
      } catch (error) {
        // Our own words, or OpenSSL's, which quote nothing.
        return [`${at}.${index} ${error instanceof TypeError && !('code' in error) ? error.message : 'cannot be read'}`]
      }
    })
  return [
    ...each('apple.roots', apple?.roots, one => new X509Certificate(one)),
    ...each('apple.merchants', apple?.merchants, readMerchant),
    ...each('google.roots', google?.roots, readGoogleRoot),
    ...each('google.privateKeys', google?.privateKeys, one => onCurve(createPrivateKey(one))),
  ]
}

function readGoogleRoot(one: NonNullable<WalletSettings['google']>['roots'][number]): GoogleRoot {
  return {
    key: onCurve(createPublicKey({ key: Buffer.from(one.keyValue, 'base64'), format: 'der', type: 'spki' })),
    protocolVersion: one.protocolVersion,
    expiresAtMs: one.keyExpiration === undefined ? undefined : Number(one.keyExpiration),
  }
}

/** Both wallets use NIST P-256 and nothing else. */
export function onCurve(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new TypeError('not a key of P-256')
  return key
}

function readMerchant(of: { readonly certificate: string; readonly privateKey: string }): AppleMerchant {
  const certificate = new X509Certificate(of.certificate)
  const privateKey = onCurve(createPrivateKey(of.privateKey))
  if (!certificate.checkPrivateKey(privateKey)) throw new TypeError('the private key is not that of the payment processing certificate')
  const publicKey = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return { privateKey, publicKey, merchantIdHash: merchantIdHashOf(certificate) }
}

/** The extension holds a UTF8String (tag, length) of 64 hexadecimal digits. */
function merchantIdHashOf(certificate: X509Certificate): Buffer {
  const extension = extensionOf(certificate.raw, merchantIdOid)
  const hash = Buffer.from(extension?.subarray(2).toString('latin1') ?? '', 'hex')
  if (hash.length !== 32) throw new TypeError(`the certificate has no merchant identifier (${merchantIdOid})`)
  return hash
}

/** The contents of an extension, by its object identifier. */
export function extensionOf(der: Buffer, oid: string): Buffer | undefined {
  const parsed = fromBER(der)
  if (parsed.offset === -1) return undefined
  const found = new Certificate({ schema: parsed.result }).extensions?.find(one => one.extnID === oid)
  return found && Buffer.from(found.extnValue.valueBlock.valueHexView)
}
