import type { ChannelName, InstrumentKind, MandateTerms } from '../channels/channel.ts'
import { int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'
import { type SessionStatus, sessionLifecycle, submissionsMax } from './session.ts'

/** What a browser may do for one customer for a quarter of an hour. All of its state is here: the browser keeps nothing but the secret. */
export const bindingSessions = table(
  'binding_sessions',
  {
    id: text(),
    tenant: text(),
    mode: text<Mode>(),
    customer: text(),
    status: text<SessionStatus>(),
    /** Keyed hash of the client's secret, in hexadecimal. */
    secret_hash: text(),
    /** What may be bound; null: anything. */
    kinds: maybe(json<readonly InstrumentKind[]>()),
    channels: maybe(json<readonly ChannelName[]>()),
    /** Web pages that may use it. */
    origins: json<readonly string[]>(),
    return_url: text(),
    /** Version of the text that the customer agrees to with each submission. */
    consent_text: maybe(text()),
    terms: maybe(json<MandateTerms>()),
    /** The instrument that ends when the new one is bound. */
    replaces: maybe(text()),
    /** What the last submission is binding, or has bound. */
    instrument: maybe(text()),
    /** Keyed hash of what was submitted last: the same again is a click too many. */
    submitted: maybe(text()),
    /** When that was, on the real clock: its bindings are no older. */
    submitted_at: maybe(time()),
    submissions: int(),
    grants: int(),
    /** Submissions that came to nothing. */
    refused: int(),
    created_at: time(),
    updated_at: time(),
    /** On its customer's clock, as is `due_at`. */
    expires_at: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['id'],
    indexes: { binding_sessions_customer: ['customer', 'tenant'] },
    checks: {
      binding_sessions_status: row => sessionLifecycle.states.includes(row.status),
      binding_sessions_submissions: row => row.submissions >= 0 && row.submissions <= submissionsMax,
    },
    references: { binding_sessions_owner: { columns: ['tenant', 'customer'], to: 'customers' } },
  },
)
export type SessionRow = Row<typeof bindingSessions>
