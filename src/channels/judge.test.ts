import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createJudge, type JudgeOptions, specJudge, specsDirOf, type Violation } from './judge.ts'

/** A document of our own with every trap the official ones hold. */
const traps = {
  openapi: '3.0.0',
  servers: [{ url: 'https://api.example.com/base' }],
  paths: {
    '/things/{id}': {
      get: {
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
          { name: 'limit', in: 'query', required: true, schema: { type: 'integer', minimum: 0, exclusiveMinimum: true } },
          { name: 'X-Trace', in: 'header', required: true, schema: { type: 'string' } },
        ],
        responses: {
          200: { $ref: '#/components/responses/Thing' },
          204: { description: 'none' },
          '4XX': { content: { 'application/json': { schema: { type: 'object', required: ['error'] } } } },
        },
      },
    },
    '/things/search': { get: { responses: { 200: { content: { 'application/json': { schema: { type: 'array' } } } } } } },
    '/things': {
      post: {
        requestBody: { $ref: '#/components/requestBodies/Thing' },
        responses: { 200: { $ref: '#/components/responses/Thing' } },
      },
    },
    '/forms': {
      post: {
        requestBody: {
          content: {
            'application/x-www-form-urlencoded': {
              schema: {
                type: 'object',
                additionalProperties: false,
                required: ['type'],
                properties: {
                  type: { type: 'string', enum: ['1', 'two'] },
                  count: { type: 'integer' },
                  on: { type: 'boolean' },
                  tags: { type: 'array', items: { type: 'integer' } },
                  card: {
                    anyOf: [
                      { type: 'object', required: ['number'], properties: { number: { type: 'string' }, month: { type: 'integer' } } },
                      { type: 'string', enum: [''] },
                    ],
                  },
                  marks: { type: 'object', additionalProperties: { type: 'string' } },
                },
              },
            },
          },
        },
        responses: { default: { description: 'any' } },
      },
    },
  },
  components: {
    requestBodies: { Thing: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } } },
    responses: { Thing: { description: 'a thing', content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } } },
    schemas: {
      Thing: {
        type: 'object',
        required: ['id', 'name', 'secret', 'pattern'],
        properties: {
          id: { type: 'string', readOnly: true },
          secret: { type: 'string', writeOnly: true },
          name: { type: 'string', nullable: true, enum: ['a', 'b'], required: true },
          pattern: { type: 'string', pattern: '^[\\w-.]+$' },
          // A property may be called like a keyword.
          nullable: { type: 'string' },
          example: { type: 'integer' },
          parent: { $ref: '#/components/schemas/Thing', nullable: true, description: 'cyclic' },
          any: { nullable: true, description: 'no type at all' },
          inner: { type: 'object', properties: { x: { type: 'integer' } } },
          at: { type: 'string', format: 'made-up' },
        },
        example: { type: 'not a schema', pattern: '(', nullable: true },
      },
    },
  },
}

const folder = mkdtempSync(join(tmpdir(), 'bindery-judge-'))
after(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'traps.json'), JSON.stringify(traps))
const unjudged = [{ kind: 'required', count: 1, reason: 'a flag on the property, where a list beside it stands' }] as const
const nulls = ['/name', '/parent', '/any']
const judgeOf = (more: Partial<JudgeOptions> = {}) =>
  createJudge({ specsDir: folder, file: 'traps.json', brokenPatterns: 1, unjudged, nulls, ...more })
const pointers = (found: readonly Violation[]) => found.map(one => one.pointer)
const json = (method: string, path: string, body: unknown, query = '') => ({
  method,
  path,
  query,
  headers: { 'x-trace': '1' },
  body: body === undefined ? '' : JSON.stringify(body),
  contentType: body === undefined ? '' : 'application/json; charset=utf-8',
})

