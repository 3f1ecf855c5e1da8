/**
 * Binding: intent, call, outcome. The intent (instrument, identity, binding, operation with its key) is durable before the first byte
 * leaves; the call has no transaction open; the outcome becomes a fact. Two binds of one card by one customer end as one instrument,
 * because the identity is a row that only one of them can insert: the other one finds it and decides again.
 */
import type { ChannelName } from '../channels/channel.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Committed, expect, insert, moveTo, type Write } from '../world/store.ts'
import { type Card, type Mode, nextId, type World } from '../world/world.ts'
import { readCustomer } from './customer.ts'
import type { Decision, Rows } from './decide.ts'
import { ended } from './instrument.ts'
import { leaseMs } from './operation.ts'
import { returnUrlOf } from './return.ts'
import { freeOf, usableRoute } from './route.ts'
import { carryOut } from './settle.ts'
import {
  type BindingRow,
  bindings,
  type Client,
  type Consent,
  type CustomerRow,
  customers,
  type InstrumentRow,
  identities,
  instruments,
  type OperationRow,
  operations,
  slotOf,
} from './tables.ts'

export type BindRequest = {
  readonly tenant: string
  readonly mode: Mode
  readonly customer: string
  /** The vault's reference to a captured card. */
  readonly capture: string
  /** One channel by name, or several in the order to try. Neither: the deployment's route. */
  readonly route: readonly ChannelName[] | undefined
  readonly returnUrl: string
  readonly client: Client
  readonly consent: Consent | null
  readonly metadata: Readonly<Record<string, string>>
  readonly request: string
}

export type Bound = {
  readonly created: boolean
  readonly instrument: Omit<InstrumentRow, 'version'>
  readonly bindings: readonly Omit<BindingRow, 'version'>[]
}

/** The request's idempotency rows: `claim` rides with the intent, `answer` with the outcome, `both` where nothing was left to do. */
export type Companions = {
  readonly claim: (resource: string) => readonly Write[]
  readonly answer: (bound: Bound) => readonly Write[]
  readonly both: (bound: Bound) => readonly Write[]
  /** Looks at a refused commit and throws if it was the claim that was refused. */
  readonly check: (result: Committed) => void
}

const collisionsMax = 8

export async function bind(world: World, request: BindRequest, companions: Companions): Promise<Bound> {
  const route = usableRoute(world, request.mode, request.route)
  const [customer, card] = await Promise.all([
    readCustomer(world, { tenant: request.tenant, mode: request.mode, id: request.customer }),
    world.vault.peek({ tenant: request.tenant, mode: request.mode, reference: request.capture }),
  ])
  if (customer === undefined) throw fieldProblem('/customer', 'is not a customer of yours', 'unprocessable')
  if (card === undefined) throw fieldProblem('/card/capture', 'has lapsed, was used, or was never captured', 'gone')
  let owner = customer
  let existing: Existing | undefined
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const plan = planBind(world, request, { customer: owner, card, route, existing })
    if ('held' in plan) {
      const bound: Bound = { created: false, instrument: plan.held.instrument, bindings: plan.held.bindings }
      const result = await world.store.commit(companions.both(bound))
      if (result.ok) return bound
      companions.check(result)
      continue
    }
    const result = await world.store.commit([...companions.claim(plan.rows.instrument.id), ...plan.writes])
    if (result.ok) {
      const created = existing === undefined || existing.instrument.id !== plan.rows.instrument.id
      const asBound = (decision: Decision): Bound => ({ created, instrument: decision.instrument, bindings: decision.bindings })
      return asBound(
        await carryOut(world, plan.operation, {
          rows: plan.rows,
          companions: decision => (fallsOver(decision) ? [] : companions.answer(asBound(decision))),
        }),
      )
    }
    companions.check(result)
    existing = await readExisting(world, request, card)
    owner = (await readCustomer(world, { tenant: request.tenant, mode: request.mode, id: request.customer })) ?? owner
  }
  throw new Problem('conflict', 'too many binds of this card at once')
}

const fallsOver = (decision: Decision): boolean => decision.next.some(one => one.verb === 'bind')

/** What the customer already has for this card. */
type Existing = {
  readonly identity: { readonly value: string; readonly version: number }
  readonly instrument: InstrumentRow
  readonly bindings: readonly BindingRow[]
}

async function readExisting(world: World, request: BindRequest, card: Card): Promise<Existing | undefined> {
  const identity = await world.store.get(identities, {
    tenant: request.tenant,
    customer: request.customer,
    kind: 'card',
    value: card.fingerprint,
  })
  if (identity === undefined) return undefined
  const instrument = await world.store.get(instruments, { tenant: request.tenant, id: identity.instrument })
  if (instrument === undefined) throw new TypeError(`identity of no instrument ${identity.instrument}`)
  return { identity, instrument, bindings: await world.store.find(bindings, { tenant: request.tenant, instrument: instrument.id }) }
}

type Plan = { readonly writes: readonly Write[]; readonly operation: OperationRow; readonly rows: Rows } | { readonly held: Existing }

type Known = {
  readonly customer: CustomerRow
  readonly card: Card
  readonly route: readonly [ChannelName, ...ChannelName[]]
  readonly existing: Existing | undefined
}

