/** What measuring needs whatever is measured. */
import { setTimeout as sleep } from 'node:timers/promises'

export const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN

/** Waits until these processes have come to rest: less than a tenth of one core over a fifth of a second; twenty seconds at most. */
export async function settled(cpuUs: () => number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const before = cpuUs()
    await sleep(200)
    if (!(cpuUs() - before >= 20_000)) return
  }
}
