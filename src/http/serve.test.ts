import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { revokeKey } from './auth.ts'
import { type TrialServer, thingSample, trialServer } from './trial.seam.ts'

let one: TrialServer
before(async () => {
  one = await trialServer()
})
after(() => one.close())

const basic = (user: string, password = '') => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` })

test('a problem says what is wrong, where, and how to find it again', async () => {
  const answer = await one.call('POST', '/v1/things', { body: { ...thingSample, price: { amount: '-0', currency: 'XXX' }, nmae: 1 } })
  assert.equal(answer.status, 400)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  assert.equal(answer.json.type, 'https://bindery.example.com/problems/invalid_request')
  assert.equal(answer.json.request_id, answer.headers.get('request-id'))
  const pointers = Array.isArray(answer.json.errors) ? answer.json.errors.map(error => error.pointer) : []
  assert.deepEqual(pointers.toSorted(), ['/nmae', '/price/amount', '/price/currency'])
  assert.deepEqual([answer.json.code, answer.json.retryable, answer.json.status], ['invalid_request', false, 400])
})

test('keys open what they are for, by Bearer and by Basic', async () => {
  const note = (headers: Record<string, string>) => one.call('POST', '/v1/notes', { body: { name: 'a' }, headers })
  assert.equal((await note({})).status, 201)
  assert.equal((await note(basic(one.secretKey))).status, 201)
  assert.equal((await note({ authorization: `bearer ${one.publishableKey}` })).status, 201)
  const refused = await one.call('POST', '/v1/things', { body: thingSample, headers: { authorization: `Bearer ${one.publishableKey}` } })
  assert.deepEqual([refused.status, refused.json.code], [403, 'forbidden'])
})

test('anything else than a live key is refused without a word about which part is wrong', async () => {
  const mistyped = one.secretKey.replace(/.$/, last => (last === '0' ? '1' : '0'))
  const bad = [
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${mistyped}`,
    `Bearer ${one.secretKey} x`,
    one.secretKey,
    `Token ${one.secretKey}`,
    `Bearer ${'a'.repeat(600)}`,
  ]
  for (const authorization of bad) {
    const answer = await one.call('GET', '/v1/things', { headers: { authorization } })
    assert.deepEqual(
      [answer.status, answer.json.code, answer.headers.get('www-authenticate')],
      [401, 'unauthenticated', 'Bearer realm="bindery"'],
      authorization,
    )
    assert.ok(!answer.text.includes(one.secretKey.slice(8)))
  }
  assert.equal((await one.call('GET', '/v1/things', { headers: basic(one.secretKey, 'password') })).status, 401)
})

test('a revoked key is refused ten seconds later at the latest', async () => {
  const other = await trialServer({}, one.world)
  const id =
    (await one.world.store.find((await import('./tables.ts')).apiKeys, { tenant: other.tenant })).find(row => row.kind === 'secret')?.id ??
    ''
  assert.equal((await other.call('GET', '/v1/things')).status, 200)
  assert.equal(await revokeKey(one.world, { tenant: one.tenant, id }), false)
  assert.equal(await revokeKey(one.world, { tenant: other.tenant, id }), true)
  one.world.advance(10_001)
  assert.equal((await other.call('GET', '/v1/things')).status, 401)
  await other.close()
})

test('no address, no such method: 404 and 405, with the methods that are taken', async () => {
  assert.equal((await one.call('GET', '/v1/nothing')).json.code, 'not_found')
  const answer = await one.call('DELETE', '/v1/things')
  assert.deepEqual([answer.status, answer.headers.get('allow'), answer.json.code], [405, 'POST, GET', 'method_not_allowed'])
  assert.equal((await one.call('GET', `/v1/things/${'x'.repeat(300)}`)).status, 404)
  assert.equal((await one.call('GET', '/v1/things/%')).status, 404)
})

test('only JSON in UTF-8, uncompressed, is taken', async () => {
  const send = (headers: Record<string, string>, body = JSON.stringify({ name: 'a' })) => one.call('POST', '/v1/notes', { body, headers })
  for (const type of ['application/json', 'Application/JSON; charset=UTF-8', 'application/json;charset="utf-8"'])
    assert.equal((await send({ 'content-type': type })).status, 201, type)
  for (const type of [
    'text/plain',
    'application/json; charset=latin1',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    ';',
  ])
    assert.equal((await send({ 'content-type': type })).json.code, 'unsupported_media_type', type)
  for (const encoding of ['gzip', 'br', 'deflate', 'gzip, gzip', 'x'])
    assert.equal((await send({ 'content-encoding': encoding })).json.code, 'unsupported_media_type', encoding)
  assert.equal((await send({}, JSON.stringify({ name: 'a'.repeat(70_000) }))).json.code, 'body_too_large')
  assert.equal((await one.call('POST', '/v1/notes')).json.code, 'invalid_request')
})

