/**
 * The rows of one part, each read or refused. CSV has its columns in the file's first line; JSONL has an object a line, where `references`,
 * `mandate` and `metadata` may be objects themselves.
 */

import { findCardNumbers } from '../core/pan.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { refuseCardsInBody } from '../http/cards.ts'
import { parseJson } from '../http/json.ts'
import { csvRecords, recordCharsMax } from './csv.ts'
import { type Cell, type Fault, isField, readRow, type TakenRow } from './row.ts'
import type { Encoding, Format } from './tables.ts'

/** `token`: of a refused row, where it could be read and is nothing that must not be kept. */
export type Entry = { readonly line: number } & ({ readonly row: TakenRow } | { readonly fault: Fault; readonly token: string | null })

export type Reading = {
  readonly format: Format
  readonly encoding: Encoding
  readonly mapping: Readonly<Record<string, string>>
  /** Of a CSV file whose first part has been read. */
  readonly columns: readonly string[] | null
  /** Lines of the parts before. */
  readonly lines: number
  readonly nowMs: number
}

export type PartRead = {
  readonly columns: readonly string[] | null
  readonly entries: readonly Entry[]
  readonly lines: number
  /** Ends where a line ends. */
  readonly whole: boolean
}

/** Rows between two breaths: so long nobody else is heard. */
const rowsAtOnce = 250

/** Throws a problem when no row of it can be read: another encoding, or a first line that names no columns. `breathe`: lets others be heard. */
export async function readPart(body: Buffer, of: Reading, breathe: () => Promise<void>): Promise<PartRead> {
  const text = decoded(body, of)
  const rows = of.format === 'csv' ? csvRows(text, of) : jsonRows(text, of)
  const entries: Entry[] = []
  for (const entry of rows.entries) {
    entries.push(entry)
    if (entries.length % rowsAtOnce === 0) await breathe()
  }
  return { columns: rows.columns, entries, lines: of.lines + lineEnds(text), whole: text === '' || text.endsWith('\n') }
}

function decoded(body: Buffer, { encoding, lines }: Reading): string {
  const [first, second] = body
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw fieldProblem('/', 'The part is UTF-16; send UTF-8.', 'unprocessable')
  // What is no UTF-8 becomes U+FFFD, and the row that holds it is refused by its field.
  const text = encoding === 'utf-8' ? body.toString('utf8') : new TextDecoder(encoding).decode(body)
  return lines === 0 && text.startsWith('\uFEFF') ? text.slice(1) : text
}

type Rows = { readonly columns: readonly string[] | null; readonly entries: Iterable<Entry> }

function csvRows(text: string, of: Reading): Rows {
  const records = csvRecords(text, of.lines + 1)
  const columns = of.columns ?? header(records.next().value)
  if (columns === undefined) return { columns: null, entries: [] }
  const names = columnFields(columns, of.mapping)
  return { columns, entries: csvEntries(records, columns, names, of.nowMs) }
}

function header(record: ReturnType<ReturnType<typeof csvRecords>['next']>['value']): readonly string[] | undefined {
  if (record === undefined || record === null) return undefined
  if (!('fields' in record)) throw fieldProblem('/', `The first line, which names the columns, ${record.wrong}.`, 'unprocessable')
  const columns = record.fields.map((one: string) => one.trim())
  if (columns.some(findCardNumbers))
    throw fieldProblem('/', 'The first line must name the columns; it holds what looks like a card number.', 'card_number_refused')
  return columns
}

/** What each column is to us. Throws a problem for a mapped column that is not there, or a name that stands twice. */
export function columnFields(columns: readonly string[], mapping: Readonly<Record<string, string>>): readonly (string | undefined)[] {
  const mapped = new Map(Object.entries(mapping).map(([field, column]) => [column, field]))
  for (const [field, column] of Object.entries(mapping))
    if (!columns.includes(column))
      throw fieldProblem(`/mapping/${field}`, 'names a column that the first line of the file does not have', 'unprocessable')
  const fields = columns.map(column => mapped.get(column) ?? (isField(column) && !(column in mapping) ? column : undefined))
  for (const needed of fields.includes('card') ? ['customer'] : ['customer', 'token'])
    if (!fields.includes(needed))
      throw fieldProblem(`/mapping/${needed}`, `no column is called ${needed}, and none is mapped to it`, 'unprocessable')
  const twice = fields.find((field, at) => field !== undefined && fields.indexOf(field) !== at)
  if (twice !== undefined) throw fieldProblem(`/mapping/${twice}`, 'two columns of the file are this field', 'unprocessable')
  return fields
}

