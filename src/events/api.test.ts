import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '../core/problem.ts'
import type { Context, RawInput } from '../http/endpoint.ts'
import { openApi } from '../http/openapi.ts'
import type { Mode } from '../world/world.ts'
import { eventEndpoints } from './api.ts'
import { webhookDescriptions } from './catalogue.ts'
import { deliver } from './deliver.ts'
import { fanOut } from './fanOut.ts'
import { createReceiver, createStage, eventOf, recordAll, type Stage, tenant } from './testing.ts'

type Given = { readonly params?: object; readonly query?: object; readonly body?: object; readonly mode?: Mode; readonly tenant?: string }
type Shown = { readonly status: number; readonly body: Readonly<Record<string, unknown>> }

/** Calls an endpoint by its name, as the server would, and holds its answer to the shape it declares. */
async function call(stage: Stage, name: string, given: Given = {}): Promise<Shown> {
  const found = eventEndpoints(stage.queries).find(one => one.name === name)
  assert.ok(found, name)
  const context: Context = {
    world: stage.world,
    caller: { tenant: given.tenant ?? tenant, mode: given.mode ?? 'test', kind: 'secret', key: 'key_1', role: 'owner', person: null },
    requestId: 'req_1',
    once: { claim: () => [], answer: () => [], whole: () => [] },
    peerAddress: undefined,
  }
  const input: RawInput = {
    params: given.params ?? {},
    query: given.query ?? {},
    body: given.body ?? {},
    raw: Buffer.alloc(0),
    headers: {},
  }
  const answer = await found.run(context, input)
  const schema = found.answers[answer.status]?.schema
  assert.ok(schema, `${name} ${answer.status}`)
  schema.parse(answer.body)
  const body: Record<string, unknown> = JSON.parse(JSON.stringify(answer.body))
  return { status: answer.status, body }
}

const refused = (code: string, pointer?: string) => (failure: unknown) => {
  assert.ok(failure instanceof Problem, String(failure))
  assert.equal(failure.code, code)
  if (pointer !== undefined)
    assert.ok(
      failure.errors.some(one => one.pointer === pointer),
      JSON.stringify(failure.errors),
    )
  return true
}
const list = (shown: Shown): readonly Readonly<Record<string, unknown>>[] => (Array.isArray(shown.body.data) ? shown.body.data : [])

async function createdAt(stage: Stage, url: string, more: object = {}): Promise<string> {
  return String((await call(stage, 'createWebhookEndpoint', { body: { url, ...more } })).body.id)
}

async function work(stage: Stage): Promise<void> {
  await fanOut(stage.world, stage.queries)
  for (const due of await stage.queries.due(stage.world.now(), 100)) await deliver(stage.world, stage.outbound, due)
}

test('an endpoint is created, read, changed, disabled, enabled and deleted', async () => {
  const stage = createStage()
  const { status, body } = await call(stage, 'createWebhookEndpoint', {
    body: { url: 'https://shop.example.com/hooks', description: 'Shop' },
  })
  assert.equal(status, 201)
  assert.deepEqual([body.url, body.types, body.status, body.livemode], ['https://shop.example.com/hooks', ['*'], 'enabled', false])
  const params = { id: body.id }
  assert.deepEqual((await call(stage, 'getWebhookEndpoint', { params })).body, body)
  const changed = (await call(stage, 'updateWebhookEndpoint', { params, body: { types: ['binding.*', 'instrument.bound'] } })).body
  assert.deepEqual([changed.types, changed.description], [['binding.*', 'instrument.bound'], 'Shop'])
  const disabled = (await call(stage, 'disableWebhookEndpoint', { params })).body
  assert.deepEqual([disabled.status, disabled.disabled_reason], ['disabled', 'requested'])
  const enabled = (await call(stage, 'enableWebhookEndpoint', { params })).body
  assert.deepEqual([enabled.status, enabled.disabled_reason], ['enabled', null])
  assert.equal(list(await call(stage, 'listWebhookEndpoints')).length, 1)
  assert.equal((await call(stage, 'deleteWebhookEndpoint', { params })).body.deleted, true)
  await assert.rejects(call(stage, 'getWebhookEndpoint', { params }), refused('not_found'))
  assert.equal(list(await call(stage, 'listWebhookEndpoints')).length, 0)
})

