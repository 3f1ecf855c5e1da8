/** The names of the channels, for what must know them without loading them: schemas, configuration. */
export const channelNames = ['stripe', 'adyen'] as const
export type ChannelName = (typeof channelNames)[number]
