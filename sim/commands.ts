/** The commands of a run, drawn by chance: what several customers of one tenant do over some hours, at all channels. */
import { z } from 'zod'
import type { ChannelName } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import { bindings, clocks } from '../src/instruments/tables.ts'
import { type Asked, ask, type Told } from './clients.ts'
import { advanceTo } from './clock.ts'
import { type Brought, bring } from './sources.ts'
import { type Simulated, tenant } from './world.ts'

const shape = z.object({
  id: z.string(),
  status: z.string(),
  kind: z.string(),
  bindings: z.array(z.object({ id: z.string(), channel: z.string(), status: z.string() })),
})

type Instrument = { readonly id: string; readonly kind: string }
export type Client = { customer: string; instruments: Instrument[]; clock?: string }

const names: readonly ChannelName[] = [...channels.keys()]
const returnUrl = 'https://shop.example/back'

export async function newClient(simulated: Simulated): Promise<Client | undefined> {
  // One in three lives in a time of its own.
  const clock = simulated.scheduler.chance() < 1 / 3 ? await madeId(simulated, 'createTestClock', {}) : undefined
  const id = await madeId(simulated, 'createCustomer', clock === undefined ? {} : { clock })
  return id === undefined ? undefined : { customer: id, instruments: [], ...(clock === undefined ? {} : { clock }) }
}

async function madeId(simulated: Simulated, name: string, body: object): Promise<string | undefined> {
  const answer = await ask(simulated, { name, body, key: `${name}-${simulated.scheduler.random(8).toString('hex')}` })
  return z.object({ id: z.string() }).safeParse(answer?.body).data?.id
}

/** One command; what it did, for the trace. */
export async function command(simulated: Simulated, client: Client): Promise<string> {
  const { scheduler } = simulated
  if (client.clock !== undefined && scheduler.chance() < 0.08) return `advance ${await advance(simulated, client.clock)}`
  const dice = scheduler.chance()
  if (dice < 0.55 || client.instruments.length === 0) return bindOne(simulated, client)
  const instrument = scheduler.one(client.instruments)
  const about = { params: { id: instrument.id } }
  if (dice < 0.64) return `extend ${await extend(simulated, instrument)}`
  if (dice < 0.73) return `unbind ${await outcome(simulated, { name: 'unbindInstrument', ...about })}`
  if (dice < 0.8) return channelActs(simulated)
  if (dice < 0.83) return `refresh ${await now(simulated, { name: 'refreshInstrument', ...about, body: {} })}`
  if (dice < 0.86) return `resend ${await now(simulated, { name: 'resendPassword', ...about, body: {} })}`
  if (dice < 0.865) return `sweep ${await sweep(simulated)}`
  if (dice < 0.875) return `rule ${await rule(simulated)}`
  if (dice < 0.885) return `switch ${await throwSwitch(simulated)}`
  if (dice < 0.95) return `crowd ${await crowd(simulated, instrument)}`
  if (dice < 0.97) return `erase ${(await ask(simulated, { name: 'eraseInstrument', ...about }))?.status} ${instrument.id}`
  if (dice < 0.972) return `erase ${await eraseAll(simulated, client)}`
  return `read ${(await ask(simulated, { name: 'getInstrument', ...about }))?.status}`
}

/** Somebody switches a channel off, and on again after a minute or two. */
async function throwSwitch(simulated: Simulated): Promise<string> {
  const { scheduler } = simulated
  const value = scheduler.one(names)
  const set = async (off: boolean): Promise<number | undefined> => {
    const askedMs = scheduler.now()
    const at = simulated.thrown.push({ channel: value, off, askedMs, answeredMs: undefined }) - 1
    const told = await ask(simulated, { name: 'throwKillSwitch', body: { kind: 'channel', value, off, reason: 'because' } })
    if (told?.status === 200) simulated.thrown[at] = { channel: value, off, askedMs, answeredMs: scheduler.now() }
    return told?.status
  }
  const off = await set(true)
  await scheduler.sleep(20_000 + scheduler.chance() * 60_000)
  const on = await set(false)
  return `${value} ${off} ${on}`
}

