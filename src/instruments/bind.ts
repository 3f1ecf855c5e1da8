/**
 * Binding: intent, call, outcome. The intent (instrument, identity, binding, operation with its key) is durable before the first byte
 * leaves; the call has no transaction open; the outcome becomes a fact. Two binds of one card by one customer end as one instrument,
 * because the identity is a row that only one of them can insert: the other one finds it and decides again. Several channels asked at once
 * are several bindings of one instrument, each with its own intent in the same commit.
 */
import type { ChannelName, MandateTerms, Source } from '../channels/channel.ts'
import { kindOfSource } from '../channels/source.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import type { Admitted } from '../safeguards/guard.ts'
import { countsBound } from '../safeguards/tally.ts'
import { type Committed, expect, insert, moveTo, refusedBy, type Write } from '../world/store.ts'
import type { Mode, Peeked, World } from '../world/world.ts'
import { admitBind, asTried, type Counted, readCounted } from './admit.ts'
import { sealAhead } from './adopt.ts'
import { customerNow, readCustomer } from './customer.ts'
import type { Decision, Rows } from './decide.ts'
import { derive, ended } from './instrument.ts'
import { newBinding, newBindOperation, newInstrument } from './intent.ts'
import { inOrder } from './learn.ts'
import { keptOf, type Redisplay, refuseAgain } from './reuse.ts'
import { type Choice, chooseRoute, freeOf, knownChannels, preferred, steppingUp } from './route.ts'
import { currentRules } from './routing.ts'
import { carryOut } from './settle.ts'
import { crowded, customersMax, holdsPlace, sharingBound, sharingWrites } from './sharing.ts'
import { captureOf, displayOf, type Identity, identityOf, peek, type Subject, sourceOf } from './source.ts'
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
} from './tables.ts'
import { tellInstrument } from './tell.ts'

export type BindRequest = {
  readonly tenant: string
  readonly mode: Mode
  readonly customer: string
  readonly subject: Subject
  readonly terms: MandateTerms | undefined
  /** Channels by name, in the order to try. Undefined: the tenant's rules, else the deployment's route. */
  readonly channels: readonly ChannelName[] | undefined
  /** All of them are bound, not the first that takes it. Undefined: as the rule says. */
  readonly all: boolean | undefined
  readonly returnUrl: string
  readonly client: Client
  readonly consent: Consent | null
  readonly metadata: Readonly<Record<string, string>>
  /** Undefined: as the customer's reuse rules say. */
  readonly redisplay?: Redisplay | undefined
  readonly request: string
  /** What the browser worked out, where the safeguards wanted it. */
  readonly proof?: string | undefined
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
  const known = await readKnown(world, request)
  let admitted = await admitBind(world, request, known)
  let owner = known.customer
  let existing: Existing | undefined
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    if (owner.erased_at !== null) throw fieldProblem('/customer', 'was erased', 'unprocessable')
    const plan = planBind(world, request, { ...known, customer: owner, existing, admitted })
    if ('held' in plan) {
      const bound: Bound = { created: false, instrument: plan.held.instrument, bindings: plan.held.bindings }
      const result = await world.store.commit(companions.both(bound))
      if (result.ok) return bound
      companions.check(result)
      continue
    }
    if (existing === undefined) sealAhead(world, plan.legs[0].operation)
    const result = await world.store.commit([...companions.claim(plan.instrument.id), ...plan.writes, ...admitted.writes])
    if (result.ok) {
      const created = existing === undefined || existing.instrument.id !== plan.instrument.id
      if (!created && plan.instrument.reasons.includes('updates_refused')) await givenAgain(world, request, plan)
      return plan.legs.length === 1 ? askOne(world, plan, created, companions) : askAll(world, plan, created, companions)
    }
    companions.check(result)
    if (refusedBy(result, countsBound))
      admitted = await admitBind(world, request, { ...known, counted: await readCounted(world, asTried(request)) })
    existing = await readExisting(world, request, known.identity)
    const counted = existing !== undefined && holdsPlace(existing.instrument.status)
    if (refusedBy(result, sharingBound) && !counted) throw crowded(`/${request.subject.type}`)
    owner = (await readCustomer(world, { tenant: request.tenant, mode: request.mode, id: request.customer })) ?? owner
  }
  throw new Problem('conflict', 'too many binds of this instrument at once')
}

