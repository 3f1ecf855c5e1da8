import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { z } from 'zod'
import { listFiles, readSource } from '../../test/source.ts'
import { returnUrl, trial, visa } from '../instruments/trial.seam.ts'
import { asyncApi } from './asyncapi.ts'
import { eventTypes, webhookDescriptions } from './catalogue.ts'
import { showEvent } from './event.ts'
import { events } from './tables.ts'

const document = asyncApi({ webhooks: webhookDescriptions, version: '1.2.3' })

/** The parts of AsyncAPI 3.0.0's published structure (spec-json-schemas, definitions/3.0.0) that the document uses; nothing else may stand there. */
const reference = z.strictObject({ $ref: z.string().regex(/^#\//) })
const structure = z.strictObject({
  asyncapi: z.literal('3.0.0'),
  info: z.strictObject({
    title: z.string(),
    version: z.string(),
    description: z.string(),
    license: z.strictObject({ name: z.string(), url: z.url() }),
  }),
  defaultContentType: z.string(),
  servers: z.record(
    z.string().regex(/^[\w-]+$/),
    z.strictObject({
      host: z.string(),
      protocol: z.string(),
      description: z.string(),
      variables: z.record(z.string(), z.strictObject({ description: z.string(), default: z.string() })),
    }),
  ),
  channels: z.record(
    z.string(),
    z.strictObject({
      address: z.string(),
      title: z.string(),
      description: z.string(),
      parameters: z.record(z.string(), z.strictObject({ description: z.string() })),
      messages: z.record(z.string(), reference),
    }),
  ),
  operations: z.record(
    z.string(),
    z.strictObject({
      action: z.enum(['send', 'receive']),
      summary: z.string(),
      channel: reference,
      bindings: z.strictObject({ http: z.strictObject({ method: z.enum(['GET', 'POST', 'PUT']), bindingVersion: z.literal('0.3.0') }) }),
      messages: z.array(reference),
    }),
  ),
  components: z.strictObject({
    messages: z.record(
      z.string().regex(/^[\w.-]+$/),
      z.strictObject({
        name: z.string(),
        title: z.string(),
        summary: z.string(),
        contentType: z.string(),
        headers: reference,
        payload: z.strictObject({ schemaFormat: z.string(), schema: z.record(z.string(), z.unknown()) }),
      }),
    ),
    schemas: z.record(z.string().regex(/^[\w.-]+$/), z.record(z.string(), z.unknown())),
  }),
})

test('the document has the structure that AsyncAPI 3.0 publishes, and every reference leads somewhere', () => {
  const read = structure.parse(document)
  const at = (path: string): unknown =>
    path
      .slice(2)
      .split('/')
      .reduce<unknown>(
        (value, name) => (typeof value === 'object' && value !== null ? new Map(Object.entries(value)).get(name) : undefined),
        read,
      )
  const all = [...JSON.stringify(read).matchAll(/"\$ref":"([^"]+)"/g)].map(match => match[1] ?? '')
  assert.ok(all.length > 50)
  for (const path of all) assert.notEqual(at(path), undefined, path)
})

test('every type that can be sent is a message, and an event that was sent fits its message', async () => {
  const { components } = structure.parse(document)
  assert.deepEqual(Object.keys(components.messages).toSorted(), [...eventTypes].toSorted())
  const one = await trial(['stripe'])
  await one.bind({ card: { capture: await one.capture(visa) }, return_url: returnUrl })
  const recorded = one.rows(events)
  assert.ok(recorded.length > 0)
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  for (const event of recorded) {
    const message = components.messages[event.type]
    assert.ok(message !== undefined, event.type)
    const fits = ajv.compile({ ...message.payload.schema, components })
    assert.ok(fits(JSON.parse(JSON.stringify(showEvent(event)))), JSON.stringify(fits.errors))
    assert.ok(!fits({ ...showEvent(event), type: 'instrument.nothing' }))
  }
})

/** Words of other lists that look like a type of event. */
const others = new Set(['instrument.created'])

test('no type of event outside the catalogue is written anywhere', () => {
  const families = new Set(eventTypes.map(type => type.slice(0, type.indexOf('.'))))
  const sources = listFiles()
    .filter(path => /^src\/.*\.ts$/.test(path) && !/(\.test|\.seam|\.suite)\.ts$/.test(path) && !path.startsWith('src/channels/'))
    .map(readSource)
  const sites = sources.filter(source => /verb: 'record'|\brecord\(/.test(source.uncommented))
  assert.ok(sites.length >= 2, 'the notices of instruments and of endpoints')
  const known = new Set<string>(eventTypes)
  const unknown = sources.flatMap(({ path, strings }) =>
    strings.flatMap(({ line, text }) => {
      const family = /^([a-z_]+)\.[a-z_]+$/.exec(text)?.[1]
      return family === undefined || !families.has(family) || known.has(text) || others.has(text) ? [] : [`${path}:${line} ${text}`]
    }),
  )
  assert.deepEqual(unknown, [])
})
