/** The grammar of a capture's body: one flat JSON object. Only where each value stands is told; values stay in the buffer. */
import { fieldProblem, Problem } from '../core/problem.ts'

/** `from` and `to` (exclusive) of a value; quotes not included. `escaped`: a backslash stands in it. */
export type Token = { readonly kind: 'string' | 'number' | 'other'; readonly from: number; readonly to: number; readonly escaped: boolean }
export type Fields<Name extends string> = ReadonlyMap<Name, Token>

/** A flat object: the names it may have, and where it stands in the body (`/payer`, or nothing), for what a refusal points at. */
export type Grammar<Name extends string> = { readonly names: readonly Name[]; readonly under: string }

const brace = 0x7b
const closing = 0x7d
const quote = 0x22
const backslash = 0x5c

const malformed = (detail: string): Problem => new Problem('malformed_body', detail)

/** Throws a `Problem`: `malformed_body` where it is not JSON, `invalid_request` where it is JSON but not ours. */
export function tokens<Name extends string>(body: Buffer, grammar: Grammar<Name>): Fields<Name> {
  const { fields, to } = objectAt(body, skipSpace(body, 0), grammar)
  toEnd(body, to)
  return fields
}

/**
 * The one of these names that the body's first field has, and where its value stands, to be read with `objectAt` or `objectEnd`. Undefined:
 * it is a body of another form.
 */
export function soleField<Name extends string>(
  body: Buffer,
  names: readonly Name[],
): { readonly name: Name; readonly at: number } | undefined {
  const opening = skipSpace(body, 0)
  if (body[opening] !== brace) return undefined
  const from = skipSpace(body, opening + 1) + 1
  if (body[from - 1] !== quote) return undefined
  for (const name of names) {
    const to = from + name.length
    if (body[to] !== quote || body.toString('latin1', from, to) !== name) continue
    const colon = expectByte(body, skipSpace(body, to + 1), 0x3a, 'a colon is missing after a field name')
    return { name, at: skipSpace(body, colon) }
  }
  return undefined
}

/** After the value of the one field: nothing but the end. Another field beside it is refused. */
export function endAfterSole(body: Buffer, from: number, name: string): void {
  const at = skipSpace(body, from)
  if (body[at] === 0x2c) throw fieldProblem(`/${name}`, 'stands alone, without other fields beside it')
  toEnd(body, expectByte(body, at, closing, 'a comma or closing brace is missing'))
}

/** Where the object that begins at `from` ends, whatever is in it. */
export function objectEnd(body: Buffer, from: number): number {
  let at = expectByte(body, from, brace, 'an object is missing')
  for (let depth = 1; depth > 0; at += 1) {
    const byte = body[at]
    if (byte === undefined) throw malformed('an object has no end')
    if (byte === quote) at = readString(body, at + 1).to
    else if (byte === brace) depth += 1
    else if (byte === closing) depth -= 1
  }
  return at
}

/** Reads the object that begins at `from`; `to` is where it has ended. */
export function objectAt<Name extends string>(
  body: Buffer,
  from: number,
  grammar: Grammar<Name>,
): { readonly fields: Fields<Name>; readonly to: number } {
  const { under } = grammar
  const fields = new Map<Name, Token>()
  let at = skipSpace(
    body,
    expectByte(body, from, brace, under === '' ? 'the body must be a JSON object' : `${under} must be a JSON object`),
  )
  if (body[at] === closing) return { fields, to: at + 1 }
  while (true) {
    const key = readString(body, expectByte(body, at, quote, 'a field name in double quotes is missing'))
    const name = nameOf(body, key, grammar)
    if (fields.has(name)) throw fieldProblem(`${under}/${name}`, 'appears more than once')
    at = expectByte(body, skipSpace(body, key.to + 1), 0x3a, 'a colon is missing after a field name')
    const value = readValue(body, skipSpace(body, at), name, under)
    fields.set(name, value)
    at = skipSpace(body, value.kind === 'string' ? value.to + 1 : value.to)
    if (body[at] === closing) return { fields, to: at + 1 }
    at = skipSpace(body, expectByte(body, at, 0x2c, 'a comma or closing brace is missing'))
  }
}

function toEnd(body: Buffer, from: number): void {
  if (skipSpace(body, from) !== body.length) throw malformed('something follows the JSON object')
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
function nameOf<Name extends string>(body: Buffer, key: Token, { names, under }: Grammar<Name>): Name {
  for (const name of names) {
    if (key.to - key.from === name.length && body.compare(Buffer.from(name), 0, name.length, key.from, key.to) === 0) return name
  }
  const harmless = key.to - key.from <= 32 && body.subarray(key.from, key.to).every(byte => byte === 0x5f || (byte >= 97 && byte <= 122))
  throw fieldProblem(`${under}/${harmless ? body.toString('latin1', key.from, key.to) : ''}`, 'is not a field of a capture')
}

function readValue(body: Buffer, from: number, name: string, under: string): Token {
  const first = body[from]
  if (first === quote) return readString(body, from + 1)
  if (first === brace || first === 0x5b) throw fieldProblem(`${under}/${name}`, 'must not be an object or a list')
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
