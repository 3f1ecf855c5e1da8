/** Rows with keys of their own: what finds an instrument or a binding by a name that somebody else gave it, and what has found none yet. */
import type { ChannelName, Moment, News } from '../channels/channel.ts'
import { int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

/** By what an instrument is recognised: the vault's fingerprint of what was captured, what the channel calls it, or what a former system did. */
export type IdentityKind = 'card' | 'device_token' | 'account' | 'phone' | 'wallet' | 'par' | 'network_token' | 'former'

/** Directory: which instrument of a customer an identity belongs to. */
export const identities = table(
  'identities',
  { tenant: text(), customer: text(), kind: text<IdentityKind>(), value: text(), instrument: text(), created_at: time(), version: int() },
  { key: ['tenant', 'customer', 'kind', 'value'] },
)

/** Directory: which binding a channel means by one of its names. */
export const channelNames = table(
  'channel_names',
  { channel: text<ChannelName>(), mode: text<Mode>(), name: text(), tenant: text(), binding: text(), version: int() },
  { key: ['channel', 'mode', 'name'] },
)

/** News from a channel about something we do not know (yet): asked again until its binding appears, then parked with its cause. */
export const inbox = table(
  'inbox',
  {
    channel: text<ChannelName>(),
    mode: text<Mode>(),
    event: text(),
    told: json<{
      readonly type: string
      readonly operation?: string
      readonly binding?: string
      readonly names: readonly string[]
      readonly news?: News
      readonly returned?: Readonly<Record<string, string>>
      readonly moment?: Moment
    }>(),
    status: text<'waiting' | 'parked'>(),
    tries: int(),
    cause: maybe(text()),
    received_at: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    /** Whom it is about, where that is known and it waits all the same. */
    tenant: maybe(text()),
    binding: maybe(text()),
    version: int(),
  },
  { key: ['channel', 'mode', 'event'], indexes: { inbox_binding: ['binding', 'tenant'] } },
)

export type InboxRow = Row<typeof inbox>
