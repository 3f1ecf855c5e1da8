/**
 * `PIV1`, the sealed form of a value (big-endian):
 *
 *     magic "PIV1" 4 | suite 1 | flags 1 | kekId 16 | kekVer 4 | dekId 16 | salt 32 | commit 32 | iv 12 | len 4 | ciphertext | tag 16
 *
 * A data key (DEK) gives two keys through HKDF-SHA-512 and the salt: one encrypts (AES-256-GCM), one is the commitment. The commitment is
 * compared, in constant time, before anything is decrypted, so an envelope cannot be made that opens under two keys. Authenticated beside
 * the ciphertext: the whole header, and where the value belongs (`Place`), so a row moved to another tenant, owner or field does not open.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'
import { kcvLength, keyIdLength, wrappedLength } from './tables.ts'

/** Where a value belongs. `owner`: an instrument and its version (`ins_…@1`), or what a short text was sealed for. */
export type Place = { readonly tenant: string; readonly owner: string; readonly field: string; readonly schema: number }
/** A key of the hierarchy: wraps data keys. */
export type WrappingKey = { readonly id: Buffer; readonly version: number; readonly key: KeyObject }
/** 32 bytes; whoever holds one zeroes it. */
export type DataKey = { readonly id: Buffer; readonly key: Buffer }
export type Random = (count: number) => Buffer

/** The envelope or the wrapped key was changed, belongs elsewhere, or was made under another key. Says no more on purpose. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken'
  constructor() {
    super('a sealed value does not open')
  }
}

const suite = 1
const magic = Buffer.from('PIV1')
const at = { suite: 4, flags: 5, kekId: 6, kekVer: 22, dekId: 26, salt: 42, commit: 74, iv: 106, length: 118 } as const
export const headerLength = 122
const tagLength = 16
/** What an envelope adds to its plain text: 138 bytes. */
export const envelopeOverhead = headerLength + tagLength
const plainLengthMax = 64 * 1024
const cipher = 'aes-256-gcm'
const options = { authTagLength: tagLength } as const

/** `label ‖ suite ‖ 0x01`: the input of HKDF's first (and only) block of 32 bytes or fewer. */
const infoOf = (label: string): Buffer => Buffer.concat([Buffer.from(label), Buffer.from([suite, 1])])
const encInfo = infoOf('PIV1 enc')
const commitInfo = infoOf('PIV1 commit')

/**
 * HKDF-SHA-512 (RFC 5869) written out: both keys share the extraction. Every key goes through a `KeyObject`, even for one use: HMAC and
 * AES take 11 to 13 µs with a raw buffer and 2 to 4 µs with a `KeyObject` on Node 24, `hkdfSync` 12 µs (`seal.test.ts` compares the two).
 */
function derive(dek: Buffer, salt: Buffer): { readonly enc: KeyObject; readonly commit: Buffer } {
  const secret = createHmac('sha512', createSecretKey(salt)).update(dek).digest()
  const extracted = createSecretKey(secret)
  const enc = createHmac('sha512', extracted).update(encInfo).digest()
  const commit = createHmac('sha512', extracted).update(commitInfo).digest()
  const derived = { enc: createSecretKey(enc.subarray(0, 32)), commit: commit.subarray(0, 32) }
  secret.fill(0)
  enc.fill(0)
  return derived
}

/** Each part with its length before it, so that no two places look the same. */
function prefixed(parts: readonly string[]): Buffer {
  const pieces: Buffer[] = []
  for (const part of parts) {
    const text = Buffer.from(part)
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(text.length)
    pieces.push(length, text)
  }
  return Buffer.concat(pieces)
}

const placeBytes = (place: Place): Buffer => prefixed([place.tenant, place.owner, place.field, String(place.schema)])

/** Seals `plain` (at most 64 KiB; the caller zeroes it). */
export function sealEnvelope(random: Random, kek: WrappingKey, dek: DataKey, place: Place, plain: Buffer): Buffer {
  if (plain.length > plainLengthMax) throw new RangeError('too long to seal')
  const out = Buffer.allocUnsafe(envelopeOverhead + plain.length)
  magic.copy(out)
  out[at.suite] = suite
  out[at.flags] = 0
  kek.id.copy(out, at.kekId)
  out.writeUInt32BE(kek.version, at.kekVer)
  dek.id.copy(out, at.dekId)
  random(32).copy(out, at.salt)
  random(12).copy(out, at.iv)
  out.writeUInt32BE(plain.length, at.length)
  const { enc, commit } = derive(dek.key, out.subarray(at.salt, at.commit))
  commit.copy(out, at.commit)
  const sealing = createCipheriv(cipher, enc, out.subarray(at.iv, at.length), options)
  sealing.setAAD(out.subarray(0, headerLength))
  sealing.setAAD(placeBytes(place))
  sealing.update(plain).copy(out, headerLength)
  sealing.final()
  sealing.getAuthTag().copy(out, headerLength + plain.length)
  return out
}

