/** Brazilian tax numbers, by which people and companies are named on Pix. ASCII codes without dots, dashes or slashes. */
import { isAlphanumeric, isDigits } from './account.ts'

type Codes = ArrayLike<number>

const worth = (codes: Codes, at: number): number => (codes[at] ?? 48) - 48

/** 11 minus the weighed sum modulo 11, and 0 for 10 and 11. `weightMax`: weights run 2, 3, … from the right, and start over after it. */
function checkDigit(codes: Codes, length: number, weightMax: number): number {
  let sum = 0
  for (let i = 0; i < length; i += 1) sum += worth(codes, length - 1 - i) * (2 + (i % (weightMax - 1)))
  const rest = sum % 11
  return rest < 2 ? 0 : 11 - rest
}

function allSame(codes: Codes): boolean {
  for (let i = 1; i < codes.length; i += 1) if (codes[i] !== codes[0]) return false
  return true
}

const fits = (codes: Codes, length: number, weightMax: number): boolean =>
  worth(codes, length) === checkDigit(codes, length, weightMax) && worth(codes, length + 1) === checkDigit(codes, length + 1, weightMax)

/** A person's number: nine digits and two check digits. Eleven equal digits would pass and are nobody's. */
export const isCpf = (codes: Codes): boolean => isDigits(codes, 11) && !allSame(codes) && fits(codes, 9, 11)

/**
 * A company's number: twelve characters and two check digits. Since July 2026 (Instrução Normativa RFB 2.229/2024) the twelve may be
 * letters; each counts as its ASCII code less 48, so digits count as themselves (Receita Federal, Nota Técnica Cocad 49/2024).
 */
export const isCnpj = (codes: Codes): boolean =>
  isAlphanumeric(codes, 14, 14) && isDigits([codes[12] ?? 0, codes[13] ?? 0], 2) && !allSame(codes) && fits(codes, 12, 9)
