/** Customers' systems that bind, extend and unbind all the time, each request under an Idempotency-Key, repeated until it is answered. */
import { z } from 'zod'
import { type Caller, capture, cardNumber, insist, type Reply, referenceOf } from './caller.ts'

/** A request as it was made, and its answer when there is one. */
export type Asked = {
  readonly kind: 'bind' | 'extend' | 'unbind'
  readonly key: string
  readonly path: string
  readonly body: string
  /** For a bind: the channels named. */
  readonly channels: readonly string[]
  reply: Reply | undefined
  /** How often it was made before the answer came. */
  tries: number
}
export type Clients = {
  readonly asked: readonly Asked[]
  /** What no request should ever have met. */
  readonly surprises: readonly string[]
  /** No new requests; resolves when all are answered. */
  finish(): Promise<void>
}

const idShape = z.object({ id: z.string() })
const instrumentShape = z.object({ id: z.string(), status: z.string() })
const answeredWithinMs = 240_000
/** The issuer says no to this one, at both channels. */
const refusedNumber = '4000000000000002'

type Work = {
  readonly caller: Caller
  readonly chance: () => number
  readonly asked: Asked[]
  readonly surprises: string[]
  readonly state: { stopped: boolean; count: number; waiting: number }
}

/** `busy`: how many are at work at a time, those not counted that wait for a dead server's lease. */
export function startClients(caller: Caller, options: { readonly chance: () => number; readonly busy: number }): Clients {
  const work: Work = {
    caller,
    chance: options.chance,
    asked: [],
    surprises: [],
    state: { stopped: false, count: 0, waiting: 0 },
  }
  const lives = new Set<Promise<void>>()
  const add = (): void => {
    while (!work.state.stopped && lives.size - work.state.waiting < options.busy) {
      work.state.count += 1
      const life = oneLife(work, work.state.count)
        .catch((error: unknown) => {
          work.surprises.push(error instanceof Error ? error.message : 'unknown')
        })
        .finally(() => {
          lives.delete(life)
          add()
        })
      lives.add(life)
    }
  }
  add()
  const again = setInterval(add, 100)
  return {
    asked: work.asked,
    surprises: work.surprises,
    finish: async () => {
      work.state.stopped = true
      clearInterval(again)
      while (lives.size > 0) await Promise.all(lives)
    },
  }
}

/** A customer comes, saves a card, perhaps saves it elsewhere too, perhaps removes it. */
async function oneLife(work: Work, n: number): Promise<void> {
  const customer = idShape.parse(
    (await patiently(work, () => work.caller.call('/v1/customers', { body: {}, key: `customer-${n}` }))).json,
  ).id
  const number = work.chance() < 0.1 ? refusedNumber : cardNumber(n)
  const kept = await patiently(work, () => capture(work.caller, { number, holder: 'A Customer' }))
  const reference = referenceOf(kept)
  if (reference === undefined) throw new Error(`a capture was answered ${kept.status}: ${kept.text}`)
  const route = work.chance()
  const channels = route < 0.45 ? ['stripe'] : route < 0.85 ? ['adyen'] : ['stripe', 'adyen']
  const key = `bind-${n}`
  const body = { customer, card: { capture: reference }, channels, return_url: 'https://shop.example/back', metadata: { ask: key } }
  const bound = await request(work, { kind: 'bind', key, path: '/v1/instruments', body, channels })
  // The vault lost what it held in memory before the intent was durable: the card has to be asked for again.
  if (bound.status === 410) return
  if (bound.status >= 400) throw new Error(`a bind was answered ${bound.status}: ${bound.text}`)
  const instrument = instrumentShape.parse(bound.json)
  const next = work.chance()
  const at = `/v1/instruments/${instrument.id}`
  if (next < 0.3) {
    const unbound = await request(work, { kind: 'unbind', key: `unbind-${n}`, path: `${at}/unbind`, body: {}, channels: [] })
    if (unbound.status >= 400) throw new Error(`an unbind was answered ${unbound.status}: ${unbound.text}`)
  } else if (next < 0.5) {
    const channel = channels[0] === 'stripe' ? 'adyen' : 'stripe'
    const extended = { channel, return_url: 'https://shop.example/back' }
    const reply = await request(work, { kind: 'extend', key: `extend-${n}`, path: `${at}/bindings`, body: extended, channels: [channel] })
    if (reply.status >= 400 && reply.status !== 409) throw new Error(`an extension was answered ${reply.status}: ${reply.text}`)
  }
}

type Given = Pick<Asked, 'kind' | 'key' | 'path' | 'channels'> & { readonly body: unknown }

async function request(work: Work, given: Given): Promise<Reply> {
  const asked: Asked = { ...given, body: JSON.stringify(given.body), reply: undefined, tries: 0 }
  work.asked.push(asked)
  asked.reply = await patiently(work, () => {
    asked.tries += 1
    return work.caller.call(asked.path, { body: asked.body, key: asked.key })
  })
  if (work.chance() < 0.2)
    compare(work, asked, await patiently(work, () => work.caller.call(asked.path, { body: asked.body, key: asked.key })))
  return asked.reply
}

/**
 * Refused before anything was kept: a lost capture is refused again each time; what says of itself that it may pass (`retryable`) is not
 * frozen under its key.
 */
export const isJudgedAnew = (first: Reply, again: Reply): boolean =>
  first.json.retryable === true || (first.status === 410 && again.status === 410)

function compare(work: Work, asked: Asked, again: Reply): void {
  if (asked.reply === undefined || isJudgedAnew(asked.reply, again)) return
  if (again.text !== asked.reply.text || again.status !== asked.reply.status)
    work.surprises.push(`${asked.key}: the same key and body was answered ${asked.reply.status} and then ${again.status}, other bytes`)
}

async function patiently(work: Work, act: () => Promise<Reply>): Promise<Reply> {
  let waits = false
  try {
    return await insist(act, answeredWithinMs, () => {
      if (waits) return
      waits = true
      work.state.waiting += 1
    })
  } finally {
    if (waits) work.state.waiting -= 1
  }
}
