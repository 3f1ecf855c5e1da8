import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Grant, grantLifeMsMax, signGrant, verifyGrant } from './grant.ts'

const key = Buffer.alloc(32, 7)
const now = 1_763_800_000_000
const grant: Grant = {
  tenant: 'ten_1',
  mode: 'test',
  captures: 3,
  expiresAt: now + 60_000,
  nonce: 'n'.repeat(22),
  origins: ['https://shop.example'],
}

test('a grant says what was signed, until it lapses', () => {
  const token = signGrant(key, now, grant)
  assert.deepEqual(verifyGrant(key, now, token), grant)
  assert.deepEqual(verifyGrant(key, now + 59_999, token), grant)
  assert.equal(verifyGrant(key, now + 60_000, token), undefined)
})

test('no changed character is accepted, and no other key', () => {
  const token = signGrant(key, now, grant)
  for (let i = 0; i < token.length; i += 1) {
    const other = token[i] === 'A' ? 'B' : 'A'
    assert.equal(verifyGrant(key, now, token.slice(0, i) + other + token.slice(i + 1)), undefined, `at ${i}`)
  }
  assert.equal(verifyGrant(Buffer.alloc(32, 8), now, token), undefined)
  for (const junk of ['', 'cgr_', 'cgr_.', token.slice(0, -1), `${token}=`, `${token}A`, token.replace('.', '')]) {
    assert.equal(verifyGrant(key, now, junk), undefined, junk)
  }
})

test('nobody signs more than may be granted', () => {
  for (const excess of [
    { captures: 0 },
    { captures: 1001 },
    { captures: 1.5 },
    { expiresAt: now },
    { expiresAt: now + 2 * grantLifeMsMax },
    { nonce: 'short' },
    { tenant: '' },
  ]) {
    assert.throws(() => signGrant(key, now, { ...grant, ...excess }), RangeError)
  }
})