/** Everything of a customer; whoever it was comes again as somebody new. */
async function eraseAll(simulated: Simulated, client: Client): Promise<string> {
  const gone = client.customer
  const answer = await ask(simulated, { name: 'eraseCustomer', params: { id: gone } })
  const next = await newClient(simulated)
  if (next !== undefined && client.customer === gone) {
    // On another clock now, or on none.
    delete client.clock
    Object.assign(client, next)
  }
  return `${answer?.status} ${gone}`
}

const day = 24 * 3_600_000
/** By hours, a month, or years, in which cards end; now and then by two at once. */
async function advance(simulated: Simulated, clock: string): Promise<string> {
  const { scheduler, store } = simulated
  const row = await store.get(clocks, { tenant, id: clock })
  if (row === undefined) return 'no clock'
  const to = row.now_at + scheduler.one([0.2, 3, 30, 400, 1_500]) * day
  const both = await Promise.all([advanceTo(simulated, clock, to), scheduler.chance() < 0.3 ? advanceTo(simulated, clock, to) : undefined])
  return both.join(' beside ')
}

/** A comparison with what a channel keeps, over and over: what was changed in silence is found by it. */
async function sweep(simulated: Simulated): Promise<string> {
  const channel = simulated.scheduler.one(['stripe', 'adyen', 'gocardless'])
  return now(simulated, { name: 'createSweep', body: { channel, repeat_hours: 24, change_percent_max: 20 } })
}

/** Several people, or one who is impatient, do several things to one instrument at the same moment. */
async function crowd(simulated: Simulated, instrument: Instrument): Promise<string> {
  const { scheduler } = simulated
  const about = { params: { id: instrument.id } }
  const [one, other] = await Promise.all([
    extend(simulated, instrument),
    extend(simulated, instrument),
    scheduler.chance() < 0.4 ? outcome(simulated, { name: 'unbindInstrument', ...about }) : undefined,
    scheduler.chance() < 0.3 ? channelActs(simulated) : undefined,
    scheduler.chance() < 0.2 ? now(simulated, { name: 'refreshInstrument', ...about, body: {} }) : undefined,
    scheduler.chance() < 0.2 ? now(simulated, { name: 'resendPassword', ...about, body: {} }) : undefined,
  ])
  return `${one}, ${other}`
}

async function bindOne(simulated: Simulated, client: Client): Promise<string> {
  const { scheduler } = simulated
  const brought = await bring(simulated)
  if (brought === undefined) return 'capture refused'
  const key = `bind-${scheduler.random(8).toString('hex')}`
  const body = { ...brought.body, ...wayOf(simulated, brought), customer: client.customer, return_url: returnUrl }
  const asked = { name: 'bindInstrument', body, key }
  // Some callers are impatient, and ask twice at once with the same key.
  const [answer, twin] = await Promise.all([ask(simulated, asked), scheduler.chance() < 0.1 ? ask(simulated, asked) : undefined])
  if (answer !== undefined && twin !== undefined && twin.text !== answer.text && bothFinal(answer, twin))
    throw new Error('I19: one key, two answers')
  const what = brought.value === undefined ? 'card' : `${brought.channel} (${brought.value.title})`
  const bound = shape.safeParse(answer?.body)
  if (!bound.success) return `bind ${what} ${answer?.status} ${answer?.text.slice(0, 300)}`
  const { id, kind, bindings } = bound.data
  if (!client.instruments.some(one => one.id === id)) client.instruments.push({ id, kind })
  for (const one of bindings)
    if (brought.value !== undefined && one.channel === brought.channel && !simulated.shapes.has(one.id))
      simulated.shapes.set(one.id, brought.value.shape)
  return `bind ${what} ${answer?.status} ${id} ${bound.data.status}`
}

const bothFinal = (one: Told, other: Told): boolean => one.status < 300 && other.status < 300

