/** The parts of the world that are real: the clock, chance, and time that passes. */
import { randomFillSync } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { World } from './world.ts'

/** Random bytes are drawn in blocks: a system call a request would cost more than the bytes (3.3 against 0.05 µs for 16 of them). */
const poolBytes = 8_192

export function liveClock(): Pick<World, 'now' | 'random' | 'sleep'> {
  const pool = Buffer.allocUnsafeSlow(poolBytes)
  let used = poolBytes
  return {
    now: () => Date.now(),
    random(count) {
      if (count > poolBytes) return randomFillSync(Buffer.allocUnsafeSlow(count))
      if (used + count > poolBytes) {
        randomFillSync(pool)
        used = 0
      }
      const out = Buffer.from(pool.subarray(used, used + count))
      // What was given out is forgotten here.
      pool.fill(0, used, used + count)
      used += count
      return out
    },
    sleep: async ms => {
      await pause(ms)
    },
  }
}
