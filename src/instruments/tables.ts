import type { Action, ChannelName, InstrumentKind, References, Shown } from '../channels/channel.ts'
import type { Order } from '../core/fold.ts'
import { bool, int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'
import { type AnyNews, type BindingStatus, bindingLifecycle, type FactKind, holdsSlot, type NextAction, type Refusal } from './binding.ts'
import type { Expiry } from './expiry.ts'
import { type InstrumentStatus, instrumentStatuses, type Reason } from './instrument.ts'
import type { LastCollected, Mandate } from './mandate.ts'
import { type OperationInput, type OperationStatus, operationStatuses, type Verb } from './operation.ts'
import type { Own, OwnKind, OwnNews, OwnStanding } from './own.ts'
import type { Policy } from './policy.ts'
import { type Redisplay, type Reuse, redisplays } from './reuse.ts'
import type { Identity } from './source.ts'

export { channelNames, type IdentityKind, type InboxRow, identities, inbox } from './directories.ts'

/** A sandbox test clock: the time of the customers attached to it. */
export const clocks = table(
  'clocks',
  {
    tenant: text(),
    id: text(),
    now_at: time(),
    created_at: time(),
    /** Until when somebody is moving it, in real time; a crash frees it then. */
    held_until: maybe(time()),
    version: int(),
  },
  { key: ['tenant', 'id'] },
)

export const customers = table(
  'customers',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    /** The tenant's own name for this customer. */
    reference: maybe(text()),
    clock: maybe(text()),
    /** The customer objects that channels made for us, by channel. */
    channel_customers: json<Readonly<Partial<Record<ChannelName, string>>>>(),
    metadata: json<Readonly<Record<string, string>>>(),
    created_at: time(),
    reuse: json<Reuse>(),
    /** When its erasure was asked for: nothing is bound for it any more. */
    erased_at: maybe(time()),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    unique: { customers_reference: ['reference', 'mode', 'tenant'] },
    references: { customers_clock: { columns: ['tenant', 'clock'], to: 'clocks' } },
  },
)

/** What may be shown of it. `scheme`: the brand or rail of what is no card, as `Source` names it. */
export type Display = Shown & { readonly bin?: string; readonly scheme?: string; readonly country?: string }

export const instruments = table(
  'instruments',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    customer: text(),
    kind: text<InstrumentKind>(),
    status: text<InstrumentStatus>(),
    /** A reissued card is a new version of the same instrument. */
    card_version: int(),
    /** How many numbers of versions were given out: to captures, whether or not a channel took them, and to what updaters told. */
    versions: int(),
    display: json<Display>(),
    /** Number of the last notice about it. */
    sequence: int(),
    unbound_at: maybe(time()),
    merged_into: maybe(text()),
    metadata: json<Readonly<Record<string, string>>>(),
    created_at: time(),
    updated_at: time(),
    /** As the customer gave it, before any channel said what it is. */
    captured: json<Display>(),
    /** The fold of its own facts. */
    own: json<Own>(),
    /** Why it is as it is, in words of `instrument.ts`. */
    reasons: json<readonly Reason[]>(),
    /** When time does something to it next, on its customer's clock. */
    due_at: maybe(time()),
    clock: maybe(text()),
    /** By what customers who share it are counted: the vault's fingerprint of what was captured. */
    sharing: maybe(json<Identity>()),
    /** What it may be used for, by the tenant's word. */
    policy: json<Policy>(),
    allow_redisplay: text<Redisplay>(),
    /** Whether it is its customer's default; moved together with the row of `defaults`. */
    preferred: bool(),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    indexes: { instruments_customer: ['customer', 'tenant'] },
    checks: {
      instruments_status: row => instrumentStatuses.includes(row.status),
      instruments_redisplay: row => redisplays.includes(row.allow_redisplay),
    },
    references: { instruments_owner: { columns: ['tenant', 'customer'], to: 'customers' } },
  },
)

export type Consent = {
  readonly textVersion: string
  readonly acceptedAt: number
  readonly ip: string | null
  readonly userAgent: string | null
}
export type Client = { readonly ip: string | null; readonly userAgent: string | null; readonly device: string | null }

/** `rule`: whose word it was: the caller's, a rule's id, or the deployment's. */
export type RouteReason = {
  readonly rule: string
  readonly considered: readonly {
    readonly channel: ChannelName
    readonly verdict: 'chosen' | 'next' | 'left_out'
    readonly because: string
  }[]
}

