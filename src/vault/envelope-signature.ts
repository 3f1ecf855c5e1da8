/**
 * The signature around an envelope: CMS SignedData (RFC 5652) by one signer whose certificate the reader has beforehand. It covers what is
 * encrypted, so it is looked at before anything is opened. What `openssl cms -sign -nodetach` writes and `openssl cms -verify` reads.
 */
import { createHash, type KeyObject, sign, timingSafeEqual, verify, type X509Certificate } from 'node:crypto'
import { fromBER, Integer, ObjectIdentifier, OctetString, Set as SetOf } from 'asn1js'
import { Certificate, ContentInfo, SignedData, type SignerInfo } from 'pkijs'
import { arrayBuffer, bytesOf, derOf, octets, oid, sequence, tagged } from './envelope.ts'

const oids = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const
const digests: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
const sha256 = '2.16.840.1.101.3.4.2.1'

/** It is not signed, or not by the one who was to sign it, or was changed after. */
export class NotSigned extends Error {
  override readonly name = 'NotSigned'
  constructor() {
    super('the file is not signed by the sender that this transfer names, or was changed or cut short after')
  }
}

/** `own`: the private key of `certificate`, on P-256. */
export function signContent(certificate: X509Certificate, own: KeyObject, content: Buffer): Buffer {
  const parsed = Certificate.fromBER(arrayBuffer(certificate.raw))
  const digest = createHash('sha256').update(content).digest()
  const attributes = [
    sequence(oid(oids.contentType), new SetOf({ value: [oid(oids.data)] })),
    sequence(oid(oids.messageDigest), new SetOf({ value: [octets(digest)] })),
  ]
  const covered = derOf(new SetOf({ value: attributes }))
  const signer = sequence(
    new Integer({ value: 1 }),
    sequence(parsed.issuer.toSchema(), parsed.serialNumber),
    sequence(oid(sha256)),
    tagged(0, ...attributes),
    sequence(oid(oids.ecdsaWithSha256)),
    octets(sign('sha256', covered, own)),
  )
  const signed = sequence(
    new Integer({ value: 1 }),
    new SetOf({ value: [sequence(oid(sha256))] }),
    sequence(oid(oids.data), tagged(0, octets(content))),
    tagged(0, fromBER(arrayBuffer(certificate.raw)).result),
    new SetOf({ value: [signer] }),
  )
  return derOf(sequence(oid(oids.signedData), tagged(0, signed)))
}

/** What is inside, once it is certain that `sender` signed it. Throws `NotSigned`. */
export function signedContent(sender: X509Certificate, file: Buffer): Buffer {
  try {
    return checked(sender, file)
  } catch {
    // The parser's complaints as well: what is no CMS is not signed.
    throw new NotSigned()
  }
}

const unsigned = (): never => {
  throw new NotSigned()
}

function checked(sender: X509Certificate, file: Buffer): Buffer {
  const parsed = fromBER(arrayBuffer(file))
  if (parsed.offset !== file.length) return unsigned()
  const info = new ContentInfo({ schema: parsed.result })
  if (info.contentType !== oids.signedData) return unsigned()
  const cms = new SignedData({ schema: info.content })
  const [signer] = cms.signerInfos
  const { eContent, eContentType } = cms.encapContentInfo
  if (signer === undefined || cms.signerInfos.length !== 1 || eContent === undefined) return unsigned()
  const content = bytesOf(eContent)
  const hash = digests[signer.digestAlgorithm.algorithmId]
  const attributes = signer.signedAttrs
  if (hash === undefined || attributes === undefined) return unsigned()
  const told = attribute(signer, oids.messageDigest)
  const type = attribute(signer, oids.contentType)
  if (!(told instanceof OctetString) || !(type instanceof ObjectIdentifier) || type.valueBlock.toString() !== eContentType)
    return unsigned()
  const digest = createHash(hash).update(content).digest()
  const claimed = Buffer.from(told.valueBlock.valueHexView)
  if (claimed.length !== digest.length || !timingSafeEqual(claimed, digest)) return unsigned()
  const fits = verify(hash, Buffer.from(attributes.encodedValue), sender.publicKey, Buffer.from(signer.signature.valueBlock.valueHexView))
  return fits ? content : unsigned()
}

/** The one value of the one attribute of that type. */
function attribute(signer: SignerInfo, type: string): unknown {
  const found = signer.signedAttrs?.attributes.filter(one => one.type === type) ?? []
  const [first] = found
  return found.length === 1 && first?.values.length === 1 ? first.values[0] : undefined
}
