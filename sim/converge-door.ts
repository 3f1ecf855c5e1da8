/**
 * Histories over the HTTP door: binds at the channels' own simulators, what happens to them over there, and then every webhook that the channels
 * sent of it, signed and as raw bytes, in whatever order, twice, joined and taken apart. Each order begins in a world of its own, in which the
 * same seed has made the same.
 */
import type { ChannelName } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import { isRecord } from '../src/channels/json.ts'
import type { SimulatorEvent } from '../src/channels/simulator.ts'
import { bindings, inbox, operations } from '../src/instruments/tables.ts'
import { hearDue } from '../src/worker.ts'
import type { World } from '../src/world/world.ts'
import { credentialsAt } from './accounts.ts'
import type { Bug } from './bug.ts'
import { ask, once } from './clients.ts'
import { newClient } from './commands.ts'
import { createDice, type Dice } from './converge-dice.ts'
import { lendHands } from './hands.ts'
import { bring } from './sources.ts'
import { createSimulated, type Simulated } from './world.ts'

type Sent = { readonly channel: ChannelName; readonly event: SimulatorEvent }
export type Delivered = {
  readonly simulated: Simulated
  readonly order: readonly string[]
  readonly faults: readonly string[]
  /** Bindings whose end was still owed when the news began: under which names they end is drawn when it is asked for. */
  readonly owed: ReadonlySet<string>
}

const minute = 60_000
/** Longer than news waits to be heard again (1 s, doubled), shorter than the first look-up of what waits for a customer (ten minutes). */
const restMs = 9 * minute

/** `number` 0: as they were sent. */
export async function deliverAll(seed: number, number: number, infect?: (world: World) => World): Promise<Delivered> {
  const sent: Sent[] = []
  const faults: string[] = []
  const state = { driving: true, lending: true, over: false }
  const bug: Bug | undefined = infect === undefined ? undefined : { name: 'converge', what: 'see converge-bugs.ts', infect }
  const simulated: Simulated = createSimulated(seed, bug, current => async (channel, { event }) => {
    if (state.driving) sent.push({ channel, event })
    else await deliver(current(), faults, [{ channel, event }])
    return true
  })
  simulated.faults.heal()
  const { scheduler } = simulated
  const fail = (error: unknown) => {
    faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    state.over = true
  }
  const dice = createDice(seed, number)
  const order: string[] = []
  const owed = new Set<string>()
  const run = async (): Promise<void> => {
    void lendHands(simulated, () => !state.lending, fail).catch(fail)
    await drive(simulated, createDice(seed))
    state.lending = false
    // Hands that were lent are drawn back, and the last webhook is on its way.
    await scheduler.sleep(20 * minute)
    state.driving = false
    for (const row of simulated.all(operations)) if (row.status !== 'settled') owed.add(row.binding)
    for (const batch of inOrder(dice, number, partsOf(simulated, dice, number, sent))) {
      order.push(batch.map(one => `${one.channel} ${one.event.type} ${one.event.id}`).join(' + '))
      await deliver(simulated, faults, batch)
    }
    await rest(simulated)
    state.over = true
  }
  void run().catch(fail)
  await scheduler.run(() => state.over, Number.MAX_SAFE_INTEGER)
  // A channel says the same of an event however often it is delivered, joined or taken apart.
  const contradicted = simulated.all(inbox).filter(row => row.event.includes('#'))
  return {
    simulated,
    order,
    owed,
    faults: [...faults, ...simulated.errors, ...contradicted.map(row => `${row.channel} ${row.event}: ${row.cause}`)],
  }
}

/** A customer binds, the channels do what they do, and none of what they tell has been heard. */
async function drive(simulated: Simulated, dice: Dice): Promise<void> {
  const { scheduler, network } = simulated
  const client = await newClient(simulated)
  if (client === undefined) throw new TypeError('no customer could be made')
  for (let binds = 2 + dice.pick(4); binds > 0; binds -= 1) {
    const brought = await bring(simulated)
    if (brought === undefined) continue
    const channel = brought.channel ?? dice.one(['stripe', 'adyen', 'checkout', 'square'])
    // The reply is lost: the webhook is the first we hear of it.
    if (dice.chance() < 0.2) network.stage(channel).faults.add({ match: {}, fault: 'lost_after', times: 1 })
    const body = { ...brought.body, channels: [channel], customer: client.customer, return_url: 'https://shop.example/back' }
    await ask(simulated, { name: 'bindInstrument', body, key: `bind-${binds}` }, 1)
    await scheduler.sleep(dice.pick(3) * minute)
  }
  await scheduler.sleep(5 * minute)
  for (let acts = dice.pick(8); acts > 0; acts -= 1) {
    act(simulated, dice)
    await scheduler.sleep((1 + dice.pick(3)) * minute)
  }
  const [bound] = simulated.all(bindings)
  if (bound !== undefined && dice.chance() < 0.15)
    await ask(simulated, { name: 'unbindInstrument', params: { id: bound.instrument }, key: 'unbind' }, 1)
}

