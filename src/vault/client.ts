/**
 * The vault as the API and the worker see it: a socket. A call costs one round trip, and many share one: calls made in the same turn of
 * the event loop, and those made while a frame has not been acknowledged yet, leave together; answers come back as they complete. Only where
 * several calls are waited for is a frame acknowledged: a frame costs as much as what is in it.
 */
import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import { NoAnswer } from '../channels/channel.ts'
import { Unavailable } from '../world/store.ts'
import type { Log, Vault, World } from '../world/world.ts'
import { errorOf, outputs, type Verb } from './calls.ts'
import { checked } from './checked.ts'
import { type CallFrame, createFrameReader, encodeFrame, frameBytesMax, isLone, type LoneCall, proofOf, sameProof } from './frames.ts'
import type { Ownership } from './sweep.ts'

export type VaultClient = Vault & {
  unsettled(limit: number): Promise<readonly Ownership[]>
  settle(input: { readonly owned: readonly Ownership[]; readonly unowned: readonly Ownership[] }): Promise<void>
  /** Resolves when connected and proven; throws `Unavailable` when that takes longer. */
  ready(withinMs: number): Promise<void>
  close(): void
  /** For tests and metrics. */
  readonly traffic: { readonly framesSent: number; readonly framesReceived: number; readonly calls: number }
}

export type ClientPorts = Pick<World, 'now' | 'sleep' | 'random'> & {
  readonly socketPath: string
  readonly linkKey: Buffer
  readonly log: Log
}

type Call = {
  readonly id: number
  readonly verb: Verb
  readonly input: unknown
  readonly deadline: number
  sent: boolean
  readonly settle: (result: unknown) => void
  readonly fail: (error: Error) => void
}

/** The vault answers from memory or after one commit. */
const callTimeoutMs = 5000
/** A file of a thousand cards is a thousand reads and openings. */
const fileTimeoutMs = 30_000
/** Beyond the channel's own deadline, for opening and filling. */
const forwardMarginMs = 2000
/** How exactly deadlines are kept. */
const tickMs = 50
const callsMax = 20_000
/** Out at a channel, or waited for by nobody: no reason for the others to gather. */
const lasting: ReadonlySet<Verb> = new Set(['forward', 'sealAhead'])
const callsPerFrameMax = 512
const backoffMs = { first: 20, most: 2000 } as const

export function createVaultClient(ports: ClientPorts): VaultClient {
  const { call, ready, close, traffic } = createLink(ports)
  return {
    peek: async input => checked(outputs.peek, await call('peek', input)),
    adopt: async input => checked(outputs.adopt, await call('adopt', input)),
    sealAhead: async input => {
      await call('sealAhead', input)
    },
    forward: async input => checked(outputs.forward, await call('forward', input, input.timeoutMs + forwardMarginMs)),
    seal: async input => checked(outputs.seal, await call('seal', input)),
    open: async input => checked(outputs.open, await call('open', input)),
    updater: {
      writeInquiries: async input => checked(outputs.writeInquiries, await call('writeInquiries', input, fileTimeoutMs)),
      readAdvices: async input => checked(outputs.readAdvices, await call('readAdvices', input, fileTimeoutMs)),
      sealAdvices: async input => checked(outputs.sealAdvices, await call('sealAdvices', input, fileTimeoutMs)),
      renew: async input => checked(outputs.renew, await call('renew', input)),
    },
    shred: async input => checked(outputs.shred, await call('shred', input)),
    detokenize: async input => checked(outputs.detokenize, await call('detokenize', input)),
    cardFiles: {
      begin: async input => checked(outputs.beginCardFile, await call('beginCardFile', input)),
      show: async input => checked(outputs.showCardFile, await call('showCardFile', input)),
      take: async input => checked(outputs.takeCardFile, await call('takeCardFile', input, fileTimeoutMs)),
      forget: async input => checked(outputs.forgetCardFile, await call('forgetCardFile', input, fileTimeoutMs)),
      peek: async input => checked(outputs.peekCards, await call('peekCards', input, fileTimeoutMs)),
      sealAs: async input => checked(outputs.sealCardsAs, await call('sealCardsAs', input, fileTimeoutMs)),
      senderCertificate: async input => checked(outputs.senderCertificate, await call('senderCertificate', input)),
      write: async input => checked(outputs.writeCardFile, await call('writeCardFile', input, fileTimeoutMs)),
    },
    unsettled: async limit => checked(outputs.unsettled, await call('unsettled', { limit })),
    settle: async input => {
      await call('settle', input)
    },
    ready,
    close,
    traffic,
  }
}

