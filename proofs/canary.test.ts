import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { passesLuhn } from '../src/core/pan.ts'
import { release } from './canary.ts'
import { canary, encodings, needles, scanFolder, scanText } from './canary-scan.ts'
import { ways } from './canary-sends.ts'
import { prepareGround, undoAll } from './ground.ts'

test('the search finds a number in each encoding, wherever it stands', t => {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-canary-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  assert.deepEqual(Object.keys(needles), Object.keys(encodings))
  for (const [encoding, encode] of Object.entries(encodings))
    for (const before of [0, 1, 2, 3, 4 * 1024 * 1024 - 20]) {
      writeFileSync(join(folder, 'file'), Buffer.concat([Buffer.alloc(before, 120), encode(canary(7)), Buffer.from('"}')]))
      const { hits } = scanFolder(folder)
      assert.ok(
        hits.some(one => one.encoding === encoding),
        `${encoding} after ${before} bytes`,
      )
    }
  for (let shift = 0; shift < 3; shift += 1) {
    const text = Buffer.from(`${'x'.repeat(shift)}${canary(8)}, please`).toString('base64')
    assert.ok(
      scanText('', text).some(one => one.encoding === 'base64'),
      `base64 shifted by ${shift}`,
    )
  }
  assert.deepEqual(scanText('', 'bin 41111122, last four 8642 and 4242424242424242'), [])
})

test('the search finds a number that the database keeps', async () => {
  const undo: (() => unknown)[] = []
  try {
    const { auditor } = await prepareGround(undo, { durable: true })
    await auditor.plant(canary(9))
    await auditor.checkpoint()
    const { hits } = scanFolder(await auditor.dataFolder())
    assert.ok(
      hits.some(one => one.where.includes('/base/')),
      'in the table',
    )
    assert.ok(
      hits.some(one => one.where.includes('/pg_wal/')),
      'in the log of writes',
    )
  } finally {
    await undoAll(undo)
  }
})

test('card numbers, however they come, are found nowhere but in the vault’s memory', { timeout: 200_000 }, async t => {
  for (let n = 0; n < 10; n += 1) assert.ok(passesLuhn(Buffer.from(canary(n))))
  const { hits, ...rest } = await release({ cards: ways.length * 2, say: () => undefined })
  t.diagnostic(JSON.stringify(rest))
  assert.deepEqual(hits, [])
  assert.equal(rest.statuses['bound: bind 201'], 4)
  assert.ok((rest.statuses['metadata 422'] ?? 0) >= 8)
})
