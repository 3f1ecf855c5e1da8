/**
 * Self-healing: what died at a channel while the instrument lives is bound anew from what is sealed, at the same channel or another, without the
 * customer. Only cards: a wallet or mandate is the customer's word, given once, and is asked for again. Where it cannot be, the customer is asked
 * once for each death.
 */
import type { ChannelName } from '../channels/channel.ts'
import { Problem } from '../core/problem.ts'
import { move } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { askCustomer } from './askCustomer.ts'
import type { Companions } from './bind.ts'
import { customerNow } from './customer.ts'
import { backoffOf, type DeathRow, deaths, type Healing, nextHealing } from './death.ts'
import type { Taken } from './due.ts'
import { extend } from './extend.ts'
import { type BindingRow, bindings, type InstrumentRow, identities, instruments, type OperationRow, operations } from './tables.ts'

/** How often it is looked whether a bind that was begun has come to an end. */
const lookEveryMs = 6 * 3_600_000

export async function heal(world: World, death: DeathRow): Promise<Taken> {
  const { tenant } = death
  const now = await customerNow(world, death)
  const instrument = await world.store.get(instruments, { tenant, id: death.instrument })
  if (instrument === undefined) throw new TypeError(`no instrument ${death.instrument}`)
  const [legs, all] = await Promise.all([
    world.store.find(bindings, { instrument: instrument.id, tenant }),
    world.store.find(deaths, { instrument: instrument.id, tenant }),
  ])
  const dead = legs.find(one => one.id === death.binding)
  const sealed = instrument.kind === 'card' && dead !== undefined && (await isSealed(world, dead))
  const open = sealed ? openChannels(world, death, legs) : []
  const step = nextHealing({ death, instrument, bindings: legs, deaths: all, sealed, open }, now)
  return { what: `binding.heal.${step.do}`, outcome: await carryOn(world, { death, instrument, dead, now }, step) }
}

/** Of a card that only a channel's own fields could read, or that a device gave a number for, nothing is sealed to bind with. */
async function isSealed(world: World, { tenant, id }: BindingRow): Promise<boolean> {
  const asked = await world.store.find(operations, { binding: id, tenant })
  return asked.some((one: OperationRow) => one.verb === 'bind' && one.input.source?.type === 'card')
}

/** The same channel first; not one that holds it, nor one that would give the dead token again. */
function openChannels(world: World, death: DeathRow, legs: readonly BindingRow[]): readonly ChannelName[] {
  const names = [...new Set([death.channel, ...world.settings.route])]
  return names.filter(name => {
    const channel = world.channels.get(name)
    const here = legs.filter(one => one.channel === name)
    const sameToken = channel?.oneTokenPerCard === true && here.some(one => one.status === 'expired' || one.status === 'revoking')
    return (
      channel?.ways.some(way => way.kind === 'card' && way.shape === 'direct') === true &&
      !sameToken &&
      here.every(one => one.slot === null) &&
      world.account(name, death.mode) !== undefined
    )
  })
}

type At = { readonly death: DeathRow; readonly instrument: InstrumentRow; readonly dead: BindingRow | undefined; readonly now: number }

async function carryOn(world: World, at: At, step: Healing): Promise<string> {
  const { death, now } = at
  switch (step.do) {
    case 'over':
      return settled(world, death, step.status, step.cause)
    case 'wait':
      return later(world, death, now + lookEveryMs)
    case 'ask':
      return (await askCustomer(world, death, step.cause)) ? 'asked' : 'somebody else has it'
    case 'try':
      return bindAnew(world, at, step.channel)
  }
}

async function settled(world: World, death: DeathRow, status: 'over' | 'healed', cause: string): Promise<string> {
  const result = await world.store.commit([move(deaths, death, { status, cause, due_at: null })])
  return result.ok ? `${status}: ${cause}` : 'somebody else has it'
}

async function later(world: World, death: DeathRow, due_at: number): Promise<string> {
  await world.store.commit([move(deaths, death, { status: 'trying', due_at })])
  return 'waits for the channel'
}

/** Counted first, so that a process that dies in between has tried. */
async function bindAnew(world: World, { death, instrument, dead, now }: At, channel: ChannelName): Promise<string> {
  const companions = await ownIdentity(world, instrument)
  if (companions === undefined) return settled(world, death, 'over', 'the card was bound anew as another instrument')
  const tried = [...death.tried, { channel, at: now }]
  const claimed = { status: 'trying' as const, tried, due_at: now + backoffOf({ tried }) }
  if (!(await world.store.commit([move(deaths, death, claimed)])).ok) return 'somebody else has it'
  try {
    const client = { ip: null, userAgent: null, device: null }
    const request = { instrument, channel, returnUrl: dead?.return_url ?? '', client, request: null, revive: true }
    const bound = await extend(world, request, companions)
    const there = bound.bindings.filter(one => one.channel === channel)
    return `${channel}: ${(there.find(one => one.slot !== null) ?? there.at(-1))?.status ?? 'unknown'}`
  } catch (error) {
    // It does not take it, or it changed meanwhile: the next look knows more.
    if (!(error instanceof Problem)) throw error
    return `${channel}: ${error.code}`
  }
}

/**
 * The card is still this instrument's: whoever binds it anew in the same moment moves the same row, and one of the two decides again. Undefined:
 * it is another instrument's by now.
 */
async function ownIdentity(world: World, { tenant, customer, id }: InstrumentRow): Promise<Companions | undefined> {
  const known = await world.store.find(identities, { tenant, customer })
  const mine = known.find(one => one.instrument === id)
  if (mine === undefined) return undefined
  return {
    claim: () => [move(identities, mine, { instrument: id })],
    answer: () => [],
    both: () => [],
    check: () => {},
  }
}
