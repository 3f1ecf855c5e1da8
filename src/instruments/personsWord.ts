/**
 * What a person says, with evidence, of an operation that nobody else could answer: a fact like others, at that operation's place. A channel's
 * word about how a binding came about prevails over it, whichever of the two was told first.
 */
import type { Fact } from './binding.ts'

/** Where its source cannot be ordered otherwise it stands behind channels (1, 2) and ourselves (3). */
export const personsRank = 4

type Overruled = { readonly fact: Fact; readonly reason: string }

export function overruled(facts: readonly Fact[]): readonly Overruled[] {
  const came = facts.filter(one => one.on === 'bound' || one.on === 'refused')
  if (!came.some(one => one.order.rank < 3)) return []
  return came.filter(one => one.order.rank === personsRank).map(fact => ({ fact, reason: 'the channel has said itself how it came out' }))
}
