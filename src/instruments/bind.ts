/**
 * Binding: intent, call, outcome. The intent (instrument, identity, binding, operation with its key) is durable before the first byte
 * leaves; the call has no transaction open; the outcome becomes a fact. Two binds of one card by one customer end as one instrument,
 * because the identity is a row that only one of them can insert: the other one finds it and decides again. Several channels asked at once
 * are several bindings of one instrument, each with its own intent in the same commit.
 */
import { fieldProblem, Problem } from '../core/problem.ts'
import { countsBound } from '../safeguards/tally.ts'
import { type Committed, refusedBy, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { admitBind, asTried, readCounted } from './admit.ts'
import { sealAhead } from './adopt.ts'
import { customerNow, readCustomer } from './customer.ts'
import type { Decision, Rows } from './decide.ts'
import { inOrder } from './learn.ts'
import { type BindRequest, type Existing, type Known, type Legs, planBind } from './planBind.ts'
import { chooseRoute, knownChannels } from './route.ts'
import { currentRules } from './routing.ts'
import { carryOut } from './settle.ts'
import { crowded, customersMax, holdsPlace, sharingBound } from './sharing.ts'
import { type Identity, identityOf, peek, sourceOf } from './source.ts'
import { type BindingRow, bindings, type InstrumentRow, identities, instruments } from './tables.ts'
import { tellInstrument } from './tell.ts'

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
      admitted = await admitBind(world, request, { ...known, counted: await readCounted(world, asTried(request), true) })
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

/** Everything a bind is decided on, read at once; throws a problem naming the field that cannot be. */
async function readKnown(world: World, request: BindRequest): Promise<Known> {
  const { tenant, mode, subject, terms } = request
  knownChannels(world, request.channels ?? [], index => `/channels/${index}`)
  const [customer, captured, most, rules, counted] = await Promise.all([
    readCustomer(world, { tenant, mode, id: request.customer }),
    peek(world, { tenant, mode }, subject),
    customersMax(world, request),
    request.channels === undefined ? currentRules(world, request) : [],
    readCounted(world, asTried(request), true),
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

async function readExisting(world: World, request: BindRequest, identity: Identity | undefined): Promise<Existing | undefined> {
  if (identity === undefined) return undefined
  const row = await world.store.get(identities, { tenant: request.tenant, customer: request.customer, ...identity })
  if (row === undefined) return undefined
  const instrument = await world.store.get(instruments, { tenant: request.tenant, id: row.instrument })
  if (instrument === undefined) throw new TypeError(`identity of no instrument ${row.instrument}`)
  return { identity: row, instrument, bindings: await world.store.find(bindings, { tenant: request.tenant, instrument: instrument.id }) }
}
