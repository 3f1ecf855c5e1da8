import { isIP } from 'node:net'

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
