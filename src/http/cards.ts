/**
 * No card number outside the vault. Every string a request could leave behind (path, query, headers, body) is looked at; one that holds
 * a card number refuses the request, naming the field and showing nothing of it.
 */

import { findCardNumbers } from '../core/pan.ts'
import { fieldProblem, type Problem } from '../core/problem.ts'
import type { Json } from './json.ts'
import { pointerOf } from './pointer.ts'

const detail = 'This holds what looks like a card number. Card numbers go to the vault only; send the reference it gave instead.'
const refused = (pointer: string): Problem => fieldProblem(pointer, detail, 'card_number_refused')

/** Throws for the first string, or name, of the body that holds a card number. */
export function refuseCardsInBody(value: Json, path: readonly (string | number)[] = []): void {
  if (typeof value === 'string') {
    if (findCardNumbers(value)) throw refused(pointerOf(path))
  } else if (typeof value === 'number') {
    if (value >= 1e11 && findCardNumbers(String(value))) throw refused(pointerOf(path))
  } else if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) refuseCardsInBody(one, [...path, index])
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, one] of Object.entries(value)) {
      const here = [...path, name]
      if (findCardNumbers(name)) throw refused(pointerOf(here))
      refuseCardsInBody(one, here)
    }
  }
}

/** Twelve digits with anything but letters between: the cheapest sign that the finder must look. */
export const manyDigits = /\d(?:[^A-Za-z\d]{0,3}\d){11}/

/** Throws if the path or query, decoded or not, holds a card number. `url`: as it came, `/v1/instruments?limit=1`. */
export function refuseCardsInUrl(url: string, params: Readonly<Record<string, string>>, query: Readonly<Record<string, string>>): void {
  if (!url.includes('%') && !manyDigits.test(url)) return
  for (const [name, value] of Object.entries(params)) if (findCardNumbers(value)) throw refused(`path/${name}`)
  for (const [name, value] of Object.entries(query))
    if (findCardNumbers(value) || findCardNumbers(name)) throw refused(pointerOf([name], 'query/'))
  const path = url.split('?')[0] ?? ''
  if (findCardNumbers(path)) throw refused('path')
}

/**
 * Headers whose long decimal numbers are trace ids or tokens: one in a hundred of them passes for a card number, and none of them is
 * kept, logged or echoed.
 */
const unread =
  /^(?:authorization|cookie|traceparent|tracestate|baggage|sentry-trace|x-request-id|x-correlation-id|x-(?:b3|datadog|amzn|cloud)-.*|cf-.*)$/

export function refuseCardsInHeaders(headers: Readonly<Record<string, string | readonly string[] | undefined>>): void {
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || value.length < 12) continue
    const text = typeof value === 'string' ? value : value.join(' ')
    if (manyDigits.test(text) && !unread.test(name) && findCardNumbers(text)) throw refused(pointerOf([name], 'header/'))
  }
}
