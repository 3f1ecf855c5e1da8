/**
 * JSON as strangers send it, read strictly: UTF-8 without a byte order mark, no name twice in an object, no deeper than the limit, no
 * U+0000 and no lone surrogate (PostgreSQL holds neither), no name that reaches for a prototype, no number that would change its value
 * on the way in. `JSON.parse` reads; one scan over the text counts names and depth; only a suspicious text is walked string by string.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { fieldProblem, Problem } from '../core/problem.ts'
import { blameName, blameNumber } from './blame.ts'
import { manyDigits } from './cards.ts'
import { pointerOf } from './pointer.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** `digits`: somewhere there are enough digits for a card number, written in any way: have every string looked at. */
export type ReadJson = { readonly value: Json; readonly digits: boolean }

export function parseJson(bytes: Buffer, depthMax: number): ReadJson {
  const text = textOf(bytes)
  const value = parsed(text)
  const seen = scan(text)
  if (seen.depth > depthMax) throw malformed(`The body is nested ${seen.depth} levels deep; ${depthMax} are allowed.`)
  if (seen.oddNumber) throw blameNumber(text)
  if (countNames(value) !== seen.names) throw blameName(text)
  // Without an escape no string can hold U+0000 or half a pair: the bytes are UTF-8, and JSON takes no bare control character.
  const escapes = text.includes('\\u')
  if (escapes) checkStrings(value, [])
  return { value, digits: escapes || !isAscii(bytes) || manyDigits.test(text) }
}

const malformed = (detail: string): Problem => new Problem('malformed_body', detail)

function textOf(bytes: Buffer): string {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    throw malformed('The body starts with a byte order mark; send plain UTF-8 without one.')
  if (isAscii(bytes)) return bytes.toString('latin1')
  if (!isUtf8(bytes)) throw malformed('The body is not UTF-8.')
  return bytes.toString('utf8')
}

function parsed(text: string): Json {
  try {
    const value: Json = JSON.parse(text)
    return value
  } catch (error) {
    // The parser's message quotes the body; only the position is safe to tell.
    const at = error instanceof SyntaxError ? /at position (\d+)/.exec(error.message)?.[1] : undefined
    throw malformed(at === undefined ? 'The body is not JSON, or it ends too early.' : `The body is not JSON: look at character ${at}.`)
  }
}

type Seen = { names: number; depth: number; oddNumber: boolean }

const isDigit = (code: number): boolean => code >= 48 && code <= 57

/** One pass over text that is known to be JSON. Brackets and colons inside strings do not count; strings are leapt over. */
function scan(text: string): Seen {
  const seen: Seen = { names: 0, depth: 0, oddNumber: false }
  let depth = 0
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code === 34) i = closingQuote(text, i)
    else if (code === 58) seen.names += 1
    else if (code === 123 || code === 91) {
      depth += 1
      if (depth > seen.depth) seen.depth = depth
    } else if (code === 125 || code === 93) depth -= 1
    else if (code === 45 || isDigit(code)) i = scanNumber(text, i, seen)
  }
  return seen
}

/** A quote after an odd number of backslashes is part of the string. */
function closingQuote(text: string, opening: number): number {
  let at = text.indexOf('"', opening + 1)
  while (text.charCodeAt(at - 1) === 92) {
    let from = at - 1
    while (text.charCodeAt(from - 1) === 92) from -= 1
    if ((at - from) % 2 === 0) break
    at = text.indexOf('"', at + 1)
  }
  return at < 0 ? text.length : at
}

const numberEnd = /[^0-9eE+.-]/g

/** Gives the position of the number's last character. At most 15 digits survive a double unchanged. */
function scanNumber(text: string, from: number, seen: Seen): number {
  let i = from
  let code = text.charCodeAt(i)
  const first = code
  while (isDigit(code) || code === 46 || code === 45) {
    i += 1
    code = text.charCodeAt(i)
  }
  if (code === 101 || code === 69) {
    seen.oddNumber = true
    numberEnd.lastIndex = i
    const end = numberEnd.exec(text)
    return (end === null ? text.length : end.index) - 1
  }
  if (i - from > 15) seen.oddNumber = true
  else if (first === 45 && Number(text.slice(from, i)) === 0) seen.oddNumber = true
  return i - 1
}

/**
 * Counts the names of all objects. One that reaches for a prototype does not count, so that the slow path finds and names it. What
 * JSON.parse makes inherits nothing that `for … in` would list.
 */
function countNames(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (isList(value)) {
    for (const one of value) if (typeof one === 'object') count += countNames(one)
    return count
  }
  for (const name in value) {
    if (name !== '__proto__' && name !== 'constructor' && name !== 'prototype') count += 1
    const one = value[name]
    if (typeof one === 'object') count += countNames(one)
  }
  return count
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)

/** Walks every string, names included: none may hold what PostgreSQL cannot keep. */
function checkStrings(value: Json, path: readonly (string | number)[]): void {
  if (typeof value === 'string') checkString(value, path)
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) checkStrings(one, [...path, index])
    return
  }
  for (const [name, one] of Object.entries(value)) {
    checkString(name, [...path, name])
    checkStrings(one, [...path, name])
  }
}

function checkString(value: string, path: readonly (string | number)[]): void {
  const detail = badText(value)
  if (detail === undefined) return
  throw fieldProblem(pointerOf(path), detail, 'malformed_body')
}

/** What makes a text impossible to keep, or undefined. */
export function badText(value: string): string | undefined {
  if (value.includes('\0')) return 'The text holds the character U+0000.'
  if (!value.isWellFormed()) return 'The text holds half of a surrogate pair.'
  return undefined
}
