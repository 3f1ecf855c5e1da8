/**
 * Reads the body of a card's capture from its bytes. The card number and the security code are copied from buffer to buffer and never become
 * a JavaScript string, which could not be zeroed. The grammar is JSON, one flat object of known fields, and nothing else: no escapes in
 * digits, no duplicate or unknown keys, no nesting. A refusal names the field and never repeats what stood in it.
 */
import { binLength, brandOf, type CardBrand, cardDigitsMax, cardDigitsMin, cardSpans, passesLuhn } from '../core/pan.ts'
import { type FieldError, Problem } from '../core/problem.ts'
import { readPlain } from './plain.ts'
import { type Fields as FieldsOf, type Token, tokens } from './tokens.ts'

/** What was read; whoever holds it zeroes the three buffers (`forget`). */
export type ScannedCard = {
  readonly number: Buffer
  readonly securityCode: Buffer | undefined
  /** UTF-8. */
  readonly holder: Buffer | undefined
  readonly expiryMonth: number
  readonly expiryYear: number
  readonly brand: CardBrand
  readonly bin: string
  readonly last4: string
}

/** Bytes of a card's or payer's body. */
export const captureBytesMax = 4096
const holderLengthMax = 100
export const cardNameLengthMax = 255
const numberLengthMax = 40
const yearsAheadMax = 30
const grammar = { names: ['number', 'expiry_month', 'expiry_year', 'security_code', 'holder'], under: '' } as const
type Fields = FieldsOf<(typeof grammar.names)[number]>
/** A card that was stored somewhere: with a name of its own there, never with a security code, and it may have expired since. */
const storedGrammar = { names: ['card', 'number', 'expiry_month', 'expiry_year', 'holder'], under: '' } as const
type StoredFields = FieldsOf<(typeof storedGrammar.names)[number]>
export type StoredCard = Omit<ScannedCard, 'securityCode'> & { readonly card: string }

/** Throws a `Problem`. The caller zeroes `body`. */
export function scanCapture(body: Buffer, nowMs: number): ScannedCard {
  if (body.length > captureBytesMax) throw new Problem('body_too_large', `the body is at most ${captureBytesMax} bytes`)
  const fields = tokens(body, grammar)
  const errors: FieldError[] = []
  const refuse = refuser(errors)
  const number = readNumber(body, fields, refuse)
  const securityCode = readCode(body, fields, refuse)
  const holder = readHolder(body, fields, refuse)
  const expiry = readExpiry(body, fields, nowMs, refuse)
  if (number === undefined || expiry === undefined || errors.length > 0) throw refused(errors, [number, securityCode, holder])
  return { number, securityCode, holder, ...expiry, ...shownOf(number) }
}

/** One line of a file of cards. Throws a `Problem`. The caller zeroes `line`. */
export function scanStored(line: Buffer, nowMs: number): StoredCard {
  if (line.length > captureBytesMax) throw new Problem('body_too_large', `a line is at most ${captureBytesMax} bytes`)
  const fields = tokens(line, storedGrammar)
  const errors: FieldError[] = []
  const refuse = refuser(errors)
  const card = readCardName(line, fields, refuse)
  const number = readNumber(line, fields, refuse)
  const holder = readHolder(line, fields, refuse)
  const expiry = readExpiry(line, fields, nowMs, refuse, 'expired too')
  if (card === undefined || number === undefined || expiry === undefined || errors.length > 0) throw refused(errors, [number, holder])
  return { card, number, holder, ...expiry, ...shownOf(number) }
}

const refuser =
  (errors: FieldError[]): Refuse =>
  (pointer, detail) => {
    errors.push({ pointer, detail })
    return undefined
  }

/** What was read before is zeroed. */
function refused(errors: readonly FieldError[], read: readonly (Buffer | undefined)[]): Problem {
  for (const buffer of read) buffer?.fill(0)
  return new Problem('invalid_request', errors.map(one => `${one.pointer}: ${one.detail}`).join('; '), { errors })
}

function shownOf(number: Buffer): Pick<ScannedCard, 'brand' | 'bin' | 'last4'> {
  const brand = brandOf(number)
  return {
    brand,
    bin: number.toString('latin1', 0, binLength(brand, number.length)),
    last4: number.toString('latin1', number.length - 4),
  }
}

/** Zeroes what may not stay. */
export function forget(card: {
  readonly number?: Buffer | undefined
  readonly securityCode?: Buffer | undefined
  readonly holder?: Buffer | undefined
}): void {
  card.number?.fill(0)
  card.securityCode?.fill(0)
  card.holder?.fill(0)
}

type Readable = ReadonlyMap<string, Token>
type Refuse = (pointer: string, detail: string) => undefined

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57

