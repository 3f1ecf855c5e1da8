/**
 * `npx bindery restore --from <backup> --to <new folder>`: makes a data folder, as the database was at the end of its log or at the second asked
 * for; shreds again what was shredded since, and verifies what it made before it gives it out. It touches nothing that is there.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type ClientConfig, Pool } from 'pg'
import { auditNotes, auditRows } from '../src/audit/queries.ts'
import { type Finding, verifyAudit } from '../src/audit/verify.ts'
import { BackupProblem, readManifest } from '../src/backup/manifest.ts'
import { confirmedWithoutInstrument, connected } from '../src/backup/queries.ts'
import { restore } from '../src/backup/restore.ts'
import { channels } from '../src/channels/index.ts'
import { loadConfig } from '../src/config.ts'
import { openCheckpoint, readVerifier } from '../src/core/checkpoint.ts'
import { shredLogFile } from '../src/vault/shred-log.ts'
import { asRole, roles } from '../src/world/migrate.ts'
import { notesIn } from './audit.ts'
import { CliError } from './caller.ts'
import { type Total, verifyAll } from './verify.ts'

const usage =
  'npx bindery restore --from <backup> --to <folder that is not there yet> [--until 2026-11-22T03:04:05Z] [--archive <folder>] [--shreds <file>]… [--witness <file>] [--quick] [--json]'

type Looked = {
  /** Null: it was asked to be quick. */
  readonly verified: Total | null
  readonly sealed_without_instrument: number
  /** Null: there was no key to verify it with. */
  readonly audit: { readonly rows: number; readonly findings: readonly Finding[] } | null
  /** Rows of the audit that the witness saw and that are later than the chosen second. */
  readonly audit_rows_after: number
}

export async function restoreCommand(args: readonly string[], print: (line: string) => void): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ from: { type: 'string' }, to: { type: 'string' }, until: { type: 'string' }, archive: { type: 'string' } },
      ...{ shreds: { type: 'string', multiple: true, default: [] }, witness: { type: 'string' }, quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
    },
  })
  if (values.from === undefined || values.to === undefined) throw new CliError(usage)
  const [from, data] = [resolve(values.from), resolve(values.to)]
  const began = performance.now()
  try {
    const archive = resolve(values.archive ?? loadConfig([...channels.values()]).archiveFolder ?? readManifest(from).archive)
    const shredLogs = values.shreds.length > 0 ? values.shreds : [join(archive, shredLogFile)]
    const witnessed = values.witness === undefined ? [] : witnessOf(values.witness)
    const looked: Looked[] = []
    const restored = await restore({ from, data, archive, until: timeOf(values.until), shredLogs }, async connection => {
      looked.push(await look(connection, { keyFile: join(from, 'audit-key.txt'), witnessed, data, quick: values.quick }))
    })
    const [found] = looked
    const ms = Math.round(performance.now() - began)
    const keys = restored.shredded.reduce((sum, one) => sum + one.keys, 0)
    const told = { data, until: new Date(restored.until).toISOString(), segments: restored.segments, shredded_again: restored.shredded.length, keys, unlogged: restored.unlogged, ms, ...found }
    if (values.json) print(JSON.stringify({ ...told, warnings: restored.warnings }))
    else for (const line of [...sentences(told), ...restored.warnings]) print(line)
    return isWhole(found) && restored.unlogged === 0 ? 0 : 1
  } catch (error) {
    if (error instanceof BackupProblem) throw new CliError(error.message)
    throw error
  }
}

const isWhole = (found: Looked | undefined): boolean =>
  found !== undefined && (found.verified?.differences ?? 0) === 0 && found.sealed_without_instrument === 0 && (found.audit?.findings.length ?? 0) === 0

/** In milliseconds. Without an offset a time could mean two hours. */
function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw new CliError(`--until takes a time with its offset, such as 2026-11-22T03:04:05Z: ${text}`)
  return ms
}

function witnessOf(path: string): readonly string[] {
  if (!existsSync(path)) throw new CliError(`there is no ${path}`)
  return notesIn(readFileSync(path, 'utf8'))
}

type LookAt = { readonly keyFile: string; readonly witnessed: readonly string[]; readonly data: string; readonly quick: boolean }

/** As `bindery verify` and `bindery audit verify` do; and that API and vault are of one second. */
async function look(connection: ClientConfig, { keyFile, witnessed, data, quick }: LookAt): Promise<Looked> {
  const verified = quick ? null : await verifyAll(connection, () => {})
  const sealed_without_instrument = await connected(connection, confirmedWithoutInstrument)
  if (!existsSync(keyFile)) return { verified, sealed_without_instrument, audit: null, audit_rows_after: 0 }
  const verifier = readVerifier(readFileSync(keyFile, 'utf8'))
  const pool = new Pool({ ...asRole(connection, roles.vault), max: 1 })
  try {
    const notes = await auditNotes(pool)
    const size = Math.max(0, ...notes.map(one => one.size))
    // What the witness saw later was undone by the choice of the second: it is kept, and said, and no finding.
    const sizes = witnessed.map(note => ({ note, size: openCheckpoint(note, verifier)?.size ?? 0 }))
    const [kept, after] = [sizes.filter(one => one.size <= size), sizes.filter(one => one.size > size)]
    const { rows, findings } = await verifyAudit({ rows: auditRows(pool), notes, witnessed: kept.map(one => one.note), verifier })
    for (const [name, of] of [
      ['audit-witness.txt', kept],
      ['audit-witness-after.txt', after],
    ] as const)
      if (of.length > 0) appendFileSync(join(data, name), of.map(one => `${one.note}\n`).join(''), { mode: 0o600 })
    return { verified, sealed_without_instrument, audit: { rows, findings }, audit_rows_after: Math.max(size, ...after.map(one => one.size)) - size }
  } finally {
    await pool.end()
  }
}

function sentences(told: {
  readonly data: string
  readonly until: string
  readonly ms: number
  readonly shredded_again: number
  readonly keys: number
  readonly unlogged: number
  readonly verified?: Total | null
  readonly sealed_without_instrument?: number
  readonly audit?: Looked['audit']
  readonly audit_rows_after?: number
}): readonly string[] {
  const { verified, audit } = told
  return [
    `${told.data} holds the database as it was at ${told.until} (${(told.ms / 1000).toFixed(1)} s).`,
    `${told.shredded_again} owners had been shredded later and were shredded again, ${told.keys} data keys with them.`,
    ...(told.unlogged === 0
      ? []
      : [
          `THE LOG OF SHREDDINGS IS NOT WHOLE: it lacks ${told.unlogged} that this database knows of. What was shredded after this second may be there again: find a newer copy of the log, and restore again with --shreds.`,
        ]),
    `${verified ? `${verified.instruments} instruments and ${verified.bindings} bindings recomputed, ${verified.differences} differences` : 'Nothing was recomputed: `bindery verify` does'}; ${told.sealed_without_instrument ?? 0} sealed things without an instrument.`,
    audit === null || audit === undefined
      ? 'The audit was not verified: the backup holds no audit-key.txt. `bindery audit verify --key …` does.'
      : `The audit: ${audit.rows} rows, ${audit.findings.length} findings${(told.audit_rows_after ?? 0) > 0 ? `; ${told.audit_rows_after} rows that a witness saw are later than this second` : ''}.`,
    'Put the root key, server-keys.json and the other files of docs/backup.md beside it, start Bindery with DATA_FOLDER on it, and take a backup.',
  ]
}
