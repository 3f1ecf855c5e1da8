/**
 * What is new of a card goes from whoever told it to every other channel: one result, each channel by its own API, the customer not asked. A
 * channel that can be told a new end is told it; where it cannot, or where the number itself is new, the card is bound there once more from
 * what the vault sealed, and the old token is given up when the new one lives. A pure decision over rows; the worker carries it out.
 */
import type { ChannelName } from '../channels/channel.ts'
import { insert, moveTo, type Write } from '../world/store.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import { displayOf } from './display.ts'
import { compareExpiry, type Expiry, expiryOf } from './expiry.ts'
import { ended } from './instrument.ts'
import { newborn } from './newborn.ts'
import type { OperationInput } from './operation.ts'
import { isKept, type Minting, operationOf, retire } from './retire.ts'
import { returnUrlOf } from './return.ts'
import { type BindingRow, bindings, type InstrumentRow, type OperationRow, operations, slotOf } from './tables.ts'

export type SpreadMinds = Minting & {
  readonly returnUrl: (operation: string) => string
  readonly open: (channel: ChannelName) => boolean
  readonly canUpdate: (channel: ChannelName) => boolean
}

export const spreadMindsOf = (world: World, mode: Mode): SpreadMinds => ({
  now: world.now(),
  mint: (prefix, near) => nextId(world, prefix, near),
  returnUrl: operation => returnUrlOf(world, operation),
  open: name => world.channels.get(name)?.bind !== undefined && world.account(name, mode) !== undefined,
  canUpdate: name => world.channels.get(name)?.update !== undefined,
})

export type Spread = {
  /** All that were given as they will be, and what came into being beside them. */
  readonly bindings: readonly BindingRow[]
  readonly operations: readonly OperationRow[]
  /** The instrument's count of versions after it. */
  readonly versions: number
}

/** Which bindings are behind what is known of their card by now, and what each is asked. Asked once for each end: the echo is no news. */
export function spread(instrument: InstrumentRow, all: readonly BindingRow[], minds: SpreadMinds): Spread {
  const nothing: Spread = { bindings: all, operations: [], versions: instrument.versions }
  if (instrument.kind !== 'card' || ended.includes(instrument.status) || instrument.unbound_at !== null) return nothing
  const { own } = instrument
  if (own.blocked !== undefined || own.erasure !== undefined || own.mergedInto !== undefined) return nothing
  const display = displayOf(instrument, all)
  const target = expiryOf(display)
  if (target === undefined) return nothing
  let { versions } = instrument
  const asked: OperationRow[] = []
  const added: BindingRow[] = []
  const after = all.map(binding => {
    const how = isBehind(instrument, binding, target) ? wayOf({ ...instrument, display }, binding, target, minds) : undefined
    if (how === undefined) return binding
    if (how.do === 'update') asked.push(operationOf(binding, { verb: 'update', input: { expiry: target } }, minds))
    else {
      if (how.renew) versions += 1
      const { replacement, operation } = bindAgain({ ...instrument, display, versions }, binding, how.renew ? target : undefined, minds)
      added.push(replacement)
      asked.push(operation)
    }
    return { ...binding, asked_expiry: target, operations: binding.operations + (how.do === 'update' ? 1 : 0) }
  })
  return { bindings: [...after, ...added], operations: asked, versions }
}

function isBehind(instrument: InstrumentRow, { status, shown, token, asked_expiry: asked }: BindingRow, target: Expiry): boolean {
  if ((status !== 'active' && status !== 'suspended') || token === null) return false
  const has = expiryOf(shown) ?? expiryOf(instrument.captured)
  return has !== undefined && compareExpiry(has, target) < 0 && (asked === null || compareExpiry(asked, target) < 0)
}

type How = { readonly do: 'update' } | { readonly do: 'bindAgain'; readonly renew: boolean }

