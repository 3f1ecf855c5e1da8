/** Names, streets, e-mail addresses: values that may be strings for a moment, but only once they are known to hold no card number. */
import { cardSpans } from '../core/pan.ts'
import type { Token } from './tokens.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Control characters, and what turns the direction of writing around. */
const unfit = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u

/** The value in UTF-8, or what is wrong with it. */
export function readPlain(body: Buffer, token: Token, lengthMax: number): Buffer | string {
  if (token.kind !== 'string') return 'must be a string'
  const quoted = body.subarray(token.from - 1, token.to + 1)
  if (cardSpans(quoted).length > 0 || quoted.includes('\\u003')) return 'must not hold a card number'
  const text = unquote(quoted)
  if (text === undefined || !text.isWellFormed() || unfit.test(text)) return 'must be plain text'
  if (text.trim() === '' || text.length > lengthMax) return `must be 1 to ${lengthMax} characters`
  return Buffer.from(text)
}

function unquote(quoted: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(quoted))
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
