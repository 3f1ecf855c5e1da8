/**
 * Looks for card numbers in bytes. All canaries share twelve digits, of which nobody may keep more than the first eight (the BIN), so the
 * twelve in any encoding are a leak; a search for two dozen needles is quick enough for a whole database.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gunzipSync } from 'node:zlib'

/** Visa, and in nobody's list of magic numbers. */
export const core = '411111228642'
/** Of numbers that are sent where none belongs: the API has these in its memory while it refuses them, and nowhere else. */
export const strayCore = '411111739531'

export type Hit = { readonly where: string; readonly encoding: string; readonly at: number }

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1')
const groups = (digits: string, separator: string): Buffer => ascii((digits.match(/.{4}/g) ?? []).join(separator))
const wide = (text: string): Buffer => Buffer.from(text, 'utf16le')
/** Base64 of digits whose place in the whole is not known: the letters that do not depend on what stands before or after. */
const base64At = (all: string, skip: number): Buffer => {
  const digits = all.slice(skip)
  return ascii(ascii(digits.slice(0, digits.length - (digits.length % 3))).toString('base64'))
}

/**
 * Eight ways to write a number (plain, spaced, dashed, base64 wherever it begins, hex, UTF-16, reversed, packed digits as in EMV and ISO 8583),
 * and percent-encoded as a ninth. Digits need neither + nor /: base64url is base64. What is compressed by gzip is looked into (`scanBytes`).
 */
const needlesOf = (digits: string): Readonly<Record<string, readonly Buffer[]>> => ({
  plain: [ascii(digits)],
  spaced: [groups(digits, ' '), groups(digits, '\u00a0'), Buffer.from((digits.match(/.{4}/g) ?? []).join('\u00a0'))],
  dashed: [groups(digits, '-')],
  base64: [0, 1, 2].map(skip => base64At(digits, skip)),
  hex: [ascii(ascii(digits).toString('hex'))],
  utf16: [wide(digits), wide(digits).swap16()],
  reversed: [ascii([...digits].reverse().join(''))],
  percent: [ascii(digits.replaceAll(/\d/g, digit => `%3${digit}`))],
  packed: [Buffer.from(digits, 'hex')],
})
export const needles = needlesOf(core)
const strayNeedles = needlesOf(strayCore)
/** In which `needles` and `strayNeedles` agree: what comes first, or last where they are written backwards. */
const beginnings: Readonly<Record<string, readonly Buffer[]>> = Object.fromEntries(
  Object.entries(needles).map(([encoding, list]) => [encoding, list.map((one, i) => shared(one, strayNeedles[encoding]?.[i] ?? one))]),
)

function shared(one: Buffer, other: Buffer): Buffer {
  let front = 0
  while (front < one.length && one[front] === other[front]) front += 1
  let back = 0
  while (back < one.length && one[one.length - 1 - back] === other[other.length - 1 - back]) back += 1
  return front >= back ? one.subarray(0, front) : one.subarray(one.length - back)
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
export const canary = (n: number): string => numberOf(core, n)
/** Number `n` of those that are sent where none belongs. */
export const stray = (n: number): string => numberOf(strayCore, n)

function numberOf(first: string, n: number): string {
  const digits = first + String(n % 1000).padStart(3, '0')
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i])
    sum += i % 2 === 1 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9
  }
  return digits + String((10 - (sum % 10)) % 10)
}

/** Both kinds of canary, and both in what is compressed. */
export const scanBytes = (where: string, bytes: Buffer, offset = 0): readonly Hit[] => [
  ...bothIn(where, bytes, offset),
  ...compressed(bytes).flatMap(({ at, text }) =>
    bothIn(where, text, 0).map(hit => ({ ...hit, encoding: `gzip of ${hit.encoding}`, at: offset + at })),
  ),
]

/** What both begin with is looked for first: half the work, where there is nothing. */
const bothIn = (where: string, bytes: Buffer, offset: number): readonly Hit[] => {
  const likely = Object.keys(beginnings).filter(encoding => beginnings[encoding]?.some(one => bytes.includes(one)) === true)
  return [needles, strayNeedles].flatMap(list => found(where, bytes, offset, Object.fromEntries(likely.map(one => [one, list[one] ?? []]))))
}

function found(where: string, bytes: Buffer, offset: number, wanted: Readonly<Record<string, readonly Buffer[]>>): readonly Hit[] {
  const hits: Hit[] = []
  for (const [encoding, list] of Object.entries(wanted))
    for (const needle of list) {
      const at = bytes.indexOf(needle)
      if (at >= 0) hits.push({ where, encoding, at: offset + at })
    }
  return hits
}

const gzipHead = Buffer.from([0x1f, 0x8b, 0x08])
/** What gzip streams that begin in these bytes hold, as far as they go. */
function compressed(bytes: Buffer): readonly { readonly at: number; readonly text: Buffer }[] {
  const texts: { readonly at: number; readonly text: Buffer }[] = []
  for (let at = bytes.indexOf(gzipHead); at >= 0; at = bytes.indexOf(gzipHead, at + 1)) {
    try {
      const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 64 * 1024 * 1024 }
      texts.push({ at, text: gunzipSync(bytes.subarray(at), options) })
    } catch {
      // Three bytes that look like a head, or a stream that is cut in two: what is in it is also looked for where it came from.
    }
  }
  return texts
}

export const scanText = (where: string, text: string): readonly Hit[] => scanBytes(where, Buffer.from(text))

const pieceBytes = 4 * 1024 * 1024
/** More than the longest needle, so that none is cut in two. */
const overlapBytes = 64

type Scanned = {
  readonly hits: readonly Hit[]
  readonly bytes: number
  readonly files: number
  readonly sizes: ReadonlyMap<string, number>
}

/** Every file below a folder, whatever it is called. A database that runs takes some away meanwhile. */
export function scanFolder(folder: string): Scanned {
  const sizes = new Map<string, number>()
  const hits: Hit[] = []
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile()) continue
    try {
      hits.push(...scanFile(path))
      sizes.set(path, statSync(path).size)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
  }
  return { hits, bytes: [...sizes.values()].reduce((sum, one) => sum + one, 0), files: sizes.size, sizes }
}

export function scanFile(path: string): readonly Hit[] {
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

/**
 * What of a process's memory can be read, for the canaries that came by the right way (Linux). Another
 * process looks, so that the search itself puts none there.
 */
export function scanMemory(where: string, pid: number): { readonly hits: readonly Hit[]; readonly bytes: number } {
  const hits: Hit[] = []
  let bytes = 0
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const piece = Buffer.alloc(pieceBytes)
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
      const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line) ?? []
      const end = Number.parseInt(to, 16)
      for (let at = Number.parseInt(from, 16); at < end; at += pieceBytes - overlapBytes) {
        const length = readPiece(memory, piece, Math.min(pieceBytes, end - at), at)
        bytes += length
        hits.push(...found(where, piece.subarray(0, length), at, needles))
      }
    }
    return { hits, bytes }
  } finally {
    closeSync(memory)
  }
}

/** A page that is not there (a guard, or freed meanwhile) holds nothing. */
function readPiece(memory: number, piece: Buffer, length: number, at: number): number {
  try {
    return readSync(memory, piece, 0, length, at)
  } catch {
    return 0
  }
}
