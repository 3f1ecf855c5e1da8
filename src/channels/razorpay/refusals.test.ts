import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalOf, refusals } from './refusals.ts'
import { documentedReasons } from './subject.ts'

test('every documented reason has a category', () => {
  assert.deepEqual(
    documentedReasons.filter(code => !refusals.has(code)),
    [],
  )
})

test('what the bank or the customer refused is not presented elsewhere; what Razorpay refuses of us may do better', () => {
  assert.deepEqual(refusalOf('insufficient_funds'), { by: 'issuer', category: 'insufficient_funds', elsewhere: false })
  assert.deepEqual(refusalOf('upi_intent_not_enabled'), { by: 'channel', category: 'not_supported', elsewhere: true })
  assert.deepEqual(refusalOf('bank_technical_error'), { by: 'channel', category: 'try_later', elsewhere: false })
  assert.deepEqual(refusalOf('moon_phase'), { by: 'issuer', category: 'unknown', elsewhere: false })
})
