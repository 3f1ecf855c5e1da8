/**
 * How much of what goes to a channel may be repetitions: a tenth. When a channel falters, everybody's repetitions together would keep it down
 * (Google SRE: retries at most 10 % of a client's requests). A few a minute are always allowed, or the last ones would never be settled.
 */
export type Sent = { readonly first: number; readonly again: number }
export const retryLimits = { pct: 10, always: 30 } as const

/** `sent`: in the last minute. */
export const mayRetry = ({ first, again }: Sent, limits: { readonly pct: number; readonly always: number } = retryLimits): boolean =>
  again < Math.max(limits.always, (first * limits.pct) / 100)