test('nobody sees or touches what is in another tenant or mode', async () => {
  const stage = createStage()
  const id = await createdAt(stage, 'https://shop.example.com/hooks')
  const event = eventOf(stage, 'ins_1', 1)
  await recordAll(stage, event)
  for (const stranger of [{ tenant: 'ten_2' }, { mode: 'live' as const }]) {
    for (const name of [
      'getWebhookEndpoint',
      'updateWebhookEndpoint',
      'deleteWebhookEndpoint',
      'enableWebhookEndpoint',
      'disableWebhookEndpoint',
      'rotateWebhookSecret',
      'getWebhookSecret',
      'listWebhookDeliveries',
    ])
      await assert.rejects(call(stage, name, { ...stranger, params: { id } }), refused('not_found'), name)
    await assert.rejects(
      call(stage, 'replayToWebhookEndpoint', { ...stranger, params: { id }, body: { events: [event.id] } }),
      refused('not_found'),
    )
    await assert.rejects(call(stage, 'getEvent', { ...stranger, params: { id: event.id } }), refused('not_found'))
    await assert.rejects(call(stage, 'replayEvent', { ...stranger, params: { id: event.id } }), refused('not_found'))
    for (const name of ['listWebhookEndpoints', 'listEvents']) assert.equal(list(await call(stage, name, stranger)).length, 0, name)
  }
})

test('a URL that may not be called is refused by field', async () => {
  const stage = createStage()
  for (const url of [
    'http://shop.example.com/',
    'https://169.254.169.254/',
    'https://[::ffff:10.0.0.1]/',
    'https://shop.example.com:22/',
    'ftp://a.example.com',
    '',
    7,
  ])
    await assert.rejects(call(stage, 'createWebhookEndpoint', { body: { url } }), refused('invalid_request', '/url'), String(url))
  const id = await createdAt(stage, 'http://127.0.0.1:4000/hooks')
  const outside = { ...stage, world: { ...stage.world, settings: { ...stage.world.settings, allowLoopback: false } } }
  await assert.rejects(
    call(outside, 'createWebhookEndpoint', { body: { url: 'http://127.0.0.1:4000/hooks' } }),
    refused('invalid_request', '/url'),
  )
  await assert.rejects(
    call(outside, 'updateWebhookEndpoint', { params: { id }, body: { url: 'http://localhost/' } }),
    refused('invalid_request', '/url'),
  )
})

test('types that do not exist, too many endpoints and unknown fields are refused', async () => {
  const stage = createStage()
  const url = 'https://shop.example.com/hooks'
  await assert.rejects(
    call(stage, 'createWebhookEndpoint', { body: { url, types: ['binding.paid'] } }),
    refused('invalid_request', '/types/0'),
  )
  await assert.rejects(call(stage, 'createWebhookEndpoint', { body: { url, types: [] } }), refused('invalid_request', '/types'))
  await assert.rejects(call(stage, 'createWebhookEndpoint', { body: { url, secret: 'x' } }), refused('invalid_request', '/secret'))
  for (let count = 0; count < 20; count += 1) await createdAt(stage, url)
  await assert.rejects(createdAt(stage, url), refused('unprocessable'))
})

test('the secret is read apart, and no other answer holds it', async () => {
  const stage = createStage()
  const created = await call(stage, 'createWebhookEndpoint', { body: { url: 'https://shop.example.com/hooks' } })
  const params = { id: created.body.id }
  const first = (await call(stage, 'getWebhookSecret', { params })).body
  assert.match(String(first.secret), /^whsec_/)
  const rotated = await call(stage, 'rotateWebhookSecret', { params })
  const second = (await call(stage, 'getWebhookSecret', { params })).body
  assert.notEqual(first.secret, second.secret)
  const keys = Array.isArray(rotated.body.keys) ? rotated.body.keys : []
  assert.deepEqual([keys.length, keys[0].public_key, keys[1].public_key], [2, second.public_key, first.public_key])
  for (const answer of [created, rotated, await call(stage, 'getWebhookEndpoint', { params }), await call(stage, 'listWebhookEndpoints')])
    assert.doesNotMatch(JSON.stringify(answer.body), /whsec_|whsk_|sealed/)
})

test('events are listed in pages in both directions, and a page is never shifted by what comes after', async () => {
  const stage = createStage()
  const all = Array.from({ length: 7 }, (_, index) =>
    eventOf(stage, 'ins_1', index + 1, { type: index % 2 === 0 ? 'binding.active' : 'instrument.bound' }),
  )
  await recordAll(stage, ...all)
  let late = 0
  const walk = async (query: object) => {
    const seen: unknown[] = []
    let next: unknown
    do {
      const shown = await call(stage, 'listEvents', {
        query: { limit: '3', ...query, ...(next === undefined ? {} : { starting_after: next }) },
      })
      seen.push(...list(shown).map(one => one.sequence))
      if (next === undefined) await recordAll(stage, eventOf(stage, `ins_late_${late++}`, 1))
      next = shown.body.next_cursor ?? undefined
      assert.equal(shown.body.has_more, next !== undefined)
    } while (next !== undefined && seen.length < 20)
    return seen
  }
  assert.deepEqual(await walk({}), [7, 6, 5, 4, 3, 2, 1])
  assert.deepEqual((await walk({ order: 'oldest_first', instrument: `ins_${'0'.repeat(26)}` })).length, 0)
  assert.deepEqual((await walk({ order: 'oldest_first', type: 'instrument.bound' })).slice(0, 3), [2, 4, 6])
  for (const bad of [
    'cur_',
    'x',
    'cur_AAAA',
    `cur_${Buffer.from('deliveries:0.1').toString('base64url')}`,
    `cur_${Buffer.from('events:0.01').toString('base64url')}x`,
  ])
    await assert.rejects(
      call(stage, 'listEvents', { query: { starting_after: bad } }),
      refused('invalid_request', 'query/starting_after'),
      bad,
    )
})

