/** What a bug is: others have shipped it, and it is put around the real code from outside. */
import type { Channel, ChannelName } from '../src/channels/channel.ts'
import type { MemoryStore } from '../src/world/memory.ts'
import type { World } from '../src/world/world.ts'
import type { Life } from './life.ts'
import type { Scheduler } from './scheduler.ts'

/** `sealed`: the vault's own rows. */
export type Around = { readonly scheduler: Scheduler; readonly life: Life; readonly sealed: MemoryStore }
export type Bug = {
  readonly name: string
  readonly what: string
  /** The channel whose adapter has it: most binds go there while it is hunted. */
  readonly at?: ChannelName
  /** A channel that is dead from the beginning, in a world without crashes, which would free what hangs. */
  readonly dead?: ChannelName
  readonly infect: (world: World, around: Around) => World
}

export const withChannels = (world: World, change: (channel: Channel) => Channel): World => ({
  ...world,
  channels: new Map<ChannelName, Channel>([...world.channels].map(([name, channel]) => [name, change(channel)])),
})
