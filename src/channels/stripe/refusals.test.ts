import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalCategories } from '../refusal.ts'
import { meaningOf, refusals } from './refusals.ts'
import { codesOfSdk, documentedDeclines as documented, subject } from './subject.ts'

test('every documented decline code has a cause of its own', () => {
  assert.equal(documented.length, 50)
  for (const code of documented) {
    const meaning = meaningOf({ type: 'card_error', code: 'card_declined', decline_code: code }, 402)
    if (meaning.kind !== 'refused') assert.fail(code)
    assert.ok(refusalCategories.includes(meaning.category) && meaning.category !== 'unknown', code)
    assert.ok(refusals.has(code), code)
    assert.equal(meaning.code, code)
  }
})

test('every error code the SDK lists is a definite refusal with a cause, or uncertain', () => {
  const codes = codesOfSdk()
  assert.ok(codes.length > 150)
  for (const code of codes) {
    const meaning = meaningOf({ type: 'invalid_request_error', code }, 400)
    if (meaning.kind === 'refused') assert.notEqual(meaning.category, 'unknown', code)
    else assert.match(code, /in_use$|timeout|rate_limit|upstream/)
  }
})

test('an issuer’s refusal is never presented elsewhere; a fault of our account is', () => {
  for (const code of documented.filter(one => one !== 'testmode_decline')) {
    const meaning = meaningOf({ type: 'card_error', code: 'card_declined', decline_code: code }, 402)
    assert.equal(meaning.kind === 'refused' && meaning.elsewhere, false, code)
  }
  for (const [status, code] of [
    [400, 'parameter_missing'],
    [400, 'resource_missing'],
    [401, 'api_key_expired'],
    [403, 'platform_account_required'],
    [404, undefined],
  ] as const) {
    const meaning = meaningOf({ type: 'invalid_request_error', code }, status)
    assert.deepEqual(
      meaning.kind === 'refused' && [meaning.by, meaning.category, meaning.elsewhere],
      ['channel', 'misconfigured', true],
      String(code),
    )
  }
})

test('no status without a definite answer becomes a refusal, whatever the body says', () => {
  for (const status of [200, 301, 409, 429, 500, 502, 503, 504]) {
    for (const type of ['card_error', 'invalid_request_error', 'api_error', 'idempotency_error', 'something_new']) {
      assert.equal(meaningOf({ type, code: 'card_declined', decline_code: 'stolen_card' }, status).kind, 'uncertain', `${status} ${type}`)
    }
  }
  assert.equal(meaningOf({ type: 'idempotency_error' }, 400).kind, 'uncertain')
  assert.equal(meaningOf({ type: 'something_new' }, 400).kind, 'uncertain')
  assert.equal(meaningOf({ type: 'invalid_request_error', code: 'lock_timeout' }, 400).kind, 'uncertain')
})

test('of the codes Stripe lists none is unmapped, and none is called unknown', () => {
  assert.deepEqual(
    subject.officialCodes.filter(code => (refusals.get(code) ?? 'unknown') === 'unknown'),
    [],
  )
  assert.ok(subject.officialCodes.length > 250)
})
