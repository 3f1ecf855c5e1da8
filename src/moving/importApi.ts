/** The endpoints of imports. */
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { showTime } from '../http/schemas.ts'
import { createImport, partBytesMax, readImport, receivePart, startImport } from './import.ts'
import { reportPieces } from './report.ts'
import { importBody, importParams, importShape, partParams, partShape, reportQuery } from './shapes.ts'
import type { ImportRow } from './tables.ts'

const tag = 'Imports and exports'
const shown = { description: 'The import and how far it is.', schema: importShape }

export function viewImport(row: Omit<ImportRow, 'version'>) {
  const ms = row.started_at === null ? 0 : row.updated_at - row.started_at
  return {
    id: row.id,
    object: 'import' as const,
    livemode: row.mode === 'live',
    status: row.status,
    format: row.format,
    channel: row.channel,
    source_name: row.source_name,
    card_file: row.card_file,
    dry_run: row.dry_run,
    parts: row.parts,
    rows: { received: row.rows, ...row.tally },
    rows_per_second: ms > 0 ? Math.round((row.tally.read * 1_000) / ms) : null,
    cause: row.cause,
    created_at: showTime(row.created_at),
    started_at: row.started_at === null ? null : showTime(row.started_at),
    finished_at: row.finished_at === null ? null : showTime(row.finished_at),
  }
}

export const importEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/imports',
    name: 'createImport',
    summary: 'Begin to take over what another system holds',
    description:
      'Then send the rows in parts, and start it. A row is one token of one customer at one channel. Card numbers do not belong in it: a row that holds one is refused and not kept. Where the vault has them from a card file, rows name them by `card`.',
    tag,
    auth: 'secret',
    action: 'imports.write',
    params: nothing,
    query: nothing,
    body: importBody,
    answers: { 201: shown },
    handle: async ({ world, caller }, { body }) => {
      const row = await createImport(world, {
        ...{ tenant: caller.tenant, mode: caller.mode, format: body.format, encoding: body.encoding ?? 'utf-8' },
        ...{ mapping: body.mapping ?? {}, channel: body.channel ?? null, sourceName: body.source_name },
        ...{ dryRun: body.dry_run ?? false, notices: body.notices ?? 'each', cardFile: body.card_file },
      })
      return { status: 201, body: viewImport(row) }
    },
  }),
  endpoint({
    method: 'PUT',
    path: '/v1/imports/{id}/parts/{number}',
    name: 'putImportPart',
    summary: 'Send one part of the file',
    description: `Parts come in order, each of at most ${partBytesMax} bytes and cut after a line end; of CSV the first line of the first part names the columns. The same part again is the same part. \`Content-Digest: sha-256=:…:\` (RFC 9530) is checked where it is given.`,
    tag,
    auth: 'secret',
    action: 'imports.write',
    rawBody: true,
    bodyBytesMax: partBytesMax,
    params: partParams,
    query: nothing,
    body: nothing,
    answers: { 201: { description: 'Received.', schema: partShape }, 200: { description: 'Had come before.', schema: partShape } },
    handle: async ({ world, caller }, { params, raw, headers }) => {
      const row = await readImport(world, { ...caller, id: params.id })
      const part = await receivePart(world, row, { number: params.number, body: raw, digestHeader: headers['content-digest'] })
      const body = { object: 'import_part' as const, import: row.id, number: part.number, sha256: part.digest, rows: part.rows }
      return { status: part.created ? 201 : 200, body }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/imports/{id}/start',
    name: 'startImport',
    summary: 'All parts are there: take the rows',
    tag,
    auth: 'secret',
    action: 'imports.write',
    params: importParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: async ({ world, caller }, { params }) => {
      const row = await readImport(world, { ...caller, id: params.id })
      return { status: 200, body: viewImport(await startImport(world, row)) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/imports/{id}',
    name: 'getImport',
    summary: 'How far an import is',
    tag,
    auth: 'secret',
    action: 'imports.read',
    params: importParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: async ({ world, caller }, { params }) => ({
      status: 200,
      body: viewImport(await readImport(world, { ...caller, id: params.id })),
    }),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/imports/{id}/report',
    name: 'getImportReport',
    summary: 'What became of each row',
    description: 'A row a line, in the order of the file: its line, its token, the outcome, and of a refused one the field that was wrong.',
    tag,
    auth: 'secret',
    action: 'imports.read',
    params: importParams,
    query: reportQuery,
    body: nothing,
    answers: { 200: { description: 'JSONL, or CSV with a first line of names.', contentType: 'application/jsonl; charset=utf-8' } },
    handle: async ({ world, caller }, { params, query }) => {
      const row = await readImport(world, { ...caller, id: params.id })
      const headers = query.format === 'csv' ? { 'content-type': 'text/csv; charset=utf-8' } : {}
      return { status: 200, headers, body: reportPieces(world, row, { format: query.format, outcome: query.outcome }) }
    },
  }),
]
