/** The rows of one bind, as the product writes them: what is inserted with the intent, and what the outcome inserts and changes. */
import { standing } from '../src/instruments/binding.ts'
import { newborn } from '../src/instruments/newborn.ts'
import { leaseMs } from '../src/instruments/operation.ts'
import type { BindingRow, Client, Consent, InstrumentRow } from '../src/instruments/tables.ts'
import { slotOf } from '../src/instruments/tables.ts'
import { viewBinding, viewInstrument } from '../src/instruments/view.ts'
import { boundAs } from './memory-channel.ts'

/** Everything a bind's rows are made of. */
export type Bind = {
  readonly now: number
  readonly tenant: string
  readonly customer: string
  readonly ids: Readonly<Record<'instrument' | 'binding' | 'operation' | 'fact' | 'event' | 'request', string>>
  readonly idempotency: { readonly key: string; readonly hash: string }
  readonly capture: string
  readonly card: {
    readonly brand: string
    readonly last4: string
    readonly bin: string
    readonly expiryMonth: number
    readonly expiryYear: number
    readonly fingerprint: string
    readonly securityCode: boolean
    readonly holder: boolean
  }
  readonly returnUrl: string
  /** Where the channel would send the browser back to. */
  readonly ourReturnUrl: string
  readonly client: Client
  readonly consent: Consent | null
  readonly metadata: Readonly<Record<string, string>>
}

const keptMs = 30 * 24 * 60 * 60 * 1_000
export const jsonHeaders = { 'content-type': 'application/json; charset=utf-8' }

export function instrumentOf(b: Bind): InstrumentRow {
  const { brand, last4, bin, expiryMonth, expiryYear } = b.card
  return {
    tenant: b.tenant,
    id: b.ids.instrument,
    mode: 'test',
    customer: b.customer,
    kind: 'card',
    status: 'pending',
    card_version: 1,
    versions: 1,
    display: { brand, last4, bin, expiryMonth, expiryYear },
    captured: { brand, last4, bin, expiryMonth, expiryYear },
    own: {},
    reasons: [],
    due_at: null,
    clock: null,
    sequence: 0,
    unbound_at: null,
    sharing: { kind: 'card', value: b.card.fingerprint },
    merged_into: null,
    policy: {},
    allow_redisplay: 'unspecified',
    preferred: false,
    metadata: b.metadata,
    created_at: b.now,
    updated_at: b.now,
    version: 1,
  }
}

export function bindingOf(b: Bind): BindingRow {
  return {
    ...newborn,
    tenant: b.tenant,
    id: b.ids.binding,
    mode: 'test',
    customer: b.customer,
    instrument: b.ids.instrument,
    channel: 'stripe',
    slot: slotOf({ instrument: b.ids.instrument, channel: 'stripe' }),
    consent: b.consent,
    client: b.client,
    return_url: b.returnUrl,
    route: { rule: 'deployment', considered: [{ channel: 'stripe', verdict: 'chosen', because: 'takes it' }] },
    created_at: b.now,
    updated_at: b.now,
  }
}

export const claimOf = (b: Bind) => ({
  tenant: b.tenant,
  mode: 'test',
  key: b.idempotency.key,
  endpoint: 'bindInstrument',
  hash: b.idempotency.hash,
  state: 'running',
  request: b.ids.request,
  resource: b.ids.instrument,
  status: null,
  headers: null,
  body: null,
  created_at: b.now,
  lease_until: b.now + 60_000,
  due_at: b.now + keptMs,
  clock: null,
  version: 1,
})

export const identityOf = (b: Bind) => ({
  tenant: b.tenant,
  customer: b.customer,
  kind: 'card',
  value: b.card.fingerprint,
  instrument: b.ids.instrument,
  created_at: b.now,
  version: 1,
})

export function operationOf(b: Bind) {
  const { brand, last4, expiryMonth, expiryYear, securityCode, holder } = b.card
  const { ip, userAgent } = b.client
  return {
    id: b.ids.operation,
    tenant: b.tenant,
    mode: 'test',
    customer: b.customer,
    instrument: b.ids.instrument,
    binding: b.ids.binding,
    channel: 'stripe',
    verb: 'bind',
    status: 'open',
    place: 1,
    input: {
      capture: b.capture,
      cardVersion: 1,
      source: { type: 'card', card: { brand, last4, expiryMonth, expiryYear, securityCode, holder } },
      route: [],
      counted: countedOf(b),
      returnUrl: b.ourReturnUrl,
      client: { ...(ip === null ? {} : { ip }), ...(userAgent === null ? {} : { userAgent }) },
    },
    tries: 1,
    cause: null,
    request: b.ids.request,
    due_at: b.now + leaseMs,
    clock: null,
    created_at: b.now,
    version: 1,
  }
}

/** Under what the product counts the try. The twin names it and counts nothing, which is in its favour. */
const countedOf = ({ tenant, customer, card, client }: Bind): readonly string[] => [
  `customer:${customer}`,
  ...(client.device === null ? [] : [`device:${'d'.repeat(22)}`]),
  ...(client.ip === null ? [] : [`address:${'a'.repeat(22)}`, `subnet:${'s'.repeat(22)}`]),
  `tenant:${tenant}`,
  `bin:${card.bin} ${tenant}`,
  `bin_week:${card.bin} ${tenant}`,
]

/** What the channel's answer makes of it, at `now`. */
export function outcomeOf(b: Bind, now: number) {
  const news = boundAs(b.ids.operation)
  const event = `${b.ids.operation}:bound`
  const binding: BindingRow = {
    ...bindingOf(b),
    status: 'active',
    token: news.token,
    network_transaction_id: news.networkTransactionId ?? null,
    updated_at: now,
  }
  const instrument: InstrumentRow = { ...instrumentOf(b), status: 'active', sequence: 1, updated_at: now }
  const view = viewInstrument(instrument, [binding])
  return {
    fact: {
      tenant: b.tenant,
      id: b.ids.fact,
      instrument: b.ids.instrument,
      binding: b.ids.binding,
      source: 'stripe:test',
      source_event: event,
      kind: 'bound',
      operation: b.ids.operation,
      standing: standing('bound', { place: 1, rank: 1, id: `stripe:test/${event}` }),
      news,
      effective_at: now,
      seen_at: now,
      request: b.ids.request,
    },
    name: { channel: 'stripe', mode: 'test', name: news.token, tenant: b.tenant, binding: b.ids.binding, version: 1 },
    event: {
      tenant: b.tenant,
      id: b.ids.event,
      mode: 'test',
      instrument: b.ids.instrument,
      customer: b.customer,
      sequence: 1,
      type: 'instrument.bound',
      data: { instrument: view, binding: viewBinding(binding, {}), previous: { instrument: 'pending', binding: 'initiated' } },
      created_at: now,
    },
    binding,
    instrument,
    answer: JSON.stringify(view),
  }
}