function readNumber(body: Buffer, fields: Readable, refuse: Refuse): Buffer | undefined {
  const token = fields.get('number')
  if (token === undefined) return refuse('/number', 'is required')
  if (token.kind !== 'string') return refuse('/number', 'must be a string')
  if (token.escaped || token.to - token.from > numberLengthMax)
    return refuse('/number', 'must be 12 to 19 digits, spaces and dashes allowed')
  const digits = Buffer.allocUnsafeSlow(numberLengthMax)
  try {
    let count = 0
    for (let i = token.from; i < token.to; i += 1) {
      const byte = body[i]
      if (isDigit(byte)) digits[count++] = byte ?? 0
      else if (byte !== 0x20 && byte !== 0x2d) return refuse('/number', 'must hold only the digits 0 to 9, spaces and dashes')
    }
    if (count < cardDigitsMin || count > cardDigitsMax) return refuse('/number', 'must be 12 to 19 digits')
    if (!passesLuhn(digits, 0, count)) return refuse('/number', 'is not a card number: the check digit does not fit')
    const number = Buffer.allocUnsafeSlow(count)
    digits.copy(number, 0, 0, count)
    return number
  } finally {
    digits.fill(0)
  }
}

/** The name that the other system gave it: told to whoever imports, so it must be no number of a card itself. */
function readCardName(line: Buffer, fields: StoredFields, refuse: Refuse): string | undefined {
  const token = fields.get('card')
  if (token === undefined) return refuse('/card', 'is required')
  const length = token.to - token.from
  const visible = line.subarray(token.from, token.to).every(byte => byte > 0x20 && byte < 0x7f)
  if (token.kind !== 'string' || token.escaped || length < 1 || length > cardNameLengthMax || !visible)
    return refuse('/card', `must be a string of 1 to ${cardNameLengthMax} visible ASCII characters without spaces`)
  if (cardSpans(line.subarray(token.from, token.to), true).length > 0) return refuse('/card', 'must not be a card number itself')
  return line.toString('latin1', token.from, token.to)
}

function readCode(body: Buffer, fields: Fields, refuse: Refuse): Buffer | undefined {
  const token = fields.get('security_code')
  if (token === undefined) return undefined
  const length = token.to - token.from
  if (token.kind !== 'string' || token.escaped || length < 3 || length > 4)
    return refuse('/security_code', 'must be a string of 3 or 4 digits')
  for (let i = token.from; i < token.to; i += 1) {
    if (!isDigit(body[i])) return refuse('/security_code', 'must be a string of 3 or 4 digits')
  }
  const code = Buffer.allocUnsafeSlow(length)
  body.copy(code, 0, token.from, token.to)
  return code
}

function readHolder(body: Buffer, fields: Readable, refuse: Refuse): Buffer | undefined {
  const token = fields.get('holder')
  if (token === undefined) return undefined
  const name = readPlain(body, token, holderLengthMax)
  return typeof name === 'string' ? refuse('/holder', name) : name
}

function readExpiry(
  body: Buffer,
  fields: Readable,
  nowMs: number,
  refuse: Refuse,
  which: 'not expired' | 'expired too' = 'not expired',
): { readonly expiryMonth: number; readonly expiryYear: number } | undefined {
  const expiryMonth = readWhole(body, fields.get('expiry_month'), 1, 2)
  const expiryYear = readWhole(body, fields.get('expiry_year'), 4, 4)
  const monthFits = expiryMonth !== undefined && expiryMonth >= 1 && expiryMonth <= 12
  if (!monthFits) refuse('/expiry_month', fields.has('expiry_month') ? 'must be a whole number from 1 to 12' : 'is required')
  if (expiryYear === undefined) refuse('/expiry_year', fields.has('expiry_year') ? 'must be a year of four digits' : 'is required')
  if (!monthFits || expiryYear === undefined) return undefined
  // A card is good through the last day of its month wherever its holder is: at UTC-12 the month ends twelve hours after it does at UTC.
  if (which === 'not expired' && nowMs >= Date.UTC(expiryYear, expiryMonth, 1, 12)) return refuse('/expiry_year', 'the card has expired')
  if (expiryYear > new Date(nowMs).getUTCFullYear() + yearsAheadMax) return refuse('/expiry_year', 'is too far ahead')
  return { expiryMonth, expiryYear }
}

/** Digits only, as a JSON number or a string; no sign, no exponent. */
function readWhole(body: Buffer, token: Token | undefined, digitsMin: number, digitsMax: number): number | undefined {
  if (token === undefined || token.kind === 'other' || token.escaped) return undefined
  const length = token.to - token.from
  if (length < digitsMin || length > digitsMax) return undefined
  let value = 0
  for (let i = token.from; i < token.to; i += 1) {
    const byte = body[i]
    if (byte === undefined || !isDigit(byte)) return undefined
    value = value * 10 + byte - 48
  }
  return value
}
