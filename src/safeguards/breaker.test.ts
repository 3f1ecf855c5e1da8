import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asked, type Breaker, breakerLimits, closed, isOpen, noted } from './breaker.ts'
import { createBulkhead } from './bulkhead.ts'
import { createHealth } from './health.ts'

const start = 1_800_000_000_000
/** So many calls a tenth of a second apart, of which every `nth` is missed. */
function seen(calls: number, nth: number, fromMs = start): Breaker {
  let breaker = closed
  for (let i = 0; i < calls; i += 1) breaker = noted(breaker, (i + 1) % nth !== 0, fromMs + i * 100)
  return breaker
}

test('half of twenty calls in ten seconds open it; fewer calls, a smaller share or slower ones do not', () => {
  assert.equal(isOpen(seen(20, 2), start + 2_000), true)
  assert.equal(isOpen(seen(19, 1), start + 2_000), false)
  assert.equal(isOpen(seen(100, 3), start + 10_000), false)
  let slow = closed
  for (let i = 0; i < 60; i += 1) slow = noted(slow, false, start + i * 600)
  assert.equal(isOpen(slow, start + 36_000), false)
})

test('after its pause three calls see: answered they close it, one missed opens it anew', () => {
  const at = start + 2_000
  const opened = seen(20, 2)
  const later = start + 1_900 + breakerLimits.pauseMs
  assert.deepEqual([isOpen(opened, later - 1), isOpen(opened, later)], [true, false])
  let probing = opened
  for (let i = 0; i < breakerLimits.probes; i += 1) {
    assert.equal(isOpen(probing, later), false)
    probing = asked(probing, later)
  }
  assert.equal(isOpen(probing, later), true, 'three are out')
  const missed = noted(noted(probing, true, later + 1), false, later + 2)
  assert.deepEqual([isOpen(missed, later + 3), isOpen(missed, later + 2 + breakerLimits.pauseMs)], [true, false])
  const well = [1, 2, 3].reduce(one => noted(one, true, later + 1), probing)
  assert.deepEqual(well, closed)
  assert.equal(isOpen(probing, later + breakerLimits.pauseMs), false, 'probes that never came back')
  assert.equal(noted(opened, true, at), opened, 'an answer to a call that left before')
})

test('a clock that is set back or forward holds nobody up for longer than the pause', () => {
  const opened = seen(20, 2)
  assert.equal(isOpen(opened, start - 3_600_000), false)
  assert.equal(isOpen(opened, start + 3_600_000), false)
})

test('a channel has so much room, a tenant half of it, and what is over leaves once', () => {
  const bulkhead = createBulkhead({ channel: 4, tenant: 2 })
  const leave = [bulkhead.enter('slow', 'one'), bulkhead.enter('slow', 'one')]
  assert.deepEqual([bulkhead.isFull('slow', 'one'), bulkhead.enter('slow', 'one')], [true, undefined])
  assert.ok(bulkhead.enter('slow', 'two') !== undefined && bulkhead.enter('slow', 'two') !== undefined)
  assert.deepEqual([bulkhead.isFull('slow', 'three'), bulkhead.isFull('other', 'one')], [true, false])
  leave[0]?.()
  leave[0]?.()
  assert.deepEqual(
    [bulkhead.isFull('slow', 'three'), bulkhead.enter('slow', 'one') === undefined, bulkhead.isFull('slow', 'three')],
    [false, false, true],
  )
})

test('where a breaker is open or a bulkhead full it is said why', () => {
  const health = createHealth()
  for (let i = 0; i < 20; i += 1) health.note('down', false, start)
  assert.match(String(health.closedTo('down', 'one', start)), /left alone/)
  assert.match(String(health.enter('down', 'one', start)), /left alone/)
  assert.equal(health.isWell('down', start), false)
  for (let i = 0; i < 500; i += 1) assert.equal(typeof health.enter('slow', 'one', start), 'function')
  assert.match(String(health.enter('slow', 'one', start)), /under way/)
  assert.equal(typeof health.enter('slow', 'two', start), 'function')
})
