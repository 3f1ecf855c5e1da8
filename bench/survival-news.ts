/** What is told to whoever listens, day by day: by each channel's updater, by banks and wallets, and by the network about its tokens. */
import type { News } from '../src/channels/channel.ts'
import type { NetworkTokenStatus } from '../src/instruments/own.ts'
import { channelNames, type ModelChannel, shownOf } from './survival-channels.ts'
import { chance, days, type Model, type Subject } from './survival-model.ts'

export type ChannelNews = {
  readonly to: 'channel'
  readonly channel: ModelChannel
  readonly subject: Subject
  readonly event: string
  readonly news: News
  /** The version that the channel itself holds from now on. */
  readonly version?: number
}
export type NetworkNews = { readonly to: 'network'; readonly subject: Subject; readonly event: string; readonly status: NetworkTokenStatus }
export type Told = ChannelNews | NetworkNews

/** Wallets that tell when their customer unlinks them; of the others it is found out when they are charged (Antom's own list names some). */
const toldOfUnlinking = 0.7

export function newsByDay(model: Model, subjects: readonly Subject[]): ReadonlyMap<number, readonly Told[]> {
  const out = new Map<number, Told[]>()
  const on = (day: number, told: Told): void => {
    const at = Math.ceil(day)
    if (at >= days) return
    const today = out.get(at) ?? []
    today.push(told)
    out.set(at, today)
  }
  for (const subject of subjects) {
    if (subject.kind === 'card') cardNews(model, subject, on)
    if (subject.kind === 'mandate') mandateNews(subject, on)
    if (subject.kind === 'wallet' && chance(model.seed, 'told of unlinking', subject.index) < toldOfUnlinking)
      on(subject.endsAt, ofChannel('primary', subject, 'unlinked', { kind: 'revoked', reason: 'unlinked by the customer' }))
  }
  return out
}

type On = (day: number, told: Told) => void
const ofChannel = (channel: ModelChannel, subject: Subject, what: string, news: News, version?: number): ChannelNews => ({
  to: 'channel',
  channel,
  subject,
  event: `${channel}:${subject.index}:${what}`,
  news,
  ...(version === undefined ? {} : { version }),
})

function cardNews(model: Model, subject: Subject, on: On): void {
  for (const [version, issued] of subject.versions.entries()) {
    if (version === 0) continue
    for (const channel of channelNames) {
      const at = model.told(channel, subject, version)
      if (at !== undefined) on(at, ofChannel(channel, subject, `version ${version}`, { kind: 'updated', shown: shownOf(issued) }, version))
    }
  }
  if (!model.tokenised(subject)) return
  const network = (what: string, status: NetworkTokenStatus): NetworkNews => ({
    to: 'network',
    subject,
    event: `${subject.index}:${what}`,
    status,
  })
  on(0, network('provisioned', 'active'))
  for (const [i, { from, until }] of subject.frozen.entries()) {
    on(from, network(`suspended ${i}`, 'suspended'))
    on(until, network(`resumed ${i}`, 'active'))
  }
  on(subject.endsAt, network('deleted', 'deleted'))
}

function mandateNews(subject: Subject, on: On): void {
  const moved = subject.versions[1]
  if (moved !== undefined)
    on(moved.from, ofChannel('primary', subject, 'replaced', { kind: 'updated', token: `moved_${subject.index}` }, 1))
  for (const [i, { from, until }] of subject.frozen.entries()) {
    on(from, ofChannel('primary', subject, `paused ${i}`, { kind: 'suspended', reason: 'paused by the payer' }))
    on(until, ofChannel('primary', subject, `resumed ${i}`, { kind: 'resumed' }))
  }
  if (subject.mistaken !== undefined && subject.mistaken.until < subject.endsAt) {
    on(subject.mistaken.from, ofChannel('primary', subject, 'cancelled', { kind: 'revoked', reason: 'cancelled by the bank' }))
    on(subject.mistaken.until, ofChannel('primary', subject, 'reinstated', { kind: 'reinstated', evidence: 'the bank took it back' }))
  }
  on(subject.endsAt, ofChannel('primary', subject, 'revoked', { kind: 'revoked', reason: 'revoked by the payer' }))
}
