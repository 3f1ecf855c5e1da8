/** What the endpoints of imports and exports take and answer. */
import { z } from 'zod'
import { id, name, text } from '../http/schemas.ts'
import { channelName } from '../instruments/schemas.ts'
import { encodings, exportStatuses, formats, importStatuses } from './tables.ts'

export const importBody = z.strictObject({
  format: z.enum(formats, 'must be csv or jsonl'),
  encoding: z.enum(encodings, 'must be utf-8 or windows-1252').optional().describe('utf-8 without it.'),
  mapping: z
    .record(z.string().max(80, 'a name has at most 80 characters'), text(200), 'must be an object: our field → your column')
    .refine(value => Object.keys(value).length <= 60, 'must have at most 60 entries')
    .optional()
    .describe('Our field → your column, where the two are not called the same: `{"token": "Payment method ID"}`.'),
  dry_run: z.boolean('must be true or false').optional().describe('Everything but writing; the same report.'),
  channel: channelName.optional().describe('Of rows that name none.'),
  source_name: name(60).describe('What the rows come from. Instruments are told apart by it and the former system’s own id.'),
  card_file: id('cdf').optional().describe('Whose cards the rows name in the field `card`; all its parts must have come.'),
  notices: z.enum(['each', 'none'], 'must be each or none').optional().describe('`none`: no event a row; the report is the notice.'),
})
export const importParams = z.strictObject({ id: id('imp') })
export const partParams = z.strictObject({
  id: id('imp'),
  number: z
    .string()
    .regex(/^[1-9][0-9]{0,4}$/, 'must be the number of the part: 1 and up')
    .transform(Number),
})
export const reportQuery = z.strictObject({
  format: z.enum(formats, 'must be csv or jsonl').default('jsonl'),
  outcome: z.enum(['imported', 'merged', 'unchanged', 'refused'], 'must be imported, merged, unchanged or refused').optional(),
})

const instant = z.iso.datetime()
export const importShape = z
  .object({
    id: z.string(),
    object: z.literal('import'),
    livemode: z.boolean(),
    status: z.enum(importStatuses).describe('`parked`: it failed ten times in a row, see `cause`; start it again.'),
    format: z.enum(formats),
    channel: z.string().nullable(),
    source_name: z.string(),
    card_file: z.string().nullable(),
    dry_run: z.boolean(),
    parts: z.int(),
    rows: z.object({
      received: z.int(),
      read: z.int(),
      imported: z.int(),
      merged: z.int().describe('Joined an instrument that was here.'),
      unchanged: z.int().describe('Were here already.'),
      refused: z.int(),
    }),
    rows_per_second: z.number().nullable(),
    cause: z.string().nullable(),
    created_at: instant,
    started_at: instant.nullable(),
    finished_at: instant.nullable(),
  })
  .meta({ id: 'Import' })
export const partShape = z
  .object({ object: z.literal('import_part'), import: z.string(), number: z.int(), sha256: z.string(), rows: z.int() })
  .meta({ id: 'ImportPart' })

export const exportBody = z.strictObject({ format: z.enum(formats, 'must be csv or jsonl').optional().describe('jsonl without it.') })
export const exportParams = z.strictObject({ id: id('exp') })
export const exportPartParams = z.strictObject({ id: id('exp'), number: partParams.shape.number })
export const exportShape = z
  .object({
    id: z.string(),
    object: z.literal('export'),
    livemode: z.boolean(),
    status: z.enum(exportStatuses),
    format: z.enum(formats),
    parts: z.int(),
    rows: z.int(),
    cause: z.string().nullable(),
    created_at: instant,
    finished_at: instant.nullable(),
  })
  .meta({ id: 'Export' })
export const exportKeysShape = z
  .object({
    object: z.literal('list'),
    data: z.array(z.object({ id: z.string(), algorithm: z.literal('ed25519'), public_key: z.string() })),
  })
  .meta({ id: 'ExportKeys' })
export const signatureShape = z
  .object({
    object: z.literal('export_signature'),
    algorithm: z.literal('ed25519'),
    key: z.string(),
    signature: z.string().describe('In base64.'),
  })
  .meta({ id: 'ExportSignature' })
