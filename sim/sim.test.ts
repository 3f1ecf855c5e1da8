import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bugs } from './bugs.ts'
import { runSeed } from './seed.ts'

test('whatever fails and in whatever order, no invariant breaks', async () => {
  for (const seed of [1, 2]) {
    const run = await runSeed(seed, 1010)
    assert.deepEqual(run.violations, [], `seed ${seed}`)
    assert.ok(run.commands >= 1000, `${run.commands} commands`)
  }
})

test('a seed replays exactly', async () => {
  const [one, other] = [await runSeed(7, 200), await runSeed(7, 200)]
  assert.equal(one.digest, other.digest)
  assert.notEqual(one.digest, (await runSeed(8, 200)).digest)
})

/** Seeds in which each bug is given a chance to show. */
const seedsMax = 10

for (const bug of bugs)
  test(`the simulation catches: ${bug.what}`, async () => {
    for (let seed = 1; seed <= seedsMax; seed += 1) if ((await runSeed(seed, 200, bug)).violations.length > 0) return
    assert.fail(`${bug.name} went unnoticed in ${seedsMax} seeds`)
  })