function* csvEntries(
  records: ReturnType<typeof csvRecords>,
  columns: readonly string[],
  names: readonly (string | undefined)[],
  nowMs: number,
): Generator<Entry> {
  for (const record of records) {
    const { line } = record
    if (!('fields' in record)) yield { line, token: null, fault: { field: '', detail: `the row ${record.wrong}` } }
    else if (record.fields.length !== columns.length)
      yield {
        line,
        token: null,
        fault: { field: '', detail: `the row has ${record.fields.length} columns, the first line ${columns.length}` },
      }
    else {
      const cells = record.fields.map((text, at) => ({ field: names[at], column: columns[at] ?? '', text: bare(text) }))
      yield entryOf(line, cells, nowMs)
    }
  }
}

/** Without the spaces around it, and without the apostrophe that keeps a spreadsheet from taking it for a formula. */
const bare = (text: string): string => {
  const trimmed = text.trim()
  return /^'[=+\-@]/.test(trimmed) ? trimmed.slice(1) : trimmed
}

function entryOf(line: number, cells: readonly Cell[], nowMs: number): Entry {
  const read = readRow(cells, nowMs)
  if (!('detail' in read)) return { line, row: read }
  const token = cells.find(one => one.field === 'token')?.text ?? ''
  const isSafe = /^[!-~]{1,255}$/.test(token) && !findCardNumbers(token)
  return { line, fault: read, token: isSafe ? token : null }
}

const depthMax = 4

function jsonRows(text: string, of: Reading): Rows {
  const mapped = new Map(Object.entries(of.mapping).map(([field, column]) => [column, field]))
  const fieldOf = (name: string): string | undefined => mapped.get(name) ?? (isField(name) && !(name in of.mapping) ? name : undefined)
  return { columns: null, entries: jsonEntries(text, of, fieldOf) }
}

function* jsonEntries(text: string, of: Reading, fieldOf: (name: string) => string | undefined): Generator<Entry> {
  let line = of.lines
  for (let at = 0; at < text.length; ) {
    line += 1
    const end = text.indexOf('\n', at)
    const to = end < 0 ? text.length : end
    const one = text.slice(at, to).trim()
    at = to + 1
    if (one !== '') yield jsonEntry(one, line, of.nowMs, fieldOf)
  }
}

function jsonEntry(text: string, line: number, nowMs: number, fieldOf: (name: string) => string | undefined): Entry {
  if (text.length > recordCharsMax)
    return { line, token: null, fault: { field: '', detail: `the row is longer than ${recordCharsMax} characters` } }
  try {
    const { value, digits } = parseJson(Buffer.from(text), depthMax)
    if (digits) refuseCardsInBody(value)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { line, token: null, fault: { field: '', detail: 'the row is no JSON object' } }
    return entryOf(line, cellsOf(value, fieldOf), nowMs)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const [first] = error.errors
    return {
      line,
      token: null,
      fault: {
        field: (first?.pointer.slice(1) ?? '').replaceAll('/', '.'),
        detail: first?.detail ?? 'the row is not the JSON it should be',
      },
    }
  }
}

/** Values one level deeper are `<name>.<inner>`; numbers and booleans are read as they are written. */
function cellsOf(value: object, fieldOf: (name: string) => string | undefined): readonly Cell[] {
  const cells: Cell[] = []
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner))
      for (const [last, deep] of Object.entries(inner)) cells.push(cellOf(`${name}.${last}`, deep, fieldOf))
    else cells.push(cellOf(name, inner, fieldOf))
  }
  return cells
}

const cellOf = (name: string, value: unknown, fieldOf: (name: string) => string | undefined): Cell => {
  const text = value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
  return { field: fieldOf(name), column: name, text }
}

function lineEnds(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1
  return count
}
