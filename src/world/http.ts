/**
 * HTTP to the outside. Both kinds give a whole answer or throw `NoAnswer`, and nothing else; follow no redirects; read no proxy
 * settings from the environment; keep connections open for the next request.
 *
 * `createSend` is for channels, whose addresses the operator configured. `createPublicSend` is for addresses customers gave us: each
 * name is resolved once for a connection, every address it has must be public, and the connection is made to those addresses and no
 * others, so a name that answers differently a moment later (DNS rebinding) changes nothing.
 */
import type { LookupAddress } from 'node:dns'
import { lookup, Resolver } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import type { Agent } from 'undici'
import { type ChannelAnswer, type ChannelRequest, NoAnswer, type Send } from '../channels/channel.ts'
import { checkPublicUrl, isLoopbackAddress, isLoopbackUrl, isPublicAddress } from './address.ts'
import { type ClientCertificates, createCertifiedAgent } from './certificates.ts'

export { checkPublicUrl } from './address.ts'

/** All addresses of a host name. Throws when there are none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>
/** `close` ends idle connections and waits for running requests. */
export type ClosableSend = Send & { close(): Promise<void> }

type Limits = { readonly timeoutMs: number; readonly maxBytes: number; readonly allowLoopback: boolean; readonly resolve?: Resolve }

/** Connections to one origin, and the header block of an answer: enough for a busy channel, an end for a hostile one. */
const connectionsMax = 128
const headerBytesMax = 16_384
const addressesMax = 32

/**
 * For channels. `allowedOrigins` (`https://api.stripe.com`) are the only ones that may be called, and are trusted as the operator wrote
 * them, private addresses included. Without the list: any public https origin, and loopback if allowed. `certificates`: what we show of
 * ourselves at which origin (`clientCertificatesOf`).
 */
export function createSend(
  options: Limits & { readonly allowedOrigins?: Iterable<string>; readonly certificates?: ClientCertificates },
): ClosableSend {
  const origins = options.allowedOrigins === undefined ? undefined : new Set(options.allowedOrigins)
  if (origins === undefined) return createPublicSend(options)
  const resolve = options.resolve ?? systemResolve
  return createGuardedSend(
    options,
    resolve,
    () => true,
    url => (origins.has(url.origin) ? undefined : `${url.origin} is not one of the allowed origins`),
    options.certificates,
  )
}

/** For webhook URLs of customers: see the top of the file, and `checkPublicUrl` for what may be written. */
export function createPublicSend(options: Limits): ClosableSend {
  const { allowLoopback } = options
  const mayReach = (hostname: string, address: string): boolean => {
    if (isPublicAddress(address)) return true
    return allowLoopback && isLocalName(hostname) && isLoopbackAddress(address)
  }
  return createGuardedSend(options, options.resolve ?? publicResolve, mayReach, (_url, text) => checkPublicUrl(text, { allowLoopback }))
}

const isLocalName = (hostname: string): boolean => isLoopbackUrl(new URL(`http://${hostname}`))

/** By the machine's own rules, hosts file included. */
const systemResolve: Resolve = async hostname => (await lookup(hostname, { all: true })).map(one => one.address)

/**
 * By asking name servers directly: no hosts file, no search domains, and no thread of libuv's pool held (the system's resolver holds
 * one of four per lookup, so a few names whose servers never answer would stop everyone's lookups).
 */
const publicResolve: Resolve = async hostname => {
  if (isLocalName(hostname)) return ['127.0.0.1']
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  const found = answers.flatMap(one => (one.status === 'fulfilled' ? one.value : []))
  if (found.length === 0) throw new Error(`${hostname} has no address`)
  return found
}

type MayReach = (hostname: string, address: string) => boolean
type CheckUrl = (url: URL, text: string) => string | undefined

function createGuardedSend(
  limits: Limits,
  resolve: Resolve,
  mayReach: MayReach,
  checkUrl: CheckUrl,
  certificates: ClientCertificates = new Map(),
): ClosableSend {
  const { timeoutMs, maxBytes } = limits
  const options = {
    allowH2: false,
    pipelining: 1,
    connections: connectionsMax,
    maxResponseSize: maxBytes,
    maxHeaderSize: headerBytesMax,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: timeoutMs, lookup: guardedLookup(resolve, mayReach) },
  }
  const agent = createCertifiedAgent(options, certificates)
  const send: Send = async request => {
    if (!URL.canParse(request.url)) throw new NoAnswer('not a URL')
    const url = new URL(request.url)
    const problem = checkUrl(url, request.url)
    if (problem !== undefined) throw new NoAnswer(`refused to call: ${problem}`)
    return exchange(agent, request, url, timeoutMs)
  }
  return Object.assign(send, { close: () => agent.close() })
}

/**
 * Net and TLS ask for addresses here, and connect to what they get: one resolution, all of it checked, then pinned. A host written as
 * an address never comes here; `checkPublicUrl` has judged it.
 */
function guardedLookup(resolve: Resolve, mayReach: MayReach): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      found => {
        const refused = found.find(address => !mayReach(hostname, address))
        if (refused !== undefined) return callback(new Error(`${hostname} leads to ${refused}, which may not be called`), [])
        const addresses: LookupAddress[] = found.slice(0, addressesMax).map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
        const first = addresses[0]
        if (first === undefined) return callback(new Error(`${hostname} has no address`), [])
        return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family)
      },
      (failure: unknown) => callback(failure instanceof Error ? failure : new Error(String(failure)), []),
    )
  }
}

async function exchange(agent: Agent, request: ChannelRequest, url: URL, timeoutMs: number): Promise<ChannelAnswer> {
  const stop = new AbortController()
  let timer: NodeJS.Timeout | undefined
  // The signal alone does not end a request that is still waiting for its connection, so the deadline also races it.
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const late = new NoAnswer(`no whole answer within ${timeoutMs} ms`)
      reject(late)
      stop.abort(late)
    }, timeoutMs)
  })
  try {
    return await Promise.race([call(agent, request, url, stop.signal), deadline])
  } catch (failure) {
    if (failure instanceof NoAnswer) throw failure
    throw new NoAnswer(reasonOf(failure), { cause: failure })
  } finally {
    clearTimeout(timer)
  }
}

async function call(agent: Agent, request: ChannelRequest, url: URL, signal: AbortSignal): Promise<ChannelAnswer> {
  const answer = await agent.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: request.method,
    headers: { ...request.headers },
    body: request.body ?? null,
    signal,
  })
  const body = await answer.body.text()
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value
  }
  return { status: answer.statusCode, headers, body }
}

/** Why there was no answer, for people: undici's errors carry a code and sometimes a cause that says more. */
function reasonOf(failure: unknown): string {
  if (!(failure instanceof Error)) return 'no answer'
  const inner = failure instanceof AggregateError ? failure.errors.find(one => one instanceof Error) : failure.cause
  const told = inner instanceof Error ? inner : failure
  const code = 'code' in told && typeof told.code === 'string' ? told.code : told.name
  return told.message === '' ? code : `${code}: ${told.message}`.slice(0, 300)
}
