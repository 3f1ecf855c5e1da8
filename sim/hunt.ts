/** For tests: every bug is switched on in one small run after the other until the invariants notice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bugs } from './bugs.ts'
import { runSeed } from './seed.ts'

/** Seeds in which each bug is given a chance to show. */
const seedsMax = 30

/** One part of so many: two files hunt on two cores. */
export function hunt(part: number, parts: number): void {
  for (const bug of bugs.filter((_, at) => at % parts === part))
    test(`the simulation catches: ${bug.what}`, async () => {
      for (let seed = 1; seed <= seedsMax; seed += 1) if ((await runSeed(seed, 200, bug)).violations.length > 0) return
      assert.fail(`${bug.name} went unnoticed in ${seedsMax} seeds`)
    })
}
