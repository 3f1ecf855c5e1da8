/** Shapes of what goes in and out of the endpoints of this folder. */
import { z } from 'zod'
import { id, text, timestamp, urlOrLoopback } from '../http/schemas.ts'
import { eventPatterns } from './catalogue.ts'
import { replayMax } from './replay.ts'

const types = z
  .array(z.enum(eventPatterns, 'must be a type of event, such as instrument.bound, or instrument.* or *'), 'must be a list of event types')
  .min(1, 'must name at least one type')
  .max(eventPatterns.length, `must have at most ${eventPatterns.length} entries`)
  .describe('Types of events: one by one, all of a kind (`binding.*`), or all (`*`).')
const description = text(500, 0)

export const endpointParams = z.strictObject({ id: id('whe') })
export const eventParams = z.strictObject({ id: id('evt') })
export const createBody = z.strictObject({ url: urlOrLoopback, types: types.default(['*']), description: description.default('') })
export const updateBody = z.strictObject({ url: urlOrLoopback.optional(), types: types.optional(), description: description.optional() })
export const replayBody = z
  .strictObject({
    events: z
      .array(id('evt'))
      .min(1, 'must name at least one event')
      .max(replayMax, `must have at most ${replayMax} entries`)
      .optional()
      .describe('These, in the order of their sequences.'),
    from: timestamp.optional().describe('With `to`: all events the endpoint wants that were recorded in this time.'),
    to: timestamp.optional(),
  })
  .superRefine((value, context) => {
    const range = value.from !== undefined && value.to !== undefined
    if ((value.events !== undefined) === range || (value.from === undefined) !== (value.to === undefined))
      context.addIssue({ code: 'custom', path: ['events'], message: 'name either events, or from and to' })
    if (range && Number(value.from) > Number(value.to))
      context.addIssue({ code: 'custom', path: ['to'], message: 'must not be before from' })
  })
export const replayEventBody = z.strictObject({
  webhook_endpoint: id('whe').optional().describe('Without it: every enabled endpoint that wants this type.'),
})
export const deliveryStates = z.enum(['pending', 'delivered', 'parked', 'skipped'], 'must be pending, delivered, parked or skipped')

const instant = z.iso.datetime()
export const endpointShape = z
  .object({
    id: z.string(),
    object: z.literal('webhook_endpoint'),
    livemode: z.boolean(),
    url: z.string(),
    description: z.string(),
    types: z.array(z.string()),
    status: z.enum(['enabled', 'disabled']),
    disabled_reason: z
      .enum(['requested', 'gone', 'failing'])
      .nullable()
      .describe('`gone`: it answered 410. `failing`: it only failed for five days.'),
    failing_since: instant.nullable().describe('The first failure after the last success.'),
    keys: z
      .array(z.object({ public_key: z.string(), created_at: instant, expires_at: instant.nullable() }))
      .describe('What signs now, newest first; `public_key` checks `v1a` signatures.'),
    created_at: instant,
  })
  .meta({ id: 'WebhookEndpoint' })
export const secretShape = z
  .object({
    object: z.literal('webhook_secret'),
    secret: z.string().describe('`whsec_…`: checks `v1` signatures.'),
    public_key: z.string().describe('`whpk_…`: checks `v1a` signatures.'),
  })
  .meta({ id: 'WebhookSecret' })
export const deletedShape = z.object({ id: z.string(), object: z.literal('webhook_endpoint'), deleted: z.literal(true) })
export const replayedShape = z
  .object({
    object: z.literal('replay'),
    queued: z.int().describe('Will be sent.'),
    waiting: z.int().describe('Were on their way already.'),
    missing: z.array(z.string()).describe('There is no such event here.'),
    has_more: z.boolean().describe(`The time held more than ${replayMax} events: the oldest were taken. Ask again from a later time.`),
  })
  .meta({ id: 'Replay' })
export const deliveryShape = z
  .object({
    object: z.literal('webhook_delivery'),
    event: z.string(),
    type: z.string(),
    instrument: z.string().nullable(),
    sequence: z.int().nullable(),
    state: deliveryStates,
    tries: z.int(),
    next_try_at: instant.nullable(),
    last_try_at: instant.nullable(),
    last_status: z.int().nullable(),
    last_error: z.string().nullable(),
    created_at: instant,
  })
  .meta({ id: 'WebhookDelivery' })
