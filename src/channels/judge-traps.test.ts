import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isRecord } from './json.ts'
import { assertOverlayNeeded } from './judge.suite.ts'
import { createJudge, type JudgeOptions, type Overlay, type Violation } from './judge.ts'

const text = { type: 'string' }
const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const asBody = (schema: unknown, type = 'application/json') => ({ required: true, content: { [type]: { schema } } })
const subtype = (base: string, properties: object) => ({
  allOf: [reference(base), { type: 'object', required: Object.keys(properties), properties }],
})

/** What Checkout.com, Square, CAMARA and Pix do to whoever compiles them. */
const traps = {
  openapi: '3.0.1',
  paths: {
    '/sources': {
      post: {
        requestBody: asBody(reference('Source')),
        responses: {
          201: { description: 'made', content: { 'application/json': { schema: reference('Source') } } },
          204: { description: 'nothing to say' },
          409: { description: 'any JSON', content: { 'application/json': {} } },
          422: { description: 'a problem', content: { 'application/problem+json; charset=utf-8': { schema: reference('Problem') } } },
        },
        callbacks: {
          told: { '{$request.body#/url}/told': { post: { requestBody: { $ref: '#/components/requestBodies/Told' }, responses: {} } } },
        },
      },
    },
  },
  components: {
    requestBodies: { Told: asBody(reference('Told'), 'application/cloudevents+json') },
    schemas: {
      Source: {
        type: 'object',
        required: ['type'],
        properties: { type: text, note: text, extra: { nullable: true } },
        discriminator: {
          propertyName: 'type',
          mapping: {
            token: '#/components/schemas/TokenSource',
            card: '#/components/schemas/02_CardSource',
            wallet: '#/components/schemas/WalletSource',
          },
        },
      },
      TokenSource: subtype('Source', { token: { type: 'string', pattern: '^tok_' } }),
      CardSource: subtype('Source', { number: text, when: { type: 'datetime' }, cents: { type: 'long', minimum: 0 } }),
      /** A base of its own, among its own targets. */
      WalletSource: {
        ...subtype('Source', { brand: text }),
        discriminator: { propertyName: 'brand', mapping: { plain: reference('WalletSource').$ref, gold: reference('GoldSource').$ref } },
      },
      GoldSource: subtype('WalletSource', { carat: { type: 'Enum', enum: ['18', '24'] } }),
      Problem: { type: 'object', required: ['title'], properties: { title: text } },
      Told: { type: 'object', required: ['id'], properties: { id: text, source: reference('Source') } },
    },
  },
}

