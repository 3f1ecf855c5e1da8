/** What a bug is: others have shipped it, and it is put around the real code from outside. */
import type { Channel, ChannelName } from '../src/channels/channel.ts'
import type { MemoryStore } from '../src/world/memory.ts'
import type { Committed, Insert, Move, Store, Write } from '../src/world/store.ts'
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

type Commit = Store['commit']

export const withCommit = (world: World, commit: (original: Commit, writes: readonly Write[]) => Promise<Committed>): World => ({
  ...world,
  store: { ...world.store, commit: writes => commit(world.store.commit, writes) },
})
export const rewriting = (world: World, rewrite: (write: Write) => Write | undefined): World =>
  withCommit(world, (original, writes) => original(writes.flatMap(write => rewrite(write) ?? [])))
export const isInsert = (write: Write, table: { readonly name: string }): write is Insert =>
  write.verb === 'insert' && write.table.name === table.name
export const isMove = (write: Write, table: { readonly name: string }): write is Move =>
  write.verb === 'move' && write.table.name === table.name
export const withRow = (write: Insert, change: Readonly<Record<string, unknown>>): Insert => ({
  ...write,
  row: { ...write.row, ...change },
})
