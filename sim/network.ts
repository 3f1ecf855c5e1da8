/** The channels' side: simulators with their own books, a network that loses things, and channels that answer nothing for a while. */

import { type ChannelName, type ChannelRequest, NoAnswer, type Send } from '../src/channels/channel.ts'
import type { AnswerFault } from '../src/channels/faults.ts'
import type { Books, SimulatorContext } from '../src/channels/simulator.ts'
import { createStage, type Stage, type StagedDelivery, toSimulator } from '../src/channels/stage.ts'
import { addressOf, channelAt, credentialsAt, sandboxes } from './accounts.ts'
import type { FaultName, Faults } from './faults.ts'
import type { Scheduler } from './scheduler.ts'
import { createPost } from './webhooks.ts'

/** A request as it left, for the one who looks into a violation. */
export type Sent = { readonly channel: ChannelName; readonly request: ChannelRequest; readonly atMs: number }

export type Network = {
  readonly send: Send
  readonly sent: readonly Sent[]
  /** Requests to an address that is no channel's: none may leave. */
  readonly strays: readonly string[]
  /** What channels said against themselves, as `<channel> <event>` by the adapter's name of the event: nobody can know what is true then. */
  readonly contradictions: ReadonlySet<string>
  books(channel: ChannelName): Books
  readonly stages: ReadonlyMap<ChannelName, Stage>
  stage(channel: ChannelName): Stage
  context(channel: ChannelName): SimulatorContext
  /** Hands what a channel has to say to `take`, which says whether it was taken; what was not comes again. How many events there were. */
  deliver(channel: ChannelName): number
  /** It answers nothing until then, and carries nothing out. */
  die(channel: ChannelName, untilMs: number): void
  isDead(channel: ChannelName): boolean
  /** All are well again. */
  heal(): void
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
  ['answer_empty', 'empty'],
  ['answer_error_200', 'error_200'],
  ['answer_about_other', 'other_object'],
  ['answer_wrong_money', 'wrong_money'],
  ['answer_slow', 'slow'],
  ['answer_drips', 'drip'],
]
/** What the server waits for a channel at most. */
const deadlineMs = 5_000

export type Take = (channel: ChannelName, delivery: StagedDelivery) => Promise<boolean>

export function createNetwork(scheduler: Scheduler, faults: Faults, take: Take, fail: (error: unknown) => void): Network {
  const stages = new Map<ChannelName, Stage>(
    [...sandboxes].map(([name, sandbox]) => [name, createStage(sandbox.createSimulator(credentialsAt(name)))]),
  )
  const sent: Sent[] = []
  const strays: string[] = []
  const dead = new Map<ChannelName, number>()
  const isDead = (channel: ChannelName): boolean => scheduler.now() < (dead.get(channel) ?? 0)
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
  const post = createPost({ scheduler, faults, take, fail, stageOf })
  const noAnswer = async (): Promise<never> => {
    await scheduler.sleep(deadlineMs)
    throw new NoAnswer('the deadline passed')
  }
  const send: Send = async request => {
    const channel = channelAt(request.url)
    if (channel === undefined) {
      strays.push(`${request.method} ${request.url}`)
      return noAnswer()
    }
    const stage = stageOf(channel)
    sent.push({ channel, request, atMs: scheduler.now() })
    if (isDead(channel)) return noAnswer()
    await scheduler.sleep(scheduler.chance() * 200)
    const struck = onStage.find(([name]) => faults.strikes(name))
    if (struck !== undefined) stage.faults.add({ match: {}, fault: struck[1], times: 1 })
    const staged = stage.answer(toSimulator(request), context(channel))
    post.deliver(channel)
    await scheduler.sleep(scheduler.chance() * 300)
    // What drips is cut off at the deadline like what is slow.
    return staged.kind === 'lost' || staged.delayMs > deadlineMs ? noAnswer() : staged.answer
  }
  return {
    send,
    sent,
    strays,
    contradictions: post.contradictions,
    books: channel => stageOf(channel).simulator.books(),
    stages,
    stage: stageOf,
    context,
    deliver: post.deliver,
    die: (channel, untilMs) => dead.set(channel, untilMs),
    isDead,
    heal: () => dead.clear(),
  }
}
