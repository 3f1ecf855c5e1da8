/** Reading what came from outside, byte by byte: base64 that has one spelling only, and secrets taken out before anything is parsed. */
import { TokenRefused } from './device-token.ts'

/** Standard base64 in its one spelling, with padding: whatever a lenient reader would skip is refused, so that no two texts mean the same. */
export function base64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === 0 || bytes.toString('base64') !== text) throw new TokenRefused('malformed', `${what} is not base64`)
  return bytes
}

const quote = 0x22
const backslash = 0x5c
const zero = 0x30
const spaces: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d])
const colon = 0x3a

/**
 * Takes the text under `"name"` out of JSON that has not been parsed yet: copied into memory of its own, and overwritten with zeros where it
 * stood. So the number never becomes a string, which nobody could wipe. Refuses a name that stands there twice, and text with escapes.
 */
export function takeText(json: Buffer, name: string): Buffer | undefined {
  const key = Buffer.from(`"${name}"`)
  const at = json.indexOf(key)
  if (at < 0) return undefined
  if (json.indexOf(key, at + key.length) >= 0) throw new TokenRefused('malformed', `${name} stands there twice`)
  let from = at + key.length
  while (spaces.has(json[from])) from += 1
  if (json[from] !== colon) throw new TokenRefused('malformed', `${name} is no key`)
  from += 1
  while (spaces.has(json[from])) from += 1
  if (json[from] !== quote) throw new TokenRefused('malformed', `${name} is no text`)
  from += 1
  const to = json.indexOf(quote, from)
  const escaped = json.indexOf(backslash, from)
  if (to < 0 || (escaped >= 0 && escaped < to)) throw new TokenRefused('malformed', `${name} is no plain text`)
  const out = Buffer.allocUnsafeSlow(to - from)
  json.copy(out, 0, from, to)
  json.fill(zero, from, to)
  return out
}

/** Whether a text that was parsed later is what `takeText` left behind: then the two speak of the same place. */
export const isBlank = (text: string | undefined, taken: Buffer | undefined): boolean =>
  taken === undefined ? text === undefined : text === '0'.repeat(taken.length)

/** Twelve to nineteen ASCII digits (ISO/IEC 7812-1: up to 19). */
export const isNumber = (bytes: Buffer): boolean => bytes.length >= 12 && bytes.length <= 19 && bytes.every(one => one >= 48 && one <= 57)

export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TokenRefused('malformed', `${what} is not JSON`)
  }
}
