/**
 * The files that go to an account updater and come back, modelled on Visa Account Updater: a header, one detail for each card, a trailer with
 * control totals. ASCII, one record a line, every line ended by a line feed, fields between bars (docs/updater.md has the whole of it):
 *
 *     H|BUF1|INQUIRY|run_01…|visa|20261124        H|BUF1|RESULT|run_01…|visa|20261125
 *     D|1|4242424242424242|2912                   D|1|A|4111111111111111|3012
 *     D|2|5555555555554444|2701                   D|2|V||
 *     T|2|97979797979797                          T|2|…
 *
 * Hash total: the sum of all card numbers and line numbers of the details, modulo 10^14. Numbers stay bytes: what is read are views of the
 * plain file, which its owner zeroes.
 */
import { cardDigitsMax, cardDigitsMin, passesLuhn } from './pan.ts'

/**
 * Advices by Visa's letters: A new number, E new expiry, C account closed, Q contact the cardholder, O the cardholder opted out, V the card is
 * current, P no match, N the issuer does not take part.
 */
export const advices = ['A', 'E', 'C', 'Q', 'O', 'V', 'P', 'N'] as const
export type Advice = (typeof advices)[number]

export type FileHead = { readonly run: string; readonly updater: string; readonly on: string }
export type Inquiry = { readonly line: number; readonly number: Buffer; readonly expiryMonth: number; readonly expiryYear: number }
export type Result = {
  readonly line: number
  readonly advice: Advice
  readonly number?: Buffer | undefined
  readonly expiry?: { readonly year: number; readonly month: number } | undefined
}

/** The first line that is wrong, counted from 1, and what is wrong with it; never what stands in it. */
export class BadFile extends Error {
  override readonly name = 'BadFile'
  readonly line: number
  readonly detail: string
  constructor(line: number, detail: string) {
    super(`line ${line}: ${detail}`)
    this.line = line
    this.detail = detail
  }
}

/** Details of one file at most. */
export const fileLinesMax = 1_000
const fileBytesMax = 64 * 1_024
/** So that ten times it plus a digit is still an exact number. */
const hashModulus = 100_000_000_000_000
const version = 'BUF1'

export const hashOf = (numbers: readonly Buffer[], lines: readonly number[]): number =>
  [...numbers.map(digitsValue), ...lines].reduce((sum, one) => (sum + one) % hashModulus, 0)
const digitsValue = (digits: Buffer): number => digits.reduce((value, digit) => (value * 10 + digit - 48) % hashModulus, 0)

const yymm = (of: { readonly expiryYear: number; readonly expiryMonth: number }): string =>
  `${String(of.expiryYear % 100).padStart(2, '0')}${String(of.expiryMonth).padStart(2, '0')}`
const trailer = (count: number, hash: number): string => `T|${count}|${hash}\n`
const header = (kind: 'INQUIRY' | 'RESULT', { run, updater, on }: FileHead): string => `H|${version}|${kind}|${run}|${updater}|${on}\n`

/** In memory of its own; the caller zeroes it. */
export function writeInquiries(head: FileHead, inquiries: readonly Inquiry[]): Buffer {
  const hash = hashOf(
    inquiries.map(one => one.number),
    inquiries.map(one => one.line),
  )
  return joined([
    header('INQUIRY', head),
    ...inquiries.flatMap(one => [`D|${one.line}|`, one.number, `|${yymm(one)}\n`]),
    trailer(inquiries.length, hash),
  ])
}

export function writeResults(head: FileHead, results: readonly Result[]): Buffer {
  const numbers = results.flatMap(one => (one.number === undefined ? [] : [one.number]))
  const hash = hashOf(
    numbers,
    results.map(one => one.line),
  )
  const expiry = ({ expiry: told }: Result) => (told === undefined ? '' : yymm({ expiryYear: told.year, expiryMonth: told.month }))
  return joined([
    header('RESULT', head),
    ...results.flatMap(one => [`D|${one.line}|${one.advice}|`, ...(one.number === undefined ? [] : [one.number]), `|${expiry(one)}\n`]),
    trailer(results.length, hash),
  ])
}

function joined(parts: readonly (string | Buffer)[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const out = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const part of parts) at += typeof part === 'string' ? out.write(part, at, 'latin1') : part.copy(out, at)
  return out
}

/** The parts of each line, as views. Throws `BadFile`. */
function linesOf(file: Buffer): readonly (readonly Buffer[])[] {
  if (file.length > fileBytesMax) throw new BadFile(1, `the file is longer than ${fileBytesMax} bytes`)
  if (file[0] === 0xef && file[1] === 0xbb && file[2] === 0xbf) throw new BadFile(1, 'begins with a byte order mark')
  const lines: (readonly Buffer[])[] = []
  let from = 0
  for (let at = 0; at < file.length; at += 1) {
    const byte = file[at] ?? 0
    if (byte === 0x0d) throw new BadFile(lines.length + 1, 'holds a carriage return: lines end with a line feed alone')
    if (byte > 0x7e || (byte < 0x20 && byte !== 0x0a)) throw new BadFile(lines.length + 1, 'holds a byte that is not printable ASCII')
    if (byte !== 0x0a) continue
    lines.push(fieldsOf(file.subarray(from, at)))
    from = at + 1
  }
  if (from !== file.length) throw new BadFile(lines.length + 1, 'is cut short: it has no line feed')
  return lines
}

function fieldsOf(line: Buffer): readonly Buffer[] {
  const fields: Buffer[] = []
  let from = 0
  for (let at = line.indexOf(0x7c); at >= 0; at = line.indexOf(0x7c, from)) {
    fields.push(line.subarray(from, at))
    from = at + 1
  }
  return [...fields, line.subarray(from)]
}

