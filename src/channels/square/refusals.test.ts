import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as library from 'square'
import { categories, refusalOf, spentCodes } from './refusals.ts'
import { officialCodes } from './subject.ts'

test('every code of the specification and of the official library is mapped, and no other', () => {
  const codes = new Set([...officialCodes, ...Object.values(library.Square.ErrorCode)])
  assert.deepEqual(
    [...codes].filter(code => !categories.has(code)),
    [],
  )
  assert.deepEqual(
    [...categories.keys()].filter(code => !codes.has(code)),
    [],
  )
})

test('an issuer’s refusal is never presented elsewhere, and a wrong request may be', () => {
  for (const code of categories.keys()) {
    const refusal = refusalOf({ category: 'PAYMENT_METHOD_ERROR', code })
    if (refusal.by === 'issuer') assert.equal(refusal.elsewhere, false, code)
  }
  assert.deepEqual(refusalOf({ category: 'INVALID_REQUEST_ERROR', code: 'UNSUPPORTED_CARD_BRAND' }), {
    by: 'channel',
    category: 'not_supported',
    elsewhere: true,
  })
})

test('a code nobody has documented is not presented elsewhere, whoever said it', () => {
  assert.deepEqual(refusalOf({ category: 'PAYMENT_METHOD_ERROR', code: 'NEW' }), { by: 'issuer', category: 'unknown', elsewhere: false })
  assert.deepEqual(refusalOf({ category: 'INVALID_REQUEST_ERROR', code: 'NEW' }), { by: 'channel', category: 'unknown', elsewhere: false })
})

test('a spent token is typed again, not taken elsewhere', () => {
  for (const code of spentCodes) assert.deepEqual(refusalOf({ category: 'INVALID_REQUEST_ERROR', code }).elsewhere, false)
})
