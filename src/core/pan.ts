/**
 * Facts about card numbers that need no secret: check digit, brand by range, and finding a number where it does not belong.
 * Numbers are handled as ASCII codes in arrays or buffers, never as strings, so that the vault can use this on bytes it will zero.
 */

import { asciiDigit, digitRun, isDigit, isSeparator, type Span } from './digit-run.ts'

export type CardBrand =
  | 'visa'
  | 'mastercard'
  | 'amex'
  | 'discover'
  | 'diners'
  | 'jcb'
  | 'unionpay'
  | 'maestro'
  | 'mir'
  | 'rupay'
  | 'elo'
  | 'hipercard'
  | 'troy'
  | 'verve'
  | 'dankort'
  | 'unknown'

export const cardDigitsMin = 12
export const cardDigitsMax = 19

type Range = readonly [from: number, to: number, brand: CardBrand, lengthMin: number, lengthMax: number]

/**
 * First six digits, inclusive; the first line that fits wins, so a scheme's island inside another's range stands above it. Taken from the
 * public range lists of the schemes as collected in braintree/credit-card-type, and NPCI's published RuPay ranges.
 */
const ranges: readonly Range[] = [
  [401178, 401179, 'elo', 16, 16],
  [431274, 431274, 'elo', 16, 16],
  [438935, 438935, 'elo', 16, 16],
  [451416, 451416, 'elo', 16, 16],
  [457393, 457393, 'elo', 16, 16],
  [457631, 457632, 'elo', 16, 16],
  [504175, 504175, 'elo', 16, 16],
  [506699, 506778, 'elo', 16, 16],
  [509000, 509999, 'elo', 16, 16],
  [627780, 627780, 'elo', 16, 16],
  [636297, 636297, 'elo', 16, 16],
  [636368, 636368, 'elo', 16, 16],
  [650002, 650027, 'verve', 16, 19],
  [650031, 650033, 'elo', 16, 16],
  [650035, 650051, 'elo', 16, 16],
  [650405, 650439, 'elo', 16, 16],
  [650485, 650538, 'elo', 16, 16],
  [650541, 650598, 'elo', 16, 16],
  [650700, 650718, 'elo', 16, 16],
  [650720, 650727, 'elo', 16, 16],
  [650901, 650978, 'elo', 16, 16],
  [651652, 651679, 'elo', 16, 16],
  [655000, 655019, 'elo', 16, 16],
  [655021, 655058, 'elo', 16, 16],
  [606282, 606282, 'hipercard', 16, 16],
  [637095, 637095, 'hipercard', 16, 16],
  [637568, 637568, 'hipercard', 16, 16],
  [637599, 637599, 'hipercard', 16, 16],
  [637609, 637609, 'hipercard', 16, 16],
  [637612, 637612, 'hipercard', 16, 16],
  [506099, 506198, 'verve', 16, 19],
  [507865, 507964, 'verve', 16, 19],
  [501900, 501999, 'dankort', 16, 16],
  [979200, 979299, 'troy', 16, 16],
  [508500, 508999, 'rupay', 16, 16],
  [606985, 607984, 'rupay', 16, 16],
  [608001, 608500, 'rupay', 16, 16],
  [652150, 653149, 'rupay', 16, 16],
  [817200, 820199, 'rupay', 16, 16],
  [220000, 220499, 'mir', 16, 19],
  [222100, 272099, 'mastercard', 16, 16],
  [510000, 559999, 'mastercard', 16, 16],
  [340000, 349999, 'amex', 15, 15],
  [370000, 379999, 'amex', 15, 15],
  [300000, 305999, 'diners', 14, 19],
  [309500, 309599, 'diners', 14, 19],
  [360000, 369999, 'diners', 14, 19],
  [380000, 399999, 'diners', 14, 19],
  [352800, 358999, 'jcb', 16, 19],
  [601100, 601199, 'discover', 16, 19],
  [644000, 659999, 'discover', 16, 19],
  [620000, 629999, 'unionpay', 16, 19],
  [810000, 817199, 'unionpay', 16, 19],
  [500000, 508999, 'maestro', 12, 19],
  [560000, 599999, 'maestro', 12, 19],
  [630000, 639999, 'maestro', 12, 19],
  [670000, 679999, 'maestro', 12, 19],
  [400000, 499999, 'visa', 13, 19],
]

/** Whether the check digit fits (ISO/IEC 7812-1 annex B). `digits`: ASCII codes of digits, `length` of them from `from`. */
export function passesLuhn(digits: ArrayLike<number>, from = 0, length: number = digits.length): boolean {
  let sum = 0
  for (let i = 0; i < length; i += 1) {
    const digit = (digits[from + length - 1 - i] ?? 48) - 48
    const weighed = i % 2 === 0 ? digit : digit * 2
    sum += weighed > 9 ? weighed - 9 : weighed
  }
  return length > 0 && sum % 10 === 0
}

/** The brand whose range and length fit, or `unknown`. */
export function brandOf(digits: ArrayLike<number>, from = 0, length: number = digits.length): CardBrand {
  if (length < cardDigitsMin) return 'unknown'
  let prefix = 0
  for (let i = 0; i < 6; i += 1) prefix = prefix * 10 + (digits[from + i] ?? 48) - 48
  for (const [low, high, brand, lengthMin, lengthMax] of ranges) {
    if (prefix >= low && prefix <= high && length >= lengthMin && length <= lengthMax) {
      return brand === 'visa' && !visaLengths.has(length) ? 'unknown' : brand
    }
  }
  return 'unknown'
}
const visaLengths: ReadonlySet<number> = new Set([13, 16, 18, 19])

/**
 * How many leading digits may be kept in the clear beside the last four: eight where the scheme has eight-digit BINs on sixteen digits or
 * more, else six (PCI SSC FAQ 1091).
 */
