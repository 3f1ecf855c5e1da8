/** When a delivery is tried again, and when it is given up: pure. */

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** Waits before the tries: ten of them over about 75 hours, close together first (an endpoint restarting), then far apart. */
export const waitsMs = [0, 5 * second, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour] as const
export const triesMax = waitsMs.length
/** Each wait is stretched or shortened by up to this much, so that what failed together does not come back together. */
export const jitter = 0.1
/** The longest wait an endpoint can ask for with Retry-After. */
export const retryAfterMaxMs = 24 * hour

/**
 * Milliseconds until the next try after `tries` failed ones, or undefined when there is none. `chance` is in [0, 1). An endpoint may
 * ask for more time (`retryAfterMs`), not for less.
 */
export function waitAfter(tries: number, chance: number, retryAfterMs: number | undefined): number | undefined {
  const wait = waitsMs[tries]
  if (wait === undefined) return undefined
  const stretched = Math.round(wait * (1 - jitter + 2 * jitter * chance))
  return Math.max(stretched, Math.min(retryAfterMs ?? 0, retryAfterMaxMs))
}

/** Retry-After (RFC 9110, 10.2.3) in milliseconds from now: whole seconds or an HTTP date. Undefined if absent, past or unreadable. */
export function readRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * second
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(header)) return undefined
  const at = Date.parse(header)
  return at > nowMs ? at - nowMs : undefined
}
