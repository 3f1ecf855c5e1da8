/**
 * What a channel's simulator is: the channel as its owner documents it, as a state machine without clock, chance, timers or sockets. Time
 * and chance are handed in, so it runs in the deterministic simulation as it is, and behind HTTP through `stage.ts` and
 * `simulator-server.ts`. It never keeps a card number: last four and its own keyed hash only.
 */
import { createHmac } from 'node:crypto'
import type { ChannelName } from './channel.ts'
import { isRecord, type Json } from './json.ts'
import type { Violation } from './judge.ts'

/** Header names in lower case. `query`: without the question mark. */
export type SimulatorRequest = {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
export type SimulatorAnswer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
/** `address`: where this simulator is reached, for the links it gives (`http://127.0.0.1:4010`). */
export type SimulatorContext = { readonly nowMs: number; readonly random: (count: number) => Buffer; readonly address: string }

/** News for the webhook target, not signed yet: channels sign at the moment of each delivery. */
export type SimulatorEvent = { readonly id: string; readonly type: string; readonly body: string }
export type SimulatorDelivery = { readonly headers: Readonly<Record<string, string>>; readonly body: string }

/**
 * `tokenized`: kept for later use, not yet verified · `challenged`: the customer has to act · `stored`: from now on it can be charged ·
 * `removed`: no more.
 */
export const effectNames = ['customer_made', 'tokenized', 'challenged', 'stored', 'refused', 'removed', 'changed'] as const

/** One thing that really happened over there. What a test compares with what we believe. */
export type Effect = {
  readonly effect: (typeof effectNames)[number]
  /** Our operation as the channel was told it (metadata, reference); empty where the request had no room for one. */
  readonly reference: string
  /** The idempotency key it came under, as received; empty without one. */
  readonly key: string
  /** The channel's token or id of what was affected. */
  readonly token: string
  readonly atMs: number
  /**
   * What the channel was told with it and would act on later, read by the channel's own names, each by itself: how it will be used, whether a
   * security code came. Nothing else over here depends on it, so without this nobody would miss it (`proofs/mutate-wire.ts`).
   */
  readonly heard?: Readonly<Record<string, string>>
}
/** The channel's own truth: all effects in order, and what it holds now. */
export type Books = {
  readonly effects: readonly Effect[]
  readonly held: readonly {
    readonly token: string
    readonly reference: string
    readonly customer: string
    /** What is shown of it: the last four digits, a masked handle. */
    readonly label: string
    readonly usable: boolean
  }[]
}

export interface Simulator {
  readonly channel: ChannelName
  handle(request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer
  /** Events that came about since the last call, oldest first; each is handed out once. */
  takeEvents(): readonly SimulatorEvent[]
  /** Signs for one delivery at `nowMs`. Several secrets while one is rotated out. A secret that is no key at all gives a signature that fits nothing: a forgery. */
  sign(event: SimulatorEvent, at: { readonly nowMs: number; readonly secrets: readonly string[] }): SimulatorDelivery
  /** How the real channel answers a request that breaks its specification. */
  reject(violations: readonly Violation[], request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer
  /**
   * The channel's own shape of `something broke over here` (5xx) and of `slow down` (429). A channel that saves answers under their key
   * saves this one for the request, if the request was carried out.
   */
  trouble(kind: 'error' | 'rate_limited', context: SimulatorContext, request?: SimulatorRequest): SimulatorAnswer
  /** The same kind of answer, about something else than was asked: other ids, other references. */
  disguise(answer: SimulatorAnswer): SimulatorAnswer
  /** The same answer with another amount or currency; undefined where it speaks of no money. */
  miscount?(answer: SimulatorAnswer): SimulatorAnswer | undefined
  /** An event of its own that says the opposite of this one, as a channel would that has lost its way; undefined where there is no opposite. */
  contradict?(event: SimulatorEvent): SimulatorEvent | undefined
  /** An event that reports several things, as several that report one each; undefined where it reports one. */
  split?(event: SimulatorEvent): readonly SimulatorEvent[] | undefined
  books(): Books
  /** What can happen over there without us, by name, and what becomes of the token it is about. */
  readonly acts: Readonly<Record<string, 'updated' | 'suspended' | 'resumed' | 'gone'>>
  /** Does it. `approve` and `decline`, where the customer acts in an app or bank, are about the reference or token of the challenge. Throws for an unknown name. */
  act(name: string, token: string, context: SimulatorContext): void
}

/** What judges a simulator on its stage. `covers`: pages for browsers are not in any specification. */
export type StageJudge = {
  covers(request: SimulatorRequest): boolean
  request(request: SimulatorRequest): readonly Violation[]
  answer(request: SimulatorRequest, answer: SimulatorAnswer): readonly Violation[]
  event(event: SimulatorEvent): readonly Violation[]
}

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Letters and digits for an id. Not evenly spread (256 is no multiple of 62): names, not secrets. */
export function drawName(context: Pick<SimulatorContext, 'random'>, length: number): string {
  let out = ''
  for (const byte of context.random(length)) out += base62[byte % 62] ?? '0'
  return out
}

/** The simulator's keyed hash of a card number: the same number is recognised, the number is not kept. */
export const cardHash = (key: string, number: string): string => createHmac('sha256', key).update(number).digest('hex').slice(0, 32)

/**
 * For recordings: anything like a card number keeps its last four, security codes nothing. Works on form bodies and on JSON, with blanks or
 * dashes between the digits too; a long timestamp is masked as well, which harms nobody.
 */
export function maskCards(text: string): string {
  return text
    .replace(/\d(?:(?:%20|[ +.-])?\d){11,18}/g, digits => `************${digits.replaceAll(/%20|\D/g, '').slice(-4)}`)
    .replace(/((?:cvc|cvv|securityCode)(?:%5D|\])?(?:=|"\s*:\s*"?))[^"&,}]+/gi, '$1***')
}

/** What is said of a payer, by the names that channels have for it; of each at most the last two characters stay. */
const ofPayer =
  /^(iban|account_?number|phone(_?number)?|msisdn|tax_?id|cpf|cnpj|e_?mail|email_?address|(given_?|family_?|first_?|last_?|full_?|holder_?|account_?holder_?)?name|nome|vpa|contact)$/i
const lastTwo = (value: string): string => `***${[...value].length > 4 ? [...value].slice(-2).join('') : ''}`

/** For recordings: also payers are masked, in JSON by the field's name and in forms by the last part of it. */
export function maskPayers(text: string): string {
  return /^\s*[[{]/.test(text) ? maskJson(text) : text.includes('=') ? maskForm(text) : text
}

const jsonField = /"((?:[^"\\]|\\.)*)"(\s*:\s*)("(?:[^"\\]|\\.)*"|\d+)/g

/** Field by field: what is cut off in the middle or broken on purpose is masked as far as it goes. */
function maskJson(text: string): string {
  return text.replace(jsonField, (whole, name: string, between: string, value: string) =>
    ofPayer.test(name) ? `"${name}"${between}"${lastTwo(plain(value))}"` : whole,
  )
}

/** Without its quotes; what is escaped is dropped, and so cannot be cut in two. */
const plain = (value: string): string => value.replace(/^"|"$/g, '').replace(/\\(u[0-9a-fA-F]{4}|.)/g, '')

function maskForm(text: string): string {
  return text
    .split('&')
    .map(pair => {
      const [name = '', ...rest] = pair.split('=')
      const last = /([^[\].]*)\]?$/.exec(name.replaceAll(/%5B/gi, '[').replaceAll(/%5D/gi, ']'))?.[1] ?? ''
      if (rest.length === 0 || !ofPayer.test(last)) return pair
      return `${name}=${encodeURIComponent(lastTwo(decoded(rest.join('='))))}`
    })
    .join('&')
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '))
  } catch {
    return value
  }
}

/** What a simulator remembers of a request under an idempotency key. */
export type Remembered = { readonly fingerprint: string; readonly answer: SimulatorAnswer; readonly atMs: number }
export type KeyStore = {
  /** `fresh`: never seen, or forgotten · `same`: answered before · `other`: seen with another request. */
  recall(
    key: string,
    fingerprint: string,
    nowMs: number,
  ): { readonly kind: 'fresh' | 'other' } | { readonly kind: 'same'; readonly answer: SimulatorAnswer; readonly atMs: number }
  remember(key: string, fingerprint: string, answer: SimulatorAnswer, nowMs: number): void
}

/** Idempotency keys as channels keep them: for `windowMs` from the first use. */
export function createKeyStore(windowMs: number): KeyStore {
  const known = new Map<string, Remembered>()
  return {
    recall(key, fingerprint, nowMs) {
      const found = known.get(key)
      if (found === undefined || nowMs - found.atMs >= windowMs) return { kind: 'fresh' }
      return found.fingerprint === fingerprint ? { kind: 'same', answer: found.answer, atMs: found.atMs } : { kind: 'other' }
    },
    remember(key, fingerprint, answer, nowMs) {
      known.set(key, { fingerprint, answer, atMs: nowMs })
    },
  }
}

/** For contradictions: the same event, about the same thing at the same moment, under another id and with other words. */
export function retold(event: SimulatorEvent, type: string, change: (body: Json) => object): SimulatorEvent {
  const body: unknown = JSON.parse(event.body)
  if (!isRecord(body)) throw new TypeError('not an event of this simulator')
  return { ...event, id: `${event.id}Z`, type, body: JSON.stringify(change(body)) }
}
