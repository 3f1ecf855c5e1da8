import type { Advice } from '../core/updater-file.ts'
import type { Expiry } from '../instruments/expiry.ts'
import { int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode, UpdatePolicy } from '../world/world.ts'

/**
 * writing: the vault is to write the file · open: results are awaited · asking: the updater is asked on line · telling: instruments are told,
 * one after the other · done · failed: with its cause
 */
export const runStatuses = ['writing', 'open', 'asking', 'telling', 'done', 'failed'] as const
export type RunStatus = (typeof runStatuses)[number]

/** One file of inquiries to an account updater, and what came back. Both files are sealed: only the vault and the updater read them. */
export const updaterRuns = table(
  'updater_runs',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    updater: text(),
    kind: text<'batch' | 'online'>(),
    status: text<RunStatus>(),
    lines: int(),
    /** The cursor: instruments of the lines up to here were told. */
    told: int(),
    inquiries: maybe(text()),
    results: maybe(text()),
    cause: maybe(text()),
    tries: int(),
    request: maybe(text()),
    created_at: time(),
    updated_at: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  { key: ['tenant', 'id'], checks: { updater_runs_status: row => runStatuses.includes(row.status) } },
)

/** One card that was asked about. */
export const updaterLines = table(
  'updater_lines',
  {
    tenant: text(),
    run: text(),
    line: int(),
    instrument: text(),
    /** The version that was asked about, and its end. */
    card_version: int(),
    about: maybe(json<Expiry>()),
    /** The version under which the vault seals what is new. */
    next_version: maybe(int()),
    /** What was told; `-`: nothing is sealed, so nothing was asked. */
    advice: maybe(text<Advice | '-'>()),
    told_at: maybe(time()),
    version: int(),
  },
  { key: ['run', 'tenant', 'line'], indexes: { updater_lines_instrument: ['instrument', 'tenant'] } },
)

/** When an instrument's card is asked about, where anything was said or asked; without a row the deployment's policy holds. */
export const updateSchedules = table(
  'update_schedules',
  {
    tenant: text(),
    instrument: text(),
    mode: text<Mode>(),
    policy: maybe(text<UpdatePolicy>()),
    /** So many days at least between two inquiries: each costs. */
    days_min: maybe(int()),
    asked_at: maybe(time()),
    inquiries: int(),
    /** `<tenant>/<mode>` once its time has come and until a run takes it, else null. */
    queue: maybe(text()),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  { key: ['tenant', 'instrument'], indexes: { update_schedules_queue: ['queue'] } },
)

/** What is paid for: inquiries, and advices by letter, by month (UTC). */
export const updaterCounts = table(
  'updater_counts',
  { tenant: text(), mode: text<Mode>(), updater: text(), month: text(), what: text<'inquiry' | Advice>(), number: int(), version: int() },
  { key: ['tenant', 'mode', 'updater', 'month', 'what'] },
)

export type UpdaterRunRow = Row<typeof updaterRuns>
export type UpdaterLineRow = Row<typeof updaterLines>
export type UpdateScheduleRow = Row<typeof updateSchedules>
