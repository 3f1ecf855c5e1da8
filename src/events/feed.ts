/** Reading events in the order they were committed, whatever store is behind it. */
import type { Event } from './event.ts'

/**
 * A place in the feed: text that compares, as text, like the places themselves. `''` is the beginning. Nothing is ever added before
 * a place that was handed out.
 */
export type Cursor = string

export type Fed = { readonly at: Cursor; readonly event: Event }

export interface Feed {
  /**
   * Events after a place, oldest first, at most `limit`, and the place to go on from. Where no endpoint is enabled at all, no events are
   * read and the place is the present.
   */
  after(cursor: Cursor, limit: number): Promise<{ readonly events: readonly Fed[]; readonly cursor: Cursor }>
  /** The present: every event at or before it is committed, none will be added before it. */
  head(): Promise<Cursor>
}