/** Something happens over there to what a channel holds. */
function act({ network }: Simulated, dice: Dice): void {
  const held = [...channels.keys()].flatMap(channel =>
    network.books(channel).held.flatMap(one => (one.usable || dice.chance() < 0.5 ? [{ channel, token: one.token }] : [])),
  )
  if (held.length === 0) return
  const { channel, token } = dice.one(held)
  const { simulator } = network.stage(channel)
  const [name = ''] = dice.one([...Object.keys(simulator.acts), '']).split(' ')
  if (name === '') return
  try {
    simulator.act(name, token, network.context(channel))
  } catch (error) {
    // Not with this one, or not as it stands: PayPal says so in words of its own.
    if (!(error instanceof Error) || error instanceof ReferenceError) throw error
  }
  network.deliver(channel)
}

/** Some of what reports several things reports one each instead. */
function partsOf({ network }: Simulated, dice: Dice, number: number, sent: readonly Sent[]): readonly Sent[] {
  if (number === 0) return sent
  return sent.flatMap(one => {
    const parts = dice.chance() < 0.5 ? network.stage(one.channel).simulator.split?.(one.event) : undefined
    return parts === undefined ? [one] : parts.map(event => ({ channel: one.channel, event }))
  })
}

function inOrder(dice: Dice, number: number, sent: readonly Sent[]): readonly (readonly Sent[])[] {
  if (number === 0) return sent.map(one => [one])
  const repeated = sent.flatMap(one => (dice.chance() < 0.3 ? [one, one] : [one]))
  const batches: Sent[][] = []
  for (const one of dice.shuffle(repeated)) {
    const last = batches.at(-1)
    const [before] = last ?? []
    const joins = before !== undefined && before.channel === one.channel && listOf(one) !== undefined && listOf(one) === listOf(before)
    if (joins && dice.chance() < 0.5) last?.push(one)
    else batches.push([one])
  }
  return batches
}

/** Under which name a channel's webhook lists what it reports; undefined where it reports one thing. */
function listOf({ event }: Sent): string | undefined {
  const body: unknown = JSON.parse(event.body)
  return ['events', 'notificationItems'].find(name => isRecord(body) && Array.isArray(body[name]))
}

/** Several in one body, where the channel sends lists. */
function joined(batch: readonly Sent[]): Sent | undefined {
  const [first] = batch
  const name = first === undefined || batch.length === 1 ? undefined : listOf(first)
  if (first === undefined || name === undefined) return first
  const bodies = batch.map(one => JSON.parse(one.event.body))
  const body = JSON.stringify({ ...bodies[0], [name]: bodies.flatMap(one => one[name]) })
  return { channel: first.channel, event: { ...first.event, body } }
}

/** Signed now, as every delivery is. A proof that has to be fetched may not be there yet: the channel tells again. */
async function deliver(simulated: Simulated, faults: string[], batch: readonly Sent[]): Promise<void> {
  const sent = joined(batch)
  if (sent === undefined) return
  const { channel, event } = sent
  const { simulator } = simulated.network.stage(channel)
  const at = { nowMs: simulated.scheduler.now(), secrets: [credentialsAt(channel).signing] }
  const { headers, body } = simulator.sign(event, at)
  const asked = { name: 'receiveChannelWebhook', params: { channel, mode: 'test' }, raw: Buffer.from(body), headers }
  const answer = await once(simulated.server(), asked)
  if (answer.status >= 300) faults.push(`${channel} ${event.type} was answered with ${answer.status}: ${answer.text}`)
}

/** What found no binding is heard again, and what we owe is carried out. */
async function rest(simulated: Simulated): Promise<void> {
  const end = simulated.scheduler.now() + restMs
  while (simulated.scheduler.now() < end) {
    const { world, settler } = simulated.server()
    await hearDue(world)
    await settler.tick()
    await simulated.scheduler.sleep(2_000)
  }
}
