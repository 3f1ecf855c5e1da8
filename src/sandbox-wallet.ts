/** The sandbox's own Apple Pay and Google Pay: made anew from one seed at every start, so that it is the same wallet every time. */
import { createHmac } from 'node:crypto'
import { createFakeWallet, type FakeWallet } from './vault/device-token/mint.ts'
import type { World } from './world/world.ts'

/** 2026-01-01T00:00:00Z: from when on its certificates are good. */
const madeAtMs = 1_767_225_600_000

/** Bytes that follow from the seed and from how many were drawn before. */
function drawFrom(seed: Buffer): (count: number) => Buffer {
  let drawn = 0
  return count => {
    const parts: Buffer[] = []
    for (let have = 0; have < count; have += 32) {
      drawn += 1
      parts.push(createHmac('sha256', seed).update(`wallet ${drawn}`).digest())
    }
    return Buffer.concat(parts).subarray(0, count)
  }
}

export const sandboxWallet = (seed: Buffer): FakeWallet => createFakeWallet({ nowMs: madeAtMs, random: drawFrom(seed) })

/** What the world hands to whoever taps. */
export function tapOf(wallet: FakeWallet, world: Pick<World, 'now' | 'random'>): NonNullable<World['tap']> {
  return ({ wallet: name, number, expiryMonth, expiryYear, cryptogram }) => {
    const card = { number, expiryMonth, expiryYear }
    const tap = { nowMs: world.now(), random: world.random }
    const token = name === 'apple_pay' ? wallet.apple(card, tap) : wallet.google(card, tap, cryptogram ? 'CRYPTOGRAM_3DS' : 'PAN_ONLY')
    return token.toString('utf8')
  }
}
