/**
 * Reads PostgreSQL's write-ahead log, as far as a restore has to know it: that every record is whole (PostgreSQL itself takes a damaged one for
 * the end of the log, and would quietly stop there), and at what times transactions ended. Layout: PostgreSQL's `access/xlog_internal.h`,
 * `access/xlogrecord.h` and `access/xact.h`, the same from version 15 to 18.
 */
import { crc32c } from './crc32c.ts'

/** A place in the log: bytes from its beginning. */
export type Lsn = number

/** A segment that does not hold what it should; `message` names it. */
export class DamagedSegment extends Error {
  override readonly name = 'DamagedSegment'
}

/** Where to go on, and what was read so far of a record that goes on there. */
export type Walk = { readonly at: Lsn; readonly begun: readonly Buffer[]; readonly missingBytes: number }
/** A transaction that ended, in microseconds since 1970. */
export type Ended = { readonly lsn: Lsn; readonly micros: bigint }

const pageBytes = 8192
const shortHeaderBytes = 24
const longHeaderBytes = 40
const recordHeaderBytes = 24
const crcAt = 20
/** PostgreSQL's `XLogRecordMaxSize`. */
const recordBytesMax = 1020 * 1024 * 1024
const flags = { continues: 1, long: 2, overwrites: 8 } as const
/** Resource managers and what they say with `info`: `XLOG_SWITCH`; ends of transactions, prepared ones too. */
const switched = { manager: 0, info: 0x40 } as const
const transactions = { manager: 1, mask: 0x70, ends: [0x00, 0x20, 0x30, 0x40] } as const
/** From 1970 to 2000, where PostgreSQL's clock begins. */
const epochMicros = 946_684_800_000_000n

/** `0/3000028` */
export function parseLsn(text: string): Lsn {
  const [high = '', low = ''] = text.split('/')
  return Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16)
}

/** The file in which a place lies. */
export function segmentName(timeline: number, lsn: Lsn, segmentBytes: number): string {
  const index = Math.floor(lsn / segmentBytes)
  const perId = 2 ** 32 / segmentBytes
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0')
  return hex(timeline) + hex(Math.floor(index / perId)) + hex(index % perId)
}

export const walkFrom = (at: Lsn): Walk => ({ at, begun: [], missingBytes: 0 })

/**
 * All records of a segment from where the walk stands. `begins` is the segment's own place. Throws `DamagedSegment` where a page is not the one
 * that belongs there, a record is not whole, or the log ends before the segment does.
 */
export function walkSegment(
  walk: Walk,
  segment: { readonly name: string; readonly bytes: Buffer; readonly begins: Lsn },
  told: (ended: Ended) => void,
): Walk {
  const { name, bytes, begins } = segment
  const damaged = (at: number, what: string): DamagedSegment => new DamagedSegment(`${name} is damaged at byte ${at}: ${what}`)
  let at = walk.at - begins
  let begun = [...walk.begun]
  let missing = walk.missingBytes
  while (at < bytes.length) {
    if (at % pageBytes === 0) {
      const page = readPage(bytes, at)
      if (page.place !== begins + at) throw damaged(at, 'the page is not the one that belongs here')
      at += page.headerBytes
      // After a crash in the middle of a record PostgreSQL writes over it, and says so.
      if (page.overwrites) [begun, missing] = [[], 0]
      else if (missing !== page.goesOn) throw damaged(at, 'the record before it does not go on here')
      if (missing === 0) continue
    }
    if (missing === 0) {
      missing = at + 4 <= bytes.length ? bytes.readUInt32LE(at) : 0
      if (missing < recordHeaderBytes || missing > recordBytesMax) throw damaged(at, 'no record begins here')
    }
    const take = Math.min(missing, pageBytes - (at % pageBytes))
    begun.push(bytes.subarray(at, at + take))
    at += take
    missing -= take
    if (missing > 0) continue
    const record = Buffer.concat(begun)
    begun = []
    if (!isWhole(record)) throw damaged(at - take, 'the check value of a record does not fit')
    const micros = endedAt(record)
    if (micros !== undefined) told({ lsn: begins + at, micros })
    if (isSwitch(record)) return walkFrom(begins + bytes.length)
    at = Math.ceil(at / 8) * 8
  }
  // What goes on in the next segment must not keep this one in memory.
  return { at: begins + bytes.length, begun: begun.map(one => Buffer.from(one)), missingBytes: missing }
}

function readPage(bytes: Buffer, at: number) {
  const info = bytes.readUInt16LE(at + 2)
  return {
    place: Number(bytes.readBigUInt64LE(at + 8)),
    headerBytes: (info & flags.long) === 0 ? shortHeaderBytes : longHeaderBytes,
    goesOn: (info & flags.continues) === 0 ? 0 : bytes.readUInt32LE(at + 16),
    overwrites: (info & flags.overwrites) !== 0,
  }
}

/** PostgreSQL's order: what follows the header, then the header up to the check value. */
const isWhole = (record: Buffer): boolean =>
  crc32c([record.subarray(recordHeaderBytes), record.subarray(0, crcAt)]) === record.readUInt32LE(crcAt)

const managerOf = (record: Buffer): number => record.readUInt8(17)
const infoOf = (record: Buffer): number => record.readUInt8(16)
const isSwitch = (record: Buffer): boolean => managerOf(record) === switched.manager && (infoOf(record) & 0xf0) === switched.info

/** When the transaction ended, where the record says that one did. The time stands first in the main data, which ends the record. */
function endedAt(record: Buffer): bigint | undefined {
  const ends: readonly number[] = transactions.ends
  if (managerOf(record) !== transactions.manager || !ends.includes(infoOf(record) & transactions.mask)) return undefined
  let at = recordHeaderBytes
  // The origin of replication (253) and the topmost transaction (252) may stand before the length of the main data: short (255) or long (254).
  for (let id = record.readUInt8(at); id === 253 || id === 252; id = record.readUInt8(at)) at += id === 253 ? 3 : 5
  const id = record.readUInt8(at)
  if (id !== 255 && id !== 254) return undefined
  const dataBytes = id === 255 ? record.readUInt8(at + 1) : record.readUInt32LE(at + 1)
  return record.readBigInt64LE(record.length - dataBytes) + epochMicros
}
