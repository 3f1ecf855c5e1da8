import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchScale, scaleKinds } from './scale.ts'

test('each kind of work is measured on a small and on a larger database', { timeout: 120_000 }, async () => {
  const line = await benchScale({ few: 100, many: 1_000, rounds: 1, count: 10, say: () => undefined })
  for (const kind of scaleKinds) {
    assert.ok(line.growth[kind] > 0, kind)
    assert.ok(line.ms[kind].every(one => one > 0))
  }
  assert.ok(line.database_mb > 5)
})
