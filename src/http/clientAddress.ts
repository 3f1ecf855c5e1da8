import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import type { Limits } from './limits.ts'

/**
 * The client's address. With `trusted` proxies in front of us each has put the address it saw at the end of X-Forwarded-For, so the
 * client stands at that place from the right; whatever is further left was written by the client. Without proxies the header is ignored.
 */
export function clientAddress(peer: string | undefined, forwardedFor: string | undefined, trusted: number): string | undefined {
  const own = peer === undefined ? undefined : plain(peer)
  if (trusted === 0 || forwardedFor === undefined) return own
  const told = forwardedFor.split(',').at(-trusted)
  const address = told === undefined ? '' : plain(told.trim())
  return isIP(address) === 0 ? own : address
}

/** `::ffff:192.0.2.1` is 192.0.2.1 seen through a socket that speaks both. */
const plain = (address: string): string => (address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address)

/** What a TLS terminator tells of the client's certificate (RFC 9440). */
const certificateHeaders = ['client-cert', 'client-cert-chain'] as const

/**
 * Headers as far as they may be believed. Anybody can write `Client-Cert`; a TLS terminator of ours overwrites what clients write (RFC
 * 9440, 2.4 makes it), so it is believed from a proxy of ours and dropped otherwise.
 */
export function believed(
  headers: IncomingHttpHeaders,
  peer: string | undefined,
  limits: Pick<Limits, 'trustedProxies' | 'simulatorsTellCertificates'>,
): IncomingHttpHeaders {
  if (limits.trustedProxies > 0 || (limits.simulatorsTellCertificates && isSimulator(headers, peer))) return headers
  if (certificateHeaders.every(name => headers[name] === undefined)) return headers
  const out = { ...headers }
  for (const name of certificateHeaders) delete out[name]
  return out
}

/** From this machine, and not handed on by anybody who says so. */
const isSimulator = (headers: IncomingHttpHeaders, peer: string | undefined): boolean =>
  ['127.0.0.1', '::1'].includes(plain(peer ?? '')) && ['x-forwarded-for', 'forwarded', 'via'].every(name => headers[name] === undefined)
