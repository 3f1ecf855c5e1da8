/**
 * An erasure: of an instrument, or of a customer with all of theirs. A row that is due until everything is done, so that it is taken up again
 * wherever it was left, for ever. Its stages follow each other and each may be repeated:
 *
 *   revoking    every channel is asked to forget it; waits until each has answered, and whatever was under way is settled
 *   shredding   the vault destroys the data keys
 *   forgetting  what was shown, kept and told of it is taken out of our rows
 *   erased      done; looked at again an hour, a day and 35 days later, and shredded once more if anything of it came back. Until the last
 *               look its names at channels are kept as keyed hashes, so that what comes alive late is known and given up
 */

import type { ChannelName } from '../channels/channel.ts'
import { bool, int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'
import type { Verb } from './operation.ts'
import type { OperationRow } from './tables.ts'

export const erasureStages = ['revoking', 'shredding', 'forgetting', 'erased'] as const
export type ErasureStage = (typeof erasureStages)[number]

/** What a channel may still hold: the erasure went on without it, and a person has to see to it there. */
export type Orphan = {
  readonly binding: string
  readonly channel: ChannelName
  readonly operation: string
  readonly verb: Verb
  readonly cause: string
}

export type HiddenName = { readonly channel: ChannelName; readonly mode: Mode; readonly name: string }

export const erasures = table(
  'erasures',
  {
    tenant: text(),
    /** The instrument or the customer. */
    subject: text(),
    mode: text<Mode>(),
    customer: text(),
    stage: text<ErasureStage>(),
    /** Notices up to this number hold nothing personal any more. */
    told_to: int(),
    /** How often it was looked at again after its end. */
    looks: int(),
    /** That it waits for a person was told. */
    stuck: bool(),
    orphans: json<readonly Orphan[]>(),
    /** What stands for the names at channels until the last look, so that late news of it is known. */
    hidden: json<readonly HiddenName[]>(),
    /** Why it has not come further. */
    cause: maybe(text()),
    tries: int(),
    request: maybe(text()),
    created_at: time(),
    erased_at: maybe(time()),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  { key: ['tenant', 'subject'], checks: { erasures_stage: row => erasureStages.includes(row.stage) } },
)
export type ErasureRow = Row<typeof erasures>

const day = 24 * 3_600_000
/**
 * How long an erasure waits for channels: a month, as GDPR gives (Art. 12 (3): without undue delay and in any event within one month). After it
 * what no channel has confirmed is recorded as an orphan, and the erasure goes on.
 */
export const erasureLimitMs = 30 * day
/** When an erasure that is done is looked at again: late requests end within the hour, and key store backups within 35 days. */
export const looksAfterMs = [3_600_000, day, 35 * day] as const
/** Time for one turn before another worker takes over. */
export const erasureLeaseMs = 60_000

/** Until the next turn: five seconds, then ever more rarely, six hours at most. */
export const againMs = (age: number): number => Math.max(5_000, Math.min(Math.round(age / 2), 6 * 3_600_000))

/** What it waits for: an answer that is owed, or something a person has to look at. Refreshes and passwords sent again hold nothing up. */
export const holdUp = (asked: readonly OperationRow[]): readonly OperationRow[] =>
  asked.filter(one => one.status !== 'settled' && (one.verb === 'bind' || one.verb === 'resume' || one.verb === 'revoke'))

export const orphanOf = (one: OperationRow): Orphan => ({
  binding: one.binding,
  channel: one.channel,
  operation: one.id,
  verb: one.verb,
  cause: one.cause ?? 'no answer yet',
})

export function viewErasure(row: ErasureRow, waitsFor: readonly OperationRow[]) {
  return {
    object: 'erasure' as const,
    subject: row.subject,
    customer: row.customer,
    livemode: row.mode === 'live',
    stage: row.stage,
    waits_for: waitsFor.map(one => ({ ...orphanOf(one), parked: one.status === 'parked' })),
    orphans: row.orphans,
    cause: row.cause,
    created_at: new Date(row.created_at).toISOString(),
    limit_at: new Date(row.created_at + erasureLimitMs).toISOString(),
    erased_at: row.erased_at === null ? null : new Date(row.erased_at).toISOString(),
  }
}
