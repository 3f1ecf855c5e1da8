/** The endpoints of exports. */
import { Problem } from '../core/problem.ts'
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { showTime } from '../http/schemas.ts'
import { createExport, readExport } from './export.ts'
import { exportKey } from './exportKey.ts'
import { unpack } from './pack.ts'
import { exportBody, exportKeysShape, exportParams, exportPartParams, exportShape, signatureShape } from './shapes.ts'
import { type ExportRow, exportParts } from './tables.ts'

const tag = 'Imports and exports'
const shown = { description: 'The export and how far it is.', schema: exportShape }

const viewExport = (row: Omit<ExportRow, 'version'>) => ({
  id: row.id,
  object: 'export' as const,
  livemode: row.mode === 'live',
  status: row.status,
  format: row.format,
  parts: row.parts,
  rows: row.rows,
  cause: row.cause,
  created_at: showTime(row.created_at),
  finished_at: row.finished_at === null ? null : showTime(row.finished_at),
})

function finished(row: ExportRow): { readonly manifest: string; readonly signature: string } {
  const { manifest, signature } = row
  if (manifest === null || signature === null) throw new Problem('conflict', 'the export is not finished')
  return { manifest, signature }
}

export const exportEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/exports',
    name: 'createExport',
    summary: 'Write down all instruments and their tokens, signed',
    description:
      'Every token with its instrument, customer, channel and status, as they stood at one moment. What is written an import of another deployment takes.',
    tag,
    auth: 'secret',
    action: 'exports.write',
    fourEyes: true,
    params: nothing,
    query: nothing,
    body: exportBody,
    answers: { 201: shown },
    handle: async ({ world, caller }, { body }) => {
      const { tenant, mode } = caller
      return { status: 201, body: viewExport(await createExport(world, { tenant, mode, format: body.format ?? 'jsonl' })) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/exports/keys',
    name: 'listExportKeys',
    summary: 'The public key that exports are signed with',
    tag,
    auth: 'secret',
    action: 'exports.read',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'Keep it apart from the exports.', schema: exportKeysShape } },
    handle: async ({ world }) => {
      const { id, publicKey } = exportKey(world)
      return { status: 200, body: { object: 'list', data: [{ id, algorithm: 'ed25519' as const, public_key: publicKey }] } }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/exports/{id}',
    name: 'getExport',
    summary: 'How far an export is',
    tag,
    auth: 'secret',
    action: 'exports.read',
    params: exportParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: async ({ world, caller }, { params }) => ({
      status: 200,
      body: viewExport(await readExport(world, { ...caller, id: params.id })),
    }),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/exports/{id}/manifest',
    name: 'getExportManifest',
    summary: 'What the export holds: counts, and the digest of each part',
    tag,
    auth: 'secret',
    action: 'exports.read',
    params: exportParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'Byte for byte as it was signed.', contentType: 'application/json' } },
    handle: async ({ world, caller }, { params }) => ({
      status: 200,
      body: finished(await readExport(world, { ...caller, id: params.id })).manifest,
    }),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/exports/{id}/signature',
    name: 'getExportSignature',
    summary: 'The detached signature over the manifest',
    tag,
    auth: 'secret',
    action: 'exports.read',
    params: exportParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'Over the bytes of the manifest.', schema: signatureShape } },
    handle: async ({ world, caller }, { params }) => {
      const { signature } = finished(await readExport(world, { ...caller, id: params.id }))
      return { status: 200, body: { object: 'export_signature', algorithm: 'ed25519', key: exportKey(world).id, signature } }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/exports/{id}/parts/{number}',
    name: 'getExportPart',
    unwatched: 'its rows hold networks’ own numbers, some of which pass for card numbers, and its digest is signed',
    summary: 'One part of the rows',
    tag,
    auth: 'secret',
    action: 'exports.read',
    params: exportPartParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'JSONL or CSV.', contentType: 'application/octet-stream' } },
    handle: async ({ world, caller }, { params }) => {
      const row = await readExport(world, { ...caller, id: params.id })
      finished(row)
      const part = await world.store.get(exportParts, { export: row.id, attempt: row.attempt, number: params.number, tenant: row.tenant })
      if (part === undefined) throw new Problem('not_found', 'no such part')
      return { status: 200, body: await unpack(part.content) }
    },
  }),
]