test('a bug tells the caller nothing and the log where', async () => {
  one.world.lines.length = 0
  const answer = await one.call('GET', '/v1/bug')
  assert.deepEqual([answer.status, answer.json.code, answer.json.retryable], [500, 'internal', true])
  assert.doesNotMatch(answer.text, /4111|TypeError|trial/)
  const log = one.world.lines.join('')
  assert.match(log, new RegExp(`"request":"${answer.headers.get('request-id')}"`))
  assert.match(log, /trial\.seam\.ts/)
  assert.doesNotMatch(log, /4111/)
})

test('a parameter that stands twice, or is unknown, is refused by name', async () => {
  for (const [query, pointer] of [
    ['limit=1&limit=2', 'query/limit'],
    ['limt=1', 'query/limt'],
    ['limit=0', 'query/limit'],
    ['limit=1e1', 'query/limit'],
    ['%6cimit=1&limit=2', 'query/limit'],
    ['constructor=1', 'query/constructor'],
    ['reference=%00', 'query/reference'],
    ['reference=%ff', 'query/reference'],
  ])
    assert.ok((await one.call('GET', `/v1/things?${query}`)).text.includes(`"pointer":"${pointer}"`), query)
})

test('pages follow each other, and a cursor of nobody is refused', async () => {
  const first = await one.call('GET', '/v1/things?limit=20')
  assert.equal(first.json.has_more, true)
  const second = await one.call('GET', `/v1/things?limit=20&starting_after=${first.json.next_cursor}`)
  assert.deepEqual(
    [second.json.has_more, second.json.next_cursor, Array.isArray(second.json.data) && second.json.data.length],
    [false, null, 10],
  )
  const forged = [
    `cur_${Buffer.from('others:5').toString('base64url')}`,
    'cur_',
    'x',
    `cur_${Buffer.from('things:-5').toString('base64url')}`,
    `cur_${Buffer.from('things:05').toString('base64url')}`,
  ]
  for (const cursor of forged) assert.equal((await one.call('GET', `/v1/things?starting_after=${cursor}`)).status, 400, cursor)
})

test('a webhook reaches its endpoint byte by byte, whatever it holds', async () => {
  const answer = await one.call('POST', '/hooks/stripe', {
    body: 'pspReference=8835511210681324 {{{',
    headers: { 'content-type': 'text/plain', authorization: '' },
  })
  assert.deepEqual([answer.status, answer.text, answer.headers.get('content-type')], [200, '[33 bytes]', 'text/plain'])
})

test('metrics count by endpoint and status and know no tenant', async () => {
  await one.call('POST', '/v1/notes', { body: { name: 'a' } })
  const { text } = await one.call('GET', '/metrics')
  assert.match(text, /http_request_duration_seconds_count\{endpoint="makeNote",status="201"\} \d+/)
  assert.match(text, /http_requests_in_flight 0/)
  assert.match(text, /nodejs_eventloop_lag_seconds/)
  assert.ok(!text.includes(one.tenant) && !text.includes('healthz'))
})

test('a request line is logged with its id and endpoint, never its address', async () => {
  one.world.lines.length = 0
  await one.call('GET', '/v1/things?reference=sesame')
  assert.match(one.world.lines.join(''), /"endpoint":"listThings","status":200/)
  assert.doesNotMatch(one.world.lines.join(''), /sesame|v1\/things/)
})

test('an answer is for one reader only and is what it says it is', async () => {
  const { headers } = await one.call('GET', '/v1/things')
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
})

test('a client certificate that no proxy of ours told is not heard of', async () => {
  const told = async (limits: Parameters<typeof trialServer>[0]) => {
    const server = await trialServer(limits)
    const { text } = await server.call('POST', '/hooks/pix', { body: 'a', headers: { 'client-cert': ':MIIB:' } })
    await server.close()
    return text
  }
  assert.equal(await told({}), '[1 bytes]')
  assert.equal(await told({ trustedProxies: 1 }), '[1 bytes]:MIIB:')
  assert.equal(await told({ simulatorsTellCertificates: true }), '[1 bytes]:MIIB:')
})
