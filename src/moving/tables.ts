/** What moves in and out: imports with their parts and reports, exports with theirs. */
import type { ChannelName } from '../channels/channel.ts'
import { bool, bytes, int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

export const importStatuses = ['open', 'running', 'done', 'parked'] as const
export type ImportStatus = (typeof importStatuses)[number]
export const formats = ['csv', 'jsonl'] as const
export type Format = (typeof formats)[number]
export const encodings = ['utf-8', 'windows-1252'] as const
export type Encoding = (typeof encodings)[number]

/** What became of the rows so far. `merged`: joined an instrument that was here. `unchanged`: was here already, as it is. */
export type Tally = {
  readonly read: number
  readonly imported: number
  readonly merged: number
  readonly unchanged: number
  readonly refused: number
}

/** `part` and `place`: which row is next. They move in the commit that writes the rows before it, so a row is never taken twice. */
export const imports = table(
  'imports',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    status: text<ImportStatus>(),
    format: text<Format>(),
    encoding: text<Encoding>(),
    /** Our field → the file's column. */
    mapping: json<Readonly<Record<string, string>>>(),
    /** The file's columns in order, once its first part has come. */
    columns: maybe(json<readonly string[]>()),
    /** Of rows that name none. */
    channel: maybe(text<ChannelName>()),
    source_name: text(),
    dry_run: bool(),
    /** `none`: the report is the only notice. */
    notices: text<'each' | 'none'>(),
    parts: int(),
    rows: int(),
    /** Lines of the file so far. */
    lines: int(),
    /** The last part ended where a line ends. */
    whole: bool(),
    part: int(),
    place: int(),
    /** Pieces of the report. */
    reports: int(),
    tally: json<Tally>(),
    tries: int(),
    cause: maybe(text()),
    created_at: time(),
    started_at: maybe(time()),
    updated_at: time(),
    finished_at: maybe(time()),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
    /** Whose cards the rows name. */
    card_file: maybe(text()),
  },
  {
    key: ['tenant', 'id'],
    checks: {
      imports_status: row => importStatuses.includes(row.status),
      imports_due_said: row => (row.due_at !== null) === (row.status === 'running'),
    },
  },
)

/** A part as it was read: rows that passed, and what was wrong with the others. Goes when its last row is done. */
export const importParts = table(
  'import_parts',
  {
    import: text(),
    number: int(),
    tenant: text(),
    /** SHA-256 of the bytes as they came, in hexadecimal: the same part again is the same part. */
    digest: text(),
    rows: int(),
    /** One JSON text a row, compressed; absent once they are done. */
    content: maybe(bytes()),
    version: int(),
  },
  { key: ['import', 'number', 'tenant'] },
)

/** What became of one batch of rows: one JSON text a row, compressed. */
export const importReports = table(
  'import_reports',
  { import: text(), number: int(), tenant: text(), rows: int(), content: bytes() },
  { key: ['import', 'number', 'tenant'] },
)

/** What a dry run would have made, so that later rows meet it. */
export const importMarks = table(
  'import_marks',
  { import: text(), name: text(), tenant: text(), customer: text(), version: int() },
  { key: ['import', 'name', 'tenant'] },
)

export const exportStatuses = ['running', 'done', 'parked'] as const
export type ExportStatus = (typeof exportStatuses)[number]

/** `attempt`: a snapshot cannot be taken up again, so an export whose worker died begins anew under the next number. */
export const exports = table(
  'exports',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    status: text<ExportStatus>(),
    format: text<Format>(),
    attempt: int(),
    parts: int(),
    rows: int(),
    /** The manifest's text as it was signed, and the signature in base64. */
    manifest: maybe(text()),
    signature: maybe(text()),
    cause: maybe(text()),
    created_at: time(),
    finished_at: maybe(time()),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    checks: {
      exports_status: row => exportStatuses.includes(row.status),
      exports_due_said: row => (row.due_at !== null) === (row.status === 'running'),
    },
  },
)

export const exportParts = table(
  'export_parts',
  {
    export: text(),
    attempt: int(),
    number: int(),
    tenant: text(),
    rows: int(),
    sha256: text(),
    bytes: int(),
    content: bytes(),
    version: int(),
  },
  { key: ['export', 'attempt', 'number', 'tenant'] },
)

export type ImportRow = Row<typeof imports>
export type ImportPartRow = Row<typeof importParts>
export type ExportRow = Row<typeof exports>
