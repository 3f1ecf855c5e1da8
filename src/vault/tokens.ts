/** The grammar of a capture's body: one flat JSON object. Only where each value stands is told; values stay in the buffer. */
import { fieldProblem, Problem } from '../core/problem.ts'

const names = ['number', 'expiry_month', 'expiry_year', 'security_code', 'holder'] as const
export type FieldName = (typeof names)[number]

/** `from` and `to` (exclusive) of a value; quotes not included. `escaped`: a backslash stands in it. */
export type Token = { readonly kind: 'string' | 'number' | 'other'; readonly from: number; readonly to: number; readonly escaped: boolean }
export type Fields = ReadonlyMap<FieldName, Token>

const quote = 0x22
const backslash = 0x5c

const malformed = (detail: string): Problem => new Problem('malformed_body', detail)

/** Throws a `Problem`: `malformed_body` where it is not JSON, `invalid_request` where it is JSON but not ours. */
export function tokens(body: Buffer): Fields {
  const found = new Map<FieldName, Token>()
  let at = expectByte(body, skipSpace(body, 0), 0x7b, 'the body must be a JSON object')
  at = skipSpace(body, at)
  if (body[at] === 0x7d) return end(body, at + 1, found)
  while (true) {
    const key = readString(body, expectByte(body, at, quote, 'a field name in double quotes is missing'))
    const name = nameOf(body, key)
    if (found.has(name)) throw fieldProblem(`/${name}`, 'appears more than once')
    at = expectByte(body, skipSpace(body, key.to + 1), 0x3a, 'a colon is missing after a field name')
    const value = readValue(body, skipSpace(body, at), name)
    found.set(name, value)
    at = skipSpace(body, value.kind === 'string' ? value.to + 1 : value.to)
    if (body[at] === 0x7d) return end(body, at + 1, found)
    at = skipSpace(body, expectByte(body, at, 0x2c, 'a comma or closing brace is missing'))
  }
}

function end(body: Buffer, at: number, found: Fields): Fields {
  if (skipSpace(body, at) !== body.length) throw malformed('something follows the JSON object')
  return found
}

function expectByte(body: Buffer, at: number, byte: number, detail: string): number {
  if (body[at] !== byte) throw malformed(detail)
  return at + 1
}

function skipSpace(body: Buffer, from: number): number {
  let at = from
  while (body[at] === 0x20 || body[at] === 0x09 || body[at] === 0x0a || body[at] === 0x0d) at += 1
  return at
}

/** `from`: after the opening quote. */
function readString(body: Buffer, from: number): Token {
  let escaped = false
  for (let at = from; at < body.length; at += 1) {
    const byte = body[at] ?? 0
    if (byte === quote) return { kind: 'string', from, to: at, escaped }
    if (byte < 0x20) throw malformed('a control character stands inside a string')
    if (byte === backslash) {
      escaped = true
      at += 1
    }
  }
  throw malformed('a string has no end')
}

/** A key we do not know is shown only if it is letters: it might be a card number. */
function nameOf(body: Buffer, key: Token): FieldName {
  for (const name of names) {
    if (key.to - key.from === name.length && body.compare(Buffer.from(name), 0, name.length, key.from, key.to) === 0) return name
  }
  const harmless = key.to - key.from <= 32 && body.subarray(key.from, key.to).every(byte => byte === 0x5f || (byte >= 97 && byte <= 122))
  throw fieldProblem(harmless ? `/${body.toString('latin1', key.from, key.to)}` : '/', 'is not a field of a capture')
}

function readValue(body: Buffer, from: number, name: FieldName): Token {
  const first = body[from]
  if (first === quote) return readString(body, from + 1)
  if (first === 0x7b || first === 0x5b) throw fieldProblem(`/${name}`, 'must not be an object or a list')
  let to = from
  while (isBare(body[to])) to += 1
  if (to === from) throw malformed(`the value of ${name} is missing`)
  const number = first === 0x2d || (first !== undefined && first >= 48 && first <= 57)
  if (number && first === 48 && to > from + 1 && isDigitByte(body[from + 1])) throw malformed(`the value of ${name} is not JSON`)
  return { kind: number ? 'number' : 'other', from, to, escaped: false }
}

const isDigitByte = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57

/** Letters, digits, sign and point: what numbers and literals are made of. */
function isBare(byte: number | undefined): boolean {
  if (byte === undefined) return false
  return isDigitByte(byte) || ((byte | 32) >= 97 && (byte | 32) <= 122) || byte === 0x2b || byte === 0x2d || byte === 0x2e
}
