import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHealth } from './health.ts'
import { mayRetry } from './retryBudget.ts'

test('a tenth of what is sent may be repetitions, and a few always', () => {
  assert.deepEqual([mayRetry({ first: 0, again: 29 }), mayRetry({ first: 0, again: 30 })], [true, false])
  assert.deepEqual([mayRetry({ first: 1_000, again: 99 }), mayRetry({ first: 1_000, again: 100 })], [true, false])
})

test('what was sent is counted for a minute, each channel by itself', () => {
  const health = createHealth()
  for (let i = 0; i < 40; i += 1) health.sent('stripe', i % 4 === 0, 1_000_000 + i * 1_000)
  assert.deepEqual(health.lately('stripe', 1_040_000), { first: 30, again: 10 })
  assert.deepEqual(health.lately('adyen', 1_040_000), { first: 0, again: 0 })
  assert.deepEqual(health.lately('stripe', 1_200_000), { first: 0, again: 0 })
})
