/**
 * Fills a card into the placeholders of a request's body, and takes card numbers out of the answer. Both work on bytes: the filled body
 * and the raw answer are buffers that are zeroed when they have been used.
 */
import type { ChannelRequest } from '../channels/channel.ts'
import { cardSpans } from '../core/pan.ts'

export type CardToFill = {
  readonly number: Buffer
  readonly expiryMonth: number
  readonly expiryYear: number
  readonly securityCode: Buffer | undefined
  /** UTF-8. */
  readonly holder: Buffer | undefined
}

const fieldNames = ['number', 'expiryMonth', 'expiryYear', 'securityCode', 'holder'] as const
type FieldName = (typeof fieldNames)[number]
type ContentType = 'form' | 'json'

export type Piece = string | { readonly field: FieldName }
export type Template = { readonly type: ContentType; readonly pieces: readonly Piece[]; readonly fields: ReadonlySet<FieldName> }

/** `{{card.number}}`, or as a form encoder writes it. */
const placeholder = /(?:\{\{|%7B%7B)card\.([A-Za-z0-9]+)(?:\}\}|%7D%7D)/gi

/**
 * Cuts a body at its placeholders. Throws a TypeError (the adapter's bug) for an unknown placeholder, one in the address or a header, or
 * one that appears twice: a caller who writes `{{card.number}}` into a name must not have it filled there.
 */
export function templateOf(request: ChannelRequest): Template {
  for (const text of [request.url, ...Object.values(request.headers)]) {
    if (text.search(placeholder) >= 0) throw new TypeError('a card never stands in an address or a header')
  }
  const body = request.body ?? ''
  const pieces: Piece[] = []
  const fields = new Set<FieldName>()
  let at = 0
  for (const match of body.matchAll(placeholder)) {
    const field = fieldNames.find(name => name === match[1])
    if (field === undefined) throw new TypeError('an unknown placeholder')
    if (fields.has(field)) throw new TypeError(`the placeholder of ${field} appears twice`)
    fields.add(field)
    pieces.push(body.slice(at, match.index), { field })
    at = match.index + match[0].length
  }
  pieces.push(body.slice(at))
  return { type: contentType(request), pieces, fields }
}

function contentType(request: ChannelRequest): ContentType {
  const entry = Object.entries(request.headers).find(([name]) => name.toLowerCase() === 'content-type')
  const type = entry?.[1].split(';')[0]?.trim().toLowerCase()
  if (type === 'application/json') return 'json'
  if (type === 'application/x-www-form-urlencoded') return 'form'
  throw new TypeError('a card is filled into application/json and form bodies only')
}

/** The body as it goes out, in memory of its own; the caller zeroes it. Throws a TypeError if the card lacks a field: see `missing`. */
export function fill(template: Template, card: CardToFill): Buffer {
  const parts = template.pieces.map(piece => (typeof piece === 'string' ? Buffer.from(piece) : valueFor(piece.field, card, template.type)))
  const out = Buffer.allocUnsafeSlow(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) at += part.copy(out, at)
  return out
}

/** The first field that the template wants and the card does not have. */
export function missing(template: Template, card: CardToFill): FieldName | undefined {
  if (template.fields.has('securityCode') && card.securityCode === undefined) return 'securityCode'
  return template.fields.has('holder') && card.holder === undefined ? 'holder' : undefined
}

/** Number and code are the card's own buffers, not copies. */
function valueFor(field: FieldName, card: CardToFill, type: ContentType): Buffer {
  if (field === 'number') return card.number
  if (field === 'expiryMonth') return Buffer.from(String(card.expiryMonth).padStart(2, '0'))
  if (field === 'expiryYear') return Buffer.from(String(card.expiryYear).padStart(4, '0'))
  const value = card[field]
  if (value === undefined) throw new TypeError(`the card has no ${field}`)
  if (field === 'securityCode') return value
  const name = value.toString()
  return Buffer.from(type === 'json' ? JSON.stringify(name).slice(1, -1) : encodeURIComponent(name))
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57
const star = 0x2a
const nine = 0x39
/** Bytes that may stand between two digits of an echoed number. */
const gapMax = 3

/**
 * Takes card numbers out of an answer, in place: the number that was sent wherever its digits follow each other, whatever stands between
 * them (at most three characters that are neither letters nor digits), and any other number of 16 digits or more that is a card's for all
 * we can tell. Shorter strangers stay: network transaction ids have 15 digits and one in ten passes the check. All but the last four
 * digits become `*` (or 9, where a bare JSON number must stay one).
 */
export function redact(answer: Buffer, number: Buffer | undefined): Buffer {
  if (number !== undefined) redactExact(answer, number)
  for (const span of cardSpans(answer)) {
    const digits = digitsIn(answer, span.from, span.to)
    if (digits.length >= 16) mask(answer, digits)
  }
  return answer
}

function redactExact(answer: Buffer, number: Buffer): void {
  const first = number[0] ?? 0
  for (let start = answer.indexOf(first); start >= 0; start = answer.indexOf(first, start + 1)) {
    const places = follow(answer, number, start)
    if (places !== undefined) mask(answer, places)
  }
}

/** Where each digit of the number stands if it starts here. */
function follow(answer: Buffer, number: Buffer, start: number): readonly number[] | undefined {
  const places: number[] = []
  let at = start
  for (const digit of number) {
    const limit = at + (places.length === 0 ? 0 : gapMax)
    while (at < limit && answer[at] !== digit && isGap(answer[at])) at += 1
    if (answer[at] !== digit) return undefined
    places.push(at)
    at += 1
  }
  return places
}

function isGap(byte: number | undefined): boolean {
  return byte !== undefined && !isDigit(byte) && !((byte | 32) >= 97 && (byte | 32) <= 122)
}

function digitsIn(answer: Buffer, from: number, to: number): readonly number[] {
  const places: number[] = []
  for (let at = from; at < to; at += 1) if (isDigit(answer[at])) places.push(at)
  return places
}

function mask(answer: Buffer, places: readonly number[]): void {
  const bare = isBareNumber(answer, places)
  for (const place of bare ? places : places.slice(0, -4)) answer[place] = bare ? nine : star
}

/** Digits without a gap after a colon, comma or bracket and before a comma, brace or bracket: a JSON number. */
function isBareNumber(answer: Buffer, places: readonly number[]): boolean {
  const first = places[0] ?? 0
  const last = places.at(-1) ?? 0
  if (last - first + 1 !== places.length) return false
  let before = first - 1
  while (isSpace(answer[before])) before -= 1
  let after = last + 1
  while (isSpace(answer[after])) after += 1
  return ':,['.includes(char(answer[before])) && ',}]'.includes(char(answer[after]))
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
const char = (byte: number | undefined): string => (byte === undefined ? '\u0000' : String.fromCharCode(byte))
