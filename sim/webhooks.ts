/** What channels tell on their own: signed anew for every attempt, until it is taken; twice, late, in any order, in parts, forged, or contradicted. */
import { simulated as accountAt } from '../src/accounts.ts'
import type { ChannelName } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import type { SimulatorEvent } from '../src/channels/simulator.ts'
import { type Stage, type StagedDelivery, toSimulator } from '../src/channels/stage.ts'
import { addressOf, credentialsAt } from './accounts.ts'
import type { Faults } from './faults.ts'
import type { Take } from './network.ts'
import type { Scheduler } from './scheduler.ts'

/** What a forger signs with. */
const somebodysKey = 'ab'.repeat(32)
/** A webhook that nobody takes for so long shows that nobody ever will. */
const triesMax = 200

export type Post = { deliver(channel: ChannelName): number; readonly contradictions: ReadonlySet<string> }
type Ports = {
  readonly scheduler: Scheduler
  readonly faults: Faults
  readonly take: Take
  readonly fail: (error: unknown) => void
  readonly stageOf: (channel: ChannelName) => Stage
}

export function createPost(ports: Ports): Post {
  const { faults, fail, stageOf } = ports
  const contradictions = new Set<string>()
  const contradict = async (channel: ChannelName, event: SimulatorEvent): Promise<void> => {
    for (const name of await namesOf(ports, channel, event)) contradictions.add(`${channel} ${name}`)
    await bring(ports, channel, event)
  }
  return {
    contradictions,
    deliver(channel) {
      const { simulator } = stageOf(channel)
      const events = simulator.takeEvents()
      for (const event of events) {
        const parts = simulator.split?.(event)
        const told = parts !== undefined && faults.strikes('webhook_partial') ? parts : [event]
        for (const one of told) void bring(ports, channel, one).catch(fail)
        const opposite = simulator.contradict?.(event)
        if (opposite !== undefined && faults.strikes('webhook_contradictory')) void contradict(channel, opposite).catch(fail)
      }
      return events.length
    },
  }
}

const signed = ({ scheduler, stageOf }: Ports, channel: ChannelName, event: SimulatorEvent, secret: string): StagedDelivery => ({
  ...stageOf(channel).simulator.sign(event, { nowMs: scheduler.now(), secrets: [secret] }),
  event,
  delayMs: 0,
  forged: secret === somebodysKey,
})

/** One event on its way, until it is taken. Copies and forgeries go their own way. */
async function bring(ports: Ports, channel: ChannelName, event: SimulatorEvent): Promise<void> {
  const { scheduler, faults, take } = ports
  if (faults.strikes('webhook_forged')) await take(channel, signed(ports, channel, event, somebodysKey))
  if (faults.strikes('webhook_late')) await scheduler.sleep(scheduler.chance() * 600_000)
  // A shuffle of what was sent at about the same time.
  await scheduler.sleep(faults.strikes('webhook_reordered') ? scheduler.chance() * 10_000 : scheduler.chance() * 300)
  const copies = faults.strikes('webhook_duplicate') ? 2 : 1
  for (let copy = 0; copy < copies; copy += 1) {
    // Channels sign anew for every attempt, or an honest delivery would go stale.
    for (let tries = 0; !(await take(channel, signed(ports, channel, event, credentialsAt(channel).signing))); tries += 1) {
      if (tries > triesMax) throw new Error(`a webhook of ${channel} was never taken: ${event.type}`)
      await scheduler.sleep(scheduler.chance() * 30_000 + 1_000)
    }
    await scheduler.sleep(scheduler.chance() * 60_000)
  }
}

/** How the adapter names what an event tells, read without any of the network's faults. */
async function namesOf(ports: Ports, channel: ChannelName, event: SimulatorEvent): Promise<readonly string[]> {
  const { scheduler, stageOf } = ports
  const account = accountAt(credentialsAt(channel), addressOf(channel))
  const { headers, body } = signed(ports, channel, event, credentialsAt(channel).signing)
  const reading = await channels.get(channel)?.webhook?.({
    headers,
    body: Buffer.from(body),
    nowMs: scheduler.now(),
    secrets: account.webhookSecrets,
    account,
    send: async request =>
      stageOf(channel).simulator.handle(toSimulator(request), {
        nowMs: scheduler.now(),
        random: count => Buffer.alloc(count, 1),
        address: addressOf(channel),
      }),
  })
  if (reading?.kind !== 'told') throw new Error(`what contradicts an event of ${channel} is not read: ${event.type}`)
  return reading.told.map(one => one.event)
}
