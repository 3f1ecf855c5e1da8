import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { z } from 'zod'
import { problems } from '../core/problem.ts'
import { openApi } from './openapi.ts'
import { type TrialServer, trialEndpoints, trialServer } from './trial.seam.ts'

let one: TrialServer
before(async () => {
  one = await trialServer()
})
after(() => one.close())

const endpoints = trialEndpoints({ before: async () => {}, between: async () => {}, runs: 0 })
const document = openApi({
  endpoints,
  publicUrl: 'https://bindery.example.com',
  version: '1.2.3',
  webhooks: [{ type: 'thing.made', summary: 'A thing was made', schema: z.object({ id: z.string() }).meta({ id: 'ThingMade' }) }],
})

test('every endpoint is described, with a problem among its answers', () => {
  for (const { method, path, name } of endpoints) {
    const operation = document.paths[path]?.[method.toLowerCase()]
    assert.equal(operation?.operationId, name)
    assert.match(JSON.stringify(operation?.responses), /"default":\{"\$ref":"#\/components\/responses\/Problem"\}/)
  }
})

test('every reference leads somewhere, and every schema compiles', () => {
  const text = JSON.stringify(document)
  for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    assert.ok(name !== undefined && name in document.components.schemas, name)
  assert.ok(!text.includes('$defs'))
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'document', ...document })
  for (const name of Object.keys(document.components.schemas)) assert.ok(ajv.getSchema(`document#/components/schemas/${name}`), name)
  assert.ok('ThingMade' in document.components.schemas)
})

test('a key may be sent exactly where it means something, and path parameters are required', () => {
  const parameters = (path: string, method: string) => JSON.stringify(document.paths[path]?.[method]?.parameters ?? [])
  assert.match(parameters('/v1/things', 'post'), /Idempotency-Key/)
  assert.doesNotMatch(parameters('/v1/things', 'get'), /Idempotency-Key/)
  assert.match(parameters('/v1/things/{id}', 'get'), /"name":"id","in":"path","required":true/)
})

test('what goes in is closed, what comes out may grow', () => {
  assert.match(JSON.stringify(document.paths['/v1/things']?.post?.requestBody), /"additionalProperties":false/)
  assert.doesNotMatch(JSON.stringify(document.components.schemas.Thing), /"additionalProperties":false/)
})

test('the pages load nothing from anywhere else', async () => {
  for (const path of ['/', '/docs', '/openapi.json', '/docs/start.js', '/page.css', '/docs/reference.js']) {
    const { status, headers, text } = await one.call('GET', path)
    assert.equal(status, 200, path)
    assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self';/)
    if (path !== '/docs/reference.js' && path !== '/openapi.json') assert.doesNotMatch(text, /(?:src|href)="(?:https?:)?\/\//, path)
  }
  assert.match((await one.call('GET', '/docs')).text, /<html lang="en">/)
})

test('every problem has a page', async () => {
  for (const code of Object.keys(problems)) {
    const { status, text } = await one.call('GET', `/problems/${code}`)
    assert.ok(status === 200 && text.includes(code), code)
  }
  assert.equal((await one.call('GET', '/problems/constructor')).status, 404)
})
