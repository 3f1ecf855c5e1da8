/** What a bind writes before the first byte leaves: the instrument, its identity, a binding and an operation for each channel. Pure but for ids. */
import type { ChannelName, MandateTerms, Source } from '../channels/channel.ts'
import { kindOfSource } from '../channels/source.ts'
import type { Admitted } from '../safeguards/guard.ts'
import { expect, insert, moveTo, type Write } from '../world/store.ts'
import type { Mode, Peeked, World } from '../world/world.ts'
import type { Counted } from './admit.ts'
import { derive, ended } from './instrument.ts'
import { newBinding, newBindOperation, newInstrument } from './intent.ts'
import { keptOf, type Redisplay, refuseAgain } from './reuse.ts'
import { type Choice, freeOf, preferred, refuseIfClosed, steppingUp } from './route.ts'
import { sharingWrites } from './sharing.ts'
import { captureOf, displayOf, type Identity, type Subject } from './source.ts'
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

export type Known = {
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

/** What the customer already has for this card or account. */
export type Existing = {
  readonly identity: { readonly version: number }
  readonly instrument: InstrumentRow
  readonly bindings: readonly BindingRow[]
}

export type Leg = { readonly binding: BindingRow; readonly operation: OperationRow }
export type Legs = {
  readonly writes: readonly Write[]
  readonly instrument: InstrumentRow
  readonly siblings: readonly BindingRow[]
  readonly legs: readonly [Leg, ...Leg[]]
}
type Plan = Legs | { readonly held: Existing }

export function planBind(
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
  refuseIfClosed(world, first, request.tenant)
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
