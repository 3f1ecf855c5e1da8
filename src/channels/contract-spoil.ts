/** True words with one of them spoiled: every one, at any depth, always in the same order. For tests of what adapters make of odd input. */
import { isRecord } from './json.ts'

const nonsense: readonly unknown[] = [null, 0, -1, 1e300, true, '', 'x', 'constructor', '__proto__', [], [null], {}, { id: null }]
const gone = Symbol('gone')

/** The same value with one of its words, at any depth, replaced by nonsense or left out. */
export function* spoiled(value: unknown): Generator<unknown> {
  if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) for (const other of [gone, ...spoiledWord(one)]) yield without(value.with(index, other))
  } else if (isRecord(value)) {
    for (const [name, one] of Object.entries(value))
      for (const other of [gone, ...spoiledWord(one)])
        yield Object.fromEntries(Object.entries({ ...value, [name]: other }).filter(([, kept]) => kept !== gone))
  }
}
function* spoiledWord(value: unknown): Generator<unknown> {
  yield* nonsense
  yield* spoiled(value)
}
const without = (list: readonly unknown[]): readonly unknown[] => list.filter(one => one !== gone)

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The same with a null in one place, and the same with nothing there. */
export function* absences(value: unknown): Generator<{ readonly nulled: unknown; readonly removed: unknown }> {
  if (Array.isArray(value)) {
    for (const [index, one] of value.entries())
      for (const { nulled, removed } of absences(one)) yield { nulled: value.with(index, nulled), removed: value.with(index, removed) }
  } else if (isRecord(value)) {
    for (const [name, one] of Object.entries(value)) {
      const { [name]: _absent, ...removed } = value
      yield { nulled: { ...value, [name]: null }, removed }
      for (const inside of absences(one))
        yield { nulled: { ...value, [name]: inside.nulled }, removed: { ...value, [name]: inside.removed } }
    }
  }
}
