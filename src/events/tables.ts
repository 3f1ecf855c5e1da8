/**
 * The outbox and what hangs on it. An event is inserted by the commit that changed what it tells of; a delivery is one event on its way
 * to one endpoint.
 *
 * `events` and `deliveries` have two columns more in PostgreSQL, filled by defaults and never written by us: `xid` (the inserting
 * transaction) and `position` (a sequence). Ordered by both, and read only below the oldest transaction still running, rows come in
 * an order to which nothing is ever added behind a reader. In memory the order of commits is that order.
 */
import { big, int, json, maybe, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

export type DeliveryState = 'pending' | 'delivered' | 'parked' | 'skipped'

/** Append-only, but for what an erasure takes out of `data`. `sequence` counts the events of one instrument from 1, without gaps; null where an event is about no instrument. */
export const events = table(
  'events',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    instrument: maybe(text()),
    customer: maybe(text()),
    sequence: maybe(int()),
    type: text(),
    data: json<Readonly<Record<string, unknown>>>(),
    created_at: time(),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    unique: { events_sequence: ['instrument', 'sequence', 'tenant'] },
    checks: {
      events_sequence_counts: row => (row.instrument === null) === (row.sequence === null) && (row.sequence ?? 1) > 0,
      events_mode_known: row => row.mode === 'test' || row.mode === 'live',
    },
  },
)

/** Keys to sign with, both kinds sealed together. `expires_at` is set when they are being rotated out. */
export type SealedKeys = {
  readonly sealed: string
  /** `whpk_…`: what a receiver checks `v1a` signatures with. */
  readonly public_key: string
  readonly created_at: number
  readonly expires_at: number | null
}

export const webhookEndpoints = table(
  'webhook_endpoints',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    url: text(),
    description: text(),
    /** Event types, `binding.*` for all of a kind, `*` for all. */
    types: json<readonly string[]>(),
    status: text<'enabled' | 'disabled'>(),
    disabled_reason: maybe(text<'requested' | 'gone' | 'failing'>()),
    /** Newest first. */
    secrets: json<readonly SealedKeys[]>(),
    /** The first failure after the last success. */
    failing_since: maybe(time()),
    created_at: time(),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    indexes: { webhook_endpoints_mode: ['mode', 'tenant'] },
    checks: {
      webhook_endpoints_mode_known: row => row.mode === 'test' || row.mode === 'live',
      webhook_endpoints_status_known: row =>
        row.status === 'enabled' ? row.disabled_reason === null : row.status === 'disabled' && row.disabled_reason !== null,
    },
  },
)

/** One event on its way to one endpoint. Pending ones, and only they, have a `due_at`: in real time, whatever clock the customer is on. */
export const deliveries = table(
  'deliveries',
  {
    tenant: text(),
    endpoint: text(),
    event: text(),
    /** What order is kept within at an endpoint: the instrument, or the event itself if it is about none. */
    line: text(),
    sequence: int(),
    state: text<DeliveryState>(),
    tries: int(),
    due_at: maybe(time()),
    last_try_at: maybe(time()),
    last_status: maybe(int()),
    last_error: maybe(text()),
    created_at: time(),
    version: int(),
  },
  {
    // In key order a line's deliveries stand in their order; `find` gives rows in key order.
    key: ['tenant', 'endpoint', 'line', 'sequence'],
    unique: { deliveries_event: ['tenant', 'endpoint', 'event'] },
    indexes: { deliveries_line: ['tenant', 'endpoint', 'line', 'state', 'sequence'] },
    checks: {
      deliveries_state_known: row => ['pending', 'delivered', 'parked', 'skipped'].includes(row.state),
      deliveries_pending_is_due: row => (row.state === 'pending') === (row.due_at !== null),
      deliveries_tries_bound: row => row.tries >= 0,
    },
  },
)

/** How far an endpoint's deliveries have been made from the events, in commit order. */
export const cursors = table(
  'cursors',
  { tenant: text(), endpoint: text(), xid: big(), position: big(), moved_at: time(), version: int() },
  { key: ['tenant', 'endpoint'] },
)