test('deliveries are listed by state, and a parked or delivered one is replayed by name or by time', async () => {
  const stage = createStage()
  const receiver = await createReceiver()
  const id = await createdAt(stage, receiver.url, { types: ['binding.*'] })
  const params = { id }
  const from = new Date(stage.world.now()).toISOString()
  const all = [1, 2, 3].map(sequence => eventOf(stage, 'ins_1', sequence))
  await recordAll(stage, ...all, eventOf(stage, 'ins_1', 4, { type: 'instrument.bound' }))
  await work(stage)
  const to = new Date(stage.world.now()).toISOString()
  stage.clock.nowMs += 1
  await recordAll(stage, eventOf(stage, 'ins_1', 5))
  const delivered = await call(stage, 'listWebhookDeliveries', { params, query: { state: 'delivered', limit: '2' } })
  assert.deepEqual(
    list(delivered).map(one => [one.event, one.last_status, one.tries]),
    [
      [all[2]?.id, 200, 1],
      [all[1]?.id, 200, 1],
    ],
  )
  assert.equal(delivered.body.has_more, true)
  assert.equal(list(await call(stage, 'listWebhookDeliveries', { params, query: { state: 'parked' } })).length, 0)

  const one = await call(stage, 'replayEvent', { params: { id: all[0]?.id } })
  assert.deepEqual([one.status, one.body.queued], [202, 1])
  await work(stage)
  assert.deepEqual(
    receiver.received.map(got => got.sequence),
    [1, 2, 3, 1, 5],
  )
  const range = await call(stage, 'replayToWebhookEndpoint', { params, body: { from, to } })
  assert.deepEqual([range.body.queued, range.body.missing, range.body.has_more], [3, [], false])
  await work(stage)
  assert.deepEqual(
    receiver.received.slice(5).map(got => got.sequence),
    [1, 2, 3],
  )
  const unknown = `evt_${'0'.repeat(26)}`
  assert.deepEqual((await call(stage, 'replayToWebhookEndpoint', { params, body: { events: [unknown] } })).body.missing, [unknown])
  await receiver.close()
  await stage.close()
})

test('a replay names events or a time, not both, not half, and not to a disabled endpoint', async () => {
  const stage = createStage()
  const params = { id: await createdAt(stage, 'https://shop.example.com/hooks') }
  const events = [`evt_${'0'.repeat(26)}`]
  const [from, to] = ['2026-11-22T00:00:00Z', '2026-11-23T00:00:00Z']
  for (const body of [
    {},
    { events, from, to },
    { from },
    { to },
    { events, from },
    { from: to, to: from },
    { events: [] },
    { events: ['x'] },
    { from: 'now', to },
  ])
    await assert.rejects(call(stage, 'replayToWebhookEndpoint', { params, body }), refused('invalid_request'), JSON.stringify(body))
  await call(stage, 'disableWebhookEndpoint', { params })
  await assert.rejects(call(stage, 'replayToWebhookEndpoint', { params, body: { events } }), refused('unprocessable'))
})

test('an endpoint that moves under our hands is changed all the same', async () => {
  const stage = createStage()
  const id = await createdAt(stage, 'https://shop.example.com/hooks')
  await Promise.all([
    call(stage, 'updateWebhookEndpoint', { params: { id }, body: { description: 'one' } }),
    call(stage, 'rotateWebhookSecret', { params: { id } }),
    call(stage, 'updateWebhookEndpoint', { params: { id }, body: { types: ['binding.*'] } }),
  ])
  const { body } = await call(stage, 'getWebhookEndpoint', { params: { id } })
  assert.deepEqual([body.description, body.types, Array.isArray(body.keys) && body.keys.length], ['one', ['binding.*'], 2])
})

test('every type of event stands in the document of the API', () => {
  const stage = createStage()
  const document = openApi({
    endpoints: eventEndpoints(stage.queries),
    webhooks: webhookDescriptions,
    publicUrl: 'https://pay.example.com',
    version: '0',
  })
  const webhooks = Object.keys(Object(document.webhooks))
  for (const type of ['instrument.bound', 'instrument.unbound', 'binding.challenge', 'binding.updated', 'webhook_endpoint.disabled'])
    assert.ok(webhooks.includes(type), type)
  assert.equal(new Set(eventEndpoints(stage.queries).map(one => one.name)).size, eventEndpoints(stage.queries).length)
})
