/** HTTP to channels on bytes, for the vault process: deadline, size cap, no redirects, no proxy settings from the environment. */
import type { Agent } from 'undici'
import { NoAnswer } from '../channels/channel.ts'
import { type ClientCertificates, createCertifiedAgent } from '../world/certificates.ts'
import type { SendBytes } from './forward.ts'

const connectionsMax = 128
const headerBytesMax = 16_384
/** A longer answer than this is no answer. */
const answerBytesMax = 1024 * 1024

/** Does something later; the answer takes it back. */
export type Later = (ms: number, act: () => void) => () => void

/** `certificates`: what is shown of us at which origin, where a channel lets nobody else in. */
export function createOutgoing(
  later: Later,
  certificates: ClientCertificates = new Map(),
): { readonly send: SendBytes; close(): Promise<void> } {
  const limits = {
    allowH2: false,
    pipelining: 1,
    connections: connectionsMax,
    maxResponseSize: answerBytesMax,
    maxHeaderSize: headerBytesMax,
    headersTimeout: 0,
    bodyTimeout: 0,
  }
  const agent = createCertifiedAgent(limits, certificates)
  return { send: request => exchange(agent, later, request), close: () => agent.close() }
}

/** The deadline also races the request: a signal alone does not end one that still waits for its connection. */
async function exchange(agent: Agent, later: Later, request: Parameters<SendBytes>[0]): ReturnType<SendBytes> {
  const stop = new AbortController()
  let forgive: () => void = () => undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    forgive = later(request.timeoutMs, () => {
      const late = new NoAnswer(`no whole answer within ${request.timeoutMs} ms`)
      reject(late)
      stop.abort(late)
    })
  })
  try {
    return await Promise.race([call(agent, request, stop.signal), deadline])
  } catch (failure) {
    if (failure instanceof NoAnswer) throw failure
    // The code only: a message might quote what was sent.
    throw new NoAnswer(codeOf(failure))
  } finally {
    forgive()
  }
}

async function call(agent: Agent, request: Parameters<SendBytes>[0], signal: AbortSignal): ReturnType<SendBytes> {
  const url = new URL(request.url)
  const answer = await agent.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: request.method,
    headers: { ...request.headers },
    body: request.body ?? null,
    signal,
  })
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value
  }
  const chunks: Buffer[] = []
  for await (const chunk of answer.body) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  for (const chunk of chunks) chunk.fill(0)
  return { status: answer.statusCode, headers, body }
}

function codeOf(failure: unknown): string {
  if (failure instanceof Error && 'code' in failure && typeof failure.code === 'string') return failure.code
  return failure instanceof Error ? failure.name : 'no answer'
}
