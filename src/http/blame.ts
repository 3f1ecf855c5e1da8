/** The slow paths of json.ts: the body is known to be wrong; these say where, in a pointer that shows nothing but names. */
import { fieldProblem, Problem } from '../core/problem.ts'
import { pointerOf } from './pointer.ts'

export const prototypeNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** Which name stands twice in one object, or reaches for a prototype. */
export function blameName(text: string): Problem {
  for (const { kind, path, known } of tokens(text)) {
    const name = String(path.at(-1))
    if (kind !== 'name') continue
    if (prototypeNames.has(name)) return fieldProblem(pointerOf(path), 'This name is not allowed.', 'malformed_body')
    if (known.has(name)) return fieldProblem(pointerOf(path), 'This name stands twice in one object.', 'malformed_body')
    known.add(name)
  }
  return new Problem('malformed_body', 'A name stands twice in one object.')
}

/** Which number would change its value on the way in, or is written in an odd way. */
export function blameNumber(text: string): Problem {
  const detail = 'Write a number in plain digits, at most 15 characters and not -0; larger ones go into a string.'
  for (const { kind, path, what } of tokens(text))
    if (kind === 'number' && isOdd(what)) return fieldProblem(pointerOf(path), detail, 'malformed_body')
  return new Problem('malformed_body', detail)
}
const isOdd = (number: string): boolean => /[eE]/.test(number) || number.length > 15 || (number.startsWith('-') && Number(number) === 0)

type Token = {
  readonly kind: 'name' | 'number'
  readonly path: readonly (string | number)[]
  readonly what: string
  readonly known: Set<string>
}
type Frame = { readonly known: Set<string>; readonly list: boolean; step: string | number }

/** Every name and every number of text that is known to be JSON, in order, each with its path. */
function* tokens(text: string): Generator<Token> {
  const frames: Frame[] = []
  let last = ''
  for (const [what] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|-?[0-9][0-9eE+.-]*/g)) {
    const frame = frames.at(-1)
    if (what === '{' || what === '[') frames.push({ known: new Set(), list: what === '[', step: what === '[' ? 0 : '' })
    else if (what === '}' || what === ']') frames.pop()
    else if (frame !== undefined && what === ',' && typeof frame.step === 'number') frame.step += 1
    else if (frame !== undefined && what === ':') {
      frame.step = String(JSON.parse(last))
      yield { kind: 'name', path: frames.map(one => one.step), what: last, known: frame.known }
    } else if (what.startsWith('-') || /^[0-9]/.test(what))
      yield { kind: 'number', path: frames.map(one => one.step), what, known: frame?.known ?? new Set() }
    last = what
  }
}
