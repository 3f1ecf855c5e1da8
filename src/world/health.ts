/**
 * Which channels answer: what this process saw of them lately. It decides the order in which they are tried, and, where a breaker is open or a
 * bulkhead full, that one is not asked at the moment. What decides so: safeguards/health.ts.
 */
export type Health = {
  /** `answered`: whatever the answer was. */
  note(channel: string, answered: boolean, nowMs: number): void
  isWell(channel: string, nowMs: number): boolean
  /** Why nobody of this tenant may ask it at the moment, if so. */
  closedTo(channel: string, tenant: string, nowMs: number): string | undefined
  /** The same for whoever asks now; else what is to be called when the call is over. */
  enter(channel: string, tenant: string, nowMs: number): string | (() => void)
  /** An operation goes out, for the first time or `again`. */
  sent(channel: string, again: boolean, nowMs: number): void
  /** What went out in the last minute. */
  lately(channel: string, nowMs: number): { readonly first: number; readonly again: number }
}
