/** The channels' side: simulators with their own books, a network that loses things, and webhooks that come twice, late and in any order. */

import { createAdyenSimulator } from '../src/channels/adyen/simulator.ts'
import { type ChannelName, type ChannelRequest, NoAnswer, type Send } from '../src/channels/channel.ts'
import type { AnswerFault } from '../src/channels/faults.ts'
import type { Books, SimulatorContext } from '../src/channels/simulator.ts'
import { createStage, type Stage, type StagedDelivery, toSimulator } from '../src/channels/stage.ts'
import { createStripeSimulator } from '../src/channels/stripe/simulator.ts'
import type { FaultName, Faults } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

export const addresses: Readonly<Record<ChannelName, string>> = { stripe: 'https://stripe.sim', adyen: 'https://adyen.sim' }
export const webhookSecrets: Readonly<Record<ChannelName, string>> = {
  stripe: 'whsec_sim',
  adyen: '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056',
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
  const stages = new Map<ChannelName, Stage>([
    ['stripe', createStage(createStripeSimulator())],
    ['adyen', createStage(createAdyenSimulator())],
  ])
  const sent: Sent[] = []
  const stageOf = (channel: ChannelName): Stage => {
    const stage = stages.get(channel)
    if (stage === undefined) throw new TypeError(`no stage for ${channel}`)
    return stage
  }
  const context = (channel: ChannelName): SimulatorContext => ({
    nowMs: scheduler.now(),
    random: scheduler.random,
    address: addresses[channel],
  })
  const deliver = (channel: ChannelName) => {
    for (const one of stageOf(channel).deliveries({ nowMs: scheduler.now(), secrets: [webhookSecrets[channel]] }))
      void bring(scheduler, faults, take, channel, one, secret => resign(one, channel, secret)).catch(fail)
  }
  /** Channels sign anew for every attempt, or an honest delivery would go stale. */
  const resign = (one: StagedDelivery, channel: ChannelName, secret: string): StagedDelivery => ({
    ...one,
    ...stageOf(channel).simulator.sign(one.event, { nowMs: scheduler.now(), secrets: [secret] }),
  })
  const send: Send = async request => {
    const channel: ChannelName = request.url.startsWith(addresses.stripe) ? 'stripe' : 'adyen'
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
    for (let tries = 0; !(await take(channel, sign(webhookSecrets[channel]))); tries += 1) {
      if (tries > 200) throw new Error(`a webhook of ${channel} was never taken: ${delivery.event.type}`)
      await scheduler.sleep(scheduler.chance() * 30_000 + 1_000)
    }
    await scheduler.sleep(scheduler.chance() * 60_000)
  }
}
