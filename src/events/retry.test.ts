import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jitter, readRetryAfter, triesMax, waitAfter, waitsMs } from './retry.ts'

test('there are ten tries over about three days, each wait at least as long as the one before', () => {
  assert.equal(triesMax, 10)
  const hours = waitsMs.reduce((sum, wait) => sum + wait, 0) / 3_600_000
  assert.ok(hours > 72 && hours < 80, `${hours} hours`)
  for (const [index, wait] of waitsMs.entries()) assert.ok(wait >= (waitsMs[index - 1] ?? 0))
})

test('chance stretches a wait within the jitter, and after the last try there is none', () => {
  for (let tries = 1; tries < triesMax; tries += 1) {
    const plain = waitsMs[tries] ?? 0
    assert.equal(waitAfter(tries, 0, undefined), Math.round(plain * (1 - jitter)))
    assert.equal(waitAfter(tries, 0.5, undefined), plain)
    assert.ok((waitAfter(tries, 0.999, undefined) ?? 0) <= plain * (1 + jitter))
  }
  assert.equal(waitAfter(triesMax, 0.5, undefined), undefined)
  assert.equal(waitAfter(triesMax, 0.5, 1_000), undefined)
})

test('Retry-After is read as seconds or a date, and nonsense is nothing', () => {
  const now = Date.UTC(2026, 10, 22, 12)
  assert.equal(readRetryAfter('120', now), 120_000)
  assert.equal(readRetryAfter('Sun, 22 Nov 2026 12:01:00 GMT', now), 60_000)
  for (const bad of [
    undefined,
    '',
    '-1',
    '1.5',
    '1e9',
    'NaN',
    '99999999999',
    'Sun, 22 Nov 2026 11:00:00 GMT',
    'tomorrow',
    '2026-11-23',
    'Sun, 99 Foo 2026 12:00:00 GMT',
  ])
    assert.equal(readRetryAfter(bad, now), undefined, String(bad))
})
