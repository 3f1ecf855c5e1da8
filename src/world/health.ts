/** Which channels answer: what this process saw of them lately. It decides the order in which they are tried, never whether one is asked. */

export type Health = {
  /** `answered`: whatever the answer was. */
  note(channel: string, answered: boolean, nowMs: number): void
  isWell(channel: string, nowMs: number): boolean
  /** An operation goes out, for the first time or `again`. */
  sent(channel: string, again: boolean, nowMs: number): void
  /** What went out in the last minute. */
  lately(channel: string, nowMs: number): { readonly first: number; readonly again: number }
}

/** So many calls in a row without an answer make a channel unwell, until one is answered or it was left alone for a while. */
const missesMax = 5
const forgetAfterMs = 60_000
/** What was sent is counted in pieces of so many ms, a minute of them. */
const pieceMs = 10_000
const pieces = 6
type Piece = { readonly number: number; first: number; again: number }

export function createHealth(): Health {
  const traffic = new Map<string, Piece[]>()
  const pieceOf = (nowMs: number): number => Math.floor(nowMs / pieceMs)
  const misses = new Map<string, { count: number; lastMs: number }>()
  return {
    note(channel, answered, nowMs) {
      if (answered) misses.delete(channel)
      else misses.set(channel, { count: (misses.get(channel)?.count ?? 0) + 1, lastMs: nowMs })
    },
    sent(channel, again, nowMs) {
      const number = pieceOf(nowMs)
      const list = (traffic.get(channel) ?? []).filter(one => one.number > number - pieces)
      const piece = list.find(one => one.number === number) ?? { number, first: 0, again: 0 }
      if (again) piece.again += 1
      else piece.first += 1
      traffic.set(channel, [...list.filter(one => one !== piece), piece])
    },
    lately(channel, nowMs) {
      const list = (traffic.get(channel) ?? []).filter(one => one.number > pieceOf(nowMs) - pieces)
      return { first: list.reduce((sum, one) => sum + one.first, 0), again: list.reduce((sum, one) => sum + one.again, 0) }
    },
    isWell(channel, nowMs) {
      const seen = misses.get(channel)
      return seen === undefined || seen.count < missesMax || nowMs - seen.lastMs >= forgetAfterMs
    },
  }
}
