/**
 * A source file as the house rules see it. TypeScript 7 has no compiler API, so this is a small lexer of our own: it tells code from
 * comments and strings, and finds functions by their braces once Node has taken the types away.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'

export type Found = { readonly line: number; readonly text: string }
export type FoundFunction = { readonly line: number; readonly lines: number; readonly name: string }
export type Source = {
  /** From the repository's root, with `/`. */
  readonly path: string
  readonly text: string
  /** As long as `text`, line by line: comments and the insides of strings are blank. */
  readonly code: string
  /** As long as `text`: only comments are blank. */
  readonly uncommented: string
  readonly strings: readonly Found[]
  readonly functions: readonly FoundFunction[]
}

/** What git tracks or would; where there is no git, what lies there. */
export function listFiles(): readonly string[] {
  const listed = existsSync('.git')
    ? execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' }).split('\0')
    : walk('.')
  return listed.filter(path => path !== '' && existsSync(path)).toSorted()
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    if (entry.name === 'node_modules' || entry.name === '.git') return []
    const path = folder === '.' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return walk(path)
    return entry.isFile() ? [path] : []
  })
}

export const readSource = (path: string): Source => parse(path, readFileSync(join('.', path), 'utf8'))

export function parse(path: string, text: string): Source {
  const { code, uncommented, strings } = lex(text)
  return { path, text, code, uncommented, strings, functions: functionsOf(lex(stripTypeScriptTypes(text)).code) }
}

export const lineAt = (text: string, index: number): number => {
  let line = 1
  for (let i = text.indexOf('\n'); i !== -1 && i < index; i = text.indexOf('\n', i + 1)) line += 1
  return line
}

type Lexed = { readonly code: string; readonly uncommented: string; readonly strings: readonly Found[] }
type State = { readonly text: string; at: number; code: string; uncommented: string; strings: Found[]; readonly open: number[] }

function lex(text: string): Lexed {
  const state: State = { text, at: 0, code: '', uncommented: '', strings: [], open: [] }
  while (state.at < text.length) step(state)
  return state
}

const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ')

function step(state: State): void {
  const { text, at, open } = state
  const two = text.slice(at, at + 2)
  const one = text.charAt(at)
  const depth = open.length - 1
  if (two === '//') comment(state, '\n', 0)
  else if (two === '/*') comment(state, '*/', 2)
  else if (one === "'" || one === '"') quoted(state, one)
  else if (one === '/' && regexMayStart(state.code)) regex(state)
  else if (one === '`') template(state)
  else if (one === '}' && open[depth] === 0) {
    // The brace that ends a `${…}` leads back into its template; `open` counts the braces inside each.
    open.pop()
    template(state)
  } else {
    if (depth >= 0 && one === '{') open[depth] = (open[depth] ?? 0) + 1
    if (depth >= 0 && one === '}') open[depth] = (open[depth] ?? 0) - 1
    keep(state, one)
  }
}

function keep(state: State, part: string): void {
  state.code += part
  state.uncommented += part
  state.at += part.length
}

function comment(state: State, end: string, more: number): void {
  const found = state.text.indexOf(end, state.at + 2)
  const part = blank(state.text.slice(state.at, found === -1 ? state.text.length : found + more))
  keep(state, part)
}

/** Adds a string's part: its first and last character stay in `code`. */
function string(state: State, end: number): void {
  const part = state.text.slice(state.at, end)
  state.strings.push({ line: lineAt(state.text, state.at), text: part.slice(1, -1) })
  state.code += part.charAt(0) + blank(part.slice(1, -1)) + part.slice(-1)
  state.uncommented += part
  state.at = end
}

function quoted(state: State, quote: string): void {
  let end = state.at + 1
  while (end < state.text.length && state.text.charAt(end) !== quote) end += state.text.charAt(end) === '\\' ? 2 : 1
  string(state, end + 1)
}

/** From a backtick, or from the brace that closes a `${…}`, to the next `${` or the end. */
function template(state: State): void {
  let end = state.at + 1
  while (end < state.text.length && state.text.charAt(end) !== '`' && !state.text.startsWith('${', end))
    end += state.text.charAt(end) === '\\' ? 2 : 1
  const opens = state.text.startsWith('${', end)
  if (opens) state.open.push(0)
  string(state, end + (opens ? 2 : 1))
}

function regex(state: State): void {
  let end = state.at + 1
  let inClass = false
  while (end < state.text.length && state.text.charAt(end) !== '\n') {
    const one = state.text.charAt(end)
    if (one === '[') inClass = true
    if (one === ']') inClass = false
    if (one === '/' && !inClass) break
    end += one === '\\' ? 2 : 1
  }
  const part = state.text.slice(state.at, end + 1)
  state.code += `/${blank(part.slice(1, -1))}/`
  state.uncommented += part
  state.at = end + 1
}

/** A slash after a value divides; after anything else it begins a regular expression. */
function regexMayStart(code: string): boolean {
  const before = code.slice(-200).trimEnd()
  if (/[\])}'"`]$/.test(before)) return false
  const word = /[\w$]+$/.exec(before)?.[0]
  return word === undefined || ['return', 'typeof', 'case', 'in', 'of', 'void', 'await', 'yield'].includes(word)
}

const blockWords = ['if', 'for', 'while', 'switch', 'catch', 'with', 'await']

/** In code without types every body follows `=>` or a list of parameters; of what stands before a list, only these words open a block. */
function functionsOf(code: string): FoundFunction[] {
  const functions: FoundFunction[] = []
  const open: { readonly at: number; readonly name: string | undefined }[] = []
  const parentheses: number[] = []
  let closed = -1
  for (let at = 0; at < code.length; at += 1) {
    const one = code.charAt(at)
    if (one === '(') parentheses.push(at)
    else if (one === ')') closed = parentheses.pop() ?? -1
    else if (one === '{') open.push({ at, name: nameOf(code.slice(Math.max(0, at - 200), at).trimEnd(), code, closed) })
    else if (one === '}') {
      const start = open.pop()
      if (start?.name === undefined) continue
      const line = lineAt(code, start.at)
      functions.push({ line, lines: lineAt(code, at) - line + 1, name: start.name })
    }
  }
  return functions
}

function nameOf(before: string, code: string, closed: number): string | undefined {
  if (before.endsWith('=>')) return 'an arrow function'
  if (!before.endsWith(')')) return undefined
  const word = /([\w$#]+)\s*$/.exec(code.slice(Math.max(0, closed - 100), closed))?.[1]
  return word === undefined || blockWords.includes(word) ? undefined : word
}
