/**
 * Sealing for whoever has a public key (HPKE, RFC 9180, mode base): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; one message to a key
 * agreement. Any library of the suite 0x0020, 0x0001, 0x0002 opens it.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, diffieHellman, type KeyObject } from 'node:crypto'
import { privateKeyOf, publicKeyOf, publicText } from './sealed-file.ts'

export const hpkeSuite = 'DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM'
export type Sealed = { readonly enc: Buffer; readonly ciphertext: Buffer }
/** What both sides know: it is bound to the message and not in it. */
export type Known = { readonly info: string; readonly aad: string }

/** It was changed, is for another key, or was sealed as something else. Says no more on purpose. */
export class HpkeBroken extends Error {
  override readonly name = 'HpkeBroken'
}

const keyLength = 32
const nonceLength = 12
const tagLength = 16
const version = Buffer.from('HPKE-v1')
const kemId = Buffer.from('KEM\u0000\u0020', 'latin1')
const suiteId = Buffer.from('HPKE\u0000\u0020\u0000\u0001\u0000\u0002', 'latin1')
const none = Buffer.alloc(0)

/** Of a public key of low order nothing is agreed: undefined. `seed`: 32 bytes of chance, of no other use; the caller zeroes it. */
export function agreeWith(seed: Buffer, recipient: KeyObject): { readonly enc: Buffer; readonly shared: Buffer } | undefined {
  const once = privateKeyOf(seed)
  const enc = raw(once)
  try {
    return { enc, shared: sharedOf(diffieHellman({ privateKey: once, publicKey: recipient }), enc, raw(recipient)) }
  } catch {
    return undefined
  }
}

/** The caller zeroes `plain`; what was agreed is zeroed here. */
export function sealAgreed(agreed: { readonly enc: Buffer; readonly shared: Buffer }, known: Known, plain: Buffer): Sealed {
  const { key, nonce } = scheduled(agreed.shared, known.info)
  const sealing = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength })
  sealing.setAAD(Buffer.from(known.aad))
  const sealed = sealing.update(plain)
  sealing.final()
  return { enc: agreed.enc, ciphertext: Buffer.concat([sealed, sealing.getAuthTag()]) }
}

/** As whoever has the private key opens it. Throws `HpkeBroken`. */
export function openHpke(own: KeyObject, { enc, ciphertext }: Sealed, known: Known): Buffer {
  try {
    const theirs = publicKeyOf(enc.toString('base64url'))
    const { key, nonce } = scheduled(sharedOf(diffieHellman({ privateKey: own, publicKey: theirs }), enc, raw(own)), known.info)
    const end = ciphertext.length - tagLength
    const opening = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength })
    opening.setAAD(Buffer.from(known.aad))
    opening.setAuthTag(ciphertext.subarray(end))
    return Buffer.concat([opening.update(ciphertext.subarray(0, end)), opening.final()])
  } catch {
    throw new HpkeBroken('it does not open')
  }
}

const raw = (key: KeyObject): Buffer => Buffer.from(publicText(key), 'base64url')

/** ExtractAndExpand of the KEM (4.1). Zeroes the agreement. */
function sharedOf(agreement: Buffer, enc: Buffer, recipient: Buffer): Buffer {
  const extracted = extract(kemId, none, 'eae_prk', agreement)
  agreement.fill(0)
  return expand(kemId, extracted, 'shared_secret', Buffer.concat([enc, recipient]), keyLength)
}

/** KeySchedule (5.1) without a pre-shared key. Zeroes `shared`. */
function scheduled(shared: Buffer, info: string): { readonly key: KeyObject; readonly nonce: Buffer } {
  const mode = Buffer.from([0])
  const context = Buffer.concat([mode, extract(suiteId, none, 'psk_id_hash', none), extract(suiteId, none, 'info_hash', Buffer.from(info))])
  const secret = extract(suiteId, shared, 'secret', none)
  shared.fill(0)
  const key = expand(suiteId, secret, 'key', context, keyLength)
  const scheduled = { key: createSecretKey(key), nonce: expand(suiteId, secret, 'base_nonce', context, nonceLength) }
  for (const one of [key, secret]) one.fill(0)
  return scheduled
}

/** LabeledExtract (4): HKDF's first step. */
const extract = (suite: Buffer, salt: Buffer, label: string, material: Buffer): Buffer =>
  createHmac('sha256', salt).update(version).update(suite).update(label).update(material).digest()

/** LabeledExpand (4): HKDF's second step, of one block. */
function expand(suite: Buffer, secret: Buffer, label: string, info: Buffer, length: number): Buffer {
  const told = Buffer.from([length >> 8, length & 255])
  const block = createHmac('sha256', secret).update(told).update(version).update(suite).update(label).update(info)
  return block
    .update(Buffer.from([1]))
    .digest()
    .subarray(0, length)
}
