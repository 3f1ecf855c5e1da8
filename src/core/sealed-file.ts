/**
 * A file sealed for one reader by one writer, both known beforehand by their X25519 keys (RFC 7748), as RFC 9180 does it in its mode with
 * an authenticated sender: two agreements, of a key made for this file with the reader's and of the writer's with the reader's, so that only
 * the reader opens it and only the writer can have made it.
 *
 *     magic "BXF1" 4 | the file's own public key 32 | iv 12 | ciphertext | tag 16
 *
 * Key: HKDF-SHA-256 (RFC 5869) over both agreements, salted with the three public keys; `context` says what the file is and binds it there.
 */
import { createCipheriv, createDecipheriv, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, type KeyObject } from 'node:crypto'

export type FileKeys = {
  /** Ours; private. */
  readonly own: KeyObject
  /** The other side's; public. */
  readonly other: KeyObject
}

/** It was changed, is cut short, is another file, or comes from somebody else. Says no more on purpose. */
export class FileBroken extends Error {
  override readonly name = 'FileBroken'
  constructor() {
    super('the file does not open: it was changed, cut short, or is not for this run')
  }
}

const magic = Buffer.from('BXF1')
const keyLength = 32
const ivLength = 12
const tagLength = 16
const headLength = magic.length + keyLength + ivLength
const cipher = 'aes-256-gcm'
/** PKCS #8 of an X25519 key (RFC 8410), up to its 32 bytes. */
const privatePrefix = Buffer.from('302e020100300506032b656e04220420', 'hex')

/** From 32 bytes of chance. */
export const privateKeyOf = (bytes: Buffer): KeyObject =>
  createPrivateKey({ key: Buffer.concat([privatePrefix, bytes]), format: 'der', type: 'pkcs8' })
/** From the 32 bytes in base64url, as they are handed out. */
export const publicKeyOf = (text: string): KeyObject => createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: text }, format: 'jwk' })
/** The 32 bytes in base64url of a private or public key's public half. */
export function publicText(key: KeyObject): string {
  const { x } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' })
  if (typeof x !== 'string') throw new TypeError('not an X25519 key')
  return x
}
const raw = (key: KeyObject): Buffer => Buffer.from(publicText(key), 'base64url')

/** The caller zeroes `plain`. */
export function sealFile(random: (count: number) => Buffer, keys: FileKeys, context: string, plain: Buffer): Buffer {
  const seed = Buffer.from(random(keyLength))
  const once = privateKeyOf(seed)
  seed.fill(0)
  const head = Buffer.concat([magic, raw(once), random(ivLength)])
  const key = agreed({
    first: diffieHellman({ privateKey: once, publicKey: keys.other }),
    second: diffieHellman({ privateKey: keys.own, publicKey: keys.other }),
    salt: [raw(once), raw(keys.own), raw(keys.other)],
    context,
  })
  const sealing = createCipheriv(cipher, key, head.subarray(magic.length + keyLength), { authTagLength: tagLength })
  sealing.setAAD(head)
  const sealed = sealing.update(plain)
  sealing.final()
  key.fill(0)
  return Buffer.concat([head, sealed, sealing.getAuthTag()])
}

/** The caller zeroes what comes back. Throws `FileBroken`. */
export function openFile(keys: FileKeys, context: string, file: Buffer): Buffer {
  if (file.length < headLength + tagLength || !file.subarray(0, magic.length).equals(magic)) throw new FileBroken()
  const head = file.subarray(0, headLength)
  const theirs = head.subarray(magic.length, magic.length + keyLength)
  try {
    const key = agreed({
      first: diffieHellman({ privateKey: keys.own, publicKey: publicKeyOf(theirs.toString('base64url')) }),
      second: diffieHellman({ privateKey: keys.own, publicKey: keys.other }),
      salt: [theirs, raw(keys.other), raw(keys.own)],
      context,
    })
    const opening = createDecipheriv(cipher, key, head.subarray(magic.length + keyLength), { authTagLength: tagLength })
    key.fill(0)
    opening.setAAD(head)
    opening.setAuthTag(file.subarray(file.length - tagLength))
    const plain = opening.update(file.subarray(headLength, file.length - tagLength))
    return finished(plain, () => opening.final())
  } catch {
    throw new FileBroken()
  }
}

function finished(plain: Buffer, end: () => Buffer): Buffer {
  try {
    end()
    return plain
  } catch (error) {
    plain.fill(0)
    throw error
  }
}

function agreed(of: {
  readonly first: Buffer
  readonly second: Buffer
  readonly salt: readonly Buffer[]
  readonly context: string
}): Buffer {
  const both = Buffer.concat([of.first, of.second])
  const key = Buffer.from(hkdfSync('sha256', both, Buffer.concat([...of.salt]), `bindery sealed file 1|${of.context}`, 32))
  for (const secret of [both, of.first, of.second]) secret.fill(0)
  return key
}
