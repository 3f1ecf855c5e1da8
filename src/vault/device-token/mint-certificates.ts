/** Keys and certificates of the fake wallet: shaped like Apple's, and made of handed-in chance, so that one seed makes the same keys again. */
import { createECDH, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { BitString, fromBER, Integer, Utf8String } from 'asn1js'
import { AlgorithmIdentifier, AttributeTypeAndValue, Certificate, Extension } from 'pkijs'
import { intermediateOid, leafOid, oids } from './apple-signature.ts'
import { merchantIdOid } from './keys.ts'

export type Random = (count: number) => Buffer

/** A key of P-256. */
export function keyOf(random: Random): KeyObject {
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(random(32))
  const point = ecdh.getPublicKey()
  const part = (from: number) => point.subarray(from, from + 32).toString('base64url')
  const jwk = { kty: 'EC', crv: 'P-256', d: ecdh.getPrivateKey().toString('base64url'), x: part(1), y: part(33) }
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

export const spkiOf = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' })
export const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()
export const arrayBuffer = (bytes: Buffer): ArrayBuffer => Uint8Array.from(bytes).buffer

type Wanted = {
  readonly name: string
  readonly serial: number
  readonly key: KeyObject
  readonly issuer: { readonly name: string; readonly key: KeyObject }
  readonly ca: boolean
  /** Object identifier and DER of what it holds. */
  readonly marks: readonly (readonly [oid: string, value: Buffer])[]
  readonly nowMs: number
}

const yearMs = 365 * 86_400_000
const basicConstraintsOid = '2.5.29.19'
/** `SEQUENCE { BOOLEAN TRUE }` and `NULL`. */
const isCa = Buffer.from('30030101ff', 'hex')
const nothing = Buffer.from('0500', 'hex')

function certify(wanted: Wanted): Certificate {
  const certificate = new Certificate({ version: 2, serialNumber: new Integer({ value: wanted.serial }) })
  certificate.subject.typesAndValues.push(nameOf(wanted.name))
  certificate.issuer.typesAndValues.push(nameOf(wanted.issuer.name))
  certificate.notBefore.value = new Date(wanted.nowMs - yearMs)
  certificate.notAfter.value = new Date(wanted.nowMs + 5 * yearMs)
  certificate.subjectPublicKeyInfo.fromSchema(fromBER(arrayBuffer(spkiOf(wanted.key))).result)
  const marks = wanted.ca ? [[basicConstraintsOid, isCa] as const, ...wanted.marks] : wanted.marks
  certificate.extensions = marks.map(
    ([extnID, value]) => new Extension({ extnID, critical: extnID === basicConstraintsOid, extnValue: arrayBuffer(value) }),
  )
  certificate.signature = new AlgorithmIdentifier({ algorithmId: oids.ecdsaWithSha256 })
  certificate.signatureAlgorithm = certificate.signature
  const signed = Buffer.from(certificate.encodeTBS().toBER())
  certificate.tbsView = new Uint8Array(signed)
  certificate.signatureValue = new BitString({ valueHex: arrayBuffer(sign('sha256', signed, wanted.issuer.key)) })
  return certificate
}

const nameOf = (name: string) => new AttributeTypeAndValue({ type: '2.5.4.3', value: new Utf8String({ value: name }) })

export function pemOfCertificate(certificate: Certificate): string {
  const lines = Buffer.from(certificate.toSchema(true).toBER()).toString('base64').replace(/.{64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`
}

export type AppleLike = {
  readonly root: Certificate
  readonly intermediate: Certificate
  readonly leaf: Certificate
  readonly leafKey: KeyObject
  readonly merchant: Certificate
  readonly merchantKey: KeyObject
}

/** Root, intermediate, leaf and a merchant's payment processing certificate. `merchantIdHash`: 32 bytes. */
export function makeAppleLike(random: Random, merchantIdHash: Buffer, nowMs: number): AppleLike {
  const keys = { root: keyOf(random), intermediate: keyOf(random), leaf: keyOf(random), merchant: keyOf(random) }
  const root = { name: 'Fake Wallet Root CA', key: keys.root }
  const intermediate = { name: 'Fake Wallet Integration CA', key: keys.intermediate }
  const make = (more: Pick<Wanted, 'name' | 'serial' | 'key' | 'issuer' | 'ca' | 'marks'>) => certify({ ...more, nowMs })
  const hash = Buffer.from(merchantIdHash.toString('hex').toUpperCase())
  return {
    root: make({ ...root, serial: 1, issuer: root, ca: true, marks: [] }),
    intermediate: make({ ...intermediate, serial: 2, issuer: root, ca: true, marks: [[intermediateOid, nothing]] }),
    leaf: make({ name: 'fake-broker-sign', serial: 3, key: keys.leaf, issuer: intermediate, ca: false, marks: [[leafOid, nothing]] }),
    leafKey: keys.leaf,
    merchant: make({
      name: 'Fake Payment Processing',
      serial: 4,
      key: keys.merchant,
      issuer: root,
      ca: false,
      // UTF8String of 64 digits.
      marks: [[merchantIdOid, Buffer.concat([Buffer.from([0x0c, hash.length]), hash])]],
    }),
    merchantKey: keys.merchant,
  }
}