/** Whoever gives the card again may be told of its updates again. */
async function givenAgain(world: World, { tenant, request }: BindRequest, { instrument, legs: [leg] }: Legs): Promise<void> {
  const fact = { source: 'customer', event: `${leg.operation.id}:given`, news: { kind: 'given' }, request } as const
  await tellInstrument(world, { tenant, instrument: instrument.id, facts: [fact] })
}

type Known = {
  readonly customer: CustomerRow
  readonly captured: Peeked | undefined
  readonly source: Source
  readonly identity: Identity | undefined
  readonly choice: Choice
  /** On the customer's clock. */
  readonly now: number
  readonly customersMax: number
  readonly counted: Counted
}

/** Everything a bind is decided on, read at once; throws a problem naming the field that cannot be. */
async function readKnown(world: World, request: BindRequest): Promise<Known> {
  const { tenant, mode, subject, terms } = request
  knownChannels(world, request.channels ?? [], index => `/channels/${index}`)
  const [customer, captured, most, rules, counted] = await Promise.all([
    readCustomer(world, { tenant, mode, id: request.customer }),
    peek(world, { tenant, mode }, subject),
    customersMax(world, request),
    request.channels === undefined ? currentRules(world, request) : [],
    readCounted(world, asTried(request)),
  ])
  if (customer === undefined) throw fieldProblem('/customer', 'is not a customer of yours', 'unprocessable')
  const source = sourceOf(subject, captured)
  const bin = captured !== undefined && 'card' in captured ? captured.card.bin : undefined
  const choice = chooseRoute(world, { tenant, mode, source, terms, bin, asked: request.channels, all: request.all }, rules)
  const now = await customerNow(world, customer)
  return { customer, captured, source, identity: identityOf(captured), choice, now, customersMax: most, counted }
}

const fallsOver = (decision: Decision): boolean => decision.next.some(one => one.verb === 'bind')

/** The way of nearly every bind: the outcome and the kept answer are one commit. */
async function askOne(world: World, plan: Legs, created: boolean, companions: Companions): Promise<Bound> {
  const [leg] = plan.legs
  const asBound = (decision: Decision): Bound => ({ created, instrument: decision.instrument, bindings: decision.bindings })
  const rows: Rows = { instrument: plan.instrument, binding: leg.binding, siblings: plan.siblings, operations: [leg.operation], facts: [] }
  return asBound(
    await carryOut(world, leg.operation, {
      rows,
      companions: decision => (fallsOver(decision) ? [] : companions.answer(asBound(decision))),
    }),
  )
}

/** All channels at once. What one of them refuses or does not answer is seen in its binding, and takes nothing from the others. */
async function askAll(world: World, plan: Legs, created: boolean, companions: Companions): Promise<Bound> {
  await Promise.all(plan.legs.map(leg => carryOut(world, leg.operation)))
  // The instrument first: its bindings are then at least as new.
  const { tenant, id } = plan.instrument
  const now = await world.store.get(instruments, { tenant, id })
  const rows = await world.store.find(bindings, { tenant, instrument: id })
  const bound: Bound = { created, instrument: now ?? plan.instrument, bindings: inOrder(rows) }
  await world.store.commit(companions.answer(bound))
  return bound
}

/** What the customer already has for this card or account. */
type Existing = {
  readonly identity: { readonly version: number }
  readonly instrument: InstrumentRow
  readonly bindings: readonly BindingRow[]
}

async function readExisting(world: World, request: BindRequest, identity: Identity | undefined): Promise<Existing | undefined> {
  if (identity === undefined) return undefined
  const row = await world.store.get(identities, { tenant: request.tenant, customer: request.customer, ...identity })
  if (row === undefined) return undefined
  const instrument = await world.store.get(instruments, { tenant: request.tenant, id: row.instrument })
  if (instrument === undefined) throw new TypeError(`identity of no instrument ${row.instrument}`)
  return { identity: row, instrument, bindings: await world.store.find(bindings, { tenant: request.tenant, instrument: instrument.id }) }
}

type Leg = { readonly binding: BindingRow; readonly operation: OperationRow }
type Legs = {
  readonly writes: readonly Write[]
  readonly instrument: InstrumentRow
  readonly siblings: readonly BindingRow[]
  readonly legs: readonly [Leg, ...Leg[]]
}
type Plan = Legs | { readonly held: Existing }

