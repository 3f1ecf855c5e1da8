/** Under which values one try is counted. An address or a device is personal data: only a keyed hash of it is kept. */
import ipaddr from 'ipaddr.js'
import { keyedHash } from '../core/keyed.ts'
import type { World } from '../world/world.ts'
import type { Owner, Value } from './tally.ts'

export type Tried = Owner & {
  readonly customer: string
  readonly client: { readonly ip: string | null; readonly device: string | null }
  readonly bin: string | undefined
}
export type Values = {
  readonly customer: Value
  readonly device: Value | undefined
  readonly address: Value | undefined
  readonly subnet: Value | undefined
  readonly autonomousSystem: Value | undefined
  readonly tenant: Value
  readonly bin: Value | undefined
  readonly binWeek: Value | undefined
}

export function valuesOf(world: Pick<World, 'settings'>, { tenant, customer, client, bin }: Tried): Values {
  const hidden = (label: string, text: string): string =>
    keyedHash(world.settings.grantKey, `safeguard ${label}`, text).toString('base64url').slice(0, 22)
  const places = client.ip === null ? undefined : placesOf(client.ip)
  const system = client.ip === null ? undefined : world.settings.safeguards?.autonomousSystemOf?.(client.ip)
  return {
    customer: `customer:${customer}`,
    device: client.device === null ? undefined : `device:${hidden('device', client.device)}`,
    address: places === undefined ? undefined : `address:${hidden('address', places.address)}`,
    subnet: places === undefined ? undefined : `subnet:${hidden('subnet', places.subnet)}`,
    autonomousSystem: system === undefined ? undefined : `autonomous_system:${system}`,
    tenant: `tenant:${tenant}`,
    bin: bin === undefined ? undefined : `bin:${bin} ${tenant}`,
    binWeek: bin === undefined ? undefined : `bin_week:${bin} ${tenant}`,
  }
}

/** One household has an IPv4 address or an IPv6 /64; a /24 and a /48 are what providers hand out together. */
const prefixes = { v4: { address: 32, subnet: 24 }, v6: { address: 64, subnet: 48 } } as const

export function placesOf(ip: string): { readonly address: string; readonly subnet: string } | undefined {
  if (!ipaddr.isValid(ip)) return undefined
  const read = ipaddr.process(ip)
  const bytes = read.toByteArray()
  const { address, subnet } = prefixes[bytes.length === 4 ? 'v4' : 'v6']
  const leading = (bits: number): string => `${bits}/${bytes.slice(0, bits / 8).join('.')}`
  return { address: leading(address), subnet: leading(subnet) }
}
