/** Ways a card number comes to us: as it should, and (`stray`) where none belongs. Every answer is kept, to be searched afterwards. */
import { connect } from 'node:net'
import { z } from 'zod'
import { type Caller, callerOf, type Reply, referenceOf } from './caller.ts'
import type { Ground } from './ground.ts'

export type Sending = {
  readonly ground: Ground
  readonly caller: Caller
  /** Everything that was answered, headers and all. */
  readonly answers: string[]
  readonly statuses: Map<string, number>
}
/** `stray`: to a process that has to refuse it, and so has it in its memory for a while. */
export type Way = { readonly name: string; readonly stray?: true; readonly send: (sending: Sending, number: string) => Promise<void> }

const grantShape = z.object({ grant: z.string(), capture_url: z.string() })
const named = z.object({ id: z.string() })

export function keep({ answers, statuses }: Sending, name: string, reply: Reply): Reply {
  answers.push([...reply.headers].flat().join('\n'), reply.text)
  const told = `${name} ${reply.status}`
  statuses.set(told, (statuses.get(told) ?? 0) + 1)
  return reply
}

export const card = (number: string, more: Record<string, unknown> = {}) => ({
  number,
  expiry_month: 3,
  expiry_year: 2030,
  security_code: '737',
  ...more,
})
const spaced = (number: string): string => (number.match(/.{1,4}/g) ?? []).join(' ')
const dashed = (number: string): string => (number.match(/.{1,4}/g) ?? []).join('-')

async function grantOf(sending: Sending) {
  return grantShape.parse(keep(sending, 'grant', await sending.caller.call('/v1/capture_grants', { body: {} })).json)
}

async function handIn(sending: Sending, name: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  const { grant, capture_url } = await grantOf(sending)
  const { origin, pathname } = new URL(capture_url)
  return keep(sending, name, await callerOf(origin, grant).call(pathname, { body, headers }))
}

/** The instrument's id, where there is one. */
export async function bind(sending: Sending, name: string, body: unknown, channels: readonly string[]): Promise<string | undefined> {
  const capture = referenceOf(await handIn(sending, `${name}: capture`, body))
  const customer = named.parse(keep(sending, 'customer', await sending.caller.call('/v1/customers', { body: {} })).json).id
  const asked = { customer, card: { capture }, channels, return_url: 'https://shop.example/back' }
  const reply = keep(
    sending,
    `${name}: bind`,
    await sending.caller.call('/v1/instruments', { body: asked, key: `canary-${String(capture)}` }),
  )
  const bound = named.safeParse(reply.json)
  if (!bound.success) return undefined
  keep(sending, 'timeline', await sending.caller.call(`/v1/instruments/${bound.data.id}/timeline`))
  return bound.data.id
}

const boundAt = (...of: Parameters<typeof bind>): Promise<void> => bind(...of).then(() => undefined)

const faulty = async (
  sending: Sending,
  number: string,
  channel: string,
  fault: 'lost_after' | 'html' | 'half_json' | 'error_after',
): Promise<void> => {
  await sending.ground.addFault(channel, { match: { method: 'POST' }, fault, times: 1 })
  await bind(sending, `${fault} at ${channel}`, card(number, { holder: 'A Customer' }), [channel])
}

export const send = (sending: Sending, name: string, path: string, request: Parameters<Caller['call']>[1]): Promise<Reply> =>
  sending.caller.call(path, request).then(reply => keep(sending, name, reply))

