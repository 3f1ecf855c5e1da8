/** Binding an instrument that is already here on one more channel, with what is sealed: the customer is not asked for it again. */
import type { ChannelName, Source } from '../channels/channel.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import type { Admitted } from '../safeguards/guard.ts'
import { countsBound } from '../safeguards/tally.ts'
import { expect, insert, moveTo, refusedBy } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { admit, type Counted, readCounted, type Trying } from './admit.ts'
import type { Bound, Companions } from './bind.ts'
import { customerNow, readCustomer } from './customer.ts'
import { compareExpiry, expiryOf } from './expiry.ts'
import { derive, ended } from './instrument.ts'
import { newBinding, newBindOperation } from './intent.ts'
import type { OperationInput } from './operation.ts'
import { chooseRoute, refuseIfClosed } from './route.ts'
import { carryOut } from './settle.ts'
import { crowded, customersMax, sharingBound, sharingWrites } from './sharing.ts'
import { sealedAgain } from './source.ts'
import {
  type BindingRow,
  bindings,
  type Client,
  customers,
  type InstrumentRow,
  instruments,
  type OperationRow,
  operations,
} from './tables.ts'

export type ExtendRequest = {
  readonly instrument: InstrumentRow
  readonly channel: ChannelName
  readonly returnUrl: string
  readonly client: Client
  readonly request: string | null
  readonly proof?: string | undefined
  /** Also where no channel holds it any more, as long as nobody unbound it. */
  readonly revive?: boolean
}

export async function extend(world: World, request: ExtendRequest, companions: Companions): Promise<Bound> {
  const { instrument } = request
  const lost = request.revive === true && instrument.status === 'unbound' && instrument.unbound_at === null
  if (ended.includes(instrument.status) && !lost) throw new Problem('conflict', `the instrument is ${instrument.status}`)
  const customer = await readCustomer(world, { tenant: instrument.tenant, mode: instrument.mode, id: instrument.customer })
  if (customer === undefined) throw new Problem('conflict', 'the customer is gone')
  const { tenant, mode } = instrument
  const by = { tenant, mode, customer: instrument.customer, client: request.client, proof: request.proof }
  const [siblings, counted] = await Promise.all([
    world.store.find(bindings, { tenant, instrument: instrument.id }),
    readCounted(world, { ...by, request: request.request ?? '' }),
  ])
  const sealed = await readSealed(world, instrument, siblings)
  const { channel, reason, admitted } = await wayFor(world, request, {
    siblings,
    sealed,
    counted,
    trying: request.request === null ? undefined : { ...by, request: request.request },
  })
  const consent = siblings.find(one => one.consent !== null)?.consent ?? null
  const binding = newBinding(world, instrument, {
    channel,
    returnUrl: request.returnUrl,
    client: request.client,
    consent,
    route: reason,
    source: sealed.source,
    terms: sealed.terms,
    madeAt: await customerNow(world, customer),
  })
  const operation = newBindOperation(world, binding, {
    input: { ...sealed, ...admitted.marks },
    customer,
    client: request.client,
    request: request.request,
  })
  const versions = Math.max(instrument.versions, sealed.cardVersion)
  const after: InstrumentRow = { ...instrument, versions, ...derive(instrument, [...siblings, binding]), updated_at: world.now() }
  const writes = [
    expect(customers, customer),
    moveTo(instruments, instrument, after),
    ...sharingWrites(instrument, after, await customersMax(world, instrument)),
    insert(bindings, binding),
    insert(operations, operation),
    ...admitted.writes,
  ]
  const result = await world.store.commit([...companions.claim(instrument.id), ...writes])
  if (!result.ok) {
    companions.check(result)
    if (refusedBy(result, sharingBound)) throw crowded('/id')
    if (refusedBy(result, countsBound)) throw new Problem('conflict', 'too much is tried for this customer at once')
    throw new Problem('conflict', 'the instrument changed meanwhile')
  }
  const rows = { instrument: { ...after, version: instrument.version + 1 }, binding, siblings, operations: [operation], facts: [] }
  const decision = await carryOut(world, operation, {
    rows,
    companions: now => companions.answer({ created: false, instrument: now.instrument, bindings: now.bindings }),
  })
  return { created: false, instrument: decision.instrument, bindings: decision.bindings }
}