function planBind(world: World, request: BindRequest, known: Known): Plan {
  const { existing, card } = known
  const reusable = existing !== undefined && !ended.includes(existing.instrument.status) ? existing : undefined
  const [channel, ...rest] = freeOf(world, known.route, reusable === undefined ? existing : undefined)
  if (reusable?.bindings.some(one => one.channel === channel && one.slot !== null)) return { held: reusable }
  const now = world.now()
  const instrument = reusable?.instrument ?? newInstrument(world, request, card)
  // A number no other capture of this instrument has; the instrument takes it over when the card turns out to be good.
  const cardVersion = reusable === undefined ? 1 : reusable.bindings.length + 1
  const binding = newBinding(world, instrument, { channel, returnUrl: request.returnUrl, client: request.client, consent: request.consent })
  const input = { capture: request.capture, cardVersion, card: viewOf(card), route: rest }
  const operation = newBindOperation(world, binding, { input, customer: known.customer, client: request.client, request: request.request })
  const pending = reusable === undefined ? instrument : reopened(instrument, card, now)
  const mine: Write[] =
    reusable === undefined
      ? [insert(instruments, instrument), identityWrite(existing, request, card, instrument, now)]
      : [moveTo(instruments, instrument, pending)]
  const writes = [expect(customers, known.customer), ...mine, insert(bindings, binding), insert(operations, operation)]
  const after = reusable === undefined ? instrument : { ...pending, version: instrument.version + 1 }
  return { writes, operation, rows: { instrument: after, binding, siblings: reusable?.bindings ?? [], operations: [operation], facts: [] } }
}

/** An instrument that is bound again: with another expiry it is a reissued card, shown once it is not contradicted by a live binding. */
function reopened(instrument: InstrumentRow, card: Card, now: number): InstrumentRow {
  const over = instrument.status === 'failed' || instrument.status === 'expired'
  const status = over ? 'pending' : instrument.status
  return {
    ...instrument,
    status,
    updated_at: now,
    display: instrument.status === 'active' ? instrument.display : displayOf(card),
  }
}

/** The identity is new, or points to an instrument that has ended and passes to the new one. */
function identityWrite(existing: Existing | undefined, request: BindRequest, card: Card, instrument: InstrumentRow, now: number): Write {
  const row = {
    tenant: request.tenant,
    customer: request.customer,
    kind: 'card' as const,
    value: card.fingerprint,
    instrument: instrument.id,
    created_at: now,
  }
  if (existing === undefined) return insert(identities, row)
  return {
    verb: 'move',
    table: identities,
    key: { tenant: row.tenant, customer: row.customer, kind: row.kind, value: row.value },
    version: existing.identity.version,
    set: { instrument: instrument.id },
  }
}

const displayOf = (card: Card) => ({
  brand: card.brand,
  last4: card.last4,
  bin: card.bin,
  expiryMonth: card.expiryMonth,
  expiryYear: card.expiryYear,
})
const viewOf = (card: Card) => ({
  brand: card.brand,
  last4: card.last4,
  expiryMonth: card.expiryMonth,
  expiryYear: card.expiryYear,
  securityCode: card.securityCode,
  holder: card.holder,
})

function newInstrument(world: World, request: BindRequest, card: Card): InstrumentRow {
  const now = world.now()
  return {
    tenant: request.tenant,
    id: nextId(world, 'ins', request.customer),
    mode: request.mode,
    customer: request.customer,
    kind: 'card',
    status: 'pending',
    card_version: 1,
    display: displayOf(card),
    sequence: 0,
    unbound_at: null,
    merged_into: null,
    metadata: request.metadata,
    created_at: now,
    updated_at: now,
    version: 1,
  }
}

type Asked = { readonly channel: ChannelName; readonly returnUrl: string; readonly client: Client; readonly consent: Consent | null }

export function newBinding(world: World, instrument: InstrumentRow, asked: Asked): BindingRow {
  const now = world.now()
  return {
    tenant: instrument.tenant,
    id: nextId(world, 'bnd', instrument.customer),
    mode: instrument.mode,
    customer: instrument.customer,
    instrument: instrument.id,
    channel: asked.channel,
    status: 'initiated',
    slot: slotOf({ instrument: instrument.id, channel: asked.channel }),
    token: null,
    names: {},
    action: null,
    refusal: null,
    network_transaction_id: null,
    transaction_link_id: null,
    consent: asked.consent,
    client: asked.client,
    return_url: asked.returnUrl,
    operations: 1,
    created_at: now,
    updated_at: now,
    version: 1,
  }
}

/** The intent. Its first attempt is counted before it is made, so that a crash can never look like "nothing was sent". */
export function newBindOperation(
  world: World,
  binding: BindingRow,
  more: { readonly input: OperationRow['input']; readonly customer: CustomerRow; readonly client: Client; readonly request: string },
): OperationRow {
  const now = world.now()
  const id = nextId(world, 'opn', binding.customer)
  const channelCustomer = more.customer.channel_customers[binding.channel]
  const { ip, userAgent } = more.client
  return {
    id,
    tenant: binding.tenant,
    mode: binding.mode,
    customer: binding.customer,
    instrument: binding.instrument,
    binding: binding.id,
    channel: binding.channel,
    verb: 'bind',
    status: 'open',
    place: 1,
    input: {
      ...more.input,
      ...(channelCustomer === undefined ? {} : { channelCustomer }),
      returnUrl: returnUrlOf(world, id),
      client: { ...(ip === null ? {} : { ip }), ...(userAgent === null ? {} : { userAgent }) },
    },
    tries: 1,
    cause: null,
    request: more.request,
    due_at: now + leaseMs,
    clock: null,
    created_at: now,
    version: 1,
  }
}
