import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '../core/id.ts'
import { createLog, withheld } from './log.ts'

function line(facts: Parameters<ReturnType<typeof createLog>['info']>[1], what = 'request'): Record<string, unknown> {
  const lines: string[] = []
  createLog('info', { write: text => lines.push(text) }).info(what, facts)
  return JSON.parse(lines.join(''))
}

test('whatever could be a card number is withheld, in any spelling', () => {
  const spellings = [
    '4111111111111111',
    '4111 1111 1111 1111',
    '4111-1111-1111-1111',
    '4111\u00a01111\u00a01111\u00a01111',
    'x4111111111111111y',
    '４１１１１１１１１１１１１１１１',
    '4.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1',
  ]
  for (const text of spellings) assert.equal(line({ text }).text, withheld, text)
  assert.equal(line({ number: 4111111111111111 }).number, withheld)
  assert.equal(line({}, 'pay 4111111111111111').msg, withheld)
})

test('ids, times and short numbers are told', () => {
  const id = newId('req', Date.UTC(2026, 10, 22), Buffer.alloc(16, 1))
  const facts = { id, digits: `req_${'1'.repeat(26)}`, at: 1795347296000, ms: 12, name: 'makeThing', yes: true, none: null }
  const { level, time, msg, ...told } = line(facts)
  assert.deepEqual(told, facts)
  assert.deepEqual([level, msg], ['info', 'request'])
  assert.match(String(time), /^\d{4}-.*Z$/)
})

test('a line cannot be forged by what stands in it', () => {
  assert.equal(line({ text: 'a\n{"level":"error"}\u001b[31m' }).text, 'a\n{"level":"error"}\u001b[31m')
})
