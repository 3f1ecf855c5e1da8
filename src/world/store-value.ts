/** One value of a declared column: checked and written as JSON on its way in, read from PostgreSQL's text on its way out. */
import type { ColumnLayout } from './store-layout.ts'
import type { ColumnType } from './table.ts'

export type JsonValue = string | number | boolean | null | object

const intMax = 2_147_483_647
const bigMax = 9_223_372_036_854_775_807n
// The years PostgreSQL and ISO 8601 write alike: 0001 to 9999.
const timeMin = -62_135_596_800_000
const timeMax = 253_402_300_799_999

/** The value as given, null for undefined. Throws a TypeError for a value the column cannot hold. */
export function checked(column: ColumnLayout, value: unknown): JsonValue | bigint {
  if (value === null || value === undefined) {
    if (column.nullable) return null
    throw new TypeError(`${column.name}: a value is needed`)
  }
  switch (column.type) {
    case 'text':
      if (typeof value === 'string') return value
      break
    case 'int':
      // Plus zero: there is no negative zero in PostgreSQL.
      if (typeof value === 'number' && Number.isInteger(value) && value <= intMax && value >= -intMax - 1) return value + 0
      break
    case 'big':
      if (typeof value === 'bigint' && value <= bigMax && value >= -bigMax - 1n) return value
      break
    case 'time':
      if (typeof value === 'number' && Number.isInteger(value) && value >= timeMin && value <= timeMax) return value + 0
      break
    case 'bool':
      if (typeof value === 'boolean') return value
      break
    case 'json':
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'object') return value
      break
    case 'bytes':
      if (value instanceof Uint8Array) return value
      break
    default:
      return impossible(column.type)
  }
  throw new TypeError(`${column.name}: not a value for a column of type ${column.type}`)
}

/** The value as it stands in a ride's JSON. */
export function toJson(column: ColumnLayout, value: unknown): JsonValue {
  const given = checked(column, value)
  if (typeof given === 'bigint') return given.toString()
  if (given === null || column.type === 'text') return given
  if (column.type === 'time' && typeof given === 'number') return new Date(given).toISOString()
  if (column.type === 'bytes' && given instanceof Uint8Array) return `\\x${bytesOf(given).toString('hex')}`
  return given
}

/** The value as the memory store keeps it: its own copy, frozen. */
export function toKeep(column: ColumnLayout, value: unknown): unknown {
  const given = checked(column, value)
  if (column.type === 'text' && typeof given === 'string' && (given.includes('\0') || !given.isWellFormed()))
    throw new TypeError(unstorable)
  if (column.type === 'bytes' && given instanceof Uint8Array) return Buffer.from(given)
  if (column.type !== 'json' || given === null) return given
  const text = JSON.stringify(given)
  refusePoison(text)
  return frozen(JSON.parse(text))
}

const bytesOf = (given: Uint8Array): Buffer => Buffer.from(given.buffer, given.byteOffset, given.byteLength)

function frozen(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) frozen(inner)
    Object.freeze(value)
  }
  return value
}

/** The digits of a whole number that fits eight bytes. */
export function digits(name: string, value: bigint): string {
  if (value > bigMax || value < -bigMax - 1n) throw new TypeError(`${name}: beyond eight bytes`)
  return value.toString()
}

const unstorable = 'U+0000 and lone surrogates cannot be stored'
// JSON.stringify writes U+0000 and lone surrogates as escapes, so they can be seen in the text. An even run of backslashes before
// the escape would make it harmless letters; such text takes the slow look.
const poison = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/

/** Throws a TypeError for text PostgreSQL cannot hold: one such string would fail the JSON of a whole ride. */
export function refusePoison(jsonText: string): void {
  if (!jsonText.includes('\\u0000') && !jsonText.includes('\\ud')) return
  if (poison.test(jsonText)) throw new TypeError(unstorable)
}

/** Reads PostgreSQL's text of a value. */
export function fromText(type: ColumnType, text: string): unknown {
  switch (type) {
    case 'text':
      return text
    case 'int':
      return Number(text)
    case 'big':
      return BigInt(text)
    case 'time':
      return timeOf(text)
    case 'bool':
      return text === 't'
    case 'json':
      return JSON.parse(text)
    case 'bytes':
      return Buffer.from(text.slice(2), 'hex')
    default:
      return impossible(type)
  }
}

/** `2026-11-22 11:34:00.123456+00`, the session's time zone being UTC. What is finer than a millisecond is cut off. */
function timeOf(text: string): number {
  const at = (from: number, to: number): number => Number(text.slice(from, to))
  const dot = text.charCodeAt(19) === 46
  const ms = dot ? Number(text.slice(20, text.indexOf('+', 20)).padEnd(3, '0').slice(0, 3)) : 0
  const year = at(0, 4)
  const time = Date.UTC(year, at(5, 7) - 1, at(8, 10), at(11, 13), at(14, 16), at(17, 19), ms)
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  return year > 99 ? time : new Date(time).setUTCFullYear(year)
}

function impossible(type: never): never {
  throw new TypeError(`no such column type: ${String(type)}`)
}
