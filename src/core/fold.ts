/**
 * Facts in, status by fold. The result depends on the *set* of facts only: each fact carries its own place in a total order, made of what
 * the fact says and never of when it arrived, so duplicates, delays and reordering cannot change where a fold ends.
 */
import { type Lifecycle, next } from './lifecycle.ts'

/** Where a fact stands among its kind; compared from the first field to the last. */
export type Order = {
  /** The place of the operation it answers; news that answers none stands at a fixed place between binding and revoking. */
  readonly place: number
  /** Within one operation: asked (0), under way (1), given up by us (2), definite (3). */
  readonly stage: number
  /** How much its source is worth where sources cannot be ordered otherwise: the later one prevails. */
  readonly rank: number
  /** The source's own sequence or object version; 0 where it has none. */
  readonly sequence: number
  /** The source's own clock in milliseconds; compared only within one rank, which is one source; 0 where it has none. */
  readonly at: number
  /** Where nothing else orders two facts the safer one comes last and so prevails. */
  readonly safety: number
  readonly id: string
}

export type Foldable<On extends string> = { readonly on: On; readonly order: Order }

export function compareOrder(a: Order, b: Order): number {
  return (
    a.place - b.place ||
    a.stage - b.stage ||
    a.rank - b.rank ||
    a.sequence - b.sequence ||
    a.at - b.at ||
    a.safety - b.safety ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  )
}

export type Folded<State extends string, F> = {
  readonly status: State
  /** Facts that had an edge, in fold order. */
  readonly applied: readonly F[]
  /** The state after each of them. */
  readonly states: readonly State[]
  /** Facts that were illegal where they stand; kept, and told why. */
  readonly ignored: readonly { readonly fact: F; readonly reason: string }[]
}

/** Folds from `start` (or the lifecycle's initial state). Facts with the same id count once. */
export function fold<State extends string, On extends string, F extends Foldable<On>>(
  of: Lifecycle<State, On>,
  facts: readonly F[],
  start: State = of.initial,
): Folded<State, F> {
  const sorted = [...facts].sort((a, b) => compareOrder(a.order, b.order))
  const applied: F[] = []
  const states: State[] = []
  const ignored: { fact: F; reason: string }[] = []
  let status = start
  let before: string | undefined
  for (const fact of sorted) {
    if (fact.order.id === before) continue
    before = fact.order.id
    const to = next(of, status, fact.on)
    if (to === undefined) ignored.push({ fact, reason: `${of.name} was ${status}, where ${fact.on} has no meaning` })
    else {
      status = to
      applied.push(fact)
      states.push(to)
    }
  }
  return { status, applied, states, ignored }
}
