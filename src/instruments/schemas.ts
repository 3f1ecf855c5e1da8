/** The shapes of the instruments' endpoints. */
import { z } from 'zod'
import { refusalCategories } from '../channels/channel.ts'
import { channelNames } from '../channels/names.ts'
import { idPattern } from '../core/id.ts'
import { bindingLifecycle } from './binding.ts'
import { instrumentStatuses } from './instrument.ts'

export const id = (prefix: Parameters<typeof idPattern>[0]) => z.string().regex(idPattern(prefix), `is not an id of the form ${prefix}_…`)
const line = (max: number) => z.string().min(1, 'must not be empty').max(max, `must have at most ${max} characters`)

export const channelName = z.enum(channelNames)
export const metadata = z
  .record(line(40), z.string().max(500, 'must have at most 500 characters'))
  .refine(value => Object.keys(value).length <= 50, 'must have at most 50 entries')

/** Where the customer's browser goes after a challenge. https, or http to loopback for trying things out. */
export const returnUrl = z
  .string()
  .max(2048, 'must have at most 2048 characters')
  .refine(value => {
    const url = URL.parse(value)
    if (url === null || url.username !== '' || url.password !== '') return false
    return (
      url.protocol === 'https:' ||
      (url.protocol === 'http:' && (url.hostname === 'localhost' || url.hostname === '127.0.0.1' || url.hostname === '[::1]'))
    )
  }, 'must be an https address (http only to loopback) without user name and password')

export const client = z.strictObject({
  ip: z.union([z.ipv4('must be an IPv4 or IPv6 address'), z.ipv6('must be an IPv4 or IPv6 address')]).optional(),
  user_agent: line(500).optional(),
  device: line(200).optional(),
})

export const consent = z.strictObject({
  text_version: line(100),
  accepted_at: z.iso.datetime({ message: 'must be an RFC 3339 time in UTC' }),
  ip: client.shape.ip,
  user_agent: client.shape.user_agent,
})

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
export const resumeBody = z.strictObject({
  binding: id('bnd').optional(),
  returned: z.record(line(64), z.string().max(8192)).refine(value => Object.keys(value).length <= 20, 'must have at most 20 entries'),
})
export const customerBody = z.strictObject({ reference: line(200).optional(), clock: id('clk').optional(), metadata: metadata.optional() })
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
