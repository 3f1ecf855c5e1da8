/**
 * The envelope in which card data travels from one vault to another: CMS AuthEnvelopedData (RFC 5083) with AES-256-GCM (RFC 5084), its key agreed
 * on P-256 with a key made for this message (RFC 5753) and wrapped by AES-256 (RFC 3394). What `openssl cms -encrypt -aes-256-gcm` writes and
 * `openssl cms -decrypt` reads. The plain text is in buffers of its own, which whoever asked zeroes.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  type X509Certificate,
} from 'node:crypto'
import { BitString, Constructed, fromBER, Integer, ObjectIdentifier, OctetString, Primitive, Sequence, Set as SetOf } from 'asn1js'
import { Certificate } from 'pkijs'

type Node = ReturnType<typeof fromBER>['result']

/** It was changed, is cut short, is none of these, or is for another key. Says no more on purpose. */
export class EnvelopeBroken extends Error {
  override readonly name = 'EnvelopeBroken'
  constructor() {
    super('the file does not open: it was changed, cut short, or is for another key')
  }
}

export const envelopeOids = {
  /** id-ct-authEnvelopedData, RFC 5083. */
  authEnveloped: '1.2.840.113549.1.9.16.1.23',
  data: '1.2.840.113549.1.7.1',
  aes256Gcm: '2.16.840.1.101.3.4.1.46',
  aes256Wrap: '2.16.840.1.101.3.4.1.45',
  ecPublicKey: '1.2.840.10045.2.1',
} as const
/** dhSinglePass-stdDH-…kdf-scheme (RFC 5753, 7.1.4). SHA-1's is not taken. */
const schemes: Readonly<Record<string, string>> = {
  '1.3.132.1.11.1': 'sha256',
  '1.3.132.1.11.2': 'sha384',
  '1.3.132.1.11.3': 'sha512',
}
const sha256Scheme = '1.3.132.1.11.1'
const wrapIv = Buffer.from('a6a6a6a6a6a6a6a6', 'hex')
const keyBits = Buffer.from([0, 0, 1, 0])
const ivLength = 12
const tagLength = 16
/** SPKI of an uncompressed P-256 point (RFC 5480), up to the point. */
const spkiHead = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')
const pointLength = 65
/** Keys a message may be wrapped for; more would be work for whoever sends it. */
const recipientsMax = 4

export function arrayBuffer(bytes: Uint8Array): ArrayBuffer {
  const own = new ArrayBuffer(bytes.length)
  new Uint8Array(own).set(bytes)
  return own
}
export const derOf = (node: { toBER(): ArrayBuffer }): Buffer => Buffer.from(node.toBER())
export const octets = (bytes: Uint8Array): OctetString => new OctetString({ valueHex: arrayBuffer(bytes) })
export const sequence = (...value: Node[]): Sequence => new Sequence({ value })
export const tagged = (tagNumber: number, ...value: Node[]): Constructed => new Constructed({ idBlock: { tagClass: 3, tagNumber }, value })
export const oid = (value: string): ObjectIdentifier => new ObjectIdentifier({ value })

/** The P-256 key of a certificate, or undefined: another kind of key. */
export function agreementKey(certificate: X509Certificate): KeyObject | undefined {
  const { publicKey } = certificate
  return publicKey.asymmetricKeyType === 'ec' && publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? publicKey : undefined
}

const pointOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' }).subarray(spkiHead.length)
const keyOfPoint = (point: Buffer): KeyObject => createPublicKey({ key: Buffer.concat([spkiHead, point]), format: 'der', type: 'spki' })

export type Ports = { readonly random: (count: number) => Buffer; readonly newKey: () => { readonly key: KeyObject } }