type Expected = { readonly run: string; readonly updater: string; readonly lines: ReadonlySet<number> }

/** Everything in it, or nothing: the totals are looked at before anything is believed. Throws `BadFile`. */
export function readResults(file: Buffer, expected: Expected): readonly Result[] {
  const details = framed(file, 'RESULT', expected)
  const seen = new Set<number>()
  const results = details.map((fields, index) => {
    const result = resultOf(fields, index + 2)
    if (!expected.lines.has(result.line)) throw new BadFile(index + 2, 'answers a line that was not asked')
    if (seen.has(result.line)) throw new BadFile(index + 2, 'answers a line that was answered before')
    seen.add(result.line)
    return result
  })
  return totalled(
    file,
    results,
    results.flatMap(one => (one.number === undefined ? [] : [one.number])),
  )
}

/** As an updater reads what is sent to it. Throws `BadFile`. */
export function readInquiries(file: Buffer): { readonly head: FileHead; readonly inquiries: readonly Inquiry[] } {
  const [first = []] = linesOf(file)
  const [, , , run = '', updater = '', on = ''] = first.map(text)
  const details = framed(file, 'INQUIRY', { run, updater })
  const inquiries = details.map((fields, index): Inquiry => {
    const [, line = empty, number = empty, expiry = empty] = fields
    const told = expiryOf(expiry, index + 2)
    if (fields.length !== 4 || told === undefined) throw new BadFile(index + 2, 'is no inquiry')
    return { line: wholeOf(line, index + 2), number: numberOf(number, index + 2), expiryMonth: told.month, expiryYear: told.year }
  })
  return {
    head: { run, updater, on },
    inquiries: totalled(
      file,
      inquiries,
      inquiries.map(one => one.number),
    ),
  }
}

const empty = Buffer.alloc(0)
const text = (field: Buffer): string => field.toString('latin1')

/** Header and trailer are where they belong, and the count fits; the details between them. */
function framed(file: Buffer, kind: 'INQUIRY' | 'RESULT', expected: Pick<Expected, 'run' | 'updater'>): readonly (readonly Buffer[])[] {
  const lines = linesOf(file)
  const [, , , , , day = ''] = (lines[0] ?? []).map(text)
  const head = header(kind, { ...expected, on: day }).trimEnd()
  if ((lines[0] ?? []).map(text).join('|') !== head || !/^\d{8}$/.test(day))
    throw new BadFile(1, `is not the header of this run's ${kind.toLowerCase()} file`)
  const end = lines.findIndex(([mark = empty]) => text(mark) === 'T')
  if (end < 0) throw new BadFile(lines.length + 1, 'is missing: the file has no trailer')
  if (end !== lines.length - 1) throw new BadFile(end + 2, 'comes after the trailer')
  const details = lines.slice(1, end)
  const strange = details.findIndex(([mark = empty]) => text(mark) !== 'D')
  if (strange >= 0) throw new BadFile(strange + 2, 'is no detail')
  if (details.length > fileLinesMax) throw new BadFile(fileLinesMax + 2, `is more than ${fileLinesMax} details`)
  const [, count = empty] = lines[end] ?? []
  if (text(count) !== String(details.length)) throw new BadFile(end + 1, 'counts other details than there are')
  return details
}

function totalled<T extends { readonly line: number }>(file: Buffer, read: readonly T[], numbers: readonly Buffer[]): readonly T[] {
  const lines = linesOf(file)
  const fields = (lines.at(-1) ?? []).map(text)
  const hash = hashOf(
    numbers,
    read.map(one => one.line),
  )
  if (fields.length !== 3 || fields[2] !== String(hash)) throw new BadFile(lines.length, 'has a hash total that does not fit the details')
  return read
}

function resultOf(fields: readonly Buffer[], at: number): Result {
  const [, line = empty, letter = empty, number = empty, expiry = empty] = fields
  if (fields.length !== 5) throw new BadFile(at, 'has another number of fields than five')
  const advice = advices.find(one => one === text(letter))
  if (advice === undefined) throw new BadFile(at, 'has an advice that is none of A E C Q O V P N')
  const told = expiryOf(expiry, at)
  const wants = { number: advice === 'A', expiry: advice === 'A' || advice === 'E' }
  if (wants.number !== number.length > 0)
    throw new BadFile(at, wants.number ? 'has no new number' : 'has a number that does not belong there')
  if (wants.expiry !== (told !== undefined))
    throw new BadFile(at, wants.expiry ? 'has no new expiry' : 'has an expiry that does not belong there')
  return { line: wholeOf(line, at), advice, number: wants.number ? numberOf(number, at) : undefined, expiry: told }
}

function wholeOf(field: Buffer, at: number): number {
  if (!/^[1-9]\d{0,3}$/.test(text(field))) throw new BadFile(at, 'has a line number that is none')
  return Number(text(field))
}

function numberOf(field: Buffer, at: number): Buffer {
  const digits = field.every(byte => byte >= 48 && byte <= 57)
  if (!digits || field.length < cardDigitsMin || field.length > cardDigitsMax || !passesLuhn(field, 0, field.length))
    throw new BadFile(at, 'has a card number that is none')
  return field
}

function expiryOf(field: Buffer, at: number): Result['expiry'] {
  if (field.length === 0) return undefined
  const [, year = '', month = ''] = /^(\d\d)(0[1-9]|1[0-2])$/.exec(text(field)) ?? []
  if (year === '') throw new BadFile(at, 'has an expiry that is not YYMM')
  return { year: 2_000 + Number(year), month: Number(month) }
}
