/** What the updater's endpoints take and answer. */
import { z } from 'zod'
import { advices, fileLinesMax } from '../core/updater-file.ts'
import { id } from '../http/schemas.ts'
import { runStatuses } from './tables.ts'

const instant = z.iso.datetime()
export const policies = ['never', 'on_decline', 'scheduled'] as const

export const runParams = z.strictObject({ id: id('run') })
export const runBody = z.strictObject({
  instruments: z
    .array(id('ins'))
    .min(1)
    .max(fileLinesMax)
    .refine(list => new Set(list).size === list.length, 'must not name an instrument twice')
    .optional()
    .describe('Without it: those whose policy is `scheduled` and whose time has come.'),
})
export const resultsBody = z.strictObject({
  file: z
    .string('must be a file in base64')
    .max(131_072, 'must have at most 131072 characters')
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'must be a file in base64')
    .describe('The sealed file of results, in base64, as the updater gave it.'),
})
export const policyBody = z.strictObject({
  policy: z.enum(policies).optional().describe('`on_decline`: when somebody asks; `scheduled`: also by itself.'),
  min_days: z.int().min(1).max(366).optional().describe('So many days at least between two inquiries.'),
})

const count = z.int().min(0)
export const runShape = z
  .object({
    id: z.string(),
    object: z.literal('updater_run'),
    livemode: z.boolean(),
    updater: z.string(),
    kind: z.enum(['batch', 'online']),
    status: z.enum(runStatuses),
    cause: z.string().nullable(),
    lines: count,
    told: count.describe('Lines whose instruments were told.'),
    advices: z.partialRecord(z.enum(advices), count),
    left_out: z
      .array(z.object({ instrument: z.string(), because: z.string() }))
      .describe('Named, and not asked about; when the run is made.'),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'UpdaterRun' })
export const fileShape = z
  .object({ object: z.literal('updater_file'), run: z.string(), file: z.string().describe('Base64; sealed for the updater alone.') })
  .meta({ id: 'UpdaterFile' })
export const policyShape = z
  .object({
    object: z.literal('update_policy'),
    instrument: z.string(),
    policy: z.enum(policies),
    min_days: z.int(),
    opted_out: z.boolean().describe('Its holder wants no updates: nobody asks until the card is given again.'),
    inquiries: count,
    asked_at: instant.nullable(),
    next_ask_at: instant.nullable(),
  })
  .meta({ id: 'UpdatePolicy' })
export const countsShape = z
  .object({
    object: z.literal('list'),
    data: z.array(z.object({ month: z.string(), updater: z.string(), what: z.enum(['inquiry', ...advices]), number: z.int() })),
  })
  .meta({ id: 'UpdaterCounts' })