/** The caller zeroes `plain`. Throws a TypeError for a certificate without a P-256 key. */
export function sealEnvelopeFor(ports: Ports, recipient: X509Certificate, plain: Buffer): Buffer {
  const theirs = agreementKey(recipient)
  if (theirs === undefined) throw new TypeError('the certificate has no P-256 key')
  const once = ports.newKey().key
  const wrapAlgorithm = sequence(oid(envelopeOids.aes256Wrap))
  const wrapping = derived('sha256', diffieHellman({ privateKey: once, publicKey: theirs }), derOf(wrapAlgorithm), undefined)
  const key = Buffer.from(ports.random(32))
  const wrap = createCipheriv('id-aes256-wrap', wrapping, wrapIv)
  const wrapped = Buffer.concat([wrap.update(key), wrap.final()])
  const iv = ports.random(ivLength)
  const sealing = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagLength })
  const content = Buffer.concat([sealing.update(plain), sealing.final()])
  for (const secret of [wrapping, key]) secret.fill(0)
  const { issuer, serialNumber } = Certificate.fromBER(arrayBuffer(recipient.raw))
  const point = pointOf(createPublicKey(once))
  const recipientInfo = tagged(
    1,
    new Integer({ value: 3 }),
    tagged(0, tagged(1, sequence(oid(envelopeOids.ecPublicKey)), new BitString({ valueHex: arrayBuffer(point) }))),
    sequence(oid(sha256Scheme), wrapAlgorithm),
    sequence(sequence(sequence(issuer.toSchema(), serialNumber), octets(wrapped))),
  )
  const encrypted = new Primitive({ idBlock: { tagClass: 3, tagNumber: 0 }, valueHex: arrayBuffer(content) })
  const algorithm = sequence(oid(envelopeOids.aes256Gcm), sequence(octets(iv), new Integer({ value: tagLength })))
  const enveloped = sequence(
    new Integer({ value: 0 }),
    new SetOf({ value: [recipientInfo] }),
    sequence(oid(envelopeOids.data), algorithm, encrypted),
    octets(sealing.getAuthTag()),
  )
  return derOf(sequence(oid(envelopeOids.authEnveloped), tagged(0, enveloped)))
}

/** The caller zeroes what comes back. Throws `EnvelopeBroken`. `own`: private. */
export function openEnvelopeWith(own: KeyObject, envelope: Buffer): Buffer {
  try {
    return opened(own, read(envelope))
  } catch {
    // Complaints of the parser and of OpenSSL alike: whoever sent it learns one thing only.
    throw new EnvelopeBroken()
  }
}

const broken = (): never => {
  throw new EnvelopeBroken()
}
const listOf = (node: Node | undefined): readonly Node[] => (node instanceof Constructed ? node.valueBlock.value : broken())
const nameOf = (node: Node | undefined): string => (node instanceof ObjectIdentifier ? node.valueBlock.toString() : broken())
/** Of a string of octets, whole or put together from pieces, whatever its tag. The parser also looks for pieces where there are none. */
export function bytesOf(node: Node | undefined): Buffer {
  if (node instanceof Constructed || (node instanceof OctetString && node.idBlock.isConstructed)) {
    const pieces: readonly Node[] = node.valueBlock.value
    return Buffer.concat(pieces.map(bytesOf))
  }
  if (node instanceof OctetString || node instanceof Primitive) return Buffer.from(node.valueBlock.valueHexView)
  return broken()
}
export const isTagged = (node: Node | undefined, number: number): boolean =>
  node !== undefined && node.idBlock.tagClass === 3 && node.idBlock.tagNumber === number

type Read = {
  readonly recipients: readonly Node[]
  readonly iv: Buffer
  readonly content: Buffer
  readonly tag: Buffer
}

