/** What a history of `sim converge` is drawn with: one seed gives one history, and one seed and number give one shuffle of it. */
import { createChance } from './scheduler.ts'

export type Dice = {
  /** 0 ≤ x < 1. */
  chance(): number
  /** A whole number from 0 to below `bound`. */
  pick(bound: number): number
  one<T>(of: readonly T[]): T
  shuffle<T>(of: readonly T[]): T[]
  random(count: number): Buffer
}

export function createDice(seed: number, number = 0): Dice {
  const chance = createChance(seed * 1_000 + number)
  const pick = (bound: number): number => Math.floor(chance() * bound)
  return {
    chance,
    pick,
    one: of => {
      const found = of[pick(of.length)]
      if (found === undefined) throw new TypeError('nothing to choose from')
      return found
    },
    // Every one gets a place by chance (Fisher and Yates would do the same; this reads shorter).
    shuffle: of =>
      of
        .map(value => ({ value, at: chance() }))
        .sort((a, b) => a.at - b.at)
        .map(({ value }) => value),
    random: count => Buffer.from(Array.from({ length: count }, () => pick(256))),
  }
}
