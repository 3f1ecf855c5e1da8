import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isRecord } from '../json.ts'
import { specJudge, specsDirOf } from '../judge.ts'
import { meaningOf, refusals } from './refusals.ts'
import { errorsOfSdk, namesOfSpecification, subject } from './subject.ts'

const skip = specJudge(specsDirOf()) === 'off' ? 'SPECS_DIR has no specifications' : false

test('the names of errors are those of the specification', { skip }, () => {
  const document: unknown = JSON.parse(readFileSync(join(specsDirOf(), 'paypal/vault_payment_tokens_v3.json'), 'utf8'))
  const schemas =
    isRecord(document) && isRecord(document.components) && isRecord(document.components.schemas) ? document.components.schemas : {}
  const names = Object.entries(schemas).flatMap(([name, schema]) =>
    /^error_\d{3}$/.test(name) ? [...(/"name":\{"type":"string","enum":\["(\w+)"/.exec(JSON.stringify(schema))?.slice(1) ?? [])] : [],
  )
  assert.deepEqual([...names].sort(), [...namesOfSpecification].sort())
})

test('the errors of OAuth are those the SDK lists', () => {
  const file = join(import.meta.dirname, '../../../node_modules/@paypal/paypal-server-sdk/dist/esm/types/models/oAuthProviderError.d.ts')
  const listed = [...readFileSync(file, 'utf8').matchAll(/= "([a-z_]+)"/g)].map(one => one[1])
  assert.deepEqual([...listed].sort(), [...errorsOfSdk].sort())
})

test('of the codes PayPal lists none is unmapped, and none is called unknown', () => {
  assert.deepEqual(
    subject.officialCodes.filter(code => (refusals.get(code) ?? 'unknown') === 'unknown'),
    [],
  )
})

test('no status without a definite answer becomes a refusal, whatever the body says', () => {
  for (const status of [200, 204, 302, 401, 408, 409, 429, 500, 503])
    assert.equal(meaningOf({ name: 'UNPROCESSABLE_ENTITY', issue: 'PAYER_ACCOUNT_RESTRICTED' }, status).kind, 'uncertain', String(status))
  assert.equal(meaningOf({ name: 'INTERNAL_SERVER_ERROR', issue: undefined }, 400).kind, 'uncertain')
})

test('the issue counts before the name, and an issue nobody knows is not guessed from it', () => {
  const known = meaningOf({ name: 'UNPROCESSABLE_ENTITY', issue: 'AGREEMENT_ALREADY_CANCELLED' }, 422)
  assert.deepEqual(known.kind === 'refused' && [known.category, known.code], ['mandate_revoked', 'AGREEMENT_ALREADY_CANCELLED'])
  const unknown = meaningOf({ name: 'UNPROCESSABLE_ENTITY', issue: 'MOON_PHASE' }, 422)
  assert.deepEqual(unknown.kind === 'refused' && [unknown.category, unknown.elsewhere], ['unknown', false])
  const plain = meaningOf({ name: 'NOT_AUTHORIZED', issue: undefined }, 403)
  assert.deepEqual(plain.kind === 'refused' && [plain.category, plain.elsewhere], ['misconfigured', true])
})
