import { fieldProblem, Problem } from '../core/problem.ts'
import { prototypeNames } from './blame.ts'
import { badText } from './json.ts'
import { pointerOf } from './pointer.ts'

const parametersMax = 50
const none: Readonly<Record<string, string>> = Object.freeze({})

/** The query of a URL. A name that stands twice is refused: two readers may each believe another one. */
export function parseQuery(url: string): Readonly<Record<string, string>> {
  const mark = url.indexOf('?')
  if (mark < 0 || mark === url.length - 1) return none
  const parts = url.slice(mark + 1).split('&', parametersMax + 1)
  if (parts.length > parametersMax) throw new Problem('invalid_request', `The query has more than ${parametersMax} parameters.`)
  const query: Record<string, string> = {}
  for (const part of parts) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decoded(equals < 0 ? part : part.slice(0, equals))
    const pointer = pointerOf([name], 'query/')
    if (prototypeNames.has(name)) throw fieldProblem(pointer, 'This name is not allowed.')
    if (Object.hasOwn(query, name)) throw fieldProblem(pointer, 'This parameter stands twice.')
    const value = equals < 0 ? '' : decoded(part.slice(equals + 1), pointer)
    const bad = badText(name) ?? badText(value)
    if (bad !== undefined) throw fieldProblem(pointer, bad)
    query[name] = value
  }
  return query
}

function decoded(part: string, pointer = 'query'): string {
  if (!part.includes('%') && !part.includes('+')) return part
  try {
    return decodeURIComponent(part.replaceAll('+', ' '))
  } catch {
    throw fieldProblem(pointer, 'The percent-encoding is not UTF-8.')
  }
}
