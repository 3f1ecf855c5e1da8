/** One of the two sizes: all that `npm start` starts, on a database that is filled and then measured from inside. Started by scale.ts. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { z } from 'zod'
import { signGrant } from '../src/core/grant.ts'
import { hear } from '../src/instruments/news.ts'
import { timeDue } from '../src/worker.ts'
import { announce, answerQuestions } from './child.ts'
import { memoryChannel } from './memory-channel.ts'
import { startOurs } from './ours.ts'
import { copyInstrument } from './scale-fill.ts'
import { numberOf } from './units.ts'

// What falls due is told when it is measured, and not meanwhile.
const { running, ready, databaseUrl } = await startOurs({ idle: true })
const { world } = running
const { address, captureUrl, tenant } = ready
const headers = { authorization: `Bearer ${ready.apiKey}`, 'content-type': 'application/json' }
const client = new pg.Client({ connectionString: databaseUrl })
await client.connect()
let template = ''
let filled = 0
let made = 0

const question = z.discriminatedUnion('do', [
  z.object({ do: z.literal('fill'), count: z.int() }),
  z.object({ do: z.literal('bind'), count: z.int() }),
  z.object({ do: z.literal('look_up'), count: z.int() }),
  z.object({ do: z.literal('webhook'), count: z.int() }),
  z.object({ do: z.literal('sweep'), count: z.int() }),
])

const identified = z.object({ id: z.string() })
async function call(path: string, body?: object): Promise<string> {
  const answer = await fetch(address + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: body === undefined ? headers : { ...headers, 'idempotency-key': randomUUID() },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`)
  return text
}
const idIn = (text: string): string => identified.parse(JSON.parse(text)).id

/** A customer and a captured card, before the clock starts. */
async function prepare(): Promise<object> {
  made += 1
  const nonce = randomUUID()
  const grant = { tenant, mode: 'test' as const, captures: 1, expiresAt: Date.now() + 600_000, nonce, origins: [] }
  const captured = await fetch(captureUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${signGrant(world.settings.grantKey, Date.now(), grant)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ number: numberOf(made), expiry_month: 12, expiry_year: 2030, security_code: '737' }),
  })
  const { reference } = z.object({ reference: z.string() }).parse(await captured.json())
  const customer = idIn(await call('/v1/customers', {}))
  return { customer, card: { capture: reference }, return_url: 'https://shop.example/back' }
}

/** One after the other: how long each took, in milliseconds. */
async function timed<T>(inputs: readonly T[], act: (input: T) => Promise<unknown>): Promise<readonly number[]> {
  const took: number[] = []
  for (const input of inputs) {
    const from = performance.now()
    await act(input)
    took.push(performance.now() - from)
  }
  return took
}

const many = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)
const named = (id: string, number: number): string => id.slice(0, -12) + String(number).padStart(12, '0')
const anyOne = (): number => 1 + Math.floor(Math.random() * filled)

async function fill(count: number): Promise<void> {
  template = idIn(await call('/v1/instruments', await prepare()))
  await copyInstrument(client, { instrument: template, from: filled + 1, count })
  filled += count
  await client.query('vacuum analyze')
  await client.query('checkpoint')
}

/** So many that were due since a minute, one page after the other, by the worker's own turn. The time of one. */
async function sweep(count: number): Promise<readonly number[]> {
  const at = new Date(Date.now() - 60_000)
  // A card whose end was a month ago: two moments are due, one after the other.
  const past = new Date(Date.now() - 60 * 24 * 3_600_000)
  await copyInstrument(client, {
    instrument: template,
    from: 500_000_000 + made,
    count,
    due: { at, expiryYear: past.getUTCFullYear(), expiryMonth: past.getUTCMonth() + 1 },
  })
  made += count
  const took: number[] = []
  for (let from = performance.now(), told = await timeDue(world); told > 0; from = performance.now(), told = await timeDue(world))
    took.push((performance.now() - from) / told)
  return took
}

async function webhooks(count: number): Promise<readonly number[]> {
  const { rows } = await client.query<{ token: string }>('select token from bindery.bindings where instrument = $1', [template])
  const token = rows[0]?.token ?? ''
  const from = { channel: memoryChannel.name, mode: 'test' as const }
  return timed(many(count), async () => {
    const told = { event: randomUUID(), type: 'card.updated', names: [named(token, anyOne())], moment: { atMs: Date.now() } }
    const taken = await hear(world, from, { ...told, news: { kind: 'suspended', reason: 'benchmark' } })
    if (taken !== 'learned') throw new Error(`a webhook was ${taken}`)
  })
}

answerQuestions(async asked => {
  const { do: what, count } = question.parse(asked)
  if (what === 'fill') {
    await fill(count)
    return filled
  }
  if (what === 'sweep') return sweep(count)
  if (what === 'webhook') return webhooks(count)
  if (what === 'look_up') return timed(many(count), () => call(`/v1/instruments/${named(template, anyOne())}`))
  const ready: object[] = []
  for (const _ of many(count)) ready.push(await prepare())
  return timed(ready, body => call('/v1/instruments', body))
})
announce(ready, async () => {
  await client.end()
  await running.stop()
})
