/** Keyed hashes (HMAC-SHA-256) of texts that are kept or compared, each kind under a label of its own. */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'

/** Made once a key: a raw key costs several times the HMAC itself. */
const known = new WeakMap<Buffer, KeyObject>()
function keyOf(key: Buffer): KeyObject {
  const made = known.get(key) ?? createSecretKey(key)
  known.set(key, made)
  return made
}

/** `label`: what the text is, so that a hash made for one purpose is worth nothing for another. */
export const keyedHash = (key: Buffer, label: string, text: string): Buffer =>
  createHmac('sha256', keyOf(key)).update(`bindery ${label} 1|`).update(text).digest()

/** In a time that tells nothing of where two texts differ. */
export function sameText(given: string, right: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(right)]
  return one.length === other.length && timingSafeEqual(one, other)
}
