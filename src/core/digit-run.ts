/** Digits that stand together in a text, in whatever script, and what people put between them. */

export type Span = { readonly from: number; readonly to: number }

const stride = 12
/**
 * Thirteen digits with at most two separators between: what nearly no string has. Thirteen letters in a row have one whose place is a multiple of
 * twelve, and one six places from that: only these are looked at (`mask-cards.test.ts` measures what it costs). This is
 * the first such run that begins at `after` or later: all of it, with the digits and separators around.
 */
export function digitRun(text: string, after: number): Span | undefined {
  const half = stride / 2
  let done = after
  for (let at = after + stride; at < text.length; at += stride) {
    if (!isInRun(text, at) || !(isInRun(text, at - half) || (at + half < text.length && isInRun(text, at + half)))) continue
    let from = at
    while (from > done && isInRun(text, from - 1)) from -= 1
    let digits = 0
    let gap = 0
    let most = 0
    for (done = from; done < text.length && isInRun(text, done); done += 1) {
      if (isDigit(asciiDigit(text.charCodeAt(done)))) {
        digits += 1
        gap = 0
        if (digits > most) most = digits
      } else {
        gap += 1
        if (gap > 2) digits = 0
      }
    }
    if (most >= 13) return { from, to: done }
    at = Math.max(at, after + Math.floor((done - after) / stride) * stride)
  }
  return undefined
}

function isInRun(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code < 256 ? runLetters[code] === 1 : inRun(asciiDigit(code))
}
const inRun = (code: number): boolean => (code < 256 ? runLetters[code] === 1 : separators.has(code))

export function asciiDigit(code: number): number {
  if (code < 0x660) return code
  if (code <= 0x669) return code - 0x660 + 48
  if (code >= 0x6f0 && code <= 0x6f9) return code - 0x6f0 + 48
  if (code >= 0xff10 && code <= 0xff19) return code - 0xff10 + 48
  return code
}

export const isDigit = (code: number | undefined): boolean => code !== undefined && code >= 48 && code <= 57
/** 0xc2 stands for itself only in UTF-8 bytes, where it leads a no-break space. */
const separators: ReadonlySet<number> = new Set([
  0x20, 0x2e, 0x2d, 0x09, 0xa0, 0xc2, 0x2007, 0x2009, 0x200b, 0x2010, 0x2011, 0x2013, 0x202f,
])
/** Digits and separators, by code. */
const runLetters = Uint8Array.from({ length: 256 }, (_, code) => (isDigit(code) || separators.has(code) ? 1 : 0))
export const isSeparator = (code: number | undefined): boolean => code !== undefined && separators.has(code)
