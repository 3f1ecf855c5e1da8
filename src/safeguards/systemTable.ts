/**
 * Which autonomous system an address belongs to, by a table that the operator supplies: lines of `first address`, `last address`, `number of the
 * system`, separated by tabs, more columns ignored; 0 is nobody's. It is the format in which several sources give away the routing table as
 * ip2asn. Ranges may not overlap. Kept as sorted numbers: 12 bytes a range of IPv4, 20 one of IPv6 (its first 64 bits), and a look-up halves them.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import ipaddr from 'ipaddr.js'

export type SystemTable = { readonly ranges: number; systemOf(ip: string): string | undefined }

/** More than the routing table of the Internet has had. */
const rangesMax = 4_000_000
type Word = number | bigint
type Range = { readonly first: Word; readonly last: Word; readonly system: number }
type Side = { readonly first: BigUint64Array | Uint32Array; readonly last: BigUint64Array | Uint32Array; readonly system: Uint32Array }

/** Throws an error that names the line, and what is wrong with it. */
export async function readSystemTable(path: string): Promise<SystemTable> {
  const v4: Range[] = []
  const v6: Range[] = []
  let line = 0
  for await (const text of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1
    if (text === '' || text.startsWith('#')) continue
    const range = readLine(text)
    if (range === undefined)
      throw new Error(`${path}, line ${line}: must be first address, last address and a system's number, between tabs`)
    if (range.system === 0) continue
    ;(range.wide ? v6 : v4).push(range)
    if (v4.length + v6.length > rangesMax) throw new Error(`${path}: has more than ${rangesMax} ranges`)
  }
  const [four, six] = [sideOf(v4, path, false), sideOf(v6, path, true)]
  return {
    ranges: v4.length + v6.length,
    systemOf(ip) {
      const parsed = wordOf(ip)
      return parsed === undefined ? undefined : found(parsed.wide ? six : four, parsed.value)
    },
  }
}

function readLine(text: string): (Range & { readonly wide: boolean }) | undefined {
  const [from = '', to = '', number = ''] = text.split('\t', 3)
  const [first, last] = [wordOf(from), wordOf(to)]
  if (first === undefined || last === undefined || first.wide !== last.wide || first.value > last.value) return undefined
  if (!/^\d{1,10}$/.test(number) || Number(number) > 0xffff_ffff) return undefined
  return { first: first.value, last: last.value, system: Number(number), wide: first.wide }
}

const fourParts = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/

/** Of IPv4 all 32 bits; of IPv6 the first 64, as nobody is given less. */
function wordOf(ip: string): { readonly value: Word; readonly wide: boolean } | undefined {
  const parts = fourParts.exec(ip)?.slice(1).map(Number)
  if (parts !== undefined) return parts.some(one => one > 255) ? undefined : { value: whole(parts), wide: false }
  if (!ipaddr.IPv6.isValid(ip)) return undefined
  const parsed = ipaddr.IPv6.parse(ip)
  if (parsed.isIPv4MappedAddress()) return { value: whole(parsed.toIPv4Address().octets), wide: false }
  const bytes = parsed.toByteArray()
  return { value: (BigInt(whole(bytes.slice(0, 4))) << 32n) | BigInt(whole(bytes.slice(4, 8))), wide: true }
}
const whole = (bytes: readonly number[]): number => bytes.reduce((value, byte) => value * 256 + byte, 0)

function sideOf(ranges: Range[], path: string, wide: boolean): Side {
  ranges.sort((one, other) => (one.first < other.first ? -1 : one.first > other.first ? 1 : 0))
  const overlap = ranges.findIndex((one, i) => i > 0 && (ranges[i - 1]?.last ?? -1) >= one.first)
  if (overlap >= 0) throw new Error(`${path}: ranges of the systems ${ranges[overlap - 1]?.system} and ${ranges[overlap]?.system} overlap`)
  const system = Uint32Array.from(ranges, one => one.system)
  if (wide)
    return {
      first: BigUint64Array.from(ranges, one => BigInt(one.first)),
      last: BigUint64Array.from(ranges, one => BigInt(one.last)),
      system,
    }
  return { first: Uint32Array.from(ranges, one => Number(one.first)), last: Uint32Array.from(ranges, one => Number(one.last)), system }
}

/** The last range that begins at it or before, if it ends there or after. */
function found({ first, last, system }: Side, value: Word): string | undefined {
  let [low, high] = [0, first.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((first[middle] ?? 0) <= value) low = middle + 1
    else high = middle
  }
  const at = low - 1
  return at >= 0 && (last[at] ?? 0) >= value ? String(system[at]) : undefined
}
