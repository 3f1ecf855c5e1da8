/** HTTP as a customer's system would speak it: answers as they came, byte for byte, and patience with a server that is being killed. */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

export type Reply = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Empty where the body is no JSON object. */
  readonly json: Readonly<Record<string, unknown>>
}
export type Request = {
  readonly method?: string
  readonly body?: unknown
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}
export type Caller = {
  readonly address: string
  readonly call: (path: string, request?: Request) => Promise<Reply>
}

export function callerOf(address: string, apiKey: string | undefined): Caller {
  return {
    address,
    call: (path, { method, body, key, headers, signal } = {}) =>
      ask(`${address}${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) }),
        redirect: 'manual',
        signal: signal ?? AbortSignal.timeout(60_000),
      }),
  }
}

async function ask(url: string, init: RequestInit): Promise<Reply> {
  const response = await fetch(url, init)
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: objectOf(text) }
}

const record = z.record(z.string(), z.unknown())
export function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return record.catch({}).parse(JSON.parse(text))
  } catch {
    return {}
  }
}

/** Whether an answer settles what was asked: not `come again`, and not a server in trouble. */
export const isFinal = (reply: Reply): boolean =>
  reply.status < 500 && reply.status !== 429 && reply.json.code !== 'idempotency_in_progress'

/** Asks until there is an answer that settles it, whatever happens to the server meanwhile. `onWait`: told before every further try. */
export async function insist(act: () => Promise<Reply>, withinMs: number, onWait: (why: string) => void = () => undefined): Promise<Reply> {
  const end = Date.now() + withinMs
  for (let tries = 1; ; tries += 1) {
    let why: string
    try {
      const reply = await act()
      if (isFinal(reply)) return reply
      why = `${reply.status} ${reply.text.slice(0, 300)}`
    } catch (error) {
      why = error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : 'unknown'
    }
    if (Date.now() > end) throw new Error(`no answer within ${withinMs} ms; the last try: ${why}`)
    onWait(why)
    await sleep(Math.min(1_000, 50 * 2 ** tries))
  }
}

const grantShape = z.object({ grant: z.string(), capture_url: z.string() })
const captureShape = z.object({ reference: z.string() })
export type CardToCapture = {
  readonly number: string
  readonly holder?: string
  readonly expiry_year?: number
  readonly security_code?: string
}

/** Asks for a grant and hands the card to the vault. */
export async function capture(caller: Caller, card: CardToCapture): Promise<Reply> {
  const grant = await caller.call('/v1/capture_grants', { body: {} })
  const read = grantShape.safeParse(grant.json)
  if (!read.success) return grant
  return handIn(read.data.capture_url, read.data.grant, { expiry_month: 3, expiry_year: 2030, security_code: '737', ...card })
}

export function handIn(captureUrl: string, grant: string, body: unknown): Promise<Reply> {
  const { address, pathname } = { address: new URL(captureUrl).origin, pathname: new URL(captureUrl).pathname }
  return callerOf(address, grant).call(pathname, { body })
}

export const referenceOf = (reply: Reply): string | undefined => captureShape.safeParse(reply.json).data?.reference

/** A Visa number that no magic list holds, a different one for each `n`. */
export function cardNumber(n: number): string {
  const digits = `41111122${String(n % 10_000_000).padStart(7, '0')}`
  return digits + checkDigit(digits)
}

function checkDigit(digits: string): string {
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i])
    sum += i % 2 === 1 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9
  }
  return String((10 - (sum % 10)) % 10)
}

/** Chance that a seed repeats: a number in [0, 1) for each draw. */
export function dice(seed: string): () => number {
  let drawn = 0
  return () => {
    drawn += 1
    return createHash('sha256').update(`${seed} ${drawn}`).digest().readUInt32BE(0) / 2 ** 32
  }
}

/** Looks again and again until `look` gives something; fails after `withinMs`, saying what it waited for. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, withinMs = 20_000, everyMs = 100): Promise<T> {
  for (const end = Date.now() + withinMs; Date.now() < end; await sleep(everyMs)) {
    const found = await look()
    if (found !== undefined) return found
  }
  throw new Error(`waited ${withinMs} ms for ${what}`)
}
