import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDisk } from '../world/disk.ts'
import { defaultLimits } from './limits.ts'
import { refuseShed, shed } from './shed.ts'

const limits = { ...defaultLimits, runningMax: 100 }

test('writes stop at 15 % free, reads go on', () => {
  const at = (method: string, freePct: number | undefined) => shed(method, { running: 0, freePct }, limits)
  assert.deepEqual([at('POST', 15), at('POST', 14.9), at('GET', 1), at('POST', undefined)], [undefined, 'disk', undefined, undefined])
  assert.throws(() => refuseShed('POST', { running: 0, freePct: 3 }, limits), { code: 'unavailable', retryAfterSeconds: 60 })
})

test('under load reads go before writes', () => {
  const at = (method: string, running: number) => shed(method, { running, freePct: undefined }, limits)
  assert.deepEqual([at('GET', 80), at('GET', 81), at('POST', 100), at('POST', 101)], [undefined, 'load', undefined, 'load'])
})

test('a disk is looked at once a second, and one that cannot be is not full', () => {
  let now = 0
  let looks = 0
  const disk = createDisk('/nowhere', () => now, (() => {
    looks += 1
    return { bavail: 12, blocks: 100 }
  }) as never)
  assert.deepEqual([disk.freePct(), disk.freePct(), looks], [12, 12, 1])
  now = 1_000
  assert.deepEqual([disk.freePct(), looks], [12, 2])
  assert.equal(createDisk('/no/such/folder', () => now).freePct(), undefined)
})
