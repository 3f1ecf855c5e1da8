/** What the instruments' endpoints answer. */
import { z } from 'zod'
import { refusalCatalogue } from '../channels/refusal.ts'
import { instrumentKinds } from '../channels/source.ts'
import { bindingLifecycle } from './binding.ts'
import { instrumentStatuses, reasons } from './instrument.ts'
import { mandateShape } from './mandateView.ts'
import { networkTokenStatuses } from './own.ts'
import { policyShape } from './policyBody.ts'
import { rebinds, redisplays, successions } from './reuse.ts'
import { actionShape, channelName } from './schemas.ts'

const instant = z.iso.datetime()
const categories = z.enum(Object.keys(refusalCatalogue))
const retries = z.enum([...new Set(Object.values(refusalCatalogue).map(one => one.retry))])

export const bindingShape = z.object({
  id: z.string(),
  object: z.literal('binding'),
  channel: channelName,
  status: z.enum(bindingLifecycle.states),
  token: z.string().nullable(),
  reason: z.string().nullable().describe('Why it is suspended, expired or revoked, in the words of whoever told.'),
  card: z
    .object({ last4: z.string().nullable(), expiry_month: z.int().nullable(), expiry_year: z.int().nullable() })
    .nullable()
    .describe('The card behind the token, as this channel tells it.'),
  refusal: z
    .object({
      by: z.enum(['issuer', 'channel', 'bindery']),
      category: categories,
      code: z.string().describe("The channel's own code, as it came."),
      message: z.string().optional(),
      retry: retries.describe('never · correct: after what was typed is corrected · authenticate · later · elsewhere'),
    })
    .nullable(),
  next_action: actionShape.nullable(),
  route: z
    .object({
      rule: z.string().describe('`caller`, `deployment`, or the id of a routing rule.'),
      considered: z.array(z.object({ channel: channelName, verdict: z.enum(['chosen', 'next', 'left_out']), because: z.string() })),
    })
    .nullable()
    .describe('Why it is at this channel.'),
  network_transaction_id: z.string().nullable(),
  transaction_link_id: z.string().nullable(),
  mandate: mandateShape.nullable().describe('What the payer agreed to, where it is a mandate.'),
  consent: z
    .object({ text_version: z.string(), accepted_at: instant, ip: z.string().nullable(), user_agent: z.string().nullable() })
    .nullable(),
  created_at: instant,
  updated_at: instant,
})

const known = z.string().nullable()
export const instrumentShape = z
  .object({
    id: z.string(),
    object: z.literal('instrument'),
    livemode: z.boolean(),
    customer: z.string(),
    kind: z.enum(instrumentKinds),
    status: z.enum(instrumentStatuses),
    reasons: z.array(z.enum(reasons)).describe('What whoever charges it should know, beside what its bindings say.'),
    expiring: z.boolean().describe('Its card ends soon.'),
    card: z
      .object({ brand: known, last4: known, bin: known, expiry_month: z.int().nullable(), expiry_year: z.int().nullable(), wallet: known })
      .nullable()
      .describe('Of a card or a device token.'),
    account: z
      .object({ scheme: known, last4: known, country: known, bank: known, handle: known })
      .nullable()
      .describe('Of everything else. `scheme`: the debit scheme, wallet brand or rail.'),
    network_token: z
      .object({
        status: z.enum(networkTokenStatuses),
        reference: known,
        last4: known,
        expiry_month: z.int().nullable(),
        expiry_year: z.int().nullable(),
        reason: known,
      })
      .nullable()
      .describe("What the card's network gave in the place of its number."),
    next_action: actionShape.nullable(),
    bindings: z.array(bindingShape),
    merged_into: z.string().nullable(),
    is_default: z.boolean().describe("Whether it is its customer's default."),
    allow_redisplay: z.enum(redisplays),
    policy: policyShape.describe('What it may be used for, by your own word. Whoever charges it asks `can-charge`.'),
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
    reuse: z.object({
      allow_redisplay: z.enum(redisplays).nullable(),
      bind_again: z.enum(rebinds).nullable(),
      succession: z.enum(successions).nullable(),
    }),
    erased_at: instant.nullable().describe('When the erasure was asked for; nothing is bound for this customer any more.'),
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
