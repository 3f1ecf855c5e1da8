import assert from 'node:assert/strict'
import { test } from 'node:test'
import { categoryOf, categoryOfField, refusals } from './refusals.ts'
import { subject } from './subject.ts'
import { readFailure } from './wire.ts'

test('every reason and cause has a category, and none is listed that nobody documents', () => {
  assert.deepEqual([...refusals.keys()].sort(), [...subject.officialCodes].sort())
  assert.equal(categoryOf('moon_phase'), 'unknown')
})

test('what the payer typed can be corrected; what we sent cannot', () => {
  for (const field of ['/data/iban iban', ' branch_code', '/data/customer/email email', ' account_number'])
    assert.equal(categoryOfField(field), 'invalid_account', field)
  for (const field of ['/billing_requests/mandate_request/scheme scheme', ' redirect_uri', '/billing_requests/metadata metadata'])
    assert.equal(categoryOfField(field), 'misconfigured', field)
})

const answer = (status: number, error: unknown) => ({ status, headers: {}, body: JSON.stringify({ error }) })
const error = (code: number, type: string, more: Readonly<Record<string, unknown>>) => ({ code, type, message: 'No.', errors: [more] })

test('a refusal is what GoCardless says under its own status; everything else is uncertain', () => {
  const refused = readFailure(answer(403, error(403, 'invalid_api_usage', { reason: 'insufficient_permissions', message: 'Not you.' })), {})
  assert.deepEqual(refused, {
    kind: 'refused',
    by: 'channel',
    category: 'misconfigured',
    code: 'insufficient_permissions',
    message: 'Not you.',
    elsewhere: true,
    references: {},
  })
  const wrong = error(422, 'validation_failed', { field: 'iban', message: 'is invalid', request_pointer: '/data/iban' })
  const invalid = readFailure(answer(422, wrong), {})
  assert.deepEqual(invalid.kind === 'refused' && [invalid.category, invalid.code, invalid.message, invalid.elsewhere], [
    'invalid_account',
    'validation_failed',
    'iban is invalid',
    false,
  ])
  for (const [status, body] of [
    [422, error(400, 'invalid_state', { reason: 'mandate_replaced' })],
    [404, error(404, 'invalid_api_usage', { reason: 'resource_not_found' })],
    [429, error(429, 'invalid_api_usage', { reason: 'rate_limit_exceeded' })],
    [500, error(500, 'gocardless', { reason: 'internal_server_error' })],
    [422, error(422, 'gocardless', { reason: 'request_timed_out' })],
    [200, error(200, 'invalid_state', { reason: 'mandate_replaced' })],
    [409, error(409, 'invalid_state', { reason: 'idempotent_creation_conflict', links: {} })],
  ] as const)
    assert.equal(readFailure(answer(status, body), {}).kind, 'uncertain', `${status} ${JSON.stringify(body)}`)
})

test('a used key names what came of it', () => {
  const links = { conflicting_resource_id: 'BRQ123' }
  const conflict = readFailure(answer(409, error(409, 'invalid_state', { reason: 'idempotent_creation_conflict', links })), {})
  assert.deepEqual(conflict, { kind: 'conflict', resource: 'BRQ123' })
})
