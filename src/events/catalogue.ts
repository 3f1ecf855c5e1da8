/** Every type of event, from the tables the statuses come from, with the shape of what it carries. */
import { z } from 'zod'
import type { WebhookDescription } from '../http/openapi.ts'
import { bindingLifecycle } from '../instruments/binding.ts'
import { mandateNotices } from '../instruments/mandateChange.ts'
import { aroundNotices, instrumentNotices } from '../instruments/notice.ts'
import { bindingShape, instrumentShape } from '../instruments/shapes.ts'

const instrumentTypes = instrumentNotices.map(what => `instrument.${what}` as const)
const bindingTypes = [...bindingLifecycle.states.map(status => `binding.${status}` as const), 'binding.updated' as const]
const mandateTypes = mandateNotices.map(what => `mandate.${what}` as const)
const endpointTypes = ['webhook_endpoint.disabled'] as const

const customerTypes = ['customer.erased'] as const
const securityTypes = ['security.canary_used'] as const

export const eventTypes = [
  ...instrumentTypes,
  ...bindingTypes,
  ...mandateTypes,
  ...aroundNotices,
  ...customerTypes,
  ...securityTypes,
  ...endpointTypes,
]
/** What an endpoint can ask for: one type, all of a kind, or all. */
export const eventPatterns = [
  '*',
  'instrument.*',
  'binding.*',
  'mandate.*',
  'dependent.*',
  'default.*',
  'customer.*',
  'security.*',
  'webhook_endpoint.*',
  ...eventTypes,
] as const

/** As events are shown and sent. `data` is as it was when the event was recorded: an older one may lack what newer ones have. */
export const eventShape = z
  .object({
    id: z.string(),
    object: z.literal('event'),
    type: z.string().describe('New types may come: pass over what you do not know.'),
    timestamp: z.iso.datetime().describe('When it happened; the time of a delivery is in the header webhook-timestamp.'),
    livemode: z.boolean(),
    instrument: z.string().nullable(),
    customer: z.string().nullable(),
    sequence: z.int().nullable().describe('Counts the events of one instrument. Keep the highest, and pass over what is not above it.'),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Event' })

const changeShape = z.object({
  instrument: instrumentShape,
  binding: bindingShape.optional(),
  dependents: z
    .object({ moved_to: z.string().nullable(), affected: z.array(z.record(z.string(), z.unknown())) })
    .optional()
    .describe('Who relied on it when it was given up, and the instrument they rely on now.'),
  previous: z.record(z.string(), z.unknown()).describe('The statuses before.'),
  imported: z.literal(true).optional().describe('Taken over from another system by an import.'),
  corrects: z
    .object({ sequence: z.int(), binding: z.string().optional(), instrument: z.string() })
    .optional()
    .describe('Late news showed that an earlier notice, named by its sequence, told a status that never was. Take it back.'),
})
const movedShape = changeShape.extend({ from: z.string(), moved: z.array(z.record(z.string(), z.unknown())) })
const defaultShape = changeShape.extend({
  default: z.object({
    customer: z.string(),
    instrument: z.string().nullable(),
    before: z.string().nullable(),
    because: z.enum(['asked', 'next_best', 'none_left', 'no_succession']),
  }),
})
const asksShape = changeShape.extend({
  asks: z.object({
    next_best_action: z.literal('ask_customer'),
    cause: z.string().describe('Why it was not bound anew without them.'),
    died: z.object({ binding: z.string(), channel: z.string() }),
    portal_link: z.string().nullable().describe('A link for the customer, for a week: GET /v1/portal_links/{id} tells its address.'),
  }),
})
const disabledShape = z.object({
  webhook_endpoint: z.object({
    id: z.string(),
    url: z.string(),
    status: z.literal('disabled'),
    disabled_reason: z.enum(['gone', 'failing']),
  }),
})

const canaryShape = z.object({
  canary: z.object({ subject: z.string(), kind: z.enum(['instrument', 'key']), note: z.string() }),
  use: z.object({ act: z.string(), key: z.string().nullable(), request: z.string(), at: z.iso.datetime() }),
})

const instrumentSummaries: Readonly<Record<(typeof instrumentTypes)[number], string>> = {
  'instrument.pending': 'An instrument waits again for a channel or the customer.',
  'instrument.bound': 'An instrument can be charged: a channel has bound it.',
  'instrument.expiring': 'A card ends soon. Its status stays.',
  'instrument.expired': 'An instrument works no more by itself: its card, token or account has ended.',
  'instrument.updated': 'What is known of an instrument changed; or an expired one was renewed.',
  'instrument.suspended': 'An instrument must not be charged for now.',
  'instrument.resumed': 'A suspended or blocked instrument can be charged again.',
  'instrument.failed': 'No channel has bound it.',
  'instrument.replaced': 'Another instrument stands in its place.',
  'instrument.blocked': 'You blocked it.',
  'instrument.unbound': 'It was given up, or no channel holds it any more.',
  'instrument.erasing': 'Its erasure has begun, or waits for what a person has to look at: `erasure` says for what.',
  'instrument.needs_customer': 'A channel holds it no more, and it cannot be bound anew without the customer. Told once for each such end.',
  'instrument.erased': 'What was known of it has been destroyed. Events of it that you read again hold ids and statuses only.',
}

const mandateSummaries: Readonly<Record<(typeof mandateTypes)[number], string>> = {
  'mandate.created': 'A mandate came about: it may be collected under.',
  'mandate.paused': 'A mandate must not be collected under for now: its payer, its bank or you paused it.',
  'mandate.resumed': 'A paused mandate may be collected under again.',
  'mandate.replaced': 'The bank or scheme put another mandate in its place; the former names stand in `former`.',
  'mandate.reinstated': 'A mandate that had ended lives again.',
  'mandate.expiring': 'A mandate ends soon, by its terms or because nothing was collected. Its state stays.',
  'mandate.expired': 'A mandate ended by itself.',
  'mandate.revoked': 'A mandate was taken back.',
  'mandate.consumed': 'All that was agreed has been collected.',
}

const described = (type: string, summary: string, data: z.ZodType): WebhookDescription => ({
  type,
  summary,
  schema: eventShape.omit({ type: true, data: true }).extend({ type: z.literal(type), data }),
})

/** For the document of the API. */
export const webhookDescriptions: readonly WebhookDescription[] = [
  ...instrumentTypes.map(type =>
    described(type, instrumentSummaries[type], type === 'instrument.needs_customer' ? asksShape : changeShape),
  ),
  ...bindingLifecycle.states.map(state =>
    described(`binding.${state}`, `A binding became ${state}; its instrument's status stayed.`, changeShape),
  ),
  ...mandateTypes.map(type => described(type, mandateSummaries[type], changeShape)),
  described('binding.updated', 'What is known of a binding changed; no status did.', changeShape),
  described('dependent.moved', 'Those who relied on another instrument rely on this one now.', movedShape),
  described('default.changed', "Another instrument is its customer's default, or none is any more.", defaultShape),
  described('customer.erased', 'A customer and all their instruments were erased.', z.object({ customer: z.object({ id: z.string() }) })),
  described(
    'security.canary_used',
    'An instrument or key that nobody has a reason to use was used: somebody has found what they should not have.',
    canaryShape,
  ),
  described(
    'webhook_endpoint.disabled',
    'One of your webhook endpoints was disabled: it answered 410, or only failed for five days.',
    disabledShape,
  ),
]
