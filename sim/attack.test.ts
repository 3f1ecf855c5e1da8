import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runAttack } from './attack-run.ts'
import { attacks } from './attacks.ts'
import { auc, distinguishable } from './classifier.ts'

// The others, and many more people, are for `npm run attack`: these three take seconds.
for (const name of ['single_ip', 'otp_guessing', 'oracle_distinguisher'])
  test(`${name} is stopped by its layer, and succeeds without it`, async () => {
    const attack = attacks.find(one => one.name === name)
    assert.ok(attack !== undefined)
    const line = await runAttack(attack, { seed: 1, size: 'short', people: 150 })
    assert.deepEqual(line.passed_limits, [], JSON.stringify(line))
    assert.ok(line.people >= 150 && line.tried > 1_000)
  })

test('a classifier tells what can be told, and guesses where nothing can', () => {
  assert.equal(auc([1, 2, 3, 4].map(score => ({ label: score > 2, score }))), 1)
  assert.equal(auc([1, 1, 1, 1].map((score, i) => ({ label: i > 1, score }))), 0.5)
  const sample = (label: boolean, text: string, ms: number) => ({ label, text, ms })
  const same = Array.from({ length: 400 }, (_, i) => sample(i % 4 < 2, 'no', 100 + (i % 97)))
  assert.ok(distinguishable(same) < 0.6)
  assert.ok(distinguishable(same.map(one => ({ ...one, text: one.label ? 'no.' : 'no' }))) > 0.99)
  assert.ok(distinguishable(same.map(one => ({ ...one, ms: one.ms + (one.label ? 0 : 200) }))) > 0.99)
})