export const bindings = table(
  'bindings',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    customer: text(),
    instrument: text(),
    channel: text<ChannelName>(),
    status: text<BindingStatus>(),
    /** `<instrument>/<channel>` while it is or may come alive, null after: at most one such binding by constraint. */
    slot: maybe(text()),
    token: maybe(text()),
    names: json<References>(),
    action: maybe(json<NextAction>()),
    refusal: maybe(json<Refusal>()),
    network_transaction_id: maybe(text()),
    transaction_link_id: maybe(text()),
    consent: maybe(json<Consent>()),
    client: maybe(json<Client>()),
    return_url: maybe(text()),
    /** Why it is at this channel. */
    route: maybe(json<RouteReason>()),
    /** How many operations it has had: the next one's place. */
    operations: int(),
    created_at: time(),
    updated_at: time(),
    /** What the channel says it is. */
    shown: maybe(json<Shown>()),
    /** Why it is as it is, in the words of whoever told. */
    reason: maybe(text()),
    /** The number of the last notice that told its status. */
    notified: int(),
    /** What the payer agreed to, where it is a mandate. */
    mandate: maybe(json<Mandate>()),
    /** The last approved charge that was reported. */
    last_collected: maybe(json<LastCollected>()),
    /** By which challenge the customer proved to be its owner. */
    proven_by: maybe(text<Action['type']>()),
    /** Until when its token is good, by the channel's word. */
    valid_until: maybe(time()),
    /** The newest end of its card that it was asked to take over. */
    asked_expiry: maybe(json<Expiry>()),
    /** The binding whose place it takes once it is active: that one is then given up. */
    replaces: maybe(text()),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    unique: { bindings_slot: ['slot', 'tenant'] },
    indexes: { bindings_instrument: ['instrument', 'tenant'] },
    checks: {
      bindings_status: row => bindingLifecycle.states.includes(row.status),
      bindings_slot_held: row => (row.slot !== null) === holdsSlot(row.status),
    },
    references: { bindings_of: { columns: ['tenant', 'instrument'], to: 'instruments' } },
  },
)

/** What we asked of a channel: the intent, durable before the first byte leaves, and what is left to do. */
export const operations = table(
  'operations',
  {
    id: text(),
    tenant: text(),
    mode: text<Mode>(),
    customer: text(),
    instrument: text(),
    binding: text(),
    channel: text<ChannelName>(),
    verb: text<Verb>(),
    status: text<OperationStatus>(),
    place: int(),
    /** Rebuilds the same bytes for every attempt. */
    input: json<OperationInput>(),
    tries: int(),
    /** Why it is not settled: `challenge`, or what made the answer uncertain, or why it is parked. */
    cause: maybe(text()),
    request: maybe(text()),
    due_at: maybe(time()),
    clock: maybe(text()),
    created_at: time(),
    version: int(),
  },
  {
    key: ['id'],
    indexes: { operations_binding: ['binding', 'tenant'] },
    checks: {
      operations_status: row => operationStatuses.includes(row.status),
      operations_due_said: row => (row.due_at === null) === (row.status === 'settled' || row.status === 'parked'),
    },
    references: { operations_of: { columns: ['tenant', 'binding'], to: 'bindings' } },
  },
)

export const facts = table(
  'facts',
  {
    tenant: text(),
    id: text(),
    instrument: text(),
    binding: text(),
    /** Who told: `stripe:test`, `bindery`, `customer`. */
    source: text(),
    /** Its own id at the source, once per source. */
    source_event: text(),
    kind: text<FactKind>(),
    operation: maybe(text()),
    /** Where it stands in the fold. */
    standing: json<Order>(),
    news: json<AnyNews>(),
    /** When it took effect by the teller's clock; when it is not told, when we saw it. */
    effective_at: time(),
    seen_at: time(),
    request: maybe(text()),
    /** Only an erasure changes a fact: it takes out what is personal. */
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    unique: { facts_source_event: ['source_event', 'source', 'tenant'] },
    indexes: { facts_binding: ['binding', 'tenant'] },
  },
)

/** Facts about an instrument itself; `own.ts` folds them. */
export const instrumentFacts = table(
  'instrument_facts',
  {
    tenant: text(),
    id: text(),
    instrument: text(),
    /** Who told: `clock`, `tenant`, `updater:vau`, `network`. */
    source: text(),
    /** Its own id at the source, once per source and instrument. */
    source_event: text(),
    kind: text<OwnKind>(),
    news: json<OwnNews>(),
    standing: json<OwnStanding>(),
    effective_at: time(),
    seen_at: time(),
    request: maybe(text()),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    unique: { instrument_facts_source_event: ['instrument', 'source_event', 'source', 'tenant'] },
    indexes: { instrument_facts_instrument: ['instrument', 'tenant'] },
  },
)

export type CustomerRow = Row<typeof customers>
export type InstrumentRow = Row<typeof instruments>
export type BindingRow = Row<typeof bindings>
export type OperationRow = Row<typeof operations>
export type FactRow = Row<typeof facts>
export type InstrumentFactRow = Row<typeof instrumentFacts>

/** What a living binding holds: at most one of an instrument and a channel, and one more that is to take its place. */
export const slotOf = (binding: Pick<BindingRow, 'instrument' | 'channel'> & Partial<Pick<BindingRow, 'replaces'>>): string =>
  [binding.instrument, binding.channel, ...(binding.replaces == null ? [] : [binding.replaces])].join('/')
