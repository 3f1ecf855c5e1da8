/**
 * The capture door: the one HTTP port of the vault. `GET /bind` is the hosted page (`hosted.ts`); `POST /capture` with `Authorization: Bearer <grant>` takes a card, payer or wallet's
 * token and gives a reference. Plain `node:http`, since a framework would make the body a string; every chunk is copied once and zeroed.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Grant, verifyGrant } from '../core/grant.ts'
import { newId } from '../core/id.ts'
import { Problem, problems } from '../core/problem.ts'
import type { Log } from '../world/world.ts'
import { bodyBytesMax } from './capture.ts'
import { createGrantCounts, type GrantCounts } from './grants.ts'
import { type HostedFile, hostedFiles } from './hosted.ts'
import { captureBytesMax } from './scan.ts'
import type { VaultCore } from './vault.ts'

export type DoorPorts = {
  readonly vault: Pick<VaultCore, 'capture'>
  readonly grantKey: Buffer
  /** Where the pages of problems are: `https://pay.example.com`. */
  readonly publicUrl: string
  readonly log: Log
  now(): number
  random(count: number): Buffer
}

/** Milliseconds for the headers, and for the whole request; a slow sender holds nothing longer than that. */
const headersWithinMs = 5_000
const requestWithinMs = 10_000
const idleMs = 10_000
const headerBytesMax = 8_192
const connectionsMax = 4_096

export const capturePath = '/capture'

export function createDoor(ports: DoorPorts): Server {
  const counts = createGrantCounts()
  const pages = hostedFiles(ports.publicUrl)
  const server = createServer(
    {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersWithinMs,
      requestTimeout: requestWithinMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      const page = pages.get(request.url ?? '')
      if (page !== undefined && (request.method === 'GET' || request.method === 'HEAD')) give(ports, page, request, response)
      else void respond(ports, counts, request, response)
    },
  )
  server.maxConnections = connectionsMax
  server.maxHeadersCount = 50
  return server
}

async function respond(ports: DoorPorts, counts: GrantCounts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = newId('req', ports.now(), ports.random(16))
  try {
    if (request.url !== capturePath) throw new Problem('not_found', 'cards are handed in at POST /capture')
    if (request.method === 'OPTIONS') return preflight(requestId, request, response)
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST, OPTIONS')
      throw new Problem('method_not_allowed', 'cards are handed in at POST /capture')
    }
    const answer = await take(ports, counts, request, response)
    send(requestId, response, 201, 'application/json', answer)
  } catch (error) {
    refuse(ports, requestId, request, response, error)
  }
}

/** A file of the hosted page: the same for everybody. */
function give(ports: DoorPorts, { type, body, headers }: HostedFile, request: IncomingMessage, response: ServerResponse): void {
  discard(request)
  const requestId = newId('req', ports.now(), ports.random(16))
  const all = ['request-id', requestId, ...commonHeaders, ...headers, 'content-type', type, 'content-length', String(body.length)]
  response.writeHead(200, all).end(request.method === 'HEAD' ? undefined : body)
}

async function take(ports: DoorPorts, counts: GrantCounts, request: IncomingMessage, response: ServerResponse) {
  const grant = grantOf(ports, request)
  admitOrigin(grant, request, response)
  const finished = counts.begin(grant, ports.now())
  let captured = false
  try {
    refuseOtherContent(request)
    const body = await gather(request, roomFor(request))
    try {
      const answer = await ports.vault.capture(grant, body)
      captured = true
      return answer
    } finally {
      body.fill(0)
    }
  } finally {
    finished(captured)
  }
}

function grantOf(ports: DoorPorts, request: IncomingMessage): Grant {
  const [scheme, token, rest] = (request.headers.authorization ?? '').split(' ')
  const grant = scheme?.toLowerCase() === 'bearer' && rest === undefined ? verifyGrant(ports.grantKey, ports.now(), token ?? '') : undefined
  if (grant === undefined) throw new Problem('unauthenticated', 'a capture needs a grant, and this one is missing, lapsed or not ours')
  return grant
}

/** A browser names its page's origin. Only the grant says which pages may hand in cards, and none may unless it says so. */
function admitOrigin(grant: Grant, request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers
  if (origin === undefined) return
  if (!grant.origins.includes(origin)) throw new Problem('forbidden', 'the grant is not for pages of this origin')
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-expose-headers', 'request-id, retry-after')
}

