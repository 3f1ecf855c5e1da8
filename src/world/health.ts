/** Which channels answer: what this process saw of them lately. It decides the order in which they are tried, never whether one is asked. */

export type Health = {
  /** `answered`: whatever the answer was. */
  note(channel: string, answered: boolean, nowMs: number): void
  isWell(channel: string, nowMs: number): boolean
}

/** So many calls in a row without an answer make a channel unwell, until one is answered or it was left alone for a while. */
const missesMax = 5
const forgetAfterMs = 60_000

export function createHealth(): Health {
  const misses = new Map<string, { count: number; lastMs: number }>()
  return {
    note(channel, answered, nowMs) {
      if (answered) misses.delete(channel)
      else misses.set(channel, { count: (misses.get(channel)?.count ?? 0) + 1, lastMs: nowMs })
    },
    isWell(channel, nowMs) {
      const seen = misses.get(channel)
      return seen === undefined || seen.count < missesMax || nowMs - seen.lastMs >= forgetAfterMs
    },
  }
}
