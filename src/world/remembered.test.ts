import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemembered } from './remembered.ts'

test('the newest sixty-four texts are remembered, and no more', () => {
  const remembered = createRemembered()
  for (let i = 0; i < 65; i += 1) remembered.set(`text ${i}`, String(i))
  assert.equal(remembered.get('text 0'), undefined)
  assert.equal(remembered.get('text 1'), '1')
  assert.equal(remembered.get('text 64'), '64')
})
