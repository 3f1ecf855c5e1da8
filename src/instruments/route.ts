/** Which channels a bind may go to, in order. */
import type { ChannelName } from '../channels/channel.ts'
import { fieldProblem } from '../core/problem.ts'
import type { Mode, World } from '../world/world.ts'

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
