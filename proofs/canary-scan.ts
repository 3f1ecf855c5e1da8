/**
 * Looks for card numbers in bytes. All canaries share twelve digits, of which nobody may keep more than the first eight (the BIN), so the
 * twelve in any encoding are a leak; a search for a dozen needles is quick enough for a whole database.
 */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Visa, and in nobody's list of magic numbers. */
export const core = '411111228642'

export type Hit = { readonly where: string; readonly encoding: string; readonly at: number }

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1')
const groups = (separator: string): Buffer => ascii((core.match(/.{4}/g) ?? []).join(separator))
const wide = (text: string): Buffer => Buffer.from(text, 'utf16le')
/** Base64 of digits whose place in the whole is not known: the letters that do not depend on what stands before or after. */
const base64At = (skip: number): Buffer => {
  const digits = core.slice(skip)
  return ascii(ascii(digits.slice(0, digits.length - (digits.length % 3))).toString('base64'))
}

/** Eight ways to write a number, and packed digits (EMV, ISO 8583) as a ninth. Digits need neither + nor /: base64url is base64. */
export const needles: Readonly<Record<string, readonly Buffer[]>> = {
  plain: [ascii(core)],
  spaced: [groups(' '), groups('\u00a0'), Buffer.from((core.match(/.{4}/g) ?? []).join('\u00a0'))],
  dashed: [groups('-')],
  base64: [base64At(0), base64At(1), base64At(2)],
  hex: [ascii(ascii(core).toString('hex'))],
  utf16: [wide(core), wide(core).swap16()],
  reversed: [ascii([...core].reverse().join(''))],
  percent: [ascii(core.replaceAll(/\d/g, digit => `%3${digit}`))],
  packed: [Buffer.from(core, 'hex')],
}

/** A number in each encoding, whole, as it would leak: for the test that the search finds what is there. */
export const encodings: Readonly<Record<string, (number: string) => Buffer>> = {
  plain: number => ascii(number),
  spaced: number => ascii((number.match(/.{1,4}/g) ?? []).join(' ')),
  dashed: number => ascii((number.match(/.{1,4}/g) ?? []).join('-')),
  base64: number => ascii(ascii(number).toString('base64url')),
  hex: number => ascii(ascii(number).toString('hex')),
  utf16: number => wide(number),
  reversed: number => ascii([...number].reverse().join('')),
  percent: number => ascii(number.replaceAll(/\d/g, digit => `%3${digit}`)),
  packed: number => Buffer.from(number, 'hex'),
}

/** Number `n` of the canaries, up to 1000. */
export function canary(n: number): string {
  const digits = core + String(n % 1000).padStart(3, '0')
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i])
    sum += i % 2 === 1 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9
  }
  return digits + String((10 - (sum % 10)) % 10)
}

export function scanBytes(where: string, bytes: Buffer, offset = 0): readonly Hit[] {
  const hits: Hit[] = []
  for (const [encoding, list] of Object.entries(needles))
    for (const needle of list) {
      const at = bytes.indexOf(needle)
      if (at >= 0) hits.push({ where, encoding, at: offset + at })
    }
  return hits
}

export const scanText = (where: string, text: string): readonly Hit[] => scanBytes(where, Buffer.from(text))

const pieceBytes = 4 * 1024 * 1024
/** More than the longest needle, so that none is cut in two. */
const overlapBytes = 64

/** Every file below a folder, whatever it is called. */
export function scanFolder(folder: string): { readonly hits: readonly Hit[]; readonly bytes: number; readonly files: number } {
  const hits: Hit[] = []
  let bytes = 0
  let files = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      const inner = scanFolder(path)
      hits.push(...inner.hits)
      bytes += inner.bytes
      files += inner.files
    } else if (entry.isFile()) {
      hits.push(...scanFile(path))
      bytes += statSync(path).size
      files += 1
    }
  }
  return { hits, bytes, files }
}

function scanFile(path: string): readonly Hit[] {
  const file = openSync(path, 'r')
  const hits: Hit[] = []
  const piece = Buffer.alloc(pieceBytes)
  try {
    for (let at = 0; ; at += pieceBytes - overlapBytes) {
      const length = readSync(file, piece, 0, pieceBytes, at)
      hits.push(...scanBytes(path, piece.subarray(0, length), at))
      if (length < pieceBytes) return hits
    }
  } finally {
    closeSync(file)
  }
}
