/** The detached CMS signature of the fake wallet's Apple Pay tokens, as Apple writes it. */
import { createHash, sign } from 'node:crypto'
import { Null, ObjectIdentifier, OctetString, Set as SetOf, UTCTime } from 'asn1js'
import {
  AlgorithmIdentifier,
  Attribute,
  EncapsulatedContentInfo,
  IssuerAndSerialNumber,
  SignedAndUnsignedAttributes,
  SignedData,
  SignerInfo,
} from 'pkijs'
import { frame, oids } from './apple-signature.ts'
import { type AppleLike, arrayBuffer } from './mint-certificates.ts'

export function signLikeApple(of: Pick<AppleLike, 'leaf' | 'leafKey' | 'intermediate'>, signed: Buffer, nowMs: number): Buffer {
  const attributes = [
    new Attribute({ type: oids.contentType, values: [new ObjectIdentifier({ value: oids.data })] }),
    new Attribute({ type: oids.signingTime, values: [new UTCTime({ valueDate: new Date(nowMs) })] }),
    new Attribute({ type: oids.messageDigest, values: [octets(createHash('sha256').update(signed).digest())] }),
  ]
  const covered = Buffer.from(new SetOf({ value: attributes.map(one => one.toSchema()) }).toBER())
  const sha256 = () => new AlgorithmIdentifier({ algorithmId: oids.sha256, algorithmParams: new Null() })
  const data = new SignedData({
    version: 1,
    digestAlgorithms: [sha256()],
    encapContentInfo: new EncapsulatedContentInfo({ eContentType: oids.data }),
    certificates: [of.leaf, of.intermediate],
    signerInfos: [
      new SignerInfo({
        version: 1,
        sid: new IssuerAndSerialNumber({ issuer: of.leaf.issuer, serialNumber: of.leaf.serialNumber }),
        digestAlgorithm: sha256(),
        signedAttrs: new SignedAndUnsignedAttributes({ type: 0, attributes }),
        signatureAlgorithm: new AlgorithmIdentifier({ algorithmId: oids.ecdsaWithSha256 }),
        signature: octets(sign('sha256', covered, of.leafKey)),
      }),
    ],
  })
  return frame(data, true)
}

const octets = (bytes: Buffer) => new OctetString({ valueHex: arrayBuffer(bytes) })
