import type { Place } from '../world/ask.ts'
import { big, int, json, maybe, type Row, table, text, time } from '../world/table.ts'

/** How far each question has come. Nobody's in particular: it counts everybody's rows. */
export const invariantChecks = table(
  'invariant_checks',
  {
    name: text(),
    /** The round that is under way, counted from 1. */
    round: int(),
    /** The last row that was looked at; null: the round begins. */
    cursor: maybe(json<Place>()),
    looked: big(),
    found: big(),
    began_at: time(),
    /** Of the last whole round. */
    last_looked: maybe(big()),
    last_found: maybe(big()),
    last_ended_at: maybe(time()),
    /** Why it could not be asked the last time. */
    cause: maybe(text()),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  { key: ['name'] },
)

/** What was found and still is: a row that was not seen again in the next round goes. */
export const invariantFindings = table(
  'invariant_findings',
  {
    /** Whose row it is; empty: nobody's. */
    tenant: text(),
    invariant: text(),
    subject: text(),
    /** Empty: of neither. */
    mode: text(),
    shown: json<Readonly<Record<string, unknown>>>(),
    round: int(),
    first_seen_at: time(),
    last_seen_at: time(),
    version: int(),
  },
  { key: ['subject', 'invariant', 'tenant'] },
)

export type CheckRow = Row<typeof invariantChecks>
