/** What leaves is looked at once more: a card number in it is masked, whoever put it there. */
import { asciiDigit, digitRun } from './digit-run.ts'
import { cardSpans } from './pan.ts'

export type Masked = { readonly text: string; readonly found: number }

/** What may be shown of a card: six digits in front and four at the end (PCI DSS 3.4.1). */
const shown = { front: 6, end: 4 } as const

/** What stands around a run of digits says whether it is an id, a UUID or an IBAN. */
const context = 64

/**
 * Networks' own numbers of transactions: fifteen digits at Visa and American Express, of which one in seventy passes for a card number, and which
 * a merchant must be told exactly.
 */
const networksOwn = /"(?:network_transaction_id|transaction_link_id)":"$/
const nameLength = 40

/** Digits become `*`, or 0 where they are a number in JSON, so that it stays one. Nearly always the text itself comes back. */
export function maskCards(text: string): Masked {
  let found = 0
  let out = ''
  let at = 0
  for (let run = digitRun(text, 0); run !== undefined; run = digitRun(text, run.to)) {
    // Alone it is quickly judged; what is around it can only speak against it.
    if (cardSpans(codesOf(text, run.from, run.to), true).length === 0) continue
    const first = Math.max(0, run.from - context)
    const codes = codesOf(text, first, Math.min(text.length, run.to + context))
    for (const span of cardSpans(codes)) {
      const [from, to] = [first + span.from, first + span.to]
      if (from < Math.max(at, run.from) || to > run.to) continue
      if (to - from === 15 && text.charAt(to) === '"' && networksOwn.test(text.slice(Math.max(0, from - nameLength), from))) continue
      out += text.slice(at, from) + masked(codes.subarray(span.from, span.to), text.slice(from, to), isBare(text, from, to) ? '0' : '*')
      at = to
      found += 1
    }
  }
  return found === 0 ? { text, found } : { text: out + text.slice(at), found }
}

function codesOf(text: string, from: number, to: number): Uint16Array {
  const codes = new Uint16Array(to - from)
  for (let i = 0; i < codes.length; i += 1) codes[i] = asciiDigit(text.charCodeAt(from + i))
  return codes
}

function masked(codes: Uint16Array, text: string, sign: string): string {
  const digits = codes.reduce((count, code) => count + (code >= 48 && code <= 57 ? 1 : 0), 0)
  let seen = 0
  let out = ''
  for (let i = 0; i < text.length; i += 1) {
    const code = codes[i] ?? 0
    if (code < 48 || code > 57) out += text.charAt(i)
    else {
      out += seen < shown.front || seen >= digits - shown.end ? text.charAt(i) : sign
      seen += 1
    }
  }
  return out
}

/** A number of JSON: after a colon, comma or bracket, before a comma or bracket. */
const isBare = (text: string, from: number, to: number): boolean =>
  /[:,[]/.test(text.charAt(text.charAt(from - 1) === '-' ? from - 2 : from - 1)) && /[,}\]]/.test(text.charAt(to))
