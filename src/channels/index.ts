/** The list of channels. A new one is a folder beside this file and a line here. */
import { adyen } from './adyen/channel.ts'
import type { Channel, ChannelName } from './channel.ts'
import { stripe } from './stripe/channel.ts'

const list: readonly Channel[] = [stripe, adyen]

export const channels: ReadonlyMap<ChannelName, Channel> = new Map(list.map(channel => [channel.name, channel]))
