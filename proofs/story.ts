/** The verbs of the end-to-end tests, over HTTP: customers, cards, binds, and what the channels' own books say. */
import assert from 'node:assert/strict'
import { z } from 'zod'
import { type Caller, type CardToCapture, capture, type Reply, referenceOf, until } from './caller.ts'
import type { Ground } from './ground.ts'

export const instrumentShape = z.object({
  id: z.string(),
  status: z.string(),
  customer: z.string(),
  next_action: z.object({ url: z.string() }).nullable(),
  bindings: z.array(
    z.object({
      id: z.string(),
      channel: z.string(),
      status: z.string(),
      token: z.string().nullable(),
      refusal: z.object({ by: z.string(), category: z.string(), code: z.string() }).nullable(),
    }),
  ),
})
export type Instrument = z.output<typeof instrumentShape>
const timelineShape = z.object({
  data: z.array(
    z.object({
      what: z.string(),
      type: z.string(),
      source: z.string(),
      source_event: z.string().nullable(),
      applied: z.boolean(),
      details: z.record(z.string(), z.unknown()),
    }),
  ),
})
const named = z.object({ id: z.string() })

export type Story = ReturnType<typeof storyOf>

export function storyOf(ground: Ground, caller: Caller) {
  const customer = async (): Promise<string> => named.parse((await caller.call('/v1/customers', { body: {} })).json).id
  const reference = async (card: CardToCapture): Promise<string> => {
    const kept = await capture(caller, card)
    const found = referenceOf(kept)
    assert.ok(found !== undefined, kept.text)
    return found
  }
  const bodyOf = async (of: string, card: CardToCapture, channels: readonly string[]): Promise<Record<string, unknown>> => ({
    customer: of,
    card: { capture: await reference(card) },
    channels,
    return_url: 'https://shop.example/back',
  })
  const askBind = async (of: string, card: CardToCapture, channels: readonly string[], key?: string): Promise<Reply> =>
    caller.call('/v1/instruments', { body: await bodyOf(of, card, channels), ...(key === undefined ? {} : { key }) })
  const read = async (id: string): Promise<Instrument> => instrumentShape.parse((await caller.call(`/v1/instruments/${id}`)).json)
  return {
    ...{ caller, customer, reference, bodyOf, askBind, read },
    bind: async (of: string, card: CardToCapture, channels: readonly string[]): Promise<Instrument> => {
      const reply = await askBind(of, card, channels)
      assert.ok(reply.status < 300, reply.text)
      return instrumentShape.parse(reply.json)
    },
    unbind: async (id: string): Promise<Instrument> => {
      const reply = await caller.call(`/v1/instruments/${id}/unbind`, { body: {} })
      assert.equal(reply.status, 200, reply.text)
      return instrumentShape.parse(reply.json)
    },
    timeline: async (id: string) => timelineShape.parse((await caller.call(`/v1/instruments/${id}/timeline`)).json).data,
    /** Waits for the instrument to look as wanted. */
    becomes: (id: string, what: string, wanted: (now: Instrument) => boolean, withinMs = 20_000): Promise<Instrument> =>
      until(
        `${id} to be ${what}`,
        async () => {
          const now = await read(id)
          return wanted(now) ? now : undefined
        },
        withinMs,
      ),
    cards: async (channel: string) => (await ground.sandbox.books(channel)).held,
    effects: async (channel: string) => (await ground.sandbox.books(channel)).effects,
    usable: async (channel: string, token: string | null | undefined): Promise<boolean> =>
      (await ground.sandbox.books(channel)).held.some(card => card.token === token && card.usable),
  }
}

export const at = (instrument: Instrument, channel: string) => instrument.bindings.filter(one => one.channel === channel)

/** What the customer's browser does at the bank's page, and back to us. */
export async function passChallenge(url: string, choice: 'complete' | 'fail'): Promise<void> {
  const page = new URL(url)
  const pressed = await fetch(`${page.origin}${page.pathname}/${choice}${page.search}`, { method: 'POST', redirect: 'manual' })
  const home = await fetch(pressed.headers.get('location') ?? '', { redirect: 'manual' })
  assert.equal(home.status, 303, await home.text())
}

export const deliveryShape = z.array(
  z.object({ event: z.string(), type: z.string(), forged: z.boolean(), attempt: z.number(), status: z.number() }),
)
