/** The vault's side of its socket: proves and demands the link key, does the calls of a frame together, answers them as they complete. */
import { createServer, type Server, type Socket } from 'node:net'
import { z } from 'zod'
import type { Log } from '../world/world.ts'
import { failureOf, perform } from './calls.ts'
import { createFrameReader, encodeFrame, frameBytesMax, helloBytesMax, isLone, proofOf, type Reply, sameProof } from './frames.ts'
import type { VaultCore } from './vault.ts'

type Ports = {
  readonly vault: VaultCore
  readonly linkKey: Buffer
  readonly log: Log
  random(count: number): Buffer
}

export type Desk = {
  readonly server: Server
  connections(): Iterable<Socket>
  /** Ends every connection once the calls under way are answered. */
  close(): Promise<void>
}

const loneCall = z.tuple([z.number(), z.string(), z.unknown()])
const callFrame = z.union([z.array(loneCall).max(10_000), loneCall])
const hello = z.object({ nonce: z.string().min(16).max(100), proof: z.string().max(100) })
/** Milliseconds in which a caller must have proven itself. */
const helloWithinMs = 2000

export function createDesk(ports: Ports): Desk {
  const connections = new Map<Socket, Connection>()
  const server = createServer(socket => {
    const connection = attend(ports, socket)
    connections.set(socket, connection)
    socket.on('close', () => connections.delete(socket))
  })
  return {
    server,
    connections: () => connections.keys(),
    async close() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      await Promise.all([...connections.values()].map(one => one.finish()))
      for (const socket of connections.keys()) socket.destroy()
      await closed
    },
  }
}

type Connection = { finish(): Promise<void> }

function attend(ports: Ports, socket: Socket): Connection {
  const challenge = ports.random(24).toString('base64url')
  const running = new Set<Promise<void>>()
  const answers = createAnswers(socket)
  let proven = false
  const read = createFrameReader(() => (proven ? frameBytesMax : helloBytesMax))
  const take = (frame: unknown): void => {
    if (proven) {
      const sent = callFrame.parse(frame)
      for (const [id, verb, input] of isLone(sent) ? [sent] : sent) {
        const call = perform(ports.vault, verb, input)
          .then(
            result => answers.add([id, result]),
            error => answers.add(refusal(ports.log, id, verb, error)),
          )
          .finally(() => running.delete(call))
        running.add(call)
      }
      if (!isLone(sent)) answers.acknowledge()
      return
    }
    const { nonce, proof } = hello.parse(frame)
    if (!sameProof(proof, proofOf(ports.linkKey, 'caller', challenge, nonce))) throw new Error('the link key does not fit')
    proven = true
    socket.setTimeout(0)
    socket.write(encodeFrame({ proof: proofOf(ports.linkKey, 'vault', challenge, nonce) }))
  }
  socket.setTimeout(helloWithinMs, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', chunk => {
    try {
      for (const frame of read(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)) take(frame)
    } catch (error) {
      ports.log.warn('a caller of the vault was cut off', { reason: error instanceof z.ZodError ? 'not a frame of ours' : String(error) })
      socket.destroy()
    }
  })
  socket.write(encodeFrame({ challenge }))
  return {
    async finish() {
      await Promise.all(running)
      await answers.flushed()
    },
  }
}

function refusal(log: Log, id: number, verb: string, error: unknown): Reply {
  const [kind, message] = failureOf(error)
  if (kind === 'bug')
    log.error('a call of the vault failed', { verb, error: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown' })
  return [id, kind, message]
}

/** Answers that complete in one turn of the event loop leave in one frame. An empty frame only says that a frame arrived. */
function createAnswers(socket: Socket) {
  let ready: Reply[] = []
  let owed = false
  let planned = false
  const flush = (): void => {
    planned = false
    if (socket.destroyed || (ready.length === 0 && !owed)) return
    const leaving = ready
    ready = []
    owed = false
    socket.write(encodeFrame(leaving))
  }
  const plan = (): void => {
    if (planned) return
    planned = true
    setImmediate(flush)
  }
  return {
    add(reply: Reply) {
      ready.push(reply)
      plan()
    },
    acknowledge() {
      owed = true
      plan()
    },
    flushed: () =>
      new Promise<void>(resolve => {
        setImmediate(() => {
          flush()
          socket.end(() => resolve())
        })
      }),
  }
}