/**
 * Opens an envelope; the caller zeroes what comes back. `kek`: what wraps its data key by now. Since then the data key may have been wrapped
 * anew, never the value: so the header may name an earlier version, and only of the same key. Throws `SealBroken`.
 */
export function openEnvelope(kek: Pick<WrappingKey, 'id' | 'version'>, dek: DataKey, place: Place, envelope: Buffer): Buffer {
  const end = envelope.length - tagLength
  const fits =
    envelope.length >= envelopeOverhead &&
    envelope.subarray(0, 4).equals(magic) &&
    envelope[at.suite] === suite &&
    envelope[at.flags] === 0 &&
    envelope.subarray(at.kekId, at.kekVer).equals(kek.id) &&
    envelope.readUInt32BE(at.kekVer) <= kek.version &&
    envelope.subarray(at.dekId, at.salt).equals(dek.id) &&
    envelope.readUInt32BE(at.length) === end - headerLength
  if (!fits) throw new SealBroken()
  const { enc, commit } = derive(dek.key, envelope.subarray(at.salt, at.commit))
  if (!timingSafeEqual(commit, envelope.subarray(at.commit, at.iv))) throw new SealBroken()
  const opening = createDecipheriv(cipher, enc, envelope.subarray(at.iv, at.length), options)
  opening.setAAD(envelope.subarray(0, headerLength))
  opening.setAAD(placeBytes(place))
  opening.setAuthTag(envelope.subarray(end))
  return finish(opening, envelope.subarray(headerLength, end))
}

function finish(opening: ReturnType<typeof createDecipheriv>, sealed: Buffer): Buffer {
  const plain = opening.update(sealed)
  try {
    opening.final()
    return plain
  } catch {
    plain.fill(0)
    throw new SealBroken()
  }
}

/** AAD of a data key's wrap: "PIV1-DEK" ‖ kekId ‖ kekVer ‖ dekId ‖ length-prefixed tenant and owner. */
export function dekContext(kek: Pick<WrappingKey, 'id' | 'version'>, dekId: Buffer, tenant: string, owner: string): Buffer {
  const version = Buffer.allocUnsafe(4)
  version.writeUInt32BE(kek.version)
  return Buffer.concat([Buffer.from('PIV1-DEK'), kek.id, version, dekId, prefixed([tenant, owner])])
}

/** AAD of a hierarchy key's wrap: what the key is for stands in it, so rows of `keys` cannot be exchanged. */
export function keyContext(id: Buffer, purpose: string, scope: string, version: number): Buffer {
  return Buffer.concat([Buffer.from('PIV1-KEY'), id, prefixed([purpose, scope, String(version)])])
}

/** iv 12 ‖ ciphertext 32 ‖ tag 16, by AES-256-GCM. */
export function wrapKey(random: Random, wrapping: KeyObject, context: Buffer, key: Buffer): Buffer {
  const iv = random(12)
  const wrap = createCipheriv(cipher, wrapping, iv, options)
  wrap.setAAD(context)
  const sealed = wrap.update(key)
  wrap.final()
  return Buffer.concat([iv, sealed, wrap.getAuthTag()])
}

/** The 32 bytes; the caller zeroes them. Throws `SealBroken`. */
export function unwrapKey(wrapping: KeyObject, context: Buffer, wrapped: Buffer): Buffer {
  if (wrapped.length !== wrappedLength) throw new SealBroken()
  const opening = createDecipheriv(cipher, wrapping, wrapped.subarray(0, 12), options)
  opening.setAAD(context)
  opening.setAuthTag(wrapped.subarray(wrappedLength - tagLength))
  return finish(opening, wrapped.subarray(12, wrappedLength - tagLength))
}

/** The first 8 bytes of HKDF-SHA-512(key, no salt, "PIV1 kcv"): tells a wrong key from a damaged record. */
export function keyCheckValue(key: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha512', key, '', 'PIV1 kcv', kcvLength))
}

/** A fresh data key: its own memory, so that zeroing it zeroes the only copy. */
export function newDataKey(random: Random): DataKey {
  const key = Buffer.allocUnsafeSlow(32)
  const drawn = random(32)
  drawn.copy(key)
  drawn.fill(0)
  return { id: Buffer.from(random(keyIdLength)), key }
}
