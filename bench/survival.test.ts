import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchSurvival } from './survival.ts'
import { chance, createModel, days, works } from './survival-model.ts'

test('the world is drawn once: the same seed gives the same one, and who takes part at half does so at nine tenths', () => {
  const [half, most] = [0.5, 0.9].map(participation => createModel({ seed: 3, count: 500, participation }))
  assert.deepEqual(half?.subjects, most?.subjects)
  assert.ok(half?.subjects.every(one => !half.takesPart(one) || most?.takesPart(one)))
})

test('chance is even, and independent of what is asked beside it', () => {
  const draws = Array.from({ length: 20_000 }, (_, i) => chance(1, 'even', i))
  const mean = draws.reduce((sum, one) => sum + one, 0) / draws.length
  assert.ok(Math.abs(mean - 0.5) < 0.01, `${mean}`)
  const pairs = draws.filter((one, i) => one < 0.5 === (draws[i + 1] ?? 0) < 0.5).length / draws.length
  assert.ok(Math.abs(pairs - 0.5) < 0.02, `${pairs}`)
})

test('about four in ten cards are replaced in a year, as is published', () => {
  const { subjects } = createModel({ seed: 1, count: 20_000, participation: 0.7 })
  const cards = subjects.filter(one => one.kind === 'card')
  const replaced = cards.reduce((sum, one) => sum + one.versions.filter(version => version.from >= 0 && version.from < days / 2).length, 0)
  assert.ok(Math.abs(replaced / cards.length - 0.4) < 0.06, `${replaced / cards.length}`)
  assert.ok(
    cards.every(one => works(one, 0, 0) || one.frozen.some(span => span.from === 0) || one.endsAt === 0 || one.versions[0]?.until === 0),
  )
})

test('what is kept is kept in this order, and nothing is charged that must not be', { timeout: 120_000 }, async () => {
  const line = await benchSurvival({ count: 400, seed: 2, participations: [0.7], say: () => undefined })
  const [at] = line.at
  assert.ok(line.plain < line.updater && line.updater < line.bindery, JSON.stringify(line))
  assert.ok(line.bindery <= (at?.ceiling ?? 0) + 0.01, JSON.stringify(line))
  assert.equal(line.wrong, 0)
})