export function binLength(brand: CardBrand, length: number): 6 | 8 {
  return length >= 16 && eightDigitBins.has(brand) ? 8 : 6
}
const eightDigitBins: ReadonlySet<CardBrand> = new Set(['visa', 'mastercard', 'discover', 'jcb', 'unionpay'])

/**
 * Whether a text holds something that is a card number for all we can tell: 13 to 19 digits (full-width and Arabic ones too), alone or in
 * groups set apart by spaces, dashes, dots or no-break spaces, with a known scheme's range and length and a fitting check digit.
 *
 * The trade-off: one in about fifty random 16-digit numbers passes all that, so an order number of bare digits may be refused wrongly;
 * letting a card number into the database is worse. What is *not* refused, so that ids pass: digits inside a mixed token (`ins_01k9…`,
 * hex digests), UUIDs, printed IBANs, `+` and up to 15 digits. A number that somebody hides on purpose (base64, hex) is not found.
 */
export function findCardNumbers(text: string): boolean {
  if (text.length < 13 || digitRun(text, 0) === undefined) return false
  const codes = new Uint16Array(text.length)
  for (let i = 0; i < text.length; i += 1) codes[i] = asciiDigit(text.charCodeAt(i))
  return cardSpans(codes, true).length > 0
}

const isLetter = (code: number | undefined): boolean => code !== undefined && (code | 32) >= 97 && (code | 32) <= 122
/** Where card numbers stand in ASCII codes or UTF-8 bytes; `to` is exclusive. `once`: stop at the first. */
export function cardSpans(codes: ArrayLike<number>, once = false): readonly Span[] {
  const found: Span[] = []
  let at = 0
  while (at < codes.length) {
    if (!isDigit(codes[at])) {
      at += 1
      continue
    }
    const groups = digitGroups(codes, at)
    at = groups.at(-1)?.to ?? at + 1
    for (const span of spansOfChain(codes, groups)) {
      found.push(span)
      if (once) return found
    }
  }
  return found
}

/** Runs of digits that only separators (at most two) keep apart, from `at` on. */
function digitGroups(codes: ArrayLike<number>, at: number): readonly Span[] {
  const groups: Span[] = []
  let from = at
  while (isDigit(codes[from])) {
    let to = from
    while (isDigit(codes[to])) to += 1
    groups.push({ from, to })
    from = to
    while (from < to + 2 && isSeparator(codes[from])) from += 1
  }
  return groups
}

function spansOfChain(codes: ArrayLike<number>, groups: readonly Span[]): readonly Span[] {
  const found: Span[] = []
  if (isIban(codes, groups)) return found
  const digits = new Uint8Array(cardDigitsMax)
  for (let first = 0; first < groups.length; first += 1) {
    let length = 0
    for (let last = first; last < groups.length; last += 1) {
      const group = groups[last]
      const start = groups[first]
      if (group === undefined || start === undefined || length + group.to - group.from > cardDigitsMax) break
      for (let i = group.from; i < group.to; i += 1) digits[length++] = codes[i] ?? 0
      const span = { from: start.from, to: group.to }
      if (length < 13 || brandOf(digits, 0, length) === 'unknown' || !passesLuhn(digits, 0, length)) continue
      if (isPhone(codes, span, length) || isMixedToken(codes, span) || isUuid(codes, span)) continue
      found.push(span)
      first = last
      break
    }
  }
  digits.fill(0)
  return found
}

const isPhone = (codes: ArrayLike<number>, span: Span, length: number): boolean => codes[span.from - 1] === 0x2b && length <= 15

/** Letters touch the digits, and beyond them more digits follow: an id or a digest, not a number somebody typed. */
function isMixedToken(codes: ArrayLike<number>, span: Span): boolean {
  let left = span.from - 1
  while (isLetter(codes[left])) left -= 1
  let right = span.to
  while (isLetter(codes[right])) right += 1
  return (left < span.from - 1 && isDigit(codes[left])) || (right > span.to && isDigit(codes[right]))
}

const isHex = (code: number | undefined): boolean =>
  isDigit(code) || (code !== undefined && (code | 32) >= 97 && (code | 32) <= 102 && isLetter(code))

function isUuid(codes: ArrayLike<number>, span: Span): boolean {
  for (let start = Math.max(0, span.to - 36); start <= span.from; start += 1) {
    let fits = true
    for (let i = 0; fits && i < 36; i += 1) {
      fits = i === 8 || i === 13 || i === 18 || i === 23 ? codes[start + i] === 0x2d : isHex(codes[start + i])
    }
    if (fits) return true
  }
  return false
}

/** Two letters, two check digits, and mod 97 leaves 1 (ISO 13616): French ones would otherwise pass for Diners numbers. */
function isIban(codes: ArrayLike<number>, groups: readonly Span[]): boolean {
  const check = groups[0]
  if (check === undefined || check.to - check.from < 2 || isLetter(codes[check.from - 3])) return false
  const one = codes[check.from - 2]
  const two = codes[check.from - 1]
  if (one === undefined || two === undefined || !isLetter(one) || !isLetter(two)) return false
  let rest = 0
  const digit = (value: number) => {
    rest = (rest * 10 + value) % 97
  }
  groups.forEach((group, index) => {
    for (let i = index === 0 ? group.from + 2 : group.from; i < group.to; i += 1) digit((codes[i] ?? 48) - 48)
  })
  for (const letter of [one, two]) {
    const value = (letter | 32) - 97 + 10
    digit(Math.floor(value / 10))
    digit(value % 10)
  }
  digit((codes[check.from] ?? 48) - 48)
  digit((codes[check.from + 1] ?? 48) - 48)
  return rest === 1
}
