/** The commands of a run, drawn by chance: what several customers of one tenant do over some hours. */
import { z } from 'zod'
import { ask, type Told } from './clients.ts'
import { type Simulated, tenant } from './world.ts'

const cards = [
  '4242424242424242',
  '5555555555554444',
  '4111111111111111',
  '378282246310005',
  // refused
  '4000000000000002',
  '4000000000009995',
  '4000000000000069',
  // challenged
  '4000002500003155',
  '4000002760003184',
  '4000000000003220',
] as const

const shape = z.object({
  id: z.string(),
  status: z.string(),
  next_action: z.object({ url: z.string() }).nullable(),
  bindings: z.array(z.object({ id: z.string(), channel: z.string(), status: z.string() })),
})

export type Client = { readonly customer: string; readonly instruments: string[] }

export async function newClient(simulated: Simulated): Promise<Client | undefined> {
  const key = `customer-${simulated.scheduler.random(8).toString('hex')}`
  const answer = await ask(simulated, { name: 'createCustomer', body: {}, key })
  const id = z.object({ id: z.string() }).safeParse(answer?.body).data?.id
  return id === undefined ? undefined : { customer: id, instruments: [] }
}

/** One command; what it did, for the trace. */
export async function command(simulated: Simulated, client: Client): Promise<string> {
  const dice = simulated.scheduler.chance()
  if (dice < 0.55 || client.instruments.length === 0) return bindCard(simulated, client)
  const instrument = simulated.scheduler.one(client.instruments)
  if (dice < 0.68) return `extend ${await extend(simulated, instrument)}`
  if (dice < 0.75) return `unbind ${await outcome(simulated, { name: 'unbindInstrument', params: { id: instrument } })}`
  if (dice < 0.8) return channelActs(simulated)
  if (dice < 0.92) return `crowd ${await crowd(simulated, instrument)}`
  return `read ${(await ask(simulated, { name: 'getInstrument', params: { id: instrument } }))?.status}`
}

/** Several people, or one who is impatient, do several things to one instrument at the same moment. */
async function crowd(simulated: Simulated, instrument: string): Promise<string> {
  const { scheduler } = simulated
  const [one, other] = await Promise.all([
    extend(simulated, instrument),
    extend(simulated, instrument),
    scheduler.chance() < 0.4 ? outcome(simulated, { name: 'unbindInstrument', params: { id: instrument } }) : undefined,
    scheduler.chance() < 0.3 ? channelActs(simulated) : undefined,
  ])
  return `${one}, ${other}`
}

async function bindCard(simulated: Simulated, client: Client): Promise<string> {
  const { scheduler } = simulated
  const number = scheduler.one(cards)
  const capture = await simulated.vault
    .capture(
      { tenant, mode: 'test' },
      Buffer.from(
        JSON.stringify({
          number,
          expiry_month: 3,
          expiry_year: 2030,
          ...(scheduler.chance() < 0.7 ? { security_code: number.startsWith('37') ? '7373' : '737' } : {}),
        }),
      ),
    )
    .catch(() => undefined)
  if (capture === undefined) return 'capture refused'
  const body = {
    customer: client.customer,
    card: { capture: capture.reference },
    return_url: 'https://shop.example/back',
    ...(scheduler.chance() < 0.3 ? { channels: scheduler.chance() < 0.5 ? ['adyen'] : ['adyen', 'stripe'] } : {}),
  }
  const key = `bind-${scheduler.random(8).toString('hex')}`
  const asked = { name: 'bindInstrument', body, key }
  // Some callers are impatient, and ask twice at once with the same key.
  const [answer, twin] = await Promise.all([ask(simulated, asked), scheduler.chance() < 0.1 ? ask(simulated, asked) : undefined])
  if (answer !== undefined && twin !== undefined && twin.text !== answer.text && bothFinal(answer, twin))
    throw new Error('I19: one key, two answers')
  const bound = shape.safeParse(answer?.body)
  if (!bound.success) return `bind ${answer?.status} ${answer?.text.slice(0, 120)}`
  if (!client.instruments.includes(bound.data.id)) client.instruments.push(bound.data.id)
  const url = bound.data.next_action?.url
  if (url !== undefined) void goThroughChallenge(simulated, url)
  return `bind ${answer?.status} ${bound.data.id} ${bound.data.status}`
}

const bothFinal = (one: Told, other: Told): boolean => one.status < 300 && other.status < 300

/** The customer's browser: takes the challenge, or fails it, or wanders off; then comes back to us, perhaps twice. */
async function goThroughChallenge(simulated: Simulated, url: string): Promise<void> {
  const { scheduler, network } = simulated
  const dice = scheduler.chance()
  if (dice < 0.15) return
  await scheduler.sleep(scheduler.chance() * 120_000)
  const channel = url.startsWith('https://stripe') ? 'stripe' : 'adyen'
  const stage = network.stages.get(channel)
  const at = new URL(url)
  const path = `${at.pathname}/${dice < 0.8 ? 'complete' : 'fail'}`
  const answer = stage?.simulator.handle(
    { method: 'POST', path, query: at.search.slice(1), headers: {}, body: '' },
    network.context(channel),
  )
  network.deliver(channel)
  const location = answer?.headers.location
  if (location === undefined) throw new Error(`the challenge page led nowhere: ${answer?.status} ${answer?.body.slice(0, 200)}`)
  if (scheduler.chance() < 0.15) return
  const back = new URL(location)
  const token = back.pathname.split('/').at(-1)
  // A preview, or a back button: it comes without what the bank gave, before the true one.
  if (scheduler.chance() < 0.2) await ask(simulated, { name: 'returnFromChallenge', params: { token }, query: {} })
  const asked = {
    name: 'returnFromChallenge',
    params: { token },
    query: Object.fromEntries(back.searchParams),
  }
  await ask(simulated, asked)
  if (scheduler.chance() < 0.2) await ask(simulated, asked)
}

async function extend(simulated: Simulated, instrument: string): Promise<string> {
  const { scheduler } = simulated
  const channel = scheduler.one(['stripe', 'adyen'] as const)
  const asked = { name: 'extendInstrument', params: { id: instrument }, body: { channel, return_url: 'https://shop.example/back' } }
  // A button pressed twice: two requests, two keys.
  const [first] = await Promise.all([outcome(simulated, asked), scheduler.chance() < 0.6 ? outcome(simulated, asked) : undefined])
  return first
}

async function outcome(
  simulated: Simulated,
  asked: { readonly name: string; readonly params: unknown; readonly body?: unknown },
): Promise<string> {
  const answer = await ask(simulated, { ...asked, key: `key-${simulated.scheduler.random(8).toString('hex')}` })
  return `${answer?.status} ${shape.safeParse(answer?.body).data?.status ?? answer?.text.slice(0, 100)}`
}

/** The channel does something on its own to a card it holds. */
function channelActs(simulated: Simulated): string {
  const { scheduler, network } = simulated
  const channel = scheduler.one(['stripe', 'adyen'] as const)
  const held = network.books(channel).held.filter(one => one.usable)
  if (held.length === 0) return 'nothing to act on'
  const card = scheduler.one(held)
  const name = scheduler.chance() < 0.7 ? 'update_card' : channel === 'stripe' ? 'detach' : 'disable'
  network.stages.get(channel)?.simulator.act(name, card.token, network.context(channel))
  network.deliver(channel)
  return `${channel} does ${name}`
}
