import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proveRotation } from './rotate.ts'

test('keys are replaced under load, and no read fails', async () => {
  const report = await proveRotation(1_500)
  assert.ok(report.reads > 100)
  assert.deepEqual([report.failed_reads, report.left_under_old_keys, report.old_versions_left], [0, 0, 0], JSON.stringify(report))
})
