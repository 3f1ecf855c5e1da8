/**
 * A proof that costs a browser something: a number to be found by trying (about half a second of work for each try to bind, nothing to a
 * person, much to whoever makes a thousand), or the answer of a captcha where the operator has one. A challenge names what it is for and
 * when it ends, and is signed: nothing is kept, and it is good for that capture alone, which is used up by one bind.
 */
import { createHash } from 'node:crypto'
import { keyedHash, sameText } from '../core/keyed.ts'
import type { World } from '../world/world.ts'

/** Leading zero bits: 2^17 hashes on average, about 0.3 s in a browser's SubtleCrypto-free JavaScript, four times that on an old phone. */
export const workBits = 17
const lifeMs = 5 * 60_000
const proofLengthMax = 2_100

const bitsOf = (world: Pick<World, 'settings'>): number => world.settings.safeguards?.workBits ?? workBits

const macOf = (world: Pick<World, 'settings'>, about: string, bits: number, untilMs: number): string =>
  keyedHash(world.settings.grantKey, 'proof of work', `${bits} ${untilMs} ${about}`).toString('base64url').slice(0, 22)

/** `about`: what is to be bound and for whom. */
export function challengeFor(world: Pick<World, 'settings' | 'now'>, about: string): string {
  const bits = bitsOf(world)
  const untilMs = world.now() + lifeMs
  return `work.${bits}.${untilMs}.${macOf(world, about, bits, untilMs)}`
}

/** `<challenge>.<nonce>`, or `captcha.<what the captcha gave>` */
export async function isProven(
  world: Pick<World, 'settings' | 'now'>,
  about: string,
  proof: string | undefined,
  ip: string | null,
): Promise<boolean> {
  if (proof === undefined || proof.length > proofLengthMax) return false
  const captcha = world.settings.safeguards?.captcha
  if (proof.startsWith('captcha.')) return captcha !== undefined && (await captcha(proof.slice('captcha.'.length), ip))
  return isWorked(world, about, proof)
}

function isWorked(world: Pick<World, 'settings' | 'now'>, about: string, proof: string): boolean {
  const [kind, bitsText = '', untilText = '', mac = '', nonce, more] = proof.split('.')
  const [bits, untilMs] = [Number(bitsText), Number(untilText)]
  if (kind !== 'work' || nonce === undefined || more !== undefined || !Number.isInteger(bits) || bits < bitsOf(world)) return false
  if (!Number.isInteger(untilMs) || world.now() >= untilMs) return false
  return sameText(mac, macOf(world, about, bits, untilMs)) && zeroBits(proof) >= bits
}

function zeroBits(text: string): number {
  const digest = createHash('sha256').update(text).digest()
  let bits = 0
  for (const byte of digest) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24
    bits += 8
  }
  return bits
}

/** What a browser does: for tests, and to be read by those who write one. */
export function work(challenge: string): string {
  const bits = Number(challenge.split('.')[1])
  for (let nonce = 0; ; nonce += 1) {
    const proof = `${challenge}.${nonce.toString(36)}`
    if (zeroBits(proof) >= bits) return proof
  }
}
