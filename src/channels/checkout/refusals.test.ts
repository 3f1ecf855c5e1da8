import assert from 'node:assert/strict'
import { test } from 'node:test'
import { officialCodes } from './codes.seam.ts'
import { meaningOf, refusals, wantsAuthentication } from './refusals.ts'

test('every official code is mapped once, and nothing is mapped that is not official', () => {
  assert.equal(new Set(officialCodes).size, officialCodes.length)
  assert.deepEqual(
    officialCodes.filter(code => !refusals.has(code)),
    [],
  )
  assert.deepEqual(
    [...refusals.keys()].filter(code => !officialCodes.includes(code)),
    [],
  )
  assert.ok(officialCodes.length >= 379, String(officialCodes.length))
})

test('what the issuer said is presented nowhere else; what is wrong with our account may be', () => {
  assert.deepEqual(meaningOf('20051'), { by: 'issuer', category: 'insufficient_funds', code: '20051', elsewhere: false })
  assert.deepEqual(meaningOf('30043'), { by: 'issuer', category: 'lost_or_stolen', code: '30043', elsewhere: false })
  assert.deepEqual(meaningOf('20157'), { by: 'channel', category: 'misconfigured', code: '20157', elsewhere: true })
  assert.deepEqual(meaningOf('card_number_invalid'), {
    by: 'channel',
    category: 'invalid_account',
    code: 'card_number_invalid',
    elsewhere: false,
  })
  for (const code of officialCodes) {
    const { by, elsewhere } = meaningOf(code)
    assert.ok(!(by === 'issuer' && elsewhere), code)
  }
})

test('a rule against fraud is not to be gone round by another channel', () => {
  for (const code of officialCodes.filter(one => /^4\d{4}$/.test(one) && !wantsAuthentication.has(one)))
    assert.deepEqual(meaningOf(code), { by: 'channel', category: 'fraud_suspected', code, elsewhere: false })
})

test('a code that nobody has documented is of unknown cause: the issuer’s, if it looks like one', () => {
  assert.deepEqual(meaningOf('20998'), { by: 'issuer', category: 'unknown', code: '20998', elsewhere: false })
  assert.deepEqual(meaningOf('brand_new'), { by: 'channel', category: 'unknown', code: 'brand_new', elsewhere: false })
})
