import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalCategories } from '../channel.ts'
import { magicHolders } from './magic.ts'
import { cardErrors, refusalCodeOf, refusalOf, refusals } from './refusals.ts'

// docs.adyen.com/development-resources/refusal-reasons: every code of its table; 43 to 45 are on the testing page only.
const published = [
  0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 31, 32, 33, 34, 35,
]
const publishedToo = [36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 50]

test('no published refusal code is unmapped', () => {
  const codes = [...published, ...publishedToo].map(String)
  assert.deepEqual(
    codes.filter(code => refusals[code] === undefined),
    [],
  )
  assert.equal(Object.keys(refusals).length, codes.length)
  for (const refusal of [...Object.values(refusals), ...Object.values(cardErrors)]) assert.ok(refusalCategories.includes(refusal.category))
})

test('every magic holder name of the test environment is a code we know', () => {
  const notRefusals = ['1', '13', '30']
  for (const [name, code] of Object.entries(magicHolders)) assert.ok(notRefusals.includes(code) || refusals[code] !== undefined, name)
})

test('an issuer refusal is never presented elsewhere', () => {
  for (const [code, refusal] of Object.entries(refusals)) if (refusal.by === 'issuer') assert.equal(refusal.elsewhere, false, code)
})

test('a code that is not published is a refusal, and not presented elsewhere', () => {
  assert.deepEqual({ ...refusalOf('999'), name: '' }, { name: '', by: 'issuer', category: 'unknown', elsewhere: false })
})

test('a reason in words is its code, however it is written', () => {
  for (const [code, { name }] of Object.entries(refusals)) {
    assert.equal(refusalCodeOf(name), code)
    assert.equal(refusalCodeOf(name.toUpperCase()), code)
  }
  assert.equal(refusalCodeOf('no such thing'), undefined)
})
