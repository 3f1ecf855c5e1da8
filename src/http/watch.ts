import type { Caller } from './endpoint.ts'

/** A request as whoever watches for misuse sees it, after it was answered; `caller`: nobody where the key was none. */
export type Used = {
  readonly endpoint: string
  readonly caller: Caller
  readonly request: string
  readonly url: string
  /** Bytes as they came; anything else: there was none. */
  readonly body: unknown
}
/** Is not waited for, and never rejects. */
export type Watch = (used: Used) => Promise<void>
