/** The channels' side: simulators with their own books, a network that loses things, and webhooks that come twice, late and in any order. */

import { createHash } from 'node:crypto'
import { type ChannelName, type ChannelRequest, NoAnswer, type Send } from '../src/channels/channel.ts'
import type { AnswerFault } from '../src/channels/faults.ts'
import { channels } from '../src/channels/index.ts'
import type { Credentials } from '../src/channels/sandbox-channel.ts'
import { loadSandboxes } from '../src/channels/sandbox-list.ts'
import type { Books, SimulatorContext } from '../src/channels/simulator.ts'
import { createStage, type Stage, type StagedDelivery, toSimulator } from '../src/channels/stage.ts'
import { newKeyPair, type Pair } from '../src/world/keypair.ts'
import type { FaultName, Faults } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

export const sandboxes = await loadSandboxes()
export const addressOf = (channel: ChannelName): string => `https://${channel.replaceAll('_', '-')}.sim`
export const channelAt = (url: string): ChannelName | undefined => [...channels.keys()].find(name => url.startsWith(`${addressOf(name)}/`))

/** The same in every run of one process: key pairs take a while, and a seed must replay. */
const pairs: Pair[] = []
let taken = 0
const making = {
  random: (count: number) => createHash('sha512').update('simulation').digest().subarray(0, count),
  keyPair: (type: 'rsa-2048' | 'ec-p256') => {
    taken += 1
    const pair = pairs[taken] ?? newKeyPair(type)
    pairs[taken] = pair
    return pair
  },
}
const made: ReadonlyMap<ChannelName, Credentials> = new Map([...sandboxes].map(([name, sandbox]) => [name, sandbox.credentials(making)]))
export function credentialsAt(channel: ChannelName): Credentials {
  const found = made.get(channel)
  if (found === undefined) throw new TypeError(`no credentials for ${channel}`)
  return found
}

/** What a forger signs with. */
const somebodysKey = 'ab'.repeat(32)

/** A request as it left, for the invariants: what was on the wire, and whether its intent was durable. */
export type Sent = { readonly channel: ChannelName; readonly request: ChannelRequest; readonly atMs: number }

export type Network = {
  readonly send: Send
  readonly sent: readonly Sent[]
  books(channel: ChannelName): Books
  readonly stages: ReadonlyMap<ChannelName, Stage>
  context(channel: ChannelName): SimulatorContext
  /** Hands what a channel has to say to `take`, which says whether it was taken; what was not comes again. */
  deliver(channel: ChannelName): void
}

/** How each of our faults is done on the stage. */
const onStage: readonly (readonly [FaultName, AnswerFault])[] = [
  ['request_lost', 'lost_before'],
  ['answer_lost', 'lost_after'],
  ['channel_error_before', 'error_before'],
  ['channel_error_after', 'error_after'],
  ['rate_limited', 'rate_limited'],
  ['answer_html', 'html'],
  ['answer_half', 'half_json'],
  ['answer_about_other', 'other_object'],
]

export type Take = (channel: ChannelName, delivery: StagedDelivery) => Promise<boolean>

export function createNetwork(scheduler: Scheduler, faults: Faults, take: Take, fail: (error: unknown) => void): Network {
  const stages = new Map<ChannelName, Stage>(
    [...sandboxes].map(([name, sandbox]) => [name, createStage(sandbox.createSimulator(credentialsAt(name)))]),
  )
  const sent: Sent[] = []
  const stageOf = (channel: ChannelName): Stage => {
    const stage = stages.get(channel)
    if (stage === undefined) throw new TypeError(`no stage for ${channel}`)
    return stage
  }
  const context = (channel: ChannelName): SimulatorContext => ({
    nowMs: scheduler.now(),
    random: scheduler.random,
    address: addressOf(channel),
  })
  const deliver = (channel: ChannelName) => {
    for (const one of stageOf(channel).deliveries({ nowMs: scheduler.now(), secrets: [credentialsAt(channel).signing] }))
      void bring(scheduler, faults, take, channel, one, secret => resign(one, channel, secret)).catch(fail)
  }
  /** Channels sign anew for every attempt, or an honest delivery would go stale. */
  const resign = (one: StagedDelivery, channel: ChannelName, secret: string): StagedDelivery => ({
    ...one,
    ...stageOf(channel).simulator.sign(one.event, { nowMs: scheduler.now(), secrets: [secret] }),
  })
  const send: Send = async request => {
    const channel = channelAt(request.url)
    if (channel === undefined) throw new TypeError(`a request to nobody: ${request.url}`)
    const stage = stageOf(channel)
    sent.push({ channel, request, atMs: scheduler.now() })
    await scheduler.sleep(scheduler.chance() * 200)
    const struck = onStage.find(([name]) => faults.strikes(name))
    if (struck !== undefined) stage.faults.add({ match: {}, fault: struck[1], times: 1 })
    const staged = stage.answer(toSimulator(request), context(channel))
    deliver(channel)
    await scheduler.sleep(scheduler.chance() * 300)
    if (staged.kind === 'lost') {
      await scheduler.sleep(5_000)
      throw new NoAnswer('the deadline passed')
    }
    return staged.answer
  }
  return { send, sent, stages, context, deliver, books: channel => stageOf(channel).simulator.books() }
}

/** One event on its way, until it is taken. Copies and forgeries go their own way. */
async function bring(
  scheduler: Scheduler,
  faults: Faults,
  take: Take,
  channel: ChannelName,
  delivery: StagedDelivery,
  sign: (secret: string) => StagedDelivery,
): Promise<void> {
  if (faults.strikes('webhook_forged')) await take(channel, { ...sign(somebodysKey), forged: true })
  if (faults.strikes('webhook_late')) await scheduler.sleep(scheduler.chance() * 600_000)
  // A shuffle of what was sent at about the same time.
  await scheduler.sleep(faults.strikes('webhook_reordered') ? scheduler.chance() * 10_000 : scheduler.chance() * 300)
  const copies = faults.strikes('webhook_duplicate') ? 2 : 1
  for (let copy = 0; copy < copies; copy += 1) {
    for (let tries = 0; !(await take(channel, sign(credentialsAt(channel).signing))); tries += 1) {
      if (tries > 200) throw new Error(`a webhook of ${channel} was never taken: ${delivery.event.type}`)
      await scheduler.sleep(scheduler.chance() * 30_000 + 1_000)
    }
    await scheduler.sleep(scheduler.chance() * 60_000)
  }
}
