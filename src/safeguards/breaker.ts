/**
 * A breaker for each channel: when half of at least twenty calls within ten seconds had no answer, the channel is left alone for fifteen
 * seconds; then three calls go out to see. All three answered, everybody asks again; one of them not, and it is left alone anew. So a channel
 * that is down costs its callers a refusal at once instead of a timeout each, and is not kept down by them.
 *
 * Numbers: the defaults of Resilience4j and Polly in the field (50 %, 20 calls, 10 s), with a shorter pause, as a bind has somebody waiting.
 */
export const breakerLimits = { windowMs: 10_000, callsMin: 20, missedPct: 50, pauseMs: 15_000, probes: 3 } as const

type Piece = { readonly second: number; readonly calls: number; readonly missed: number }
export type Breaker = {
  readonly pieces: readonly Piece[]
  /** When it opened; undefined: everybody asks. */
  readonly openedMs?: number
  /** Since then: calls sent to see, when the last of them went, and how many were answered. */
  readonly probes: number
  readonly probedMs?: number
  readonly answered: number
}

export const closed: Breaker = { pieces: [], probes: 0, answered: 0 }
const opened = (nowMs: number): Breaker => ({ ...closed, openedMs: nowMs })

/** A clock that was set back holds nobody up. */
const within = (ms: number, fromMs: number | undefined, nowMs: number): boolean => fromMs !== undefined && Math.abs(nowMs - fromMs) < ms

/** Nobody may ask at the moment: it was opened lately, or those who see are out. */
export const isOpen = (breaker: Breaker, nowMs: number): boolean =>
  within(breakerLimits.pauseMs, breaker.openedMs, nowMs) ||
  (breaker.probes >= breakerLimits.probes && within(breakerLimits.pauseMs, breaker.probedMs, nowMs))

/** Somebody asks, of whom `isOpen` said that they may. Probes that never came back are sent anew. */
export function asked(breaker: Breaker, nowMs: number): Breaker {
  if (breaker.openedMs === undefined) return breaker
  return { ...breaker, probes: breaker.probes >= breakerLimits.probes ? 1 : breaker.probes + 1, probedMs: nowMs }
}

/** What became of a call. */
export function noted(breaker: Breaker, wasAnswered: boolean, nowMs: number): Breaker {
  if (breaker.openedMs !== undefined) {
    // Of calls that left before it opened.
    if (breaker.probes === 0) return breaker
    if (!wasAnswered) return opened(nowMs)
    const answered = breaker.answered + 1
    return answered >= breakerLimits.probes ? closed : { ...breaker, answered }
  }
  const second = Math.floor(nowMs / 1_000)
  const recent = breaker.pieces.filter(one => within(breakerLimits.windowMs, one.second * 1_000, nowMs))
  const piece = recent.find(one => one.second === second) ?? { second, calls: 0, missed: 0 }
  const counted = { second, calls: piece.calls + 1, missed: piece.missed + (wasAnswered ? 0 : 1) }
  const pieces = [...recent.filter(one => one.second !== second), counted]
  const [calls, missed] = [sum(pieces, 'calls'), sum(pieces, 'missed')]
  const tooMany = calls >= breakerLimits.callsMin && missed * 100 >= calls * breakerLimits.missedPct
  return tooMany ? opened(nowMs) : { ...breaker, pieces }
}

const sum = (pieces: readonly Piece[], name: 'calls' | 'missed'): number => pieces.reduce((total, one) => total + one[name], 0)
