/**
 * Facts about bank accounts that need no secret: which numbers can be one at all. Like card numbers (`pan.ts`) they are looked at as ASCII
 * codes, so that the vault can use this on bytes it will zero: upper-case letters and digits, no separators.
 */

/**
 * Length of an IBAN by its first two letters: the 89 countries of the SWIFT IBAN Registry, release 100 (October 2025),
 * https://www.swift.com/standards/data-standards/iban-international-bank-account-number.
 */
const ibanLengths: ReadonlyMap<string, number> = new Map(
  [
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18',
    'FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27',
    'MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27',
    'SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30',
  ]
    .join(' ')
    .split(' ')
    .map(entry => [entry.slice(0, 2), Number(entry.slice(2))]),
)
export const ibanCountries: readonly string[] = [...ibanLengths.keys()]

type Codes = ArrayLike<number>

const isDigit = (code: number | undefined): boolean => code !== undefined && code >= 48 && code <= 57
const isLetter = (code: number | undefined): boolean => code !== undefined && code >= 65 && code <= 90

/** Whether there are `min` to `max` digits and nothing else. */
export function isDigits(codes: Codes, min: number, max: number = min): boolean {
  if (codes.length < min || codes.length > max) return false
  for (let i = 0; i < codes.length; i += 1) if (!isDigit(codes[i])) return false
  return true
}

/** Whether there are `min` to `max` upper-case letters and digits and nothing else. */
export function isAlphanumeric(codes: Codes, min: number, max: number): boolean {
  if (codes.length < min || codes.length > max) return false
  for (let i = 0; i < codes.length; i += 1) if (!isDigit(codes[i]) && !isLetter(codes[i])) return false
  return true
}

/**
 * Whether it is an IBAN: a country's own length, and modulo 97 leaves 1 when the first four characters stand last and letters count as 10
 * to 35 (ISO 13616-1, ISO/IEC 7064 MOD 97-10). Check digits 00, 01 and 99 would pass and are never given out (98 minus a remainder).
 */
export function isIban(codes: Codes): boolean {
  const { length } = codes
  if (!isAlphanumeric(codes, 15, 34) || !isDigit(codes[2]) || !isDigit(codes[3])) return false
  if (ibanLengths.get(String.fromCharCode(codes[0] ?? 0, codes[1] ?? 0)) !== length) return false
  let rest = 0
  for (let i = 0; i < length; i += 1) {
    const code = codes[(i + 4) % length] ?? 0
    rest = isDigit(code) ? (rest * 10 + code - 48) % 97 : (rest * 100 + code - 55) % 97
  }
  const check = ((codes[2] ?? 0) - 48) * 10 + (codes[3] ?? 0) - 48
  return rest === 1 && check >= 2 && check <= 98
}

/** First two digits of routing numbers in use: Federal Reserve districts, thrift institutions, electronic ones and traveller's cheques. */
const abaPrefixes: readonly (readonly [low: number, high: number])[] = [
  [1, 12],
  [21, 32],
  [61, 72],
  [80, 80],
]

/** Whether it is a US routing number: nine digits, weighed 3, 7, 1, that add up to a multiple of 10 (ABA Routing Number Policy). */
export function isAbaRouting(codes: Codes): boolean {
  if (!isDigits(codes, 9)) return false
  let sum = 0
  for (let i = 0; i < 9; i += 1) sum += ((codes[i] ?? 0) - 48) * ([3, 7, 1][i % 3] ?? 0)
  const prefix = ((codes[0] ?? 0) - 48) * 10 + (codes[1] ?? 0) - 48
  return sum % 10 === 0 && abaPrefixes.some(([low, high]) => prefix >= low && prefix <= high)
}

/** US: at most 17 characters (Nacha, DFI account number of the entry detail record); banks give out 4 digits and more. */
export const isUsAccount = (codes: Codes): boolean => isAlphanumeric(codes, 4, 17)
/** UK: six digits; which banks check what is in Vocalink's modulus tables, which change and are the channel's to ask. */
export const isSortCode = (codes: Codes): boolean => isDigits(codes, 6)
/** UK: eight digits; shorter old ones are written with leading zeros (Pay.UK, Validating Account Numbers). */
export const isUkAccount = (codes: Codes): boolean => isDigits(codes, 8)
