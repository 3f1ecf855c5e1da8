/** A merchant's system: takes webhooks on loopback, verifies each with the Standard Webhooks library, and remembers them in order. */
import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { z } from 'zod'

const shape = z.object({ id: z.string(), type: z.string(), instrument: z.string().nullable(), sequence: z.number().nullable() })
export type Heard = z.output<typeof shape>
export type Receiver = {
  readonly url: string
  readonly heard: readonly Heard[]
  /** Bodies as they came, whatever they were. */
  readonly bodies: readonly string[]
  readonly forged: () => number
  /** Until a secret is trusted every delivery is refused, and comes again. */
  trust(secret: string): void
  close(): void
}

export async function startReceiver(): Promise<Receiver> {
  const heard: Heard[] = []
  const bodies: string[] = []
  let verify: Webhook | undefined
  let forged = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8')
      bodies.push(text)
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
      try {
        if (verify === undefined) throw new Error('nobody is trusted yet')
        heard.push(shape.parse(verify.verify(text, headers)))
        response.writeHead(204).end()
      } catch {
        forged += 1
        response.writeHead(401).end()
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${bound.port}/bindery`,
    heard,
    bodies,
    forged: () => forged,
    trust: secret => {
      verify = new Webhook(secret)
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
