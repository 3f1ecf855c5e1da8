/**
 * One instrument for every way in, at every channel: `npm run demo -- --all`. The values are those of `GET /v1/sandbox/values`; the customer's
 * hands (a browser, an app, a bank) are played by the sandbox. A line each, and every line was checked.
 */
import { z } from 'zod'
import type { Action, ChannelName } from '../src/channels/channel.ts'
import type { Hands, SandboxChannel } from '../src/channels/sandbox-channel.ts'
import type { Sandbox } from '../src/channels/sandbox-client.ts'
import { loadSandboxes } from '../src/channels/sandbox-list.ts'
import { bindings } from '../src/instruments/tables.ts'
import type { Running } from '../src/main.ts'
import { type Caller, callerOf, say, show, title, until } from './steps.ts'

const valueShape = z.object({
  channel: z.string(),
  title: z.string(),
  instrument: z.string(),
  shape: z.string(),
  capture: z.record(z.string(), z.unknown()).nullable(),
  bind: z.record(z.string(), z.unknown()),
  outcome: z.string(),
  ends: z.string().nullable(),
})
type Value = z.output<typeof valueShape>
const boundShape = z.object({
  id: z.string(),
  status: z.string(),
  kind: z.string(),
  bindings: z.array(z.object({ id: z.string(), status: z.string(), token: z.string().nullable() })),
})
const idShape = z.object({ id: z.string() })

type Stage = {
  readonly running: Running
  readonly caller: Caller
  readonly sandbox: Sandbox
  readonly hands: (channel: ChannelName) => Hands
}

export async function bindAll(running: Running): Promise<void> {
  const { sandbox, address, apiKey = '' } = running
  if (sandbox === undefined) throw new Error('the demo needs the sandbox')
  const caller = callerOf(address, apiKey)
  const stage: Stage = { running, caller, sandbox, hands: channel => handsAt(sandbox, channel) }
  const sandboxes = await loadSandboxes()
  const values = z.object({ data: z.array(valueShape) }).parse(await caller.get('/v1/sandbox/values')).data
  const seen = new Set<string>()
  title('One instrument for every way in')
  for (const value of values) {
    const way = `${value.channel} ${value.instrument} ${value.shape}`
    const good = (value.outcome === 'bound' || value.outcome === 'challenged') && (value.ends === null || value.ends === 'bound')
    const channel = sandboxes.get(value.channel)
    if (!good || seen.has(way) || channel === undefined) continue
    seen.add(way)
    await bindOne(stage, channel, value)
  }
  const shapes = new Set([...seen].map(one => one.split(' ')[2]))
  const channels = new Set([...seen].map(one => one.split(' ')[0]))
  for (const name of await judgedChannels()) {
    const broken = await sandbox.violations(name)
    show(`${name}: what was sent, answered and told breaks no specification (${sandbox.specJudge})`, broken.length === 0)
    for (const one of broken.slice(0, 3)) say(JSON.stringify(one))
  }
  show(`${seen.size} ways in at ${channels.size} channels, ${shapes.size} shapes: all bound`, seen.size >= shapes.size)
}

/** Those whose owner has published a specification: of the others, and of the card network beside them, nothing was judged. */
export async function judgedChannels(): Promise<readonly ChannelName[]> {
  return [...(await loadSandboxes())].flatMap(([name, { judge }]) => (judge === undefined ? [] : [name]))
}

/** Binds it, plays the customer as often as the channel asks, and waits until it is active. */
async function bindOne(stage: Stage, channel: SandboxChannel, value: Value): Promise<void> {
  const { caller } = stage
  const steps: string[] = []
  const customer = idShape.parse(await caller.post('/v1/customers', {})).id
  const body = {
    ...withCapture(value.bind, await captureOf(stage, value)),
    customer,
    channels: [value.channel],
    return_url: 'https://shop.example/back',
    client: { ip: '203.0.113.7', user_agent: 'Mozilla/5.0 (demo)' },
  }
  const first = boundShape.parse(await caller.post('/v1/instruments', body, `demo-${customer}`))
  const now = await until(
    `${value.channel}: ${value.title}`,
    async () => {
      const read = boundShape.parse(await caller.get(`/v1/instruments/${first.id}`))
      if (read.status === 'active' || read.status === 'failed') return read
      await playOnce(stage, channel, read, steps)
      return undefined
    },
    30_000,
  )
  const way = steps.length === 0 ? 'at once' : `by ${steps.join(', then ')}`
  show(
    `${value.channel.padEnd(11)} ${value.instrument.padEnd(16)} ${value.shape.padEnd(15)} bound ${way} (${value.title})`,
    now.status === 'active',
  )
}

/** The customer does what is asked, once for each time it is asked; where nothing comes back we look again. */
async function playOnce(stage: Stage, channel: SandboxChannel, read: z.output<typeof boundShape>, steps: string[]): Promise<void> {
  const [binding] = read.bindings
  const { tenant } = await firstRow(stage, read.id)
  const row = binding === undefined ? undefined : await stage.running.world.store.get(bindings, { tenant, id: binding.id })
  if (row === undefined || row.action === null || row.status !== 'challenge') return
  const action: Action = row.action
  const step = action.type === 'three_ds' ? `three_ds ${action.stage}` : action.type
  const again = steps.at(-1) === step
  const returned = again ? undefined : await channel.play({ action, references: row.names }, true, stage.hands(row.channel))
  if (!again) steps.push(step)
  await stage.caller.post(`/v1/instruments/${read.id}/resume`, { returned: returned ?? {} })
}

async function firstRow({ running }: Stage, instrument: string) {
  const [row] = await running.world.store.find(bindings, { instrument })
  if (row === undefined) throw new Error(`${instrument} has no binding`)
  return row
}

/** Hands what the value names to the vault; a device is tapped first. */
async function captureOf({ caller, running }: Stage, value: Value): Promise<string | undefined> {
  if (value.capture === null) return undefined
  const grant = z.object({ grant: z.string() }).parse(await caller.post('/v1/capture_grants', {})).grant
  const body = value.instrument === 'device_token' ? await tap(caller, value) : value.capture
  const headers = { authorization: `Bearer ${grant}`, 'content-type': 'application/json' }
  const answer = await fetch(running.captureUrl, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`the vault refused ${value.channel} ${value.title}: ${text}`)
  return z.object({ reference: z.string() }).parse(JSON.parse(text)).reference
}

async function tap(caller: Caller, value: Value): Promise<Readonly<Record<string, unknown>>> {
  const shape = z.object({ wallet: z.string(), token: z.record(z.string(), z.unknown()) })
  const { wallet, token } = shape.parse(await caller.post('/v1/sandbox/device_tokens', { channel: value.channel, title: value.title }))
  return { [wallet]: token }
}

function withCapture(bind: Readonly<Record<string, unknown>>, reference = ''): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(JSON.stringify(bind).replace('"cap_…"', JSON.stringify(reference))))
}

/** The customer's browser on real sockets, and what the customer does in an app or at the bank. */
function handsAt(sandbox: Sandbox, channel: ChannelName): Hands {
  return {
    async browse(method, url, body = '') {
      const headers = body === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
      const answer = await fetch(url, { method, redirect: 'manual', headers, ...(method === 'POST' ? { body } : {}) })
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
    },
    act: (name, token) => sandbox.act(channel, name, token),
  }
}
