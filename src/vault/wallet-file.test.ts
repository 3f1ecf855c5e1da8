import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createFakeWallet } from './device-token/mint.ts'
import { readWalletFile } from './wallet-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'wallet-keys-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let written = 0
function fileOf(content: unknown, mode = 0o600): string {
  written += 1
  const path = join(folder, `${written}.json`)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  chmodSync(path, mode)
  return path
}
let drawn = 0
function draw(count: number): Buffer {
  drawn += 1
  return createHash('shake256', { outputLength: count }).update(`wallet ${drawn}`).digest()
}
const { settings } = createFakeWallet({ nowMs: Date.UTC(2026, 0, 1), random: draw })
const mistakesIn = (content: unknown, mode?: number): string => {
  try {
    readWalletFile(fileOf(content, mode))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return assert.fail('no mistake was found')
}

test('keys of both wallets are read from one file, or of one alone', () => {
  const both = readWalletFile(fileOf(settings))
  assert.deepEqual([both.apple?.merchants.length, both.google?.privateKeys.length], [1, 1])
  const { google } = settings
  assert.equal(readWalletFile(fileOf({ google })).apple, undefined)
})

test('all mistakes in a file of keys are told at once, each with its place, and nothing of what it holds', () => {
  const { apple, google } = settings
  assert.ok(apple !== undefined && google !== undefined)
  const [merchant] = apple.merchants
  const told = mistakesIn({
    apple: { roots: ['no certificate'], merchants: [{ ...merchant, privateKey: google.privateKeys[0] }] },
    google: { ...google, roots: [{ keyValue: 'AAAA', protocolVersion: 'ECv2' }], privateKeys: ['secret stuff'] },
  })
  for (const place of ['apple.roots.0', 'apple.merchants.0', 'google.roots.0', 'google.privateKeys.0'])
    assert.match(told, new RegExp(place))
  assert.doesNotMatch(told, /secret stuff|BEGIN/)
  const shape = mistakesIn({ apple: { roots: [], merchants: 'none' }, google: { recipientId: 'me' }, samsung: {} })
  for (const place of ['apple.roots', 'apple.merchants', 'google.roots', 'google.recipientId', 'samsung'])
    assert.match(shape, new RegExp(place))
})

test('a file that is not there, is no JSON, is empty or can be read by others is refused in words', () => {
  assert.match(mistakesIn('{"apple": secret stuff'), /is not JSON/)
  assert.doesNotMatch(mistakesIn('{"apple": secret stuff'), /secret stuff/)
  assert.match(mistakesIn({}), /must have apple or google/)
  assert.match(mistakesIn(settings, 0o644), /chmod 600/)
  assert.throws(() => readWalletFile(join(folder, 'nowhere.json')), /is not there/)
})