export const directWays: readonly Way[] = [
  { name: 'bound at stripe', send: (to, number) => boundAt(to, 'bound', card(number), ['stripe']) },
  { name: 'bound at adyen', send: (to, number) => boundAt(to, 'bound', card(spaced(number), { holder: 'A Customer' }), ['adyen']) },
  { name: 'refused', send: (to, number) => boundAt(to, 'refused', card(number, { holder: 'DECLINED' }), ['adyen']) },
  { name: 'fallen over', send: (to, number) => boundAt(to, 'fallen over', card(number, { holder: 'ERROR' }), ['adyen', 'stripe']) },
  { name: 'lost answer', send: (to, number) => faulty(to, number, 'stripe', 'lost_after') },
  { name: 'a page for an answer', send: (to, number) => faulty(to, number, 'adyen', 'html') },
  { name: 'half an answer', send: (to, number) => faulty(to, number, 'stripe', 'half_json') },
  { name: 'trouble', send: (to, number) => faulty(to, number, 'adyen', 'error_after') },
  {
    name: 'in metadata',
    stray: true,
    send: async (to, number) => {
      for (const text of [number, spaced(number), dashed(number), `card ${number}`])
        await send(to, 'metadata', '/v1/customers', { body: { metadata: { note: text } } })
      await send(to, 'metadata name', '/v1/customers', { body: { metadata: { [number]: 'x' } } })
    },
  },
  {
    name: 'in the address',
    stray: true,
    send: async (to, number) => {
      await send(to, 'query', `/v1/customers?reference=${number}`, {})
      await send(to, 'path', `/v1/customers/${number}`, {})
      await send(to, 'path', `/v1/customers/${encodeURIComponent(spaced(number))}`, {})
      await send(to, 'no such path', `/pay/${number}?pan=${number}`, {})
    },
  },
  {
    name: 'in headers',
    stray: true,
    send: async (to, number) => {
      await send(to, 'header', '/v1/customers', { headers: { 'x-card': number } })
      await send(to, 'idempotency key', '/v1/customers', { body: {}, key: number })
      await send(to, 'user agent', '/v1/customers', { headers: { 'user-agent': `Pay/${number}` } })
    },
  },
  {
    name: 'as the API key',
    stray: true,
    send: async (to, number) => void keep(to, 'API key', await callerOf(to.ground.address, number).call('/v1/customers')),
  },
  {
    name: 'to the wrong endpoint',
    stray: true,
    send: async (to, number) => {
      for (const path of ['/v1/instruments', '/v1/customers', '/v1/capture_grants', '/v1/webhook_endpoints'])
        await send(to, 'wrong endpoint', path, { body: card(number) })
      await send(to, 'wrong endpoint', '/v1/customers', { body: { reference: number } })
      await send(to, 'name', '/v1/customers', { body: { [number]: 1 } })
      await send(to, 'broken JSON', '/v1/customers', { body: `{"reference":"${number}` })
      await send(to, 'a form', '/v1/customers', {
        body: `number=${number}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
    },
  },
  {
    name: 'to the vault, broken',
    send: async (to, number) => {
      for (const body of [`{"number":"${number}`, `{"number":${number}}`, `["${number}"]`, `{"${number}":1}`, `${number}`])
        await handIn(to, 'broken capture', body)
      await handIn(to, 'card in the holder', card(number, { holder: number }))
      await handIn(to, 'card as the code', card(number, { security_code: number }))
      await handIn(to, 'month 13', card(number, { expiry_month: 13 }))
      await handIn(to, 'another type', JSON.stringify(card(number)), { 'content-type': 'text/plain' })
    },
  },
  {
    name: 'to the vault without a grant',
    send: async (to, number) => {
      const { capture_url } = await grantOf(to)
      const { origin, pathname } = new URL(capture_url)
      keep(to, 'no grant', await callerOf(origin, undefined).call(pathname, { body: card(number) }))
      keep(to, 'no such path', await callerOf(origin, number).call(`/${number}`, { body: card(number) }))
    },
  },
  {
    name: 'to the door of webhooks',
    stray: true,
    send: async (to, number) => {
      await send(to, 'webhook', '/v1/channels/stripe/test/webhook', { body: { id: number, card: number } })
      await send(to, 'webhook', '/v1/channels/adyen/test/webhook', { body: { notificationItems: [number] } })
      await send(to, 'return', `/return/x.y?redirectResult=${number}`, {})
      await send(to, 'return', `/return/${number}.${number}`, {})
    },
  },
  { name: 'not even HTTP', stray: true, send: (to, number) => raw(to, `PAY ${number} HTTP/9\r\n\r\n`) },
  {
    name: 'broken off',
    stray: true,
    send: (to, number) =>
      raw(
        to,
        `POST /v1/customers HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n{"reference":"${number}"`,
      ),
  },
]

/** Bytes over a socket that is closed half a second later; what comes back is kept. */
function raw({ ground, answers }: Sending, text: string): Promise<void> {
  return new Promise(resolve => {
    const socket = connect(Number(new URL(ground.address).port), '127.0.0.1', () => socket.write(text))
    socket.setTimeout(500, () => socket.destroy())
    socket.on('data', chunk => answers.push(chunk.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
  })
}