function createLink(ports: ClientPorts) {
  const state: State = { socket: undefined, connected: false, closed: false, unacknowledged: false, planned: false, ticking: false }
  const traffic = { framesSent: 0, framesReceived: 0, calls: 0 }
  const pending = new Map<number, Call>()
  const waiting: Call[] = []
  /** Sent, and of the kind whose answer may be long in coming. */
  const away = new Set<number>()
  let lastId = 0

  const flush = (): void => {
    state.planned = false
    const { socket } = state
    if (socket === undefined || !state.connected || state.unacknowledged || waiting.length === 0) return
    const frame = takeFrame(waiting, pending, away)
    if (frame === undefined) return
    traffic.framesSent += 1
    state.unacknowledged = !isLone(frame)
    socket.write(encodeFrame(frame))
  }
  const plan = (): void => {
    if (!state.planned) setImmediate(flush)
    state.planned = true
  }
  const receive = (frame: unknown): void => {
    traffic.framesReceived += 1
    state.unacknowledged = false
    for (const reply of replies.parse(frame)) answer(pending, reply)
    if (waiting.length > 0) plan()
  }
  const lost = (): void => {
    state.unacknowledged = false
    for (const call of pending.values()) if (call.sent) drop(pending, call, 'the vault hung up')
  }
  void keepConnected(ports, state, { receive, lost, connected: plan })
  return {
    traffic,
    call(verb: Verb, input: unknown, timeoutMs: number = callTimeoutMs): Promise<unknown> {
      if (state.closed || pending.size >= callsMax) return Promise.reject(new Unavailable('the vault takes no more calls'))
      traffic.calls += 1
      lastId += 1
      const id = lastId
      const answered = new Promise((settle, fail) => {
        const call = { id, verb, input, deadline: ports.now() + timeoutMs, sent: false, settle, fail }
        pending.set(id, call)
        waiting.push(call)
        plan()
        if (!state.ticking) void keepDeadlines(ports, state, pending)
      })
      return lasting.has(verb) ? answered.finally(() => away.delete(id)) : answered
    },
    ready: (withinMs: number) => untilConnected(ports, state, withinMs),
    close(): void {
      state.closed = true
      state.socket?.destroy()
      for (const call of pending.values()) drop(pending, call, 'the link to the vault was closed')
    },
  }
}

/** What leaves now. The only call that is waited for keeps nobody waiting behind it: its answer is all that has to come back. */
function takeFrame(waiting: Call[], pending: ReadonlyMap<number, Call>, away: Set<number>): LoneCall | CallFrame | undefined {
  const leaving = waiting.splice(0, callsPerFrameMax).filter(call => pending.has(call.id))
  const alone = pending.size - away.size <= 1
  for (const call of leaving) {
    call.sent = true
    if (lasting.has(call.verb)) away.add(call.id)
  }
  const calls = leaving.map(({ id, verb, input }): LoneCall => [id, verb, input])
  return calls.length === 0 || (alone && calls.length === 1) ? calls[0] : calls
}

async function untilConnected(ports: ClientPorts, state: State, withinMs: number): Promise<void> {
  const until = ports.now() + withinMs
  while (!state.connected) {
    if (state.closed || ports.now() >= until) throw new Unavailable('the vault does not answer')
    await ports.sleep(5)
  }
}

type State = {
  socket: Socket | undefined
  connected: boolean
  closed: boolean
  /** A frame was sent and nothing has come back since. */
  unacknowledged: boolean
  planned: boolean
  ticking: boolean
}

const replies = z.array(z.union([z.tuple([z.number(), z.unknown()]), z.tuple([z.number(), z.string(), z.string()])]))

function answer(pending: Map<number, Call>, reply: z.output<typeof replies>[number]): void {
  const call = pending.get(reply[0])
  if (call === undefined) return
  pending.delete(call.id)
  if (reply.length === 2) call.settle(reply[1])
  else call.fail(errorOf(reply[1], reply[2]))
}

/** What went to a channel may have arrived; anything else is repeated by the caller, with the same words. */
function drop(pending: Map<number, Call>, call: Call, reason: string): void {
  pending.delete(call.id)
  call.fail(call.verb === 'forward' && call.sent ? new NoAnswer(reason) : new Unavailable(reason))
}

/** One loop for all deadlines; it runs while something is pending. */
async function keepDeadlines(ports: ClientPorts, state: State, pending: Map<number, Call>): Promise<void> {
  state.ticking = true
  while (pending.size > 0) {
    await ports.sleep(tickMs)
    const now = ports.now()
    for (const call of pending.values()) if (now >= call.deadline) drop(pending, call, 'the vault did not answer in time')
  }
  state.ticking = false
}

type Events = { receive(frame: unknown): void; lost(): void; connected(): void }

async function keepConnected(ports: ClientPorts, state: State, events: Events): Promise<void> {
  let pauseMs: number = backoffMs.first
  while (!state.closed) {
    const lasted = await oneConnection(ports, state, events)
    if (state.closed) return
    pauseMs = lasted ? backoffMs.first : Math.min(backoffMs.most, pauseMs * 2)
    ports.log.warn('no connection to the vault', { retryInMs: pauseMs })
    await ports.sleep(pauseMs)
  }
}

const challenged = z.object({ challenge: z.string() })
const proven = z.object({ proof: z.string() })

/** Resolves when the connection is over: true if it had been proven. */
function oneConnection(ports: ClientPorts, state: State, events: Events): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(ports.socketPath)
    const nonce = ports.random(24).toString('base64url')
    const read = createFrameReader(() => frameBytesMax)
    let challenge: string | undefined
    const take = (frame: unknown): void => {
      if (state.connected) {
        events.receive(frame)
        return
      }
      if (challenge === undefined) {
        challenge = challenged.parse(frame).challenge
        socket.write(encodeFrame({ nonce, proof: proofOf(ports.linkKey, 'caller', challenge, nonce) }))
        return
      }
      if (!sameProof(proven.parse(frame).proof, proofOf(ports.linkKey, 'vault', challenge, nonce))) throw new Error('this is not our vault')
      state.connected = true
      events.connected()
    }
    state.socket = socket
    socket.on('data', chunk => {
      try {
        for (const frame of read(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)) take(frame)
      } catch (error) {
        ports.log.error('the vault sent what it should not', { error: error instanceof Error ? error.name : 'unknown' })
        socket.destroy()
      }
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      const was = state.connected
      state.connected = false
      events.lost()
      resolve(was)
    })
  })
}