function planBind(
  world: World,
  request: BindRequest,
  known: Known & { readonly existing: Existing | undefined; readonly admitted: Admitted },
): Plan {
  const { existing, captured, source } = known
  const reusable = existing !== undefined && !ended.includes(existing.instrument.status) ? existing : undefined
  const route = known.admitted.marks.stepUp === true ? steppingUp(world, known.choice) : known.choice
  const choice = freeOf(world, route, reusable === undefined ? existing : undefined)
  const free = choice.channels
  const isHeld = (channel: ChannelName) => reusable?.bindings.some(one => one.channel === channel && one.slot !== null) === true
  const best = preferred(choice)
  const wanted = choice.all ? free : best !== undefined && isHeld(best) ? [] : [free[0]]
  const [first, ...others] = wanted.filter(channel => !isHeld(channel))
  if (first === undefined) {
    if (reusable === undefined) throw new TypeError('nothing is held, and nothing is to be bound')
    refuseAgain(known.customer, reusable.instrument)
    return { held: reusable }
  }
  const display = displayOf(source, captured)
  const instrument = reusable?.instrument ?? newInstrument(world, { ...freshOf(request, known), display })
  const input = inputOf(request, source, reusable)
  const legOf = (channel: ChannelName, more: OperationRow['input']): Leg => {
    const { returnUrl, client, consent } = request
    const agreed = { source, terms: request.terms, madeAt: known.now }
    const binding = newBinding(world, instrument, { channel, returnUrl, client, consent, route: choice.reason, ...agreed })
    return {
      binding,
      operation: newBindOperation(world, binding, {
        input: { ...input, ...more },
        customer: known.customer,
        client,
        request: request.request,
      }),
    }
  }
  const leg = legOf(first, { ...known.admitted.marks, ...(choice.all ? {} : { route: free.slice(1) }) })
  const legs = [leg, ...others.map(channel => legOf(channel, { adoptedBy: leg.operation.id }))] as const
  const versions = input.cardVersion ?? instrument.versions + 1
  const pending =
    reusable === undefined
      ? instrument
      : reopened({ ...instrument, versions }, display, [...reusable.bindings, ...legs.map(one => one.binding)], world.now())
  const mine: Write[] =
    reusable === undefined
      ? [insert(instruments, instrument), ...identityWrites(world, request, known, instrument)]
      : [moveTo(instruments, instrument, pending)]
  return {
    writes: [
      expect(customers, known.customer),
      ...mine,
      ...sharingWrites(reusable?.instrument, pending, known.customersMax),
      ...legs.flatMap(one => [insert(bindings, one.binding), insert(operations, one.operation)]),
    ],
    instrument: reusable === undefined ? instrument : { ...pending, version: instrument.version + 1 },
    siblings: reusable?.bindings ?? [],
    legs,
  }
}

/** A new instrument, but for how it is shown. */
const freshOf = (request: BindRequest, { customer, identity, source }: Known) => ({
  ...owned(request),
  ...keptOf(customer, request.redisplay),
  kind: kindOfSource[source.type],
  sharing: identity ?? null,
})

/** What every leg is bound with. `cardVersion`: a number no other capture of the instrument has; it takes it over when it turns out good. */
function inputOf(request: BindRequest, source: Source, reusable: Existing | undefined): OperationRow['input'] {
  const capture = captureOf(request.subject)
  const cardVersion = reusable === undefined ? 1 : reusable.instrument.versions + 1
  return {
    ...(capture === undefined ? {} : { capture, cardVersion }),
    source,
    ...(request.terms === undefined ? {} : { terms: request.terms }),
  }
}

const owned = ({ tenant, mode, customer, metadata }: BindRequest) => ({ tenant, mode, customer, metadata })

/** An instrument that is bound again: with another expiry it is a reissued card, shown once it is not contradicted by a live binding. */
function reopened(
  instrument: InstrumentRow,
  captured: InstrumentRow['captured'],
  bindings: readonly BindingRow[],
  now: number,
): InstrumentRow {
  if (instrument.status === 'active') return { ...instrument, updated_at: now }
  const after = { ...instrument, captured }
  return { ...after, ...derive(after, bindings), updated_at: now }
}

/** The identity is new, or points to an instrument that has ended and passes to the new one. Some instruments have none yet. */
function identityWrites(
  world: World,
  request: BindRequest,
  known: { readonly identity: Identity | undefined; readonly existing: Existing | undefined },
  instrument: InstrumentRow,
): readonly Write[] {
  if (known.identity === undefined) return []
  const key = { tenant: request.tenant, customer: request.customer, ...known.identity }
  if (known.existing === undefined) return [insert(identities, { ...key, instrument: instrument.id, created_at: world.now() })]
  return [{ verb: 'move', table: identities, key, version: known.existing.identity.version, set: { instrument: instrument.id } }]
}
