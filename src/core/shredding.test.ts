import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readShreddings, shreddingLine } from './shredding.ts'

const one = { tenant: 'ten_1', owner: 'ins_1', at: Date.UTC(2026, 10, 22) }
const other = { tenant: 'a tenant', owner: 'odd % name\n', at: Date.UTC(2026, 10, 23) }

test('what was written is read, whatever the names', () => {
  assert.deepEqual(readShreddings(shreddingLine(one) + shreddingLine(other)), { shreddings: [one, other], bad: [] })
  assert.deepEqual(readShreddings(''), { shreddings: [], bad: [] })
})

test('a line that a crash cut off, at any place, is told as torn and takes nothing from the next', () => {
  const whole = shreddingLine(one)
  for (let length = 2; length < whole.length - 1; length += 1) {
    const read = readShreddings(whole.slice(0, length) + shreddingLine(other))
    assert.deepEqual(read, { shreddings: [other], bad: [{ line: 2, kind: 'torn' }] }, String(length))
  }
})

test('a line in which one character changed is told as damaged', () => {
  const line = shreddingLine(one)
  const read = readShreddings(line.replace('ins_1', 'ins_2') + shreddingLine(other))
  assert.deepEqual(read, { shreddings: [other], bad: [{ line: 2, kind: 'damaged' }] })
})
