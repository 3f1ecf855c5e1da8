/**
 * CSV as RFC 4180 has it, read so that one bad record costs one line and no other: a record that cannot be read is told as such, and reading
 * goes on at the line after the one it began on. (Streaming parsers that were tried lose all that follows a stray quote or a field that is too
 * long, without a word: rows that nobody reports.)
 */

/** Limits of one record. A quoted field of more lines is taken for a stray quote. */
export const recordCharsMax = 65_536
export const recordLinesMax = 32
export const fieldsMax = 200

/** `line`: the file's line it begins on, from 1. `from` and `to`: where it stands in the text, its line end included. */
export type Placed = { readonly line: number; readonly from: number; readonly to: number }
export type CsvRecord = Placed & ({ readonly fields: readonly string[] } | { readonly wrong: string })

/** The records of a text that begins where a record begins. Empty lines are passed over. `line`: of its first character. */
export function* csvRecords(text: string, line = 1): Generator<CsvRecord> {
  let [at, now] = [0, line]
  while (at < text.length) {
    const record = oneRecord(text, at, now)
    if (!('fields' in record) || record.fields.length > 1 || record.fields[0] !== '') yield record
    at = record.to
    now += 'fields' in record ? linesIn(text, record.from, record.to) : 1
  }
}

function oneRecord(text: string, from: number, line: number): CsvRecord {
  const fields: string[] = []
  let at = from
  for (;;) {
    const field = text.charCodeAt(at) === quote ? quoted(text, at, from) : plain(text, at, from)
    if ('wrong' in field) return { line, from, to: lineEnd(text, from), wrong: field.wrong }
    fields.push(field.text)
    at = field.to
    if (text.charCodeAt(at) === comma) {
      at += 1
      if (fields.length >= fieldsMax) return { line, from, to: lineEnd(text, from), wrong: `has more than ${fieldsMax} columns` }
      continue
    }
    return { line, from, to: pastLineEnd(text, at), fields }
  }
}

const [quote, comma, lf, cr] = [34, 44, 10, 13] as const
type Field = { readonly text: string; readonly to: number } | { readonly wrong: string }

const tooLong = { wrong: `is longer than ${recordCharsMax} characters` }

function plain(text: string, from: number, record: number): Field {
  let at = from
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === comma || code === lf || (code === cr && isLineEnd(text, at))) break
    if (code === quote) return { wrong: 'has a quote inside a field that does not begin with one' }
    if (at - record > recordCharsMax) return tooLong
  }
  return { text: text.slice(from, at), to: at }
}

function quoted(text: string, from: number, record: number): Field {
  let out = ''
  let at = from + 1
  let lines = 0
  for (;;) {
    const closing = text.indexOf('"', at)
    if (closing < 0 || closing - record > recordCharsMax) return { wrong: 'has a quote that is not closed' }
    lines += linesIn(text, at, closing)
    if (lines > recordLinesMax) return { wrong: 'has a quote that is not closed' }
    out += text.slice(at, closing)
    if (text.charCodeAt(closing + 1) !== quote) {
      at = closing + 1
      break
    }
    out += '"'
    at = closing + 2
  }
  const next = text.charCodeAt(at)
  if (at < text.length && next !== comma && next !== lf && !isLineEnd(text, at)) return { wrong: 'has text after a closing quote' }
  return { text: out, to: at }
}

const isLineEnd = (text: string, at: number): boolean =>
  text.charCodeAt(at) === lf || (text.charCodeAt(at) === cr && (at + 1 === text.length || text.charCodeAt(at + 1) === lf))
const pastLineEnd = (text: string, at: number): number =>
  text.charCodeAt(at) === cr ? Math.min(at + 2, text.length) : Math.min(at + 1, text.length)
function lineEnd(text: string, from: number): number {
  const at = text.indexOf('\n', from)
  return at < 0 ? text.length : at + 1
}
function linesIn(text: string, from: number, to: number): number {
  const part = text.slice(from, to)
  let count = 0
  for (let at = part.indexOf('\n'); at >= 0; at = part.indexOf('\n', at + 1)) count += 1
  return count
}

/** A field as it is written: quoted where it must be. What a spreadsheet would take for a formula gets an apostrophe before it. */
export function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
