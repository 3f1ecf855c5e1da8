import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalCategories } from '../refusal.ts'
import { magicHolders } from './magic.ts'
import { cardErrors, refusalCodeOf, refusalOf, refusals } from './refusals.ts'
import { officialCodes } from './subject.ts'

test('no published refusal code is unmapped', () => {
  assert.deepEqual(
    officialCodes.filter(code => refusals[code] === undefined),
    [],
  )
  assert.equal(Object.keys(refusals).length, officialCodes.length)
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