/** Where it goes, and that it may: throws a problem naming the channel, or the uniform refusal. */
async function wayFor(
  world: World,
  { instrument, channel: asked }: ExtendRequest,
  of: {
    readonly siblings: readonly BindingRow[]
    readonly sealed: Sealed
    readonly counted: Counted
    readonly trying: Omit<Trying, 'what'> | undefined
  },
) {
  const { tenant, mode, display } = instrument
  const { source, terms } = of.sealed
  const wish = { tenant, mode, source, terms, bin: display.bin, asked: [asked], all: false }
  const { channels, reason } = chooseRoute(world, wish, [], '/channel')
  const [channel] = channels
  if (of.siblings.some(one => one.channel === channel && one.slot !== null))
    throw fieldProblem('/channel', 'the instrument is bound there already', 'conflict')
  const what = `${instrument.id} ${channel}`
  const canStepUp = world.channels.get(channel)?.stepsUp === true
  // What we do by ourselves for what was bound already is nobody's try.
  if (of.trying === undefined) return { channel, reason, admitted: unasked }
  refuseIfClosed(world, channel, tenant)
  const admitted = await admit(world, { ...of.trying, what, verb: 'extend', bin: display.bin, seen: undefined, canStepUp }, of.counted)
  return { channel, reason, admitted }
}

const unasked: Admitted = { writes: [], marks: { counted: [] } }

type Sealed = Pick<OperationInput, 'renew' | 'terms'> & { readonly cardVersion: number; readonly source: Source }

/** What the instrument was bound from, best where it was taken: the expiry as it is known now, and nothing that lived for one operation. */
async function readSealed(world: World, instrument: InstrumentRow, siblings: readonly BindingRow[]): Promise<Sealed> {
  const asked = await Promise.all(siblings.map(one => world.store.find(operations, { tenant: instrument.tenant, binding: one.id })))
  const binds = asked.flat().filter((one): one is OperationRow => one.verb === 'bind' && one.input.source !== undefined)
  const mine = binds.filter(one => one.instrument === instrument.id)
  const bound = mine.find(one => (one.input.cardVersion ?? 1) === instrument.card_version) ?? mine[0] ?? binds[0]
  const source = bound?.input.source ?? vaulted(instrument)
  if (source === undefined) throw new Problem('conflict', 'nothing is known that it could be bound with')
  if (source.type === 'encrypted_card') throw new Problem('conflict', 'only the channel whose fields encrypted this card can read it')
  const again = sealedAgain(source)
  const { terms } = bound?.input ?? {}
  const sealed = { source: renewed(again, instrument), ...(terms === undefined ? {} : { terms }) }
  const renew = renewalOf(instrument, bound)
  return renew === undefined
    ? { ...sealed, cardVersion: instrument.card_version }
    : { ...sealed, cardVersion: instrument.versions + 1, renew }
}

/** Of what was taken over with its number, which no bind of ours has seen. */
function vaulted({ kind, sharing, captured }: InstrumentRow): Source | undefined {
  const { brand, last4, expiryMonth, expiryYear } = captured
  if (kind !== 'card' || sharing === null || last4 === undefined || expiryMonth === undefined || expiryYear === undefined) return undefined
  return { type: 'card', card: { brand: brand ?? 'unknown', last4, expiryMonth, expiryYear, securityCode: false, holder: false } }
}

/** A channel told a later end than what is sealed has: the vault seals the same number once more with that. */
function renewalOf(
  { own, card_version: from, display, captured }: InstrumentRow,
  bound: OperationRow | undefined,
): OperationInput['renew'] {
  const source = bound?.input.source
  if (source?.type !== 'card' || (display.last4 !== captured.last4 && own.renewed?.last4 !== display.last4)) return undefined
  const expiry = expiryOf(display)
  const has = own.renewed?.cardVersion === from ? own.renewed.expiry : (bound?.input.renew?.expiry ?? expiryOf(source.card))
  return expiry !== undefined && has !== undefined && compareExpiry(has, expiry) < 0 ? { from, expiry } : undefined
}

function renewed(source: Source, { display }: InstrumentRow): Source {
  if (source.type !== 'card') return source
  const { last4 = source.card.last4, expiryMonth = source.card.expiryMonth, expiryYear = source.card.expiryYear } = display
  return { ...source, card: { ...source.card, last4, expiryMonth, expiryYear, holder: false } }
}