/** A preflight carries no grant, so any origin is told what it may try; `admitOrigin` decides when the card comes. */
function preflight(requestId: string, request: IncomingMessage, response: ServerResponse): void {
  discard(request)
  const { origin } = request.headers
  if (origin !== undefined && /^https?:\/\/[a-z0-9.:[\]-]{1,253}$/.test(origin)) {
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('access-control-allow-methods', 'POST')
    response.setHeader('access-control-allow-headers', 'authorization, content-type')
    response.setHeader('access-control-max-age', '600')
  }
  response.writeHead(204, ['request-id', requestId, ...securityHeaders]).end()
}

function refuseOtherContent(request: IncomingMessage): void {
  const type = (request.headers['content-type'] ?? '').toLowerCase()
  if (!/^application\/json(?:; ?charset="?utf-8"?)?$/.test(type))
    throw new Problem('unsupported_media_type', 'send application/json in UTF-8')
  if (request.headers['content-encoding'] !== undefined) throw new Problem('unsupported_media_type', 'send the body uncompressed')
  if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) throw tooLarge()
}

const tooLarge = (): Problem => new Problem('body_too_large', `the body is at most ${bodyBytesMax} bytes`)

/** A body that says it is small, as cards are, takes little memory; a body that says nothing may be a wallet's token. */
function roomFor(request: IncomingMessage): number {
  const length = request.headers['content-length']
  return length !== undefined && Number(length) <= captureBytesMax ? captureBytesMax : bodyBytesMax
}

/** The whole body in one buffer of its own; the caller zeroes it. Each chunk is zeroed as soon as it is copied. */
export function gather(chunks: NodeJS.ReadableStream, bytesMax: number = captureBytesMax): Promise<Buffer> {
  const held = Buffer.allocUnsafeSlow(bytesMax)
  let length = 0
  return new Promise((resolve, reject) => {
    const fail = (problem: Problem): void => {
      held.fill(0)
      reject(problem)
    }
    chunks.on('data', (chunk: Buffer) => {
      if (length + chunk.length <= bytesMax) chunk.copy(held, length)
      length += chunk.length
      chunk.fill(0)
      if (length > bytesMax) fail(tooLarge())
    })
    chunks.on('end', () => resolve(held.subarray(0, length)))
    chunks.on('error', () => fail(new Problem('malformed_body', 'the body did not arrive whole')))
  })
}

/** A body that nobody wants is zeroed all the same: it may be a card. */
function discard(request: IncomingMessage): void {
  request.on('data', (chunk: Buffer) => chunk.fill(0)).on('error', () => undefined)
}

function refuse(ports: DoorPorts, requestId: string, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const problem = error instanceof Problem ? error : new Problem(isOutage(error) ? 'unavailable' : 'internal', 'nothing was captured')
  if (problem.status >= 500) ports.log.error('a capture failed', { requestId, error: error instanceof Error ? error.name : 'unknown' })
  discard(request)
  if (response.destroyed || response.headersSent) return
  // What is still coming is not read: the connection ends with this answer.
  if (!request.complete) response.setHeader('connection', 'close')
  if (problem.code === 'unauthenticated') response.setHeader('www-authenticate', 'Bearer realm="bindery capture"')
  if (problem.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(problem.retryAfterSeconds))
  const { title, status, retryable } = problems[problem.code]
  const url = `${ports.publicUrl}/problems/${problem.code}`
  const { detail, code, errors } = problem
  const body = { type: url, title, status, detail, code, errors, request_id: requestId, retryable, doc_url: url }
  send(requestId, response, status, 'application/problem+json', body)
}

const isOutage = (error: unknown): boolean => error instanceof Error && error.name === 'Unavailable'

/** All headers at once, as the list they leave as: set one by one they cost more than the rest of the answer. */
function send(requestId: string, response: ServerResponse, status: number, type: string, body: unknown): void {
  // A string, so that headers and body leave in one write.
  const text = JSON.stringify(body)
  const length = String(Buffer.byteLength(text))
  response.writeHead(status, ['request-id', requestId, ...securityHeaders, 'content-type', type, 'content-length', length]).end(text)
}

const commonHeaders: readonly string[] = [
  ...['cache-control', 'no-store'],
  ...['x-content-type-options', 'nosniff'],
  ...['referrer-policy', 'no-referrer'],
  ...['strict-transport-security', 'max-age=31536000'],
]
const securityHeaders: readonly string[] = [
  ...commonHeaders,
  ...['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ...['vary', 'origin'],
]
