import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kill } from './kill.ts'

test('kill -9 in the middle of binding loses nothing and doubles nothing', { timeout: 200_000 }, async t => {
  const { violations, ...rest } = await kill({ cycles: 3, seed: 'test', hurry: true, say: text => t.diagnostic(text) })
  t.diagnostic(JSON.stringify(rest))
  assert.deepEqual(violations, [])
  assert.ok((rest.counts.active ?? 0) > 5, 'cards were bound')
})