/** Undefined: the number is new, and nobody told us which, or nothing can be done there. */
function wayOf(instrument: InstrumentRow, binding: BindingRow, target: Expiry, minds: SpreadMinds): How | undefined {
  const { renewed } = instrument.own
  if (!minds.open(binding.channel)) return undefined
  const byUpdater = renewed?.expiry !== undefined && compareExpiry(renewed.expiry, target) === 0
  const has = expiryOf(binding.shown) ?? expiryOf(instrument.captured)
  const since = renewed?.numberSince
  if (byUpdater && since !== undefined && has !== undefined && compareExpiry(has, since) < 0)
    return renewed.cardVersion === undefined ? undefined : { do: 'bindAgain', renew: false }
  const last4 = binding.shown?.last4 ?? instrument.captured.last4
  if (last4 !== instrument.display.last4) return undefined
  if (minds.canUpdate(binding.channel)) return { do: 'update' }
  return { do: 'bindAgain', renew: !(byUpdater && renewed.cardVersion !== undefined) }
}

/** As `extend` would, in the place of what is there. */
function bindAgain(
  instrument: InstrumentRow,
  old: BindingRow,
  renew: Expiry | undefined,
  minds: SpreadMinds,
): { readonly replacement: BindingRow; readonly operation: OperationRow } {
  const id = minds.mint('bnd', old.customer)
  const replacement: BindingRow = {
    ...old,
    id,
    ...newborn,
    slot: slotOf({ instrument: instrument.id, channel: old.channel, replaces: old.id }),
    replaces: old.id,
    created_at: minds.now,
    updated_at: minds.now,
  }
  const { brand = 'unknown', last4 = '', expiryMonth = 0, expiryYear = 0 } = instrument.display
  const { customer } = old.names
  const input: OperationInput = {
    source: { type: 'card', card: { brand, last4, expiryMonth, expiryYear, securityCode: false, holder: false } },
    cardVersion: renew === undefined ? (instrument.own.renewed?.cardVersion ?? instrument.card_version) : instrument.versions,
    ...(renew === undefined ? {} : { renew: { from: instrument.card_version, expiry: renew } }),
    ...(customer === undefined ? {} : { channelCustomer: customer }),
    quiet: true,
    client: clientOf(old),
  }
  const operation = operationOf({ ...replacement, operations: 0 }, { verb: 'bind', input }, minds)
  return { replacement, operation: { ...operation, input: { ...input, returnUrl: minds.returnUrl(operation.id) } } }
}

const clientOf = ({ client }: BindingRow): NonNullable<OperationInput['client']> => ({
  ...(client?.ip == null ? {} : { ip: client.ip }),
  ...(client?.userAgent == null ? {} : { userAgent: client.userAgent }),
})

/** Writes of a spread. `told`: the binding whose row the caller moves itself. */
export function spreadWrites(before: readonly BindingRow[], made: Spread, told?: string): readonly Write[] {
  const had = new Map(before.map(one => [one.id, one]))
  return [
    ...made.bindings.flatMap((one): readonly Write[] => {
      const was = had.get(one.id)
      if (was === undefined) return [insert(bindings, one)]
      return was === one || one.id === told ? [] : [moveTo(bindings, was, one)]
    }),
    ...made.operations.map(one => insert(operations, one)),
  ]
}

/** What follows for the other bindings of an instrument from what one of them has become. `version`s of new rows are the caller's to insert. */
export function follow(
  of: {
    readonly instrument: InstrumentRow
    readonly binding: BindingRow
    readonly others: readonly BindingRow[]
    readonly sequence: number
  },
  minds: SpreadMinds,
): { readonly binding: BindingRow; readonly others: readonly BindingRow[]; readonly writes: readonly Write[]; readonly made: Spread } {
  const { instrument, binding, others, sequence } = of
  const replaced = binding.status === 'active' ? others.find(one => one.id === binding.replaces && isKept(one)) : undefined
  const given = replaced === undefined ? undefined : retire(replaced, { sequence }, minds)
  const left = others.map(one => (one === replaced && given !== undefined ? given.binding : one))
  const made = spread(instrument, [...left, binding], minds)
  const after = made.bindings.filter(one => one.id !== binding.id)
  const own = made.bindings.find(one => one.id === binding.id) ?? binding
  const retired = replaced === undefined || given === undefined ? [] : [...given.intent, moveTo(bindings, replaced, given.binding)]
  return { binding: own, others: after, writes: [...retired, ...spreadWrites([...left, binding], made, binding.id)], made }
}
