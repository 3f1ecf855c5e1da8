/** Square's specification and its corrections: official examples pass, each correction is needed, and the judge bites. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRecord } from '../json.ts'
import { createJudge, specJudge, specsDirOf } from '../judge.ts'
import { loadDocument } from '../judge-document.ts'
import { judgeSquare, overlays, remoteReferences, unjudged } from './judged.ts'
import { officialCodes } from './subject.ts'
import { readCard, readCustomer } from './wire.ts'

const skip = specJudge(specsDirOf()) === 'off' ? 'the official specifications are not at hand (SPECS_DIR)' : false
const options = { specsDir: specsDirOf(), file: 'square/api.json', unjudged }
const at = (value: unknown, ...names: readonly string[]): unknown =>
  names.reduce((found, name) => (isRecord(found) ? found[name] : undefined), value)
const schemaOf = (name: string): unknown => at(loadDocument(`${options.specsDir}/${options.file}`), 'components', 'schemas', name)
const exampleOf = (name: string): unknown => at(schemaOf(name), 'example')
const post = (path: string, body: unknown) => ({
  method: 'POST',
  path,
  query: '',
  headers: {},
  body: JSON.stringify(body),
  contentType: 'application/json',
})

test('the official examples of requests pass the judge, and their answers are read', { skip }, () => {
  const judge = createJudge({ ...options, overlays })
  assert.deepEqual(judge.checkRequest(post('/v2/cards', exampleOf('CreateCardRequest'))), [])
  assert.deepEqual(judge.checkRequest(post('/v2/customers', { idempotency_key: 'k', given_name: 'cus_1', reference_id: 'cus_1' })), [])
  const answer = (name: string) => ({ status: 200, headers: {}, body: JSON.stringify(exampleOf(name)) })
  assert.equal(readCard(answer('CreateCardResponse'))?.id, 'ccof:uIbfJXhXETSP197M3GB')
  assert.equal(readCard(answer('DisableCardResponse'))?.enabled, false)
  assert.equal(readCustomer(answer('CreateCustomerResponse'))?.id, 'JDKYHBWT1D4F8MFH63DBMEN8Y4')
})

test('the judge bites: a field too few, one of another kind, a query nobody knows', { skip }, () => {
  const judge = createJudge({ ...options, overlays })
  const good = exampleOf('CreateCardRequest')
  assert.ok(isRecord(good))
  const { source_id: _source, ...fewer } = good
  assert.notDeepEqual(judge.checkRequest(post('/v2/cards', fewer)), [])
  assert.notDeepEqual(judge.checkRequest(post('/v2/cards', { ...good, card: { exp_month: 'March' } })), [])
  const list = { method: 'GET', path: '/v2/cards', query: 'reference=x', headers: {}, body: '', contentType: '' }
  assert.notDeepEqual(judge.checkRequest(list), [])
  assert.deepEqual(judge.checkRequest({ ...list, query: 'reference_id=x&include_disabled=true' }), [])
})

test('webhooks are judged by the schema of their own event', { skip }, () => {
  const judge = judgeSquare(specsDirOf())
  const event = (type: string, body: unknown) => judge.event({ id: '1', type, body: JSON.stringify(body) })
  assert.deepEqual(event('card.created', exampleOf('CardCreatedEvent')), [])
  assert.notDeepEqual(event('card.created', { data: { object: { card: { version: 'one' } } } }), [])
  assert.notDeepEqual(event('card.invented', {}), [])
})

test('the overlay of remote references is needed: they are there, and nothing of them is left', { skip }, () => {
  const text = (): string => JSON.stringify(loadDocument(`${options.specsDir}/${options.file}`))
  assert.equal(text().match(/"\$ref":"https:/g)?.length, remoteReferences)
  const document = loadDocument(`${options.specsDir}/${options.file}`)
  for (const overlay of overlays) overlay.apply(document)
  assert.equal(JSON.stringify(document).match(/"\$ref":"https:/g), null)
})

test('a document with other remote references is not taken in silence', () => {
  assert.throws(() => overlays[0]?.apply({ paths: {} }), /0 remote references/)
})

test('the overlay of errors is needed: without it no refusal is in the specification', { skip }, () => {
  const body = JSON.stringify({ errors: [{ category: 'PAYMENT_METHOD_ERROR', code: 'CVV_FAILURE' }] })
  const refused = { method: 'POST', path: '/v2/cards', status: 402, body }
  assert.notDeepEqual(createJudge({ ...options, overlays: overlays.slice(0, 1) }).checkResponse(refused), [])
  assert.deepEqual(createJudge({ ...options, overlays }).checkResponse(refused), [])
})

test('our list of error codes is the specification’s', { skip }, () => {
  assert.deepEqual([...officialCodes], at(schemaOf('ErrorCode'), 'enum'))
})