const folder = mkdtempSync(join(tmpdir(), 'bindery-traps-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const write = (name: string, document: object) => writeFileSync(join(folder, name), JSON.stringify(document))
write('traps.json', traps)
const judgeOf = (more: Partial<JudgeOptions> = {}) => createJudge({ specsDir: folder, file: 'traps.json', ...more })
const judge = judgeOf()
const ask = (body: unknown, by = judge) =>
  by.checkRequest({
    ...{ method: 'POST', path: '/sources', query: '', headers: {}, contentType: 'application/json' },
    body: JSON.stringify(body),
  })
const pointers = (found: readonly Violation[]) => [...new Set(found.map(one => one.pointer))].sort()
const answer = (status: number, body: string) => pointers(judge.checkResponse({ method: 'POST', path: '/sources', status, body }))

test('a discriminator without oneOf sends each value on to the schema it names', () => {
  assert.deepEqual(ask({ type: 'token', token: 'tok_1', note: 'n' }), [])
  assert.ok(pointers(ask({ type: 'token', token: 'bad' })).includes('/token'))
  assert.ok(ask({ type: 'token' }).some(one => one.message.includes("required property 'token'")))
  assert.ok(pointers(ask({ type: 'token', token: 'tok_1', note: 1 })).includes('/note'))
  assert.deepEqual(answer(201, '{"type":"token","token":"tok_1"}'), [])
  assert.ok(answer(201, '{"type":"token","token":"bad"}').includes('/token'))
})

test('a value that the discriminator does not name is a violation, and so is none at all', () => {
  assert.ok(pointers(ask({ type: 'cheque' })).includes('/type'))
  assert.ok(ask({}).length > 0)
})

test('a base that is a target, of another or of itself, is judged without end', () => {
  assert.deepEqual(ask({ type: 'wallet', brand: 'plain' }), [])
  assert.deepEqual(ask({ type: 'wallet', brand: 'gold', carat: '24' }), [])
  assert.ok(pointers(ask({ type: 'wallet', brand: 'gold', carat: '9' })).includes('/carat'))
  assert.ok(pointers(ask({ type: 'wallet', brand: 'silver' })).includes('/brand'))
})

test('types that JSON Schema does not have are read as they are meant', () => {
  const card = { type: 'card', number: '4', when: '2026-01-01T00:00:00Z', cents: 5 }
  assert.deepEqual(ask(card), [])
  assert.ok(pointers(ask({ ...card, when: 'today' })).includes('/when'))
  assert.ok(pointers(ask({ ...card, cents: 5.5 })).includes('/cents'))
  assert.ok(pointers(ask({ ...card, cents: -1 })).includes('/cents'))
})

test('an explicit null is never sent, whatever the schema allows, unless its pointer is listed', () => {
  const body = { type: 'token', token: 'tok_1', extra: null, more: [{ x: null }] }
  assert.deepEqual(pointers(ask(body)), ['/extra', '/more/0/x'])
  assert.deepEqual(pointers(ask(body, judgeOf({ nulls: ['/extra'] }))), ['/more/0/x'])
  assert.deepEqual(ask(body, judgeOf({ nulls: ['/extra', '/more/*/x'] })), [])
  assert.deepEqual(answer(201, '{"type":"token","token":"tok_1","extra":null}'), [], 'the channel may')
})

test('the body of a callback is judged by its pointer, through the references on the way', () => {
  const content = 'application~1cloudevents+json'
  const at = `/paths/~1sources/post/callbacks/told/{$request.body#~1url}~1told/post/requestBody/content/${content}/schema`
  assert.deepEqual(judge.checkPointer(at, { id: '1', source: { type: 'token', token: 'tok_1' } }), [])
  assert.ok(pointers(judge.checkPointer(at, { source: { type: 'token', token: 'x' } })).includes('/source/token'))
  assert.throws(() => judge.checkPointer(`${at}/nowhere`, {}), /has nothing at/)
})

test('problems are JSON too, JSON without a schema may be any, and a status without a body has none', () => {
  assert.deepEqual(answer(422, '{"title":"no"}'), [])
  assert.deepEqual(answer(422, '{}'), [''])
  assert.deepEqual(answer(409, '[1]'), [])
  assert.deepEqual(answer(409, 'x'), [''])
  assert.deepEqual(answer(204, '{}'), [''])
})

test('what cannot be judged is counted by kind, with a reason, and another count stops everything', () => {
  const odd = {
    ...traps,
    components: {
      ...traps.components,
      schemas: {
        ...traps.components.schemas,
        Odd: {
          properties: {
            remote: { $ref: 'https://example.com/schema.json#String' },
            gone: { $ref: '#/components/schemas/Gone' },
            shape: { type: 'blob' },
            flag: { type: 'string', required: true },
          },
          example: { $ref: 'https://example.com/not-a-reference' },
        },
        Loose: { type: 'object', discriminator: { propertyName: 'type' } },
      },
    },
  }
  write('odd.json', odd)
  const unjudged = [
    { kind: 'references', count: 2, reason: 'the test' },
    { kind: 'types', count: 1, reason: 'the test' },
    { kind: 'required', count: 1, reason: 'the test' },
    { kind: 'discriminators', count: 1, reason: 'the test' },
  ] as const
  const open = createJudge({ specsDir: folder, file: 'odd.json', unjudged })
  assert.ok(open.prepareAll() > 0)
  for (const { kind } of unjudged) {
    const others = unjudged.filter(one => one.kind !== kind)
    assert.throws(
      () => createJudge({ specsDir: folder, file: 'odd.json', unjudged: others }),
      new RegExp(`${kind} cannot be judged, 0 were`),
    )
    const more = [...unjudged, { kind, count: 1, reason: 'one too many' }]
    assert.throws(() => createJudge({ specsDir: folder, file: 'odd.json', unjudged: more }), new RegExp(`${kind} cannot be judged`))
  }
})

test('an overlay that changes nothing is an error, and one that is not needed is found out', () => {
  const relax: Overlay = {
    reason: 'Tokens begin otherwise since the test was written.',
    apply(document) {
      const { schemas } = isRecord(document.components) ? document.components : {}
      if (isRecord(schemas)) schemas.TokenSource = subtype('Source', { token: text })
    },
  }
  const idle: Overlay = { reason: 'It was corrected by the owner meanwhile.', apply: () => undefined }
  assert.throws(() => judgeOf({ overlays: [idle] }), /changes nothing: It was corrected/)
  const options = { specsDir: folder, file: 'traps.json', overlays: [relax] }
  assertOverlayNeeded(options, relax, one => ask({ type: 'token', token: 'other' }, one))
  assert.throws(() => assertOverlayNeeded(options, relax, one => ask({ type: 'token', token: 'tok_1' }, one)), /passes without it/)
  assert.throws(() => assertOverlayNeeded(options, idle, () => []), /not one of/)
})
