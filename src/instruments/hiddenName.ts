/** What stands in the place of a name at a channel that an erasure took away: nobody can read the name off it, and the same name gives the same. */
import { createHmac } from 'node:crypto'
import type { ChannelName } from '../channels/channel.ts'
import type { Mode, World } from '../world/world.ts'

const prefix = 'hidden:'

/** Keyed with this deployment's secret: names of which there are few cannot be tried out by who has the rows alone. */
export function hiddenName(
  world: Pick<World, 'settings'>,
  at: { readonly channel: ChannelName; readonly mode: Mode },
  name: string,
): string {
  const hash = createHmac('sha256', world.settings.idempotencyKey).update(`channel name\n${at.channel}\n${at.mode}\n${name}`)
  return prefix + hash.digest('base64url')
}
