/** What the demo needs to tell its story: a caller, a receiver of webhooks that checks signatures, and words that are only said if true. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { z } from 'zod'

export const instrumentShape = z.object({
  id: z.string(),
  status: z.string(),
  card: z.object({ brand: z.string(), last4: z.string() }),
  next_action: z.object({ url: z.string() }).nullable(),
  bindings: z.array(
    z.object({
      id: z.string(),
      channel: z.string(),
      status: z.string(),
      token: z.string().nullable(),
      refusal: z.object({ category: z.string(), code: z.string(), by: z.string() }).nullable(),
    }),
  ),
})
export type Instrument = z.output<typeof instrumentShape>

export const title = (text: string): void => console.log(`\n${text}`)
export const say = (text: string): void => console.log(`  ${text}`)
/** Says it, and is proof of it: the demo ends with an error where it would not be true. */
export function show(text: string, isTrue: boolean): void {
  assert.ok(isTrue, `the demo says "${text}", and that is not so`)
  console.log(`  ✓ ${text}`)
}

export type Caller = {
  readonly post: (path: string, body: unknown, key?: string) => Promise<unknown>
  readonly get: (path: string) => Promise<unknown>
}

export function callerOf(address: string, apiKey: string): Caller {
  const call = async (method: string, path: string, body?: unknown, key?: string): Promise<unknown> => {
    const headers = {
      authorization: `Bearer ${apiKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    }
    const answer = await fetch(`${address}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const text = await answer.text()
    assert.ok(answer.status < 400, `${method} ${path} was answered ${answer.status}: ${text}`)
    return JSON.parse(text)
  }
  return { post: (path, body, key) => call('POST', path, body, key), get: path => call('GET', path) }
}

/** Waits until `look` finds what it looks for; fails after `withinMs`. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, withinMs = 20_000): Promise<T> {
  for (const end = Date.now() + withinMs; Date.now() < end; await sleep(100)) {
    const found = await look()
    if (found !== undefined) return found
  }
  throw new Error(`waited ${withinMs} ms for ${what}`)
}

const eventShape = z.object({ id: z.string(), type: z.string(), instrument: z.string().nullable(), sequence: z.number().nullable() })
export type Heard = z.output<typeof eventShape>

/** A customer's system: takes webhooks on loopback and verifies each with the Standard Webhooks library. */
export async function receiver(): Promise<{ readonly url: string; readonly heard: Heard[]; trust(secret: string): void; close(): void }> {
  const heard: Heard[] = []
  let verify: Webhook | undefined
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
      try {
        assert.ok(verify !== undefined)
        heard.push(eventShape.parse(verify.verify(Buffer.concat(chunks).toString('utf8'), headers)))
        response.writeHead(204).end()
      } catch {
        response.writeHead(401).end()
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  assert.ok(bound !== null && typeof bound === 'object')
  return {
    url: `http://127.0.0.1:${bound.port}/bindery`,
    heard,
    trust: secret => {
      verify = new Webhook(secret)
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
