import type { ChannelName } from '../channels/channel.ts'
import { int, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

/** `dismissed`: nothing is said of it but that nobody waits for it any more. */
export const outcomes = ['bound', 'not_bound', 'revoked', 'dismissed'] as const
export type Outcome = (typeof outcomes)[number]

/** What a person said of something in doubt. Kept for ever; never a token. */
export const settlements = table(
  'settlements',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    /** The unknown's id. */
    subject: text(),
    kind: text<'operation' | 'news'>(),
    channel: text<ChannelName>(),
    instrument: text(),
    binding: text(),
    outcome: text<Outcome>(),
    /** Null after an erasure. */
    evidence: maybe(text()),
    /** Why it was in doubt, and since when. */
    cause: maybe(text()),
    since: time(),
    settled_by: maybe(text()),
    settled_key: text(),
    /** By which a second person allowed it. */
    approval: maybe(text()),
    request: text(),
    settled_at: time(),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    indexes: { settlements_instrument: ['instrument', 'tenant'] },
    checks: {
      settlements_mode: row => row.mode === 'test' || row.mode === 'live',
      settlements_outcome: row => outcomes.includes(row.outcome),
    },
  },
)
export type SettlementRow = Row<typeof settlements>
