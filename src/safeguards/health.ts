/** What this process saw of channels lately: their breakers, their bulkheads, their last misses, and what went to them in a minute. */
import type { Health } from '../world/health.ts'
import { asked, type Breaker, closed, isOpen, noted } from './breaker.ts'
import { createBulkhead } from './bulkhead.ts'

/** So many calls in a row without an answer make a channel unwell, until one is answered or it was left alone for a while. */
const missesMax = 5
const forgetAfterMs = 60_000
/** What was sent is counted in pieces of so many ms, a minute of them. */
const pieceMs = 10_000
const pieces = 6
type Piece = { readonly number: number; first: number; again: number }

const leftAlone = 'does not answer, and is left alone for a while'
const full = 'has as many calls under way as it may'

export function createHealth(): Health {
  const traffic = new Map<string, Piece[]>()
  const pieceOf = (nowMs: number): number => Math.floor(nowMs / pieceMs)
  const misses = new Map<string, { count: number; lastMs: number }>()
  const breakers = new Map<string, Breaker>()
  const breakerOf = (channel: string): Breaker => breakers.get(channel) ?? closed
  const bulkhead = createBulkhead()
  return {
    closedTo(channel, tenant, nowMs) {
      if (isOpen(breakerOf(channel), nowMs)) return leftAlone
      return bulkhead.isFull(channel, tenant) ? full : undefined
    },
    enter(channel, tenant, nowMs) {
      const breaker = breakerOf(channel)
      if (isOpen(breaker, nowMs)) return leftAlone
      const leave = bulkhead.enter(channel, tenant)
      if (leave === undefined) return full
      breakers.set(channel, asked(breaker, nowMs))
      return leave
    },
    note(channel, answered, nowMs) {
      breakers.set(channel, noted(breakerOf(channel), answered, nowMs))
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
      if (isOpen(breakerOf(channel), nowMs)) return false
      return seen === undefined || seen.count < missesMax || nowMs - seen.lastMs >= forgetAfterMs
    },
  }
}
