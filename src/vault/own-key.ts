/**
 * A key of the vault's own on P-256, with a certificate that others are given. Its 32 bytes lie wrapped by the tenant's key for card numbers: no
 * verb of the socket opens it, as `open` opens short texts.
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createCertificate } from '../channels/certificate.ts'
import type { Keyring } from './keys.ts'
import { dekContext, type Random, unwrapKey, wrapKey } from './seal.ts'
import { keyIdLength } from './tables.ts'

/** SEC 1 (RFC 5915) of a P-256 key, around its 32 bytes; what is public of it follows from them. */
const head = Buffer.from('30310201010420', 'hex')
const tail = Buffer.from('a00a06082a8648ce3d030107', 'hex')
const keyLength = 32
const yearMs = 365 * 24 * 3_600_000

export type OwnKey = { readonly certificate: string; readonly key_id: Buffer; readonly key_version: number; readonly wrapped: Buffer }
type Ports = { readonly random: Random; now(): number }
type Owner = { readonly tenant: string; readonly name: string }

/** Draws again in the one case of four thousand million where the bytes are no key. */
export function newAgreementKey(random: Random): { readonly key: KeyObject; readonly bytes: Buffer } {
  for (;;) {
    const bytes = Buffer.from(random(keyLength))
    try {
      return { key: privateKeyOf(bytes), bytes }
    } catch {
      bytes.fill(0)
    }
  }
}

function privateKeyOf(bytes: Buffer): KeyObject {
  const der = Buffer.concat([head, bytes, tail])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'sec1' })
  } finally {
    der.fill(0)
  }
}

export async function makeOwnKey(ports: Ports, keyring: Keyring, owner: Owner): Promise<OwnKey> {
  const { key, bytes } = newAgreementKey(ports.random)
  const kek = await keyring.wrapping('pan', owner.tenant)
  const key_id = Buffer.from(ports.random(keyIdLength))
  const wrapped = wrapKey(ports.random, kek.key, dekContext(kek, key_id, owner.tenant, owner.name), bytes)
  bytes.fill(0)
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
  const now = ports.now()
  const { pem } = createCertificate({
    keyPair: { publicKey, privateKey: key },
    commonName: owner.name,
    serial: ports.random(4).readUInt32BE() + 1,
    // Clocks differ; who is meant is said by the certificate itself, which both sides know beforehand.
    notBeforeMs: now - yearMs,
    notAfterMs: now + 10 * yearMs,
  })
  return { certificate: pem, key_id, key_version: kek.version, wrapped }
}

/** Throws `SealBroken` for a row that belongs elsewhere. */
export async function openOwnKey(keyring: Keyring, owner: Owner, { key_id, key_version, wrapped }: OwnKey): Promise<KeyObject> {
  const kek = await keyring.exact('pan', owner.tenant, key_version)
  const bytes = unwrapKey(kek.key, dekContext(kek, key_id, owner.tenant, owner.name), wrapped)
  try {
    return privateKeyOf(bytes)
  } finally {
    bytes.fill(0)
  }
}

/** Undefined: it is none. */
export function certificateIn(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}
