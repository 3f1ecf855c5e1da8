/** The channels by name. */
import type { Channel, ChannelName } from './channel.ts'
import * as list from './list.ts'

export const channels: ReadonlyMap<ChannelName, Channel> = new Map(Object.values(list).map(channel => [channel.name, channel]))
