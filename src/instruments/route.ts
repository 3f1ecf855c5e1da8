/** Which channels a bind may go to, in order. */
import type { ChannelName } from '../channels/channel.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import type { Mode, World } from '../world/world.ts'
import type { BindingRow } from './tables.ts'

/** The channels of the route that can bind and for which there is an account. */
export function usableRoute(
  world: World,
  mode: Mode,
  asked: readonly ChannelName[] | undefined,
  pointer = '/channels',
): readonly [ChannelName, ...ChannelName[]] {
  const usable = (asked ?? world.settings.route).filter(
    name => world.channels.get(name)?.bind !== undefined && world.account(name, mode) !== undefined,
  )
  const [first, ...rest] = usable
  if (first === undefined) throw fieldProblem(pointer, `there is no ${mode} account for it`, 'unprocessable')
  return [first, ...rest]
}

type Route = readonly [ChannelName, ...ChannelName[]]

/** A challenge is left out: it may stand for a day, and the customer who comes back meanwhile wants to bind. */
const unfinished = ['initiated', 'verifying', 'uncertain', 'active', 'suspended', 'revoking'] as const

/**
 * The route without the channels where the card's former instrument is still being given up, if they give one token for a card however often
 * it is bound: the revoke that is owed there would take the new binding's token with it. Throws a retryable `conflict` if none is left.
 */
export function freeOf(
  world: World,
  route: Route,
  former: { readonly bindings: readonly Pick<BindingRow, 'channel' | 'status'>[] } | undefined,
): Route {
  const busy = new Set((former?.bindings ?? []).flatMap(one => (isBusy(world, one) ? [one.channel] : [])))
  const [first, ...rest] = route.filter(channel => !busy.has(channel))
  if (first === undefined) throw new Problem('conflict', 'the card was unbound and is still being given up there', { retryAfterSeconds: 5 })
  return [first, ...rest]
}

const isBusy = (world: World, one: Pick<BindingRow, 'channel' | 'status'>): boolean =>
  world.channels.get(one.channel)?.oneTokenPerCard === true && unfinished.some(status => status === one.status)
