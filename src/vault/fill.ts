/**
 * Fills a card or payer into the placeholders of a request's body, and takes what was filled out of the answer. Both work on bytes: the
 * filled body and the raw answer are buffers that are zeroed when they have been used.
 */
import type { ChannelRequest } from '../channels/channel.ts'
import { payerFields } from '../channels/source.ts'
import type { Secrets } from './content.ts'

/** What is sealed, and beside it what never is. */
export type ToFill = {
  readonly secrets: Secrets
  readonly securityCode: Buffer | undefined
  /** Base64. */
  readonly cryptogram: Buffer | undefined
}

const cardFields = ['number', 'expiryMonth', 'expiryYear', 'securityCode', 'holder', 'cryptogram'] as const
type CardField = (typeof cardFields)[number]
type PayerField = (typeof payerFields)[number]
export type FieldName = `card.${CardField}` | `payer.${PayerField}`
const fieldNames: readonly FieldName[] = [
  ...cardFields.map(field => `card.${field}` as const),
  ...payerFields.map(field => `payer.${field}` as const),
]
type ContentType = 'form' | 'json'

export type Piece = string | { readonly field: FieldName }
export type Template = { readonly type: ContentType; readonly pieces: readonly Piece[]; readonly fields: ReadonlySet<FieldName> }

/** `{{card.number}}`, `{{payer.iban}}`, as an adapter writes them. Braces that a form encoder has encoded are somebody's text, never ours. */
const placeholder = /\{\{((?:card|payer)\.[A-Za-z0-9]+)\}\}/gi
const encoded = /%7B%7B(?:card|payer)\.[A-Za-z0-9]+%7D%7D/i

/**
 * Cuts a body at its placeholders. Throws a TypeError (the adapter's bug) for an unknown placeholder, one in the address or a header, or
 * one that appears twice: a caller who writes `{{card.number}}` into a name must not have it filled there.
 */
export function templateOf(request: ChannelRequest): Template {
  for (const text of [request.url, ...Object.values(request.headers)]) {
    if (text.search(placeholder) >= 0 || encoded.test(text)) throw new TypeError('nothing is filled into an address or a header')
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
  throw new TypeError('placeholders are filled in application/json and form bodies only')
}

/** What every placeholder that can be filled is filled with, before it is escaped. Numbers and codes are the buffers given, not copies. */
export type Filling = ReadonlyMap<FieldName, Buffer>

export function fillingOf({ secrets, securityCode, cryptogram }: ToFill): Filling {
  const filling = new Map<FieldName, Buffer>()
  if ('values' in secrets) {
    for (const [field, value] of secrets.values) filling.set(`payer.${field}`, value)
    return filling
  }
  filling.set('card.number', secrets.number)
  filling.set('card.expiryMonth', Buffer.from(String(secrets.expiryMonth).padStart(2, '0')))
  filling.set('card.expiryYear', Buffer.from(String(secrets.expiryYear).padStart(4, '0')))
  if (securityCode !== undefined) filling.set('card.securityCode', securityCode)
  if (secrets.holder !== undefined) filling.set('card.holder', secrets.holder)
  if (cryptogram !== undefined) filling.set('card.cryptogram', cryptogram)
  return filling
}

/** The first field that the template wants and the vault does not have. */
export function missing(template: Template, filling: Filling): FieldName | undefined {
  for (const field of template.fields) if (!filling.has(field)) return field
  return undefined
}

/** The body as it goes out, in memory of its own; the caller zeroes it. Throws a TypeError if a field is not there: see `missing`. */
export function fill(template: Template, filling: Filling): Buffer {
  const parts: Buffer[] = []
  const escaped: Buffer[] = []
  for (const piece of template.pieces) {
    if (typeof piece === 'string') {
      parts.push(Buffer.from(piece))
      continue
    }
    const value = filling.get(piece.field)
    if (value === undefined) throw new TypeError(`there is no ${piece.field}`)
    const part = escapedFor(template.type, value)
    if (part !== value) escaped.push(part)
    parts.push(part)
  }
  const out = Buffer.allocUnsafeSlow(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) at += part.copy(out, at)
  for (const part of escaped) part.fill(0)
  return out
}

const hex = Buffer.from('0123456789ABCDEF')
const unreserved: ReadonlySet<number> = new Set(Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"))
const quote = 0x22
const backslash = 0x5c

/** The value itself where nothing has to be escaped. UTF-8 without control characters, so JSON needs a backslash for two bytes only. */
function escapedFor(type: ContentType, value: Buffer): Buffer {
  const passes = (byte: number): boolean => (type === 'json' ? byte !== quote && byte !== backslash : unreserved.has(byte))
  if (value.every(passes)) return value
  const out = Buffer.allocUnsafeSlow(value.length * 3)
  let length = 0
  for (const byte of value) {
    if (passes(byte)) out[length++] = byte
    else if (type === 'json') {
      out[length++] = backslash
      out[length++] = byte
    } else {
      out[length++] = 0x25
      out[length++] = hex[byte >> 4] ?? 0
      out[length++] = hex[byte & 15] ?? 0
    }
  }
  const exact = Buffer.allocUnsafeSlow(length)
  out.copy(exact, 0, 0, length)
  out.fill(0)
  return exact
}
