import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sandboxNetwork } from '../sandbox-network.ts'
import { keysOfUpdaters } from './updater.ts'
import { readUpdaterFile } from './updater-file.ts'

function fileOf(t: TestContext, text: string, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), 'updater-keys-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'keys.json')
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}
const [[, keys] = assert.fail()] = sandboxNetwork(Buffer.alloc(32, 1)).vault

test('keys are read by name, and open as keys', t => {
  const read = readUpdaterFile(fileOf(t, JSON.stringify({ visa: keys })))
  assert.deepEqual(read, [['visa', keys]])
  assert.deepEqual([...keysOfUpdaters(read).keys()], ['visa'])
})

test('every mistake is told, and nothing of what the file holds', t => {
  const bad = (text: string, mode?: number): string => {
    try {
      readUpdaterFile(fileOf(t, text, mode))
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
    return assert.fail(text)
  }
  assert.match(bad(JSON.stringify({ visa: keys }), 0o644), /can be read by others/)
  assert.match(bad('{'), /UPDATER_KEYS_FILE .* cannot be used/)
  assert.match(bad('{}'), /one updater at least/)
  assert.match(bad(JSON.stringify({ Visa: keys })), /lower-case/)
  const short = bad(JSON.stringify({ visa: { ...keys, own: 'c2VjcmV0' } }))
  assert.match(short, /visa.own must be 32 bytes in base64url/)
  assert.ok(!short.includes('c2VjcmV0'))
  assert.throws(() => readUpdaterFile('/nowhere/keys.json'), /not there/)
})
