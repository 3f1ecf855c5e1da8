/** The rows of an intent as they begin: instrument, binding, operation. What is durable before the first byte leaves. */
import type { ChannelName } from '../channels/channel.ts'
import type { InstrumentKind, MandateTerms, Source } from '../channels/source.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import { mandateOf } from './mandate.ts'
import { newborn } from './newborn.ts'
import type { Verb } from './operation.ts'
import { operationOf } from './retire.ts'
import { returnUrlOf } from './return.ts'
import type { Redisplay } from './reuse.ts'
import {
  type BindingRow,
  type Client,
  type Consent,
  type CustomerRow,
  type Display,
  type InstrumentRow,
  type OperationRow,
  type RouteReason,
  slotOf,
} from './tables.ts'

export function newInstrument(
  world: World,
  of: {
    readonly tenant: string
    readonly mode: Mode
    readonly customer: string
    readonly kind: InstrumentKind
    readonly display: Display
    readonly metadata: Readonly<Record<string, string>>
    /** The customer's test clock. */
    readonly clock: string | null
    readonly sharing: InstrumentRow['sharing']
    readonly allow_redisplay?: Redisplay
  },
): InstrumentRow {
  const now = world.now()
  return {
    ...of,
    captured: of.display,
    own: {},
    reasons: [],
    due_at: null,
    id: nextId(world, 'ins', of.customer),
    status: 'pending',
    card_version: 1,
    versions: 1,
    sequence: 0,
    unbound_at: null,
    merged_into: null,
    policy: {},
    allow_redisplay: of.allow_redisplay ?? 'unspecified',
    preferred: false,
    created_at: now,
    updated_at: now,
    version: 1,
  }
}

type Asked = {
  readonly channel: ChannelName
  readonly returnUrl: string
  readonly client: Client
  readonly consent: Consent | null
  readonly route: RouteReason
  /** What is bound, and what is agreed: a mandate, where the rail makes one. */
  readonly source: Source | undefined
  readonly terms: MandateTerms | undefined
  /** Now, on the customer's clock. */
  readonly madeAt: number
}

export function newBinding(world: World, instrument: InstrumentRow, asked: Asked): BindingRow {
  const now = world.now()
  return {
    ...newborn,
    tenant: instrument.tenant,
    id: nextId(world, 'bnd', instrument.customer),
    mode: instrument.mode,
    customer: instrument.customer,
    instrument: instrument.id,
    channel: asked.channel,
    slot: slotOf({ instrument: instrument.id, channel: asked.channel }),
    consent: asked.consent,
    client: asked.client,
    return_url: asked.returnUrl,
    route: asked.route,
    mandate: mandateOf(asked, world.channels.get(asked.channel)?.mandates),
    created_at: now,
    updated_at: now,
  }
}

/** The intent. Its first attempt is counted before it is made, so that a crash can never look like "nothing was sent". */
export function newBindOperation(
  world: World,
  binding: BindingRow,
  more: { readonly input: OperationRow['input']; readonly customer: CustomerRow; readonly client: Client; readonly request: string | null },
): OperationRow {
  const operation = newOperation(world, binding, { verb: 'bind', input: more.input, request: more.request })
  const channelCustomer = more.customer.channel_customers[binding.channel]
  const { ip, userAgent } = more.client
  return {
    ...operation,
    place: 1,
    input: {
      ...more.input,
      ...(channelCustomer === undefined ? {} : { channelCustomer }),
      returnUrl: returnUrlOf(world, operation.id),
      client: { ...(ip === null ? {} : { ip }), ...(userAgent === null ? {} : { userAgent }) },
    },
  }
}

/** One more thing asked about a binding, after all that was asked before. */
export const newOperation = (
  world: World,
  binding: BindingRow,
  more: { readonly verb: Exclude<Verb, 'revoke'>; readonly input: OperationRow['input']; readonly request: string | null },
): OperationRow =>
  operationOf(binding, { ...more, atOnce: true }, { now: world.now(), mint: (prefix, near) => nextId(world, prefix, near) })
