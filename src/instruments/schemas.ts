/** The shapes of the instruments' endpoints. */
import { z } from 'zod'
import { refusalCategories } from '../channels/channel.ts'
import { channelNames } from '../channels/names.ts'
import { id, ip, metadata, reference, text, timestamp, urlOrLoopback, userAgent } from '../http/schemas.ts'
import { bindingLifecycle } from './binding.ts'
import { instrumentStatuses } from './instrument.ts'

export const channelName = z.enum(channelNames, `must be one of ${channelNames.join(', ')}`)

const client = z.strictObject({ ip: ip.optional(), user_agent: userAgent.optional(), device: text(200).optional() })
const consent = z.strictObject({ text_version: text(100), accepted_at: timestamp, ip: ip.optional(), user_agent: userAgent.optional() })
/** Where the customer's browser goes after a challenge. */
const returnUrl = urlOrLoopback

/** What came back with the browser: names and values are the channel's. */
export const returnedParameters = z
  .record(z.string().regex(/^[A-Za-z0-9_.[\]-]{1,64}$/, 'a name must have 1 to 64 letters, digits, _ . - [ or ]'), text(8192, 0))
  .refine(value => Object.keys(value).length <= 20, 'must have at most 20 entries')

export const bindBody = z.strictObject({
  customer: id('cus'),
  card: z.strictObject({ capture: id('cap').describe('What the vault gave for the captured card.') }),
  channels: z
    .array(channelName)
    .min(1)
    .max(8)
    .refine(list => new Set(list).size === list.length, 'must not name a channel twice')
    .optional()
    .describe('In the order to try. Without it: the route of this deployment.'),
  return_url: returnUrl,
  client: client.optional(),
  consent: consent.optional(),
  metadata: metadata.optional(),
})
export const extendBody = z.strictObject({ channel: channelName, return_url: returnUrl, client: client.optional() })
export const resumeBody = z.strictObject({ binding: id('bnd').optional(), returned: returnedParameters })
export const customerBody = z.strictObject({
  reference: reference().optional(),
  clock: id('clk').optional(),
  metadata: metadata.optional(),
})
export const grantBody = z.strictObject({
  captures: z.int().min(1).max(1000).optional().describe('How many cards it is good for; 1 without it.'),
  expires_in_seconds: z.int().min(10).max(900).optional().describe('900 without it.'),
  origins: z
    .array(z.url({ protocol: /^https?$/, message: 'must be a web origin' }).max(200))
    .max(10)
    .optional()
    .describe('Web pages that may use it.'),
})

export const instrumentParams = z.strictObject({ id: id('ins') })
export const customerParams = z.strictObject({ id: id('cus') })

const instant = z.iso.datetime()
export const bindingShape = z.object({
  id: z.string(),
  object: z.literal('binding'),
  channel: channelName,
  status: z.enum(bindingLifecycle.states),
  token: z.string().nullable(),
  refusal: z
    .object({
      by: z.enum(['issuer', 'channel', 'bindery']),
      category: z.enum(refusalCategories),
      code: z.string(),
      message: z.string().optional(),
    })
    .nullable(),
  network_transaction_id: z.string().nullable(),
  transaction_link_id: z.string().nullable(),
  consent: z
    .object({ text_version: z.string(), accepted_at: instant, ip: z.string().nullable(), user_agent: z.string().nullable() })
    .nullable(),
  created_at: instant,
  updated_at: instant,
})
export const instrumentShape = z
  .object({
    id: z.string(),
    object: z.literal('instrument'),
    livemode: z.boolean(),
    customer: z.string(),
    kind: z.literal('card'),
    status: z.enum(instrumentStatuses),
    card: z.object({ brand: z.string(), last4: z.string(), bin: z.string(), expiry_month: z.int(), expiry_year: z.int() }),
    next_action: z
      .object({
        type: z.literal('redirect'),
        url: z.string(),
        method: z.enum(['GET', 'POST']),
        data: z.record(z.string(), z.string()).nullable(),
        binding: z.string(),
      })
      .nullable(),
    bindings: z.array(bindingShape),
    merged_into: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Instrument' })
export const customerShape = z
  .object({
    id: z.string(),
    object: z.literal('customer'),
    livemode: z.boolean(),
    reference: z.string().nullable(),
    clock: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    created_at: instant,
  })
  .meta({ id: 'Customer' })
export const grantShape = z
  .object({ object: z.literal('capture_grant'), grant: z.string(), capture_url: z.string(), expires_at: instant, captures: z.int() })
  .meta({ id: 'CaptureGrant' })
export const timelineShape = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        at: instant,
        effective_at: instant,
        type: z.enum(['instrument.created', 'operation.started', 'fact']),
        binding: z.string().nullable(),
        channel: z.string().nullable(),
        what: z.string(),
        source: z.string(),
        source_event: z.string().nullable(),
        operation: z.string().nullable(),
        request: z.string().nullable(),
        applied: z.boolean(),
        ignored_because: z.string().nullable(),
        details: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .meta({ id: 'Timeline' })
