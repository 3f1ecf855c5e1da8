import type { ChannelName, News } from '../channels/channel.ts'
import { int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

export const sweepStatuses = ['planned', 'walking', 'held', 'applying', 'done', 'discarded'] as const
export type SweepStatus = (typeof sweepStatuses)[number]

/** One comparison of a tenant's bindings at a channel with what the channel says it keeps. */
export const sweeps = table(
  'sweeps',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    channel: text<ChannelName>(),
    status: text<SweepStatus>(),
    /** `<mode>/<channel>` from its beginning to its end: one at a time. */
    slot: maybe(text()),
    /** The customer that was looked at last. */
    cursor: maybe(text()),
    /** Bindings that were compared; of these, how many were not on the list, and how many would change. */
    looked: int(),
    missing: int(),
    changes: int(),
    /** Bindings whose list was not answered: nothing is known of them. */
    unanswered: int(),
    /** How many of the changes were made. */
    changed: int(),
    /** Misses in a row, a day apart, that make an absence a fact. */
    misses: int(),
    /** Above this share of what it looked at, in percent, a person is asked. */
    change_percent_max: int(),
    /** Hours until the next one after its end. */
    repeat_hours: maybe(int()),
    created_at: time(),
    ended_at: maybe(time()),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    unique: { sweeps_slot: ['slot', 'tenant'] },
    checks: {
      sweeps_status: row => sweepStatuses.includes(row.status),
      sweeps_slot_held: row => (row.slot === null) === (row.status === 'planned' || row.status === 'done' || row.status === 'discarded'),
    },
  },
)

/** What a sweep would change: kept until it is known that the sweep as a whole can be believed. */
export const sweepFindings = table(
  'sweep_findings',
  { tenant: text(), sweep: text(), binding: text(), instrument: text(), news: json<News>(), found_at: time(), version: int() },
  { key: ['tenant', 'sweep', 'binding'] },
)

/** Bindings that were missing from their channel's list the last time, and how often in a row. Whoever is seen again has no row. */
export const misses = table(
  'misses',
  { tenant: text(), binding: text(), count: int(), missed_at: time(), version: int() },
  { key: ['tenant', 'binding'] },
)

export type SweepRow = Row<typeof sweeps>
export type FindingRow = Row<typeof sweepFindings>
export type MissRow = Row<typeof misses>
