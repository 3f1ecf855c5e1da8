/**
 * The signature of an Apple Pay token (developer.apple.com, Payment token format reference): detached CMS (RFC 5652) by a leaf certificate
 * that an intermediate of Apple's signed, which the root signed. What the signature does not cover has to be exactly what Apple writes, so
 * that no byte of it can be changed.
 */
import { verify, X509Certificate } from 'node:crypto'
import { type AsnType, fromBER, Integer, Null, ObjectIdentifier, Set as SetOf, UTCTime } from 'asn1js'
import { type AlgorithmIdentifier, Certificate, ContentInfo, IssuerAndSerialNumber, SignedData, type SignerInfo } from 'pkijs'
import { TokenRefused } from './device-token.ts'
import { extensionOf } from './keys.ts'

/** Extensions by which Apple marks the two certificates that may stand behind a payment token. */
export const leafOid = '1.2.840.113635.100.6.29'
export const intermediateOid = '1.2.840.113635.100.6.2.14'

export const oids = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  sha256: '2.16.840.1.101.3.4.2.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const

const forged = (detail: string) => new TokenRefused('forged', detail)

/** When it was signed, in Unix milliseconds. Throws `TokenRefused`. `signed`: the bytes that are vouched for. */
export async function verifySignature(
  roots: readonly X509Certificate[],
  signature: Buffer,
  signed: Buffer,
  nowMs: number,
): Promise<number> {
  try {
    return await verifyCms(roots, readCms(signature), { signature, signed, nowMs })
  } catch (error) {
    // The parser's own complaints, about what is no ASN.1 or not of the type it stands for.
    throw error instanceof TokenRefused ? error : new TokenRefused('malformed', 'the signature is not CMS')
  }
}

type Claim = { readonly signature: Buffer; readonly signed: Buffer; readonly nowMs: number }

async function verifyCms(roots: readonly X509Certificate[], cms: SignedData, claim: Claim): Promise<number> {
  const leaf = leafOf(roots, cms, claim.nowMs)
  const [signer] = cms.signerInfos
  if (signer === undefined || cms.signerInfos.length !== 1) throw forged('not one signature')
  checkUnsigned(cms, signer, leaf.certificate)
  if (![true, false].some(streamed => frame(cms, streamed).equals(claim.signature))) throw forged('not spelled as Apple spells it')
  cms.certificates = [leaf.certificate]
  const fits = await cms.verify({ signer: 0, data: Uint8Array.from(claim.signed).buffer })
  // Once more by OpenSSL, which takes the two numbers of an ECDSA signature in one spelling only.
  const covered = Buffer.from(signer.signedAttrs?.encodedValue ?? new ArrayBuffer(0))
  const strictly = verify('sha256', covered, leaf.x509.publicKey, Buffer.from(signer.signature.valueBlock.valueHexView))
  if (!fits || !strictly) throw forged('the signature does not fit')
  return signingTimeOf(signer)
}

function readCms(signature: Buffer): SignedData {
  const parsed = fromBER(signature)
  if (parsed.offset !== signature.length) throw new TokenRefused('malformed', 'the signature is not CMS')
  const content = new ContentInfo({ schema: parsed.result })
  if (content.contentType !== oids.signedData) throw new TokenRefused('malformed', 'the signature is another type of content')
  return new SignedData({ schema: content.content })
}

type Leaf = { readonly certificate: Certificate; readonly x509: X509Certificate }

/** Leaf, intermediate and root, each found by its mark and signed by the next; all in their time. */
function leafOf(roots: readonly X509Certificate[], cms: SignedData, nowMs: number): Leaf {
  const items = (cms.certificates ?? []).filter(one => one instanceof Certificate)
  if (items.length !== 2 || cms.certificates?.length !== 2) throw forged('not two certificates')
  const found = items.map(certificate => ({ certificate, x509: new X509Certificate(derOf(certificate)) }))
  const marked = (oid: string) => found.find(one => extensionOf(one.x509.raw, oid) !== undefined)
  const leaf = marked(leafOid)
  const intermediate = marked(intermediateOid)
  if (leaf === undefined || intermediate === undefined || leaf === intermediate) throw forged('a certificate is not marked by Apple')
  const root = roots.find(one => signs(one, intermediate.x509))
  if (root === undefined || !signs(intermediate.x509, leaf.x509) || leaf.x509.ca) throw forged('the certificates are no chain to the root')
  for (const one of [leaf.x509, intermediate.x509, root]) {
    if (nowMs < one.validFromDate.getTime() || nowMs > one.validToDate.getTime())
      throw new TokenRefused('stale', 'a certificate is not in its time')
  }
  return leaf
}

