/**
 * A key in shares (Shamir, 1979), byte by byte over GF(2⁸): any `needed` of them give the key, fewer say nothing about it, not even a bit. Every
 * share is as long as the key and carries a MAC under a key derived from the root itself, so that a share that was changed, or belongs to
 * another ceremony, is noticed when they are put together. As text, for people to keep and type:
 *
 *     bindery-share-1.<ceremony>.<needed>.<index>.<32 bytes>.<MAC 16>.<check 4>
 *
 * The check is a plain hash: it finds a slip of the pen before anything is put together.
 */
import { createHmac, hash, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Random } from './seal.ts'

export const sharesMax = 16
const keyLength = 32
const macLength = 16
const ceremonyLength = 8

export type Share = {
  /** Which ceremony: 8 bytes. */
  readonly ceremony: Buffer
  readonly needed: number
  /** From 1: where the polynomial was evaluated. */
  readonly index: number
  readonly value: Buffer
  readonly mac: Buffer
}

/** The shares do not belong together, or are not what they were. The message says which, as far as that can be told. */
export class BadShare extends Error {
  override readonly name = 'BadShare'
}

/** Splits 32 bytes; the caller zeroes them and the shares. Throws a RangeError for counts that make no sense. */
export function splitKey(key: Buffer, of: { readonly shares: number; readonly needed: number; readonly random: Random }): readonly Share[] {
  const { shares, needed, random } = of
  if (key.length !== keyLength) throw new RangeError('a key of 32 bytes is split')
  if (needed < 2 || needed > shares || shares > sharesMax)
    throw new RangeError(`from 2 up to ${sharesMax} shares, of which at least 2 are needed`)
  const ceremony = random(ceremonyLength)
  // One random polynomial for each byte, the key's byte at zero.
  const coefficients = Array.from({ length: needed - 1 }, () => random(keyLength))
  const made = Array.from({ length: shares }, (_, at): Share => {
    const index = at + 1
    const value = Buffer.allocUnsafeSlow(keyLength)
    for (let byte = 0; byte < keyLength; byte += 1) {
      let sum = 0
      for (const coefficient of coefficients.toReversed()) sum = multiply(sum ^ (coefficient[byte] ?? 0), index)
      value[byte] = sum ^ (key[byte] ?? 0)
    }
    return { ceremony, needed, index, value, mac: macOf(key, { ceremony, needed, index, value }) }
  })
  for (const one of coefficients) one.fill(0)
  return made
}

/** The key; the caller zeroes it. Throws `BadShare` unless all of them, also those beyond the needed ones, are what the ceremony gave out. */
export function joinShares(shares: readonly Share[]): Buffer {
  const [first] = shares
  if (first === undefined) throw new BadShare('there are no shares')
  for (const one of shares)
    if (!one.ceremony.equals(first.ceremony) || one.needed !== first.needed)
      throw new BadShare(`share ${one.index} is of another ceremony than share ${first.index}`)
  if (new Set(shares.map(one => one.index)).size !== shares.length) throw new BadShare('one share was given twice')
  if (shares.length < first.needed) throw new BadShare(`${first.needed} shares are needed, and ${shares.length} were given`)
  const key = interpolate(shares.slice(0, first.needed))
  const wrong = shares.filter(one => !timingSafeEqual(macOf(key, one), one.mac))
  if (wrong.length === 0) return key
  key.fill(0)
  throw new BadShare(`at least one of the shares ${shares.map(one => one.index).join(', ')} is not what the ceremony gave out`)
}

/** Lagrange at zero. */
function interpolate(shares: readonly Share[]): Buffer {
  const key = Buffer.alloc(keyLength)
  for (const { index, value } of shares) {
    let weight = 1
    for (const other of shares) if (other.index !== index) weight = multiply(weight, multiply(other.index, inverse(other.index ^ index)))
    for (let byte = 0; byte < keyLength; byte += 1) key[byte] = (key[byte] ?? 0) ^ multiply(value[byte] ?? 0, weight)
  }
  return key
}

/** In GF(2⁸) modulo x⁸+x⁴+x³+x+1 (FIPS 197, 4.2): without a table and without a branch, so that time and cache tell nothing of the key. */
export function multiply(left: number, right: number): number {
  let [a, product] = [left, 0]
  for (let bit = 0; bit < 8; bit += 1) {
    product ^= a & -((right >> bit) & 1)
    a = (a << 1) ^ (0x11b & -(a >> 7))
  }
  return product
}

/** a²⁵⁴. */
function inverse(value: number): number {
  let result = 1
  for (let bit = 7; bit >= 0; bit -= 1) {
    result = multiply(result, result)
    if (((254 >> bit) & 1) === 1) result = multiply(result, value)
  }
  return result
}

function macOf(key: Buffer, share: Omit<Share, 'mac'>): Buffer {
  const macKey = Buffer.from(hkdfSync('sha256', key, share.ceremony, 'bindery share mac 1', 32))
  const mac = createHmac('sha256', macKey)
    .update(Buffer.from([share.needed, share.index]))
    .update(share.value)
    .digest()
  macKey.fill(0)
  return mac.subarray(0, macLength)
}

const prefix = 'bindery-share-1'
const line = /^bindery-share-1\.([0-9a-f]{16})\.(\d{1,2})\.(\d{1,2})\.([0-9a-f]{64})\.([0-9a-f]{32})\.([0-9a-f]{8})$/

export function shareText({ ceremony, needed, index, value, mac }: Share): string {
  const text = [prefix, ceremony.toString('hex'), needed, index, value.toString('hex'), mac.toString('hex')].join('.')
  return `${text}.${checkOf(text)}`
}

/** Throws `BadShare`. */
export function readShare(text: string): Share {
  const found = line.exec(text.trim().toLowerCase())
  if (found === null) throw new BadShare('this is not a share: it begins with bindery-share-1. and has seven parts')
  const [whole = '', ceremony = '', needed, index, value = '', mac = '', check] = found
  if (checkOf(whole.slice(0, -9)) !== check) throw new BadShare('a character of this share is wrong: its check does not fit')
  return {
    ceremony: Buffer.from(ceremony, 'hex'),
    needed: Number(needed),
    index: Number(index),
    value: Buffer.from(value, 'hex'),
    mac: Buffer.from(mac, 'hex'),
  }
}

const checkOf = (text: string): string => hash('sha256', text, 'hex').slice(0, 8)