describe('the judge', () => {
  const judge = judgeOf()
  const good = { name: 'a', secret: 's', pattern: 'anything' }

  test('a pattern that is no regular expression is counted, and an unexpected one stops everything', () => {
    assert.equal(judge.notes.patterns.length, 1)
    assert.throws(() => judgeOf({ brokenPatterns: 0 }), /1 patterns do not compile/)
    assert.throws(() => judgeOf({ brokenPatterns: 2 }), /1 patterns do not compile/)
  })

  test('a format nobody defined is listed, and the type is judged all the same', () => {
    assert.ok(judge.notes.formats.has('made-up'))
    assert.deepEqual(pointers(judge.checkRequest(json('POST', '/things', { ...good, at: 1 }))), ['/at'])
  })

  test('what only the other side writes is not required from this side', () => {
    assert.deepEqual(judge.checkRequest(json('POST', '/things', good)), [])
    assert.deepEqual(pointers(judge.checkResponse({ method: 'POST', path: '/things', status: 200, body: '{"id":"1"}' })), ['', ''])
    const thing = JSON.stringify({ id: '1', name: null, pattern: 'x' })
    assert.deepEqual(judge.checkResponse({ method: 'POST', path: '/base/things', status: 200, body: thing }), [])
  })

  test('nullable holds with a type and an enum, beside a reference, and without a type', () => {
    assert.deepEqual(judge.checkRequest(json('POST', '/things', { ...good, name: null, parent: null, any: null })), [])
    assert.deepEqual(pointers(judge.checkRequest(json('POST', '/things', { ...good, inner: null }))), ['/inner', '/inner'])
    const parent = pointers(judge.checkRequest(json('POST', '/things', { ...good, parent: { name: 'z' } })))
    assert.ok(parent.includes('/parent/name') && parent.includes('/parent'))
  })

  test('a property named like a keyword is a property', () => {
    assert.deepEqual(pointers(judge.checkRequest(json('POST', '/things', { ...good, nullable: 1, example: 'x' }))).sort(), [
      '/example',
      '/nullable',
    ])
  })

  test('unknown fields are a violation where the channel refuses them', () => {
    const odd = { ...good, extra: 1, inner: { y: 1 } }
    assert.deepEqual(judge.checkRequest(json('POST', '/things', odd)), [])
    assert.deepEqual(pointers(judgeOf({ closedRequests: true }).checkRequest(json('POST', '/things', odd))), ['', '/inner'])
  })

  test('query, header, path, method, status and content type are judged', () => {
    const get = (query: string, headers = { 'x-trace': '1' } as Record<string, string>) =>
      pointers(judge.checkRequest({ ...json('GET', '/things/1', undefined, query), headers }))
    assert.deepEqual(get('limit=1'), [])
    assert.deepEqual(get('limit=0'), ['query/limit'])
    assert.deepEqual(get('limit=one'), ['query/limit'])
    assert.deepEqual(get(''), ['query/limit'])
    assert.deepEqual(get('limit=1&limit=2'), ['query/limit'])
    assert.deepEqual(get('limit=1&other=2'), ['query/other'])
    assert.deepEqual(get('limit=1', {}), ['header/x-trace'])
    assert.deepEqual(pointers(judge.checkRequest(json('GET', '/nothing', undefined))), ['path'])
    assert.deepEqual(pointers(judge.checkRequest(json('DELETE', '/things/1', undefined))), ['path'])
    assert.deepEqual(pointers(judge.checkRequest({ ...json('POST', '/things', good), contentType: 'text/plain' })), ['content-type'])
    assert.deepEqual(pointers(judge.checkRequest(json('POST', '/things', undefined))), ['content-type'])
    assert.deepEqual(pointers(judge.checkRequest({ ...json('POST', '/things', good), body: '{' })), [''])
    assert.deepEqual(pointers(judge.checkResponse({ method: 'GET', path: '/things/1', status: 500, body: '{}' })), ['status'])
    assert.deepEqual(pointers(judge.checkResponse({ method: 'GET', path: '/things/1', status: 404, body: '{}' })), [''])
    assert.deepEqual(judge.checkResponse({ method: 'GET', path: '/things/1', status: 204, body: '' }), [])
    assert.deepEqual(pointers(judge.checkResponse({ method: 'GET', path: '/things/1', status: 204, body: '{}' })), [''])
    // The search is an operation of its own, though `{id}` would fit its path.
    assert.deepEqual(judge.checkResponse({ method: 'GET', path: '/things/search', status: 200, body: '[]' }), [])
  })

  test('form bodies are decoded to the types their schema asks for', () => {
    const form = (body: string) =>
      pointers(judge.checkRequest({ ...json('POST', '/forms', undefined), body, contentType: 'application/x-www-form-urlencoded' }))
    assert.deepEqual(form('type=1&count=3&on=true&tags[]=1&tags[]=2&card[number]=4242&card[month]=07&marks[a]=1&marks[b]=true'), [])
    assert.deepEqual(form('type=two&tags[0]=1&tags[1]=2&card='), [])
    assert.deepEqual(form('count=3'), [''])
    assert.deepEqual(form('type=two&count=3.5'), ['/count'])
    assert.deepEqual(form('type=two&on=yes'), ['/on'])
    assert.deepEqual(form('type=two&tags[0]=x'), ['/tags/0'])
    assert.deepEqual(form('type=two&zonk=1'), [''])
    assert.ok(form('type=two&card[month]=seven').includes('/card/month'))
    assert.deepEqual(form('type=two&card[number=1'), ['/card[number'])
    assert.deepEqual(form('type=two&type=two'), ['/type'])
    assert.deepEqual(form('type=two&card=x&card[number]=1').slice(0, 1), ['/card[number]'])
  })

  test('an overlay changes the document in memory only', () => {
    const overlaid = judgeOf({
      overlays: [
        {
          reason: 'the test',
          apply: document => {
            delete document.paths
          },
        },
      ],
    })
    assert.deepEqual(pointers(overlaid.checkRequest(json('POST', '/things', good))), ['path'])
    assert.deepEqual(judge.checkRequest(json('POST', '/things', good)), [])
  })

  test('a named schema that is not there throws, and so does an operation to prepare', () => {
    assert.throws(() => judge.checkSchema('Nothing', {}))
    assert.throws(() => judge.prepare([['GET', '/nothing']]), /has no GET/)
    assert.throws(() => createJudge({ specsDir: folder, file: 'absent.json' }), /ENOENT/)
  })

  test('with CI=1 a missing folder is an error, elsewhere the judge is off', () => {
    const missing = join(folder, 'missing')
    assert.equal(specJudge(folder, {}), 'on')
    assert.equal(specJudge(missing, {}), 'off')
    assert.throws(() => specJudge(missing, { CI: '1' }), /SPECS_DIR/)
    assert.equal(specJudge('none', { CI: '1' }), 'off')
    assert.equal(specsDirOf({ SPECS_DIR: '/somewhere' }), '/somewhere')
  })

  test('two processes may parse one YAML document at once', async () => {
    const yaml = join(folder, 'tiny.yaml')
    writeFileSync(yaml, 'openapi: 3.0.0\npaths:\n  /a:\n    get:\n      responses: {}\n')
    const home = join(folder, 'tmp')
    mkdirSync(home)
    const script = `import { createJudge } from ${JSON.stringify(join(import.meta.dirname, 'judge.ts'))}
      const judge = createJudge({ specsDir: ${JSON.stringify(folder)}, file: 'tiny.yaml' })
      process.exitCode = judge.checkRequest({ method: 'GET', path: '/a', query: '', headers: {}, body: '', contentType: '' }).length`
    const runs = [1, 2, 3].map(
      () =>
        new Promise(resolve =>
          spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { env: { ...process.env, TMPDIR: home } }).once(
            'exit',
            resolve,
          ),
        ),
    )
    assert.deepEqual(await Promise.all(runs), [0, 0, 0])
    const cached = readdirSync(home, { recursive: true }).filter(name => String(name).endsWith('.json'))
    assert.equal(cached.length, 1)
  })
})
