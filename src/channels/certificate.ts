/**
 * Self-signed X.509 certificates (RFC 5280) for simulators: a channel's own, by which it shows who it is, and the key pair a test server
 * needs. With an RSA key the same input gives the same bytes (PKCS #1 v1.5 signatures hold no chance; ECDSA's do).
 */
import { createPublicKey, createSign, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import * as asn1 from 'asn1js'

export type CertificateInput = {
  readonly keyPair: { readonly publicKey: string; readonly privateKey: string | KeyObject }
  readonly commonName: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Positive. */
  readonly serial: number
  /** Names and IPv4 addresses it speaks for (subjectAltName): TLS clients look at nothing else. */
  readonly hosts?: readonly string[]
}
export type Certificate = { readonly pem: string; readonly der: Buffer }

/** sha256WithRSAEncryption (RFC 8017, A.2.4), ecdsa-with-SHA256 (RFC 5758), id-at-commonName (X.520), subjectAltName (RFC 5280, 4.2.1.6). */
const oid = { rsa: '1.2.840.113549.1.1.11', ecdsa: '1.2.840.10045.4.3.2', commonName: '2.5.4.3', altName: '2.5.29.17' }

export function createCertificate(input: CertificateInput): Certificate {
  const key = createPublicKey(input.keyPair.publicKey)
  const algorithm = key.asymmetricKeyType === 'rsa' ? sequence(objectId(oid.rsa), new asn1.Null()) : sequence(objectId(oid.ecdsa))
  const name = sequence(new asn1.Set({ value: [sequence(objectId(oid.commonName), new asn1.Utf8String({ value: input.commonName }))] }))
  const body = sequence(
    explicit(0, new asn1.Integer({ value: 2 })),
    new asn1.Integer({ value: input.serial }),
    algorithm,
    name,
    sequence(time(input.notBeforeMs), time(input.notAfterMs)),
    name,
    parsed(key.export({ type: 'spki', format: 'der' })),
    ...(input.hosts === undefined ? [] : [explicit(3, sequence(altName(input.hosts)))]),
  )
  const signature = createSign('sha256').update(bytesOf(body)).sign(input.keyPair.privateKey)
  const der = bytesOf(sequence(body, algorithm, new asn1.BitString({ valueHex: bufferOf(signature) })))
  return { der, pem: toPem(der) }
}

/** The DER inside a certificate's PEM; undefined where there is none. */
export function derOf(pem: string): Buffer | undefined {
  const found = /-----BEGIN CERTIFICATE-----([\sA-Za-z0-9+/=]+)-----END CERTIFICATE-----/.exec(pem)?.[1]
  return found === undefined ? undefined : Buffer.from(found, 'base64')
}

const toPem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`

type Node = asn1.BaseBlock
const sequence = (...value: Node[]): asn1.Sequence => new asn1.Sequence({ value })
const objectId = (value: string): Node => new asn1.ObjectIdentifier({ value })
const explicit = (tagNumber: number, value: Node): Node => new asn1.Constructed({ idBlock: { tagClass: 3, tagNumber }, value: [value] })
const bytesOf = (node: Node): Buffer => Buffer.from(node.toBER())

/** Bytes in a buffer of their own: a Node buffer may be a window into a larger one. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  const own = new ArrayBuffer(bytes.length)
  new Uint8Array(own).set(bytes)
  return own
}

function parsed(der: Buffer): Node {
  const { result, offset } = asn1.fromBER(bufferOf(der))
  if (offset < 0) throw new TypeError('not DER')
  return result
}

/** UTCTime to 2049, GeneralizedTime after it (RFC 5280, 4.1.2.5); both to the second. */
function time(ms: number): Node {
  const valueDate = new Date(ms - (ms % 1_000))
  return valueDate.getUTCFullYear() < 2050 ? new asn1.UTCTime({ valueDate }) : new asn1.GeneralizedTime({ valueDate })
}

/** Context tags 2 (dNSName) and 7 (iPAddress) of a GeneralName. */
function altName(hosts: readonly string[]): Node {
  const names = hosts.map(host => {
    const address = isIP(host) === 4
    const bytes = address ? Buffer.from(host.split('.').map(Number)) : Buffer.from(host, 'latin1')
    return new asn1.Primitive({ idBlock: { tagClass: 3, tagNumber: address ? 7 : 2 }, valueHex: bufferOf(bytes) })
  })
  return sequence(objectId(oid.altName), new asn1.OctetString({ valueHex: bufferOf(bytesOf(sequence(...names))) }))
}
