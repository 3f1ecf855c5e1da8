/** Stands in for core/pan.ts until the vault's finder is merged: digits with separators, a scheme's range, a right length, Luhn. */

const schemes: readonly (readonly [prefix: RegExp, lengths: readonly number[]])[] = [
  [/^4/, [13, 16, 18, 19]],
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^3(?:0[0-5]|[689])/, [14, 15, 16, 17, 18, 19]],
  [/^(?:6011|64[4-9]|65|622|60|81|82|508|353|356)/, [16, 17, 18, 19]],
  [/^35(?:2[89]|[3-8])/, [16, 17, 18, 19]],
  [/^62/, [16, 17, 18, 19]],
  [/^(?:50|5[6-9]|6[0-9])/, [12, 13, 14, 15, 16, 17, 18, 19]],
  [/^(?:220[0-4]|9792|8600|9860|1)/, [15, 16, 17, 18, 19]],
]
const ours = /\b[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}\b|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{32,}\b/gi
const run = /\d(?:[^A-Za-z\d]{0,3}\d){11,}/g

export function findCardNumbers(text: string): boolean {
  const plain = text.normalize('NFKC').replace(/\p{Nd}/gu, digit => String(digitOf(digit)))
  for (const [found] of plain.replace(ours, 'x').matchAll(run)) if (holdsCard(found.replace(/\D/g, ''))) return true
  return false
}

/** Unicode keeps decimal digits in runs of ten that start at a multiple of their block: count down to the run's zero. */
function digitOf(digit: string): number {
  let code = digit.codePointAt(0) ?? 48
  if (code <= 57) return code - 48
  const start = code
  while (/\p{Nd}/u.test(String.fromCodePoint(code - 1)) && start - code < 9) code -= 1
  return start - code
}

function holdsCard(digits: string): boolean {
  for (let from = 0; from + 12 <= digits.length; from += 1)
    for (const [prefix, lengths] of schemes) {
      if (!prefix.test(digits.slice(from, from + 6))) continue
      for (const length of lengths) if (from + length <= digits.length && luhn(digits.slice(from, from + length))) return true
    }
  return false
}

function luhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48
    sum += i % 2 === 0 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9
  }
  return sum % 10 === 0
}
