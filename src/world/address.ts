/**
 * Which network addresses the public Internet reaches, and which URLs a customer may have us call. The ranges are IANA's special-purpose
 * registries (IPv4: iana-ipv4-special-registry, IPv6: iana-ipv6-special-registry) and the multicast and reserved space around them.
 * Anything not plainly public is refused: a form that carries another address inside (mapped, NAT64, 6to4, Teredo) is never unwrapped.
 */
import ipaddr from 'ipaddr.js'

const specialV4 = [
  '0.0.0.0/8', // this network (RFC 791)
  '10.0.0.0/8', // private (RFC 1918)
  '100.64.0.0/10', // shared, carrier-grade NAT (RFC 6598); one cloud's metadata host, 100.100.100.200, lives here
  '127.0.0.0/8', // loopback (RFC 1122)
  '168.63.129.16/32', // not IANA's: the wire server of one cloud answers there, and only inside it
  '169.254.0.0/16', // link-local (RFC 3927), metadata hosts
  '172.16.0.0/12', // private (RFC 1918)
  '192.0.0.0/24', // protocol assignments (RFC 6890), a metadata host too
  '192.0.2.0/24', // documentation (RFC 5737)
  '192.31.196.0/24', // AS112 (RFC 7535)
  '192.52.193.0/24', // AMT (RFC 7450)
  '192.88.99.0/24', // 6to4 relay, deprecated (RFC 7526)
  '192.168.0.0/16', // private (RFC 1918)
  '192.175.48.0/24', // AS112 (RFC 7534)
  '198.18.0.0/15', // benchmarking (RFC 2544)
  '198.51.100.0/24', // documentation (RFC 5737)
  '203.0.113.0/24', // documentation (RFC 5737)
  '224.0.0.0/4', // multicast (RFC 5771)
  '240.0.0.0/4', // reserved (RFC 1112), broadcast (RFC 8190)
].map(range => ipaddr.IPv4.parseCIDR(range))

/** Global unicast is handed out from here only (RFC 4291, 2.4); all else, from `::` to `ff00::/8`, is special or unassigned. */
const globalV6 = ipaddr.IPv6.parseCIDR('2000::/3')
const specialV6 = [
  '2001::/23', // protocol assignments (RFC 2928): Teredo 2001::/32, benchmarking, ORCHID
  '2001:db8::/32', // documentation (RFC 3849)
  '2002::/16', // 6to4 (RFC 3056)
  '2620:4f:8000::/48', // AS112 (RFC 7534)
  '3fff::/20', // documentation (RFC 9637)
].map(range => ipaddr.IPv6.parseCIDR(range))

/** Whether a plainly written address (what a resolver gives, never what a person types) is one the public Internet reaches. */
export function isPublicAddress(address: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) {
    const v4 = ipaddr.IPv4.parse(address)
    return !specialV4.some(([range, bits]) => v4.match(range, bits))
  }
  if (!ipaddr.IPv6.isValid(address) || address.includes('%')) return false
  const v6 = ipaddr.IPv6.parse(address)
  return v6.match(globalV6[0], globalV6[1]) && !specialV6.some(([range, bits]) => v6.match(range, bits))
}

/** 127.0.0.0/8 and ::1, nothing that merely contains them. */
export function isLoopbackAddress(address: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return ipaddr.IPv4.parse(address).range() === 'loopback'
  return ipaddr.IPv6.isValid(address) && !address.includes('%') && ipaddr.IPv6.parse(address).range() === 'loopback'
}

/** Names that never lead to the public Internet: RFC 6761, 6762, 7686, 8375, 9476, ICANN's `.internal`, and what companies use inside. */
const privateSuffixes = [
  'localhost',
  'local',
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'home.arpa',
  'test',
  'invalid',
  'onion',
  'alt',
]
/** Names of metadata hosts outside those. */
const metadataHosts = new Set(['metadata.goog', 'metadata.azure.com', 'metadata.tencentyun.com', 'metadata.platformequinix.com'])
const publicPorts = new Set(['', '443', '8443'])
const urlLengthMax = 2048

/** The host as an address, if it is one: the URL parser has already turned decimal, octal, hexadecimal and short forms into four parts. */
export function literalAddress(hostname: string): string | undefined {
  if (hostname.startsWith('[')) return hostname.slice(1, -1)
  // The library throws and catches errors to find out, 15 µs each; a name that ends in a letter need not be asked about.
  if (!/^[0-9.]+$/.test(hostname)) return undefined
  return ipaddr.IPv4.isValidFourPartDecimal(hostname) ? hostname : undefined
}

const isLocalName = (hostname: string): boolean => hostname === 'localhost' || hostname.endsWith('.localhost')

/** Whether the URL's host is written as loopback: the only place where http and any port may be allowed. */
export function isLoopbackUrl(url: URL): boolean {
  const literal = literalAddress(url.hostname)
  return literal === undefined ? isLocalName(url.hostname) : isLoopbackAddress(literal)
}

/**
 * What is wrong with a URL a customer gave us to call, or undefined. Judges what is written; names are judged again by their addresses
 * at every connection (http.ts). `allowLoopback` (sandbox): loopback hosts may be called, over http and on any port.
 */
export function checkPublicUrl(text: string, options: { readonly allowLoopback: boolean }): string | undefined {
  if (text.length > urlLengthMax) return `must be at most ${urlLengthMax} characters`
  // The URL parser would quietly drop or turn these, and another reader of the same text might not.
  if (/[^\x21-\x7e]|[\\"<>^`{|}]/.test(text)) return 'must be written in plain ASCII without spaces, quotes, braces or backslashes'
  if (!URL.canParse(text)) return 'must be a URL such as https://shop.example.com/hooks'
  const url = new URL(text)
  if (!/^https?:\/\/[^/]/i.test(text)) return 'must start with https:// and a host name'
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/?#]*@/.test(text)) return 'must not contain a user name or password'
  if (isLoopbackUrl(url)) return options.allowLoopback ? undefined : 'must lead to the public Internet, not to this machine'
  if (url.protocol !== 'https:') return 'must start with https://'
  if (!publicPorts.has(url.port)) return 'must use port 443 or 8443'
  // 010.0.0.8 is 8.0.0.8 to one reader and 10.0.0.8 to another: only the one plain way of writing an address is taken.
  if (literalAddress(url.hostname) !== undefined && !text.toLowerCase().startsWith(`https://${url.hostname}`))
    return 'must have its address written in the usual way'
  return checkHost(url.hostname)
}

function checkHost(hostname: string): string | undefined {
  const literal = literalAddress(hostname)
  if (literal !== undefined) return isPublicAddress(literal) ? undefined : 'must not be a private, local or reserved address'
  if (hostname.endsWith('.')) return 'must have a host name without a dot at its end'
  if (hostname.length > 253 || !hostname.includes('.')) return 'must have a full host name, with its domain'
  if (!/^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(hostname)) return 'must have a valid host name'
  if (metadataHosts.has(hostname)) return 'must lead to the public Internet'
  if (privateSuffixes.some(suffix => hostname.endsWith(`.${suffix}`))) return 'must lead to the public Internet, not to a private name'
  return undefined
}