/** Where it is bound: what only one channel can read goes there; the rest mostly to its own, or by the rules, or everywhere at once. */
function wayOf({ scheduler }: Simulated, { channel, value }: Brought): Readonly<Record<string, unknown>> {
  const dice = scheduler.chance()
  if (value?.source.type === 'encrypted_card') return { channels: [channel] }
  if (dice < 0.1) return { channels: names, bind_on: 'all' }
  if (dice < 0.2) return { bind_on: scheduler.one(['first', 'all']) }
  if (channel !== undefined) return dice < 0.9 ? { channels: [channel] } : {}
  return dice < 0.4 ? { channels: scheduler.chance() < 0.5 ? ['adyen'] : ['adyen', 'stripe'] } : {}
}

async function extend(simulated: Simulated, instrument: Instrument): Promise<string> {
  const { scheduler } = simulated
  const likely = [...channels.values()].filter(one => one.ways.some(way => way.kind === instrument.kind)).map(one => one.name)
  const channel = scheduler.one(scheduler.chance() < 0.1 || likely.length === 0 ? names : likely)
  const asked = { name: 'extendInstrument', params: { id: instrument.id }, body: { channel, return_url: returnUrl } }
  // A button pressed twice: two requests, two keys.
  const [first] = await Promise.all([outcome(simulated, asked), scheduler.chance() < 0.6 ? outcome(simulated, asked) : undefined])
  return first
}

type Plain = { readonly name: string; readonly params?: unknown; readonly body?: unknown }

const outcome = async (simulated: Simulated, asked: Plain): Promise<string> =>
  say(await ask(simulated, { ...asked, key: `key-${simulated.scheduler.random(8).toString('hex')}` }))

/** Asked once, without patience: what it does not do is no loss. */
const now = async (simulated: Simulated, asked: Asked): Promise<string> => say(await ask(simulated, asked, 1))

const say = (answer: Told | undefined): string =>
  `${answer?.status} ${shape.safeParse(answer?.body).data?.status ?? answer?.text.slice(0, 100)}`

/** The tenant changes its mind about where binds go. */
async function rule(simulated: Simulated): Promise<string> {
  const { scheduler } = simulated
  const channel = scheduler.one([...channels.values()])
  const kinds = [scheduler.one(channel.ways).kind]
  const body = {
    priority: scheduler.pick(100),
    when: scheduler.chance() < 0.5 ? { kinds } : { kinds, countries: ['US'] },
    channels: [channel.name, ...names.filter(one => one !== channel.name && scheduler.chance() < 0.5)],
    bind_on: scheduler.chance() < 0.2 ? 'all' : 'first',
  }
  return `${(await ask(simulated, { name: 'createRoutingRule', body }, 1))?.status}`
}

/** A channel does something on its own to what it holds. */
function channelActs(simulated: Simulated): string {
  const { scheduler, network } = simulated
  const channel = simulated.favourite ?? scheduler.one(names)
  const { simulator } = network.stage(channel)
  const [name, becomes] = scheduler.one([...Object.entries(simulator.acts), ['nothing', 'gone'] as const])
  // What is resumed was suspended; what happens to the others happens to the living. Only reinstating revives what was gone.
  const suspended = new Set(simulated.all(bindings).flatMap(row => (row.status === 'suspended' ? [row.token] : [])))
  const mayRevive = name.endsWith('reinstated')
  const held = network
    .books(channel)
    .held.filter(one => (becomes === 'resumed' ? !one.usable && (mayRevive || suspended.has(one.token)) : one.usable))
  if (name === 'nothing' || held.length === 0) return 'nothing to act on'
  const one = scheduler.one(held)
  try {
    simulator.act(name, one.token, network.context(channel))
  } catch (error) {
    // Not with this one, or not as it stands: an account that is no card has no expiry to update.
    if (error instanceof TypeError) return `${channel} cannot ${name} ${one.token}`
    throw error
  }
  if (network.deliver(channel) === 0) simulated.quiet.add(one.token)
  return `${channel} does ${name} to ${one.token}`
}
