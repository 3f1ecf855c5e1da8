/** What a channel's answer repeats of what was sent is taken out before the answer leaves the vault. */
import { cardSpans } from '../core/pan.ts'
import type { ToFill } from './fill.ts'

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57
const star = 0x2a
const nine = 0x39
/** Bytes that may stand between two digits of an echoed number. */
const gapMax = 3

/** Of a payer what tells who it is or where the money lies; names, towns and banks may come back. */
const secretFields = ['email', 'phone', 'taxId', 'iban', 'accountNumber', 'vpa'] as const
/** A shorter one stands in too many places by chance. */
const secretLengthMin = 6

/** What the channel may write between two characters of a number; quotes, commas and colons end it. */
const isSeparator = (byte: number | undefined): boolean => byte !== undefined && ' .-/()'.includes(String.fromCharCode(byte))
const never = (): boolean => false
/** How each may come back: numbers with separators, names in small letters or capitals. */
const spellings: Readonly<Record<(typeof secretFields)[number], (byte: number | undefined) => boolean>> = {
  ...{ email: never, vpa: never, iban: isGap, phone: isSeparator, taxId: isSeparator, accountNumber: isSeparator },
}

/** Takes what may have been filled in out of an answer, in place. All but the last four characters of it become `*`. */
export function redact(answer: Buffer, { secrets, cryptogram, securityCode }: ToFill): Buffer {
  if (!('values' in secrets)) {
    if (cryptogram !== undefined) redactExact(answer, cryptogram, never)
    redactCards(answer, secrets.number)
    if (securityCode !== undefined) redactCode(answer, securityCode)
    return answer
  }
  for (const field of secretFields) {
    const value = secrets.values.get(field)
    // A telephone number often comes back without its plus.
    const told = field === 'phone' ? value?.subarray(1) : value
    if (told !== undefined && told.length >= secretLengthMin) redactExact(answer, told, spellings[field], true)
  }
  return answer
}

/** What a security code is called where a channel repeats the request. By itself it is three digits that may stand for anything. */
const codeName = /(?:cv[vc2]2?|cvn|csc|cid|security_?code|verification_?(?:code|value))["'\]\s:=]{1,8}$/i
const codeNameMax = 40

/** After the number: what stands before the code becomes a string. */
function redactCode(answer: Buffer, code: Buffer): void {
  for (let at = answer.indexOf(code); at >= 0; at = answer.indexOf(code, at + 1)) {
    const alone = !isDigit(answer[at - 1]) && !isDigit(answer[at + code.length])
    if (!alone || !codeName.test(answer.toString('latin1', Math.max(0, at - codeNameMax), at))) continue
    const places = Array.from(code, (_, index) => at + index)
    const masked = isBareNumber(answer, places) ? nine : star
    for (const place of places) answer[place] = masked
  }
}

/**
 * Takes card numbers out of an answer, in place: the number that was sent wherever its digits follow each other, whatever stands between
 * them (at most three characters that are neither letters nor digits), and any other number of 16 digits or more that is a card's for all
 * we can tell. Shorter strangers stay: network transaction ids have 15 digits and one in ten passes the check. All but the last four
 * digits become `*` (or 9, where a bare JSON number must stay one).
 */
function redactCards(answer: Buffer, number: Buffer): Buffer {
  redactExact(answer, number, isGap)
  for (const span of cardSpans(answer)) {
    const digits = digitsIn(answer, span.from, span.to)
    if (digits.length >= 16) mask(answer, digits)
  }
  return answer
}

/** `between`: what may stand between two of the secret's characters, `gapMax` of them. `anyCase`: letters are the same in either. */
function redactExact(answer: Buffer, secret: Buffer, between: (byte: number | undefined) => boolean, anyCase = false): void {
  const first = secret[0] ?? 0
  for (const start of anyCase ? new Set([small(first), large(first)]) : [first])
    for (let from = answer.indexOf(start); from >= 0; from = answer.indexOf(start, from + 1)) {
      const places = follow(answer, from, { secret, between, anyCase })
      if (places !== undefined) mask(answer, places)
    }
}

const isLetter = (byte: number): boolean => (byte | 32) >= 97 && (byte | 32) <= 122
const small = (byte: number): number => (isLetter(byte) ? byte | 32 : byte)
const large = (byte: number): number => (isLetter(byte) ? byte & ~32 : byte)

type Sought = { readonly secret: Buffer; readonly between: (byte: number | undefined) => boolean; readonly anyCase: boolean }

/** Where each character of the secret stands if it starts here. */
function follow(answer: Buffer, start: number, { secret, between, anyCase }: Sought): readonly number[] | undefined {
  const fits = (at: number, wanted: number): boolean => {
    const byte = answer[at]
    return byte === wanted || (anyCase && byte !== undefined && small(byte) === small(wanted))
  }
  const places: number[] = []
  let at = start
  for (const wanted of secret) {
    const limit = at + (places.length === 0 ? 0 : gapMax)
    while (at < limit && !fits(at, wanted) && between(answer[at])) at += 1
    if (!fits(at, wanted)) return undefined
    places.push(at)
    at += 1
  }
  return places
}

function isGap(byte: number | undefined): boolean {
  return byte !== undefined && !isDigit(byte) && !isLetter(byte)
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
  if (!places.every(place => isDigit(answer[place]))) return false
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