function read(envelope: Buffer): Read {
  const { result, offset } = fromBER(arrayBuffer(envelope))
  const [type, wrapped] = listOf(result)
  if (offset !== envelope.length || nameOf(type) !== envelopeOids.authEnveloped || !isTagged(wrapped, 0)) return broken()
  const [version, recipients, encrypted, mac, ...more] = listOf(listOf(wrapped)[0])
  // Nothing beside it that would have to be authenticated too.
  if (!(version instanceof Integer) || version.valueBlock.valueDec !== 0 || more.length > 0) return broken()
  const [, algorithm, content] = listOf(encrypted)
  const [cipher, parameters] = listOf(algorithm)
  if (nameOf(cipher) !== envelopeOids.aes256Gcm || !isTagged(content, 0)) return broken()
  const iv = bytesOf(listOf(parameters)[0])
  const tag = bytesOf(mac)
  if (iv.length !== ivLength || tag.length !== tagLength) return broken()
  return { recipients: listOf(recipients).slice(0, recipientsMax), iv, content: bytesOf(content), tag }
}

function opened(own: KeyObject, { recipients, iv, content, tag }: Read): Buffer {
  for (const recipient of recipients) {
    if (!isTagged(recipient, 1)) continue
    const key = unwrapped(own, listOf(recipient))
    if (key === undefined) continue
    const opening = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagLength })
    key.fill(0)
    opening.setAuthTag(tag)
    const plain = opening.update(content)
    try {
      opening.final()
      return plain
    } catch {
      plain.fill(0)
      return broken()
    }
  }
  return broken()
}

/** Undefined: none of the wrapped keys is for ours. */
function unwrapped(own: KeyObject, recipient: readonly Node[]): Buffer | undefined {
  const [, originator, ...rest] = recipient
  const ukm = isTagged(rest[0], 1) ? bytesOf(listOf(rest[0])[0]) : undefined
  const [algorithm, keys] = ukm === undefined ? rest : rest.slice(1)
  const [scheme, wrapAlgorithm] = listOf(algorithm)
  const kdf = schemes[nameOf(scheme)]
  const sender = listOf(originator)[0]
  if (kdf === undefined || wrapAlgorithm === undefined || nameOf(listOf(wrapAlgorithm)[0]) !== envelopeOids.aes256Wrap) return undefined
  if (!isTagged(sender, 1)) return undefined
  const point = listOf(sender)[1]
  if (!(point instanceof BitString) || point.valueBlock.valueHexView.length !== pointLength) return undefined
  const theirs = keyOfPoint(Buffer.from(point.valueBlock.valueHexView))
  const wrapping = derived(kdf, diffieHellman({ privateKey: own, publicKey: theirs }), derOf(wrapAlgorithm), ukm)
  try {
    for (const one of listOf(keys).slice(0, recipientsMax)) {
      const key = unwrap(wrapping, bytesOf(listOf(one)[1]))
      if (key !== undefined) return key
    }
    return undefined
  } finally {
    wrapping.fill(0)
  }
}

function unwrap(wrapping: Buffer, wrapped: Buffer): Buffer | undefined {
  try {
    const unwrapping = createDecipheriv('id-aes256-wrap', wrapping, wrapIv)
    const key = Buffer.concat([unwrapping.update(wrapped), unwrapping.final()])
    return key.length === 32 ? key : undefined
  } catch {
    return undefined
  }
}

/** 32 bytes by the KDF of ANSI X9.63 (SEC 1, 3.6.1), over ECC-CMS-SharedInfo. Zeroes the secret. */
function derived(hash: string, secret: Buffer, wrapAlgorithm: Buffer, ukm: Buffer | undefined): Buffer {
  const info = sequence(
    fromBER(arrayBuffer(wrapAlgorithm)).result,
    ...(ukm === undefined ? [] : [tagged(0, octets(ukm))]),
    tagged(2, octets(keyBits)),
  )
  const digest = createHash(hash)
    .update(secret)
    .update(Buffer.from([0, 0, 0, 1]))
    .update(derOf(info))
    .digest()
  secret.fill(0)
  const key = Buffer.from(digest.subarray(0, 32))
  digest.fill(0)
  return key
}