const signs = (issuer: X509Certificate, subject: X509Certificate): boolean =>
  issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey)

/** What stands outside of the signed attributes: one spelling each, as Apple writes it. */
function checkUnsigned(cms: SignedData, signer: SignerInfo, leaf: Certificate): void {
  const { sid } = signer
  // By bytes: names that differ in case are the same name to X.509.
  const isLeaf =
    sid instanceof IssuerAndSerialNumber && derOf(sid.issuer).equals(derOf(leaf.issuer)) && sid.serialNumber.isEqual(leaf.serialNumber)
  const detached = cms.encapContentInfo.eContentType === oids.data && cms.encapContentInfo.eContent === undefined
  const digests = cms.digestAlgorithms.length === 1 && cms.digestAlgorithms.every(one => isAlgorithm(one, oids.sha256))
  const algorithms = isAlgorithm(signer.digestAlgorithm, oids.sha256) && isAlgorithm(signer.signatureAlgorithm, oids.ecdsaWithSha256)
  // An octet string may also be put together from pieces.
  const whole = !signer.signature.idBlock.isConstructed
  const bare = cms.crls === undefined && cms.ocsps === undefined && signer.unsignedAttrs === undefined && signer.signedAttrs !== undefined
  if (cms.version !== 1 || signer.version !== 1 || !isLeaf || !detached || !digests || !algorithms || !whole || !bare)
    throw forged('not a signature as Apple writes it')
}

const isAlgorithm = (one: AlgorithmIdentifier, oid: string): boolean =>
  one.algorithmId === oid && (one.algorithmParams === undefined || one.algorithmParams instanceof Null)

const derOf = (part: { toSchema(): AsnType }): Buffer => Buffer.from(part.toSchema().toBER())

/**
 * The whole written anew, around parts that are verified each for itself. ASN.1 has many spellings for one thing and readers forgive even
 * more; a signature has to be, byte for byte, in the one that Apple uses (`streamed`: lengths left open, RFC 5652 in BER) or in DER.
 */
export function frame(cms: SignedData, streamed: boolean): Buffer {
  const wrap = (tag: number, ...parts: readonly Buffer[]): Buffer => {
    const content = Buffer.concat(parts)
    if (streamed) return Buffer.concat([Buffer.from([tag, 0x80]), content, Buffer.from([0, 0])])
    return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
  }
  const oid = (value: string) => Buffer.from(new ObjectIdentifier({ value }).toBER())
  const setOf = (value: AsnType[]) => Buffer.from(new SetOf({ value }).toBER())
  const certificates = (cms.certificates ?? []).map(one => derOf(one))
  const signedData = wrap(
    0x30,
    Buffer.from(new Integer({ value: 1 }).toBER()),
    setOf(cms.digestAlgorithms.map(one => one.toSchema())),
    wrap(0x30, oid(oids.data)),
    wrap(0xa0, ...certificates),
    setOf(cms.signerInfos.map(one => one.toSchema())),
  )
  return wrap(0x30, oid(oids.signedData), wrap(0xa0, signedData))
}

/** DER: one byte below 128, else the number of bytes and then they. */
function lengthOf(count: number): Buffer {
  if (count < 0x80) return Buffer.from([count])
  const hex = count.toString(16)
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

function signingTimeOf(signer: SignerInfo): number {
  const values: readonly AsnType[] = signer.signedAttrs?.attributes.find(one => one.type === oids.signingTime)?.values ?? []
  const [time] = values
  if (!(time instanceof UTCTime)) throw new TokenRefused('malformed', 'the signature does not say when it was made')
  return time.toDate().getTime()
}
