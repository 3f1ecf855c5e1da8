import assert from 'node:assert/strict'
import { test } from 'node:test'
import { converge } from './converge.ts'
import { convergeBugs } from './converge-bugs.ts'
import { kindsMet } from './converge-history.ts'
import { historiesPerBug } from './converge-run.ts'

test('whatever the order, repetition and splitting of the news, an instrument ends the same, and its notices say so', async () => {
  const { histories, diverged } = await converge({ from: 1, histories: 60, shuffles: 3, most: 1 })
  assert.deepEqual(diverged, [])
  assert.equal(histories, 60)
})

// Histories that ended otherwise once: the version of a card was the highest that was ever advised, not that of the latest advice.
for (const seed of [89, 323])
  test(`history ${seed} ends the same`, async () => {
    assert.deepEqual((await converge({ from: seed, histories: 1, shuffles: 4 })).diverged, [])
  })

test('every kind of news is told of bindings in every phase, and every kind of an instrument itself', async () => {
  assert.deepEqual(await kindsMet(300), [])
})

for (const bug of convergeBugs)
  test(`histories show it: ${bug.what}`, async () => {
    const { diverged } = await converge({ from: 1, histories: historiesPerBug, shuffles: 3, bug, most: 1 })
    assert.equal(diverged.length, 1, bug.name)
  })
