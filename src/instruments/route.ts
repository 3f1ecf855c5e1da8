/** Which channels a bind goes to, in order, and why: rules as data, the channels' own word on what they take, and which of them answer. */
import type { Channel, ChannelName } from '../channels/channel.ts'
import { kindOfSource } from '../channels/source.ts'
import { countryOf, schemeOf, unfit, type Wish } from '../channels/way.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { lastSwitches } from '../safeguards/switches.ts'
import type { Mode, World } from '../world/world.ts'
import type { RoutingRule } from './routing.ts'
import type { BindingRow, RouteReason } from './tables.ts'

export type Route = readonly [ChannelName, ...ChannelName[]]
/** `all`: every one of them is bound, not the first that takes it. */
export type Choice = { readonly channels: Route; readonly all: boolean; readonly reason: RouteReason }

export type RouteWish = Wish & {
  readonly tenant: string
  readonly mode: Mode
  /** The leading digits of a card, where they are known. */
  readonly bin: string | undefined
  /** What the caller named; it goes before every rule. */
  readonly asked: readonly ChannelName[] | undefined
  readonly all: boolean | undefined
}

/** Throws a problem naming the first that is no channel here: before anything else is read. */
export function knownChannels(world: World, names: readonly ChannelName[], pointerOf: (index: number) => string): void {
  const wrong = names.findIndex(name => !world.channels.has(name))
  if (wrong >= 0) throw fieldProblem(pointerOf(wrong), 'is not a channel here; GET /v1/channels lists them')
}

/** Throws a problem naming the field where no channel is left. */
export function chooseRoute(world: World, wish: RouteWish, rules: readonly RoutingRule[], pointer = '/channels'): Choice {
  const rule = wish.asked === undefined ? rules.find(one => matches(one, wish)) : undefined
  const named = wish.asked ?? rule?.channels ?? world.settings.route
  const considered = named.map(name => ({ channel: name, ...verdictOn(world, name, wish) }))
  const usable = considered.filter(one => one.fit)
  // A channel that does not answer goes last: it is still tried where there is no other.
  const ordered = [...usable.filter(one => one.well), ...usable.filter(one => !one.well)]
  const [first, ...rest] = ordered
  if (first === undefined) {
    const reasons = considered.map(one => `${one.channel} ${one.because}`).join('; ')
    throw fieldProblem(pointer, reasons === '' ? 'names no channel' : `no channel is left: ${reasons}`, 'unprocessable')
  }
  const all = wish.all ?? rule?.all ?? false
  const said = rule?.id ?? (wish.asked === undefined ? 'deployment' : 'caller')
  const chosen = all ? ordered : [first]
  const reason: RouteReason = {
    rule: said,
    considered: considered.map(({ channel, fit, because }) => ({
      channel,
      verdict: chosen.some(one => one.channel === channel) ? 'chosen' : fit ? 'next' : 'left_out',
      because,
    })),
  }
  return { channels: [first.channel, ...rest.map(one => one.channel)], all, reason }
}

type Verdict = { readonly fit: boolean; readonly well: boolean; readonly because: string }

function verdictOn(world: World, name: ChannelName, wish: RouteWish): Verdict {
  const channel: Channel | undefined = world.channels.get(name)
  if (channel === undefined) return { fit: false, well: false, because: 'is not a channel here' }
  if (world.account(name, wish.mode) === undefined) return { fit: false, well: false, because: `has no ${wish.mode} account` }
  if (lastSwitches(world).off(wish, 'channel', name) !== undefined)
    return { fit: false, well: false, because: 'is switched off at the moment' }
  const why = unfit(channel, wish)
  if (why !== undefined) return { fit: false, well: false, because: why }
  const well = world.health.isWell(name, world.now())
  return { fit: true, well, because: well ? 'takes it' : 'takes it, and does not answer at the moment' }
}

/** Every condition that is stated has to hold. */
export function matches(rule: Pick<RoutingRule, 'when'>, wish: RouteWish): boolean {
  const { kinds, schemes, countries, currencies, bins } = rule.when
  const holds = (list: readonly string[] | undefined, value: string | undefined): boolean =>
    list === undefined || (value !== undefined && list.includes(value))
  return (
    holds(kinds, kindOfSource[wish.source.type]) &&
    holds(schemes, schemeOf(wish.source)) &&
    holds(countries, countryOf(wish.source)) &&
    holds(currencies, wish.terms?.currency) &&
    (bins === undefined || bins.some(prefix => wish.bin?.startsWith(prefix)))
  )
}

/** In seconds; a breaker's pause. */
const closedSeconds = 15

/**
 * Throws a retryable `unavailable` where the channel that would be asked, the best there is, is left alone at the moment: nothing was written, and
 * nobody waits for a timeout.
 */
export function refuseIfClosed(world: Pick<World, 'health' | 'now'>, channel: ChannelName, tenant: string): void {
  const why = world.health.closedTo(channel, tenant, world.now())
  if (why !== undefined) throw new Problem('unavailable', `${channel} ${why}.`, { retryAfterSeconds: closedSeconds })
}

/** Those of the route that can have the issuer ask the customer. */
export function steppingUp(world: Pick<World, 'channels'>, choice: Choice): Choice {
  const [first, ...rest] = choice.channels.filter(name => world.channels.get(name)?.stepsUp === true)
  return first === undefined ? choice : { ...choice, channels: [first, ...rest] }
}

/** A challenge is left out: it may stand for a day, and the customer who comes back meanwhile wants to bind. */
const unfinished = ['initiated', 'verifying', 'uncertain', 'active', 'suspended', 'revoking'] as const

/** Where it goes whatever answers at the moment: what is bound there already is not bound elsewhere for want of an answer. */
export const preferred = ({ reason }: Pick<Choice, 'reason'>): ChannelName | undefined =>
  reason.considered.find(one => one.verdict !== 'left_out')?.channel

/**
 * The choice without the channels where the card's former instrument is still being given up, if they give one token for a card however often
 * it is bound: the revoke that is owed there would take the new binding's token with it. Throws a retryable `conflict` if none is left.
 */
export function freeOf(
  world: World,
  choice: Choice,
  former: { readonly bindings: readonly Pick<BindingRow, 'channel' | 'status'>[] } | undefined,
): Choice {
  const busy = new Set((former?.bindings ?? []).flatMap(one => (isBusy(world, one) ? [one.channel] : [])))
  const [first, ...rest] = choice.channels.filter(channel => !busy.has(channel))
  const because = 'still gives up what it has of the card'
  if (first === undefined) throw new Problem('conflict', 'the card was unbound and is still being given up there', { retryAfterSeconds: 5 })
  const considered = choice.reason.considered.map(one => {
    if (busy.has(one.channel)) return { ...one, verdict: 'left_out', because } as const
    return one.channel === first ? ({ ...one, verdict: 'chosen' } as const) : one
  })
  return { ...choice, channels: [first, ...rest], reason: { ...choice.reason, considered } }
}

const isBusy = (world: World, one: Pick<BindingRow, 'channel' | 'status'>): boolean =>
  world.channels.get(one.channel)?.oneTokenPerCard === true && unfinished.some(status => status === one.status)
