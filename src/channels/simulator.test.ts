import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyStore, maskCards } from './simulator.ts'

test('a recording keeps the last four of a card number, however it is written, and no security code', () => {
  for (const number of [
    '4242424242424242',
    '4242 4242 4242 4242',
    '4242-4242-4242-4242',
    '4242%204242%204242%204242',
    '4242+4242+4242+4242',
  ]) {
    assert.equal(maskCards(`card[number]=${number}&card[cvc]=123&x=1`), 'card[number]=************4242&card[cvc]=***&x=1')
    assert.equal(maskCards(`{"number":"${number}","cvc":"123","x":1}`), '{"number":"************4242","cvc":"***","x":1}')
  }
  assert.equal(maskCards('card%5Bcvc%5D=1234&exp=2030'), 'card%5Bcvc%5D=***&exp=2030')
  assert.equal(maskCards('{"securityCode": 737, "number": 378282246310005}'), '{"securityCode": ***, "number": ************0005}')
})

test('a key is remembered for its window and not a millisecond longer', () => {
  const keys = createKeyStore(1_000)
  const answer = { status: 200, headers: {}, body: 'a' }
  assert.equal(keys.recall('k', 'one', 0).kind, 'fresh')
  keys.remember('k', 'one', answer, 0)
  assert.deepEqual(keys.recall('k', 'one', 999), { kind: 'same', answer, atMs: 0 })
  assert.equal(keys.recall('k', 'two', 999).kind, 'other')
  assert.equal(keys.recall('k', 'one', 1_000).kind, 'fresh')
})
