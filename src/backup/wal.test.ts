import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from './crc32c.ts'
import { parseLsn, segmentName } from './wal.ts'

// RFC 3720, B.4 (iSCSI): the published values of this check.
test('the check values of RFC 3720', () => {
  assert.equal(crc32c([Buffer.alloc(32)]), 0x8a9136aa)
  assert.equal(crc32c([Buffer.alloc(32, 0xff)]), 0x62a8ab43)
  assert.equal(crc32c([Buffer.from(Array.from({ length: 32 }, (_, i) => i))]), 0x46dd794e)
  assert.equal(crc32c([Buffer.from('12345'), Buffer.from('6789')]), 0xe3069283)
})

test('segments are named as PostgreSQL names them', () => {
  const size = 16 * 1024 * 1024
  assert.equal(segmentName(1, parseLsn('0/3000028'), size), '000000010000000000000003')
  assert.equal(segmentName(2, parseLsn('A/FF000000'), size), '000000020000000A000000FF')
  assert.equal(segmentName(1, parseLsn('1/0'), size), '000000010000000100000000')
})
