import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goneCodes, refusalOf, refusals, usedCodes } from './refusals.ts'
import { documentedCodes } from './subject.ts'

test('every documented code has a category', () => {
  assert.deepEqual(
    documentedCodes.filter(code => !refusals.has(code)),
    [],
  )
})

test('what the wallet refused is not presented elsewhere; what is wrong with our account may do better', () => {
  assert.deepEqual(refusalOf('RISK_REJECT'), { by: 'issuer', category: 'fraud_suspected', elsewhere: false })
  assert.deepEqual(refusalOf('KEY_NOT_FOUND'), { by: 'channel', category: 'misconfigured', elsewhere: true })
  assert.deepEqual(refusalOf('NO_PAY_OPTIONS'), { by: 'channel', category: 'not_supported', elsewhere: true })
  assert.deepEqual(refusalOf('MOON_PHASE'), { by: 'issuer', category: 'unknown', elsewhere: false })
})

test('codes that are no refusals are known ones', () => {
  for (const code of [...usedCodes, ...goneCodes]) assert.ok(refusals.has(code), code)
})
