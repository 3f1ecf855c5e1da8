/**
 * The plain text of one part of a card file, between two vaults: JSON, one object a line, every line ended by a line feed (docs/moving.md).
 *
 *     {"card_file":"cdf_…","part":1}
 *     {"card":"old-4711","number":"4242424242424242","expiry_month":12,"expiry_year":2029,"holder":"Ada Lovelace"}
 *     {"cards":1,"hash_total":"42424242424243","last":true}
 *
 * Hash total: the sum of all numbers and of their places (1, 2, …), modulo 10^14, as account updaters have it. Numbers stay bytes.
 */
import { Problem } from '../core/problem.ts'
import { hashOf } from '../core/updater-file.ts'
import { forget, type StoredCard, scanStored } from './scan.ts'
import { type Fields, type Token, tokens } from './tokens.ts'

/** Cards and bytes of one part. */
export const partCardsMax = 1_000
export const partBytesMax = 512 * 1024
/** What is told of a bad part at most. */
const faultsMax = 100

/** `line` from 1; 0: the file as a whole. `field` is empty where it is the line itself. Nothing of what stood there is told. */
export type LineFault = { readonly line: number; readonly field: string; readonly detail: string }
export type PartRead = { readonly cards: readonly StoredCard[]; readonly last: boolean }
export type PartHead = { readonly file: string; readonly part: number }

const headGrammar = { names: ['card_file', 'part'], under: '' } as const
const endGrammar = { names: ['cards', 'hash_total', 'last'], under: '' } as const

export const forgetCards = (cards: readonly StoredCard[]): void => {
  for (const one of cards) forget(one)
}

/** All of it, or what is wrong with it. Whoever asked zeroes the cards and `plain`. */
export function readPart(plain: Buffer, head: PartHead, nowMs: number): PartRead | readonly LineFault[] {
  const lines = linesOf(plain)
  if ('detail' in lines) return [lines]
  const [first, ...rest] = lines
  const end = rest.pop()
  if (first === undefined || end === undefined)
    return [fault(lines.length + 1, '', 'is missing: a part has a first line, its cards and a last line')]
  if (rest.length > partCardsMax) return [fault(partCardsMax + 2, '', `is more than ${partCardsMax} cards`)]
  const faults: LineFault[] = []
  const cards: StoredCard[] = []
  const seen = new Set<string>()
  attempt(faults, 1, () => checkHead(first, head))
  for (const [index, line] of rest.entries()) {
    attempt(faults, index + 2, () => {
      const card = scanStored(line, nowMs)
      cards.push(card)
      if (seen.has(card.card)) throw wrong('card', 'stands twice in this part')
      seen.add(card.card)
    })
    if (faults.length >= faultsMax) break
  }
  const told = { last: false }
  if (faults.length === 0)
    attempt(faults, lines.length, () => {
      told.last = checkEnd(end, cards)
    })
  if (faults.length === 0) return { cards, ...told }
  forgetCards(cards)
  return faults
}

const fault = (line: number, field: string, detail: string): LineFault => ({ line, field, detail })
const wrong = (field: string, detail: string): Problem =>
  new Problem('invalid_request', `/${field}: ${detail}`, { errors: [{ pointer: `/${field}`, detail }] })

/** What a line is refused for becomes its faults. */
function attempt(faults: LineFault[], line: number, act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (error.errors.length === 0) faults.push(fault(line, '', error.detail))
    for (const { pointer, detail } of error.errors) faults.push(fault(line, pointer.slice(1), detail))
  }
}

/** Views of the lines, without their ends. */
function linesOf(plain: Buffer): readonly Buffer[] | LineFault {
  if (plain.length > partBytesMax) return fault(0, '', `the part has more than ${partBytesMax} bytes`)
  const lines: Buffer[] = []
  let from = 0
  for (let at = plain.indexOf(0x0a); at >= 0; at = plain.indexOf(0x0a, from)) {
    if (lines.length > partCardsMax + 2) return fault(partCardsMax + 2, '', `is more than ${partCardsMax} cards`)
    lines.push(plain.subarray(from, plain[at - 1] === 0x0d ? at - 1 : at))
    from = at + 1
  }
  return from === plain.length ? lines : fault(lines.length + 1, '', 'is cut short: it has no line feed')
}

function checkHead(line: Buffer, { file, part }: PartHead): void {
  const fields = tokens(line, headGrammar)
  if (textOf(line, fields, 'card_file') !== file) throw wrong('card_file', `must be ${file}, the card file that this part was sent to`)
  if (textOf(line, fields, 'part') !== String(part)) throw wrong('part', `must be ${part}, the number under which this part was sent`)
}

/** Whether it is the last part. */
function checkEnd(line: Buffer, cards: readonly StoredCard[]): boolean {
  const fields = tokens(line, endGrammar)
  if (textOf(line, fields, 'cards') !== String(cards.length))
    throw wrong('cards', `does not count the cards of this part: there are ${cards.length}`)
  if (textOf(line, fields, 'hash_total') !== totalOf(cards)) throw wrong('hash_total', 'does not fit the cards of this part')
  const last = textOf(line, fields, 'last')
  if (last !== 'true' && last !== 'false') throw wrong('last', 'must be true or false')
  return last === 'true'
}

function textOf<Name extends string>(line: Buffer, fields: Fields<Name>, name: Name): string | undefined {
  const token: Token | undefined = fields.get(name)
  return token === undefined || token.escaped ? undefined : line.toString('latin1', token.from, token.to)
}

type Totalled = readonly { readonly number: Buffer }[]
const totalOf = (cards: Totalled): string =>
  String(
    hashOf(
      cards.map(one => one.number),
      cards.map((_, index) => index + 1),
    ),
  )

export type CardToWrite = {
  readonly card: string
  readonly number: Buffer
  readonly holder: Buffer | undefined
  readonly expiryMonth: number
  readonly expiryYear: number
}

/** In memory of its own; the caller zeroes it. */
export function writePart({ file, part }: PartHead, cards: readonly CardToWrite[], last: boolean): Buffer {
  const pieces = [
    Buffer.from(`${JSON.stringify({ card_file: file, part })}\n`),
    ...cards.flatMap(one => [
      Buffer.from(`{"card":${JSON.stringify(one.card)},"number":"`),
      one.number,
      Buffer.from(`","expiry_month":${one.expiryMonth},"expiry_year":${one.expiryYear}`),
      ...(one.holder === undefined ? [] : [Buffer.from(',"holder":'), quoted(one.holder)]),
      Buffer.from('}\n'),
    ]),
    Buffer.from(`${JSON.stringify({ cards: cards.length, hash_total: totalOf(cards), last })}\n`),
  ]
  const out = Buffer.allocUnsafeSlow(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) at += piece.copy(out, at)
  return out
}

/** A name, which may be a string for a moment. */
const quoted = (holder: Buffer): Buffer => Buffer.from(JSON.stringify(holder.toString()))
