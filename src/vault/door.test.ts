import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type Grant, signGrant } from '../core/grant.ts'
import { createMemoryStore } from '../world/memory.ts'
import type { Log } from '../world/world.ts'
import { createDoor } from './door.ts'
import { keyRoot } from './root.ts'
import { vaultTables } from './tables.ts'
import { createVault } from './vault.ts'

const number = '4242424242424242'
const cardText = JSON.stringify({ number, expiry_month: 3, expiry_year: 2030, security_code: '123' })
const grantKey = randomBytes(32)

async function stage(t: TestContext) {
  const clock = { now: Date.UTC(2026, 10, 22) }
  const said: string[] = []
  const note = (what: string, facts?: unknown): void => void said.push(`${what} ${JSON.stringify(facts)}`)
  const log: Log = { info: note, warn: note, error: note }
  const now = () => clock.now
  const vault = createVault({
    now,
    random: randomBytes,
    store: createMemoryStore(vaultTables),
    root: keyRoot('file', createSecretKey(randomBytes(32)), randomBytes),
    send: () => assert.fail('nothing is sent'),
    origins: new Set(),
    allowLoopback: false,
  })
  const door = createDoor({ vault, grantKey, publicUrl: 'https://pay.example', log, now, random: randomBytes })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  const address = door.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  t.after(async () => {
    door.closeAllConnections()
    await new Promise(resolve => door.close(resolve))
  })
  const grant = (more: Partial<Grant> = {}): string =>
    signGrant(grantKey, clock.now, {
      tenant: 'ten_1',
      mode: 'test',
      captures: 1000,
      expiresAt: clock.now + 600_000,
      nonce: randomBytes(16).toString('base64url'),
      origins: [],
      ...more,
    })
  const post = (token: string, body: string = cardText, headers: Record<string, string> = {}, path = '/capture', method = 'POST') =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(method === 'POST' ? { body } : {}),
    })
  return { clock, vault, port, grant, post, said }
}

async function problemOf(response: Response): Promise<{ code: string; pointer: string | undefined }> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  const text = await response.text()
  assert.equal(text.includes(number), false)
  const body: unknown = JSON.parse(text)
  assert.ok(
    typeof body === 'object' && body !== null && 'code' in body && 'errors' in body && 'request_id' in body && Array.isArray(body.errors),
  )
  assert.equal(body.request_id, response.headers.get('request-id'))
  const [first]: readonly unknown[] = body.errors
  const pointer = typeof first === 'object' && first !== null && 'pointer' in first ? String(first.pointer) : undefined
  return { code: String(body.code), pointer }
}

test('a card is captured and answered with what may be known of it', async t => {
  const { grant, post, vault } = await stage(t)
  const response = await post(grant())
  assert.equal(response.status, 201)
  assert.equal(response.headers.get('cache-control'), 'no-store')
  const text = await response.text()
  assert.equal(text.includes(number), false)
  const body: unknown = JSON.parse(text)
  assert.ok(typeof body === 'object' && body !== null && 'reference' in body)
  const { reference, ...rest } = body
  assert.deepEqual(rest, { brand: 'visa', last4: '4242', expiry_month: 3, expiry_year: 2030, expires_at: '2026-11-22T00:15:00.000Z' })
  assert.match(String(reference), /^cap_[0-9a-hjkmnp-tv-z]{26}$/)
  assert.notEqual(await vault.peek({ tenant: 'ten_1', mode: 'test', reference: String(reference) }), undefined)
})

test('a payer is captured and answered with what may be known of it; a refusal names the field', async t => {
  const { grant, post, vault } = await stage(t)
  const iban = 'DE89370400440532013000'
  const payer = { kind: 'bank_account', scheme: 'sepa_debit', country: 'DE', iban, name: 'Zoe Doe' }
  const response = await post(grant(), JSON.stringify({ payer }))
  assert.equal(response.status, 201)
  const body: unknown = await response.json()
  assert.ok(typeof body === 'object' && body !== null && 'reference' in body)
  const { reference: _, ...rest } = body
  const shown = { kind: 'bank_account', scheme: 'sepa_debit', country: 'DE', held: ['name', 'iban'], tail: '3000' }
  assert.deepEqual(rest, { ...shown, expires_at: '2026-11-22T00:15:00.000Z' })
  const refused = await post(grant(), JSON.stringify({ payer: { ...payer, iban: iban.replace('89', '88') } }))
  assert.deepEqual(await problemOf(refused), { code: 'invalid_request', pointer: '/payer/iban' })
  const token = await post(grant(), JSON.stringify({ apple_pay: { data: 'x'.repeat(6000) } }))
  assert.deepEqual(
    await problemOf(token),
    { code: 'unprocessable', pointer: '/apple_pay' },
    'long enough for a token, but there are no keys',
  )
  assert.equal((await problemOf(await post(grant(), JSON.stringify({ apple_pay: { data: 'x'.repeat(20_000) } })))).code, 'body_too_large')
  assert.equal(vault.captures.count(), 1)
})

test('a grant is good for its number of captures; a refused card does not use one up', async t => {
  const { grant, post } = await stage(t)
  const token = grant({ captures: 2 })
  assert.equal((await post(token, '{"number":"1"}')).status, 400)
  assert.equal((await post(token)).status, 201)
  const both = await Promise.all([post(token), post(token)])
  assert.deepEqual(both.map(one => one.status).toSorted(), [201, 410])
  assert.equal((await problemOf(await post(token))).code, 'gone')
})

test('a grant is no means to try numbers out', async t => {
  const { grant, post } = await stage(t)
  const token = grant({ captures: 1 })
  for (let i = 0; i < 5; i += 1) assert.equal((await post(token, '{"number":"1"}')).status, 400)
  assert.equal((await problemOf(await post(token))).code, 'too_many_requests')
})

test('no grant, a lapsed one, a forged one: nothing is captured', async t => {
  const { grant, post, clock, vault } = await stage(t)
  const token = grant()
  const forged = signGrant(randomBytes(32), clock.now, {
    tenant: 'ten_1',
    mode: 'test',
    captures: 1,
    expiresAt: clock.now + 1000,
    nonce: 'n'.repeat(16),
    origins: [],
  })
  for (const bad of ['', 'x', `${token}x`, forged]) assert.equal((await problemOf(await post(bad))).code, 'unauthenticated')
  clock.now += 600_000
  assert.equal((await post(token)).status, 401)
  assert.equal(vault.captures.count(), 0)
})

test('a page may hand in cards only if the grant names its origin', async t => {
  const { grant, post } = await stage(t)
  const origin = 'https://shop.example'
  assert.equal((await problemOf(await post(grant(), cardText, { origin }))).code, 'forbidden')
  const named = grant({ origins: [origin] })
  const allowed = await post(named, cardText, { origin })
  assert.equal(allowed.status, 201)
  assert.equal(allowed.headers.get('access-control-allow-origin'), origin)
  assert.equal((await post(named, cardText, { origin: 'https://evil.example' })).status, 403)
  const asked = await post('', '', { origin }, '/capture', 'OPTIONS')
  assert.equal(asked.status, 204)
  assert.equal(asked.headers.get('access-control-allow-headers'), 'authorization, content-type')
})

test('everything else is refused with a problem of its own', async t => {
  const { grant, post, said } = await stage(t)
  const cases: readonly (readonly [Promise<Response>, number, string])[] = [
    [post(grant(), cardText, {}, '/other'), 404, 'not_found'],
    [post(grant(), cardText, {}, `/capture?number=${number}`), 404, 'not_found'],
    [post(grant(), cardText, {}, '/capture', 'GET'), 405, 'method_not_allowed'],
    [post(grant(), cardText, { 'content-type': 'text/plain' }), 415, 'unsupported_media_type'],
    [post(grant(), cardText, { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type'],
    [post(grant(), ' '.repeat(5000)), 413, 'body_too_large'],
    [post(grant(), 'nonsense'), 400, 'malformed_body'],
    [post(grant(), ''), 400, 'malformed_body'],
  ]
  for (const [answer, status, code] of cases) {
    const response = await answer
    assert.equal(response.status, status, code)
    assert.equal((await problemOf(response)).code, code)
  }
  assert.equal(said.join('').includes(number), false)
})

test('a card that comes one byte at a time is the same card, and a sender who stops half-way leaves nothing', async t => {
  const { grant, port, vault } = await stage(t)
  const head = `POST /capture HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${grant()}\r\ncontent-type: application/json\r\nconnection: close\r\n`
  const chunked = `${head}transfer-encoding: chunked\r\n\r\n`
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', chunk => {
    answer += chunk.toString()
  })
  socket.write(chunked)
  for (const letter of cardText) socket.write(`1\r\n${letter}\r\n`)
  socket.write('0\r\n\r\n')
  await once(socket, 'close')
  assert.match(answer, /^HTTP\/1\.1 201 /)
  const broken = connect(port, '127.0.0.1')
  broken.on('error', () => undefined)
  broken.write(`${head}content-length: ${cardText.length}\r\n\r\n${cardText.slice(0, 30)}`)
  await new Promise(resolve => setTimeout(resolve, 50))
  broken.destroy()
  await once(broken, 'close')
  assert.equal(vault.captures.count(), 1)
  const conflicting = connect(port, '127.0.0.1')
  let refused = ''
  conflicting.on('data', chunk => {
    refused += chunk.toString()
  })
  conflicting.on('error', () => undefined)
  conflicting.write(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`)
  await once(conflicting, 'close')
  assert.match(refused, /^HTTP\/1\.1 400 /)
})

test('the hosted page is given to anybody, under its own policy, and takes nothing', async t => {
  const { port, post } = await stage(t)
  const page = await fetch(`http://127.0.0.1:${port}/bind`)
  assert.equal(page.status, 200)
  assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'self'; .*connect-src 'self' https:\/\/pay\.example;/)
  assert.equal(page.headers.get('cache-control'), 'no-store')
  for (const name of ['bind.js', 'bind.css']) assert.equal((await fetch(`http://127.0.0.1:${port}/${name}`)).status, 200)
  assert.equal(
    (await fetch(`http://127.0.0.1:${port}/bind`, { method: 'HEAD' })).headers.get('content-length'),
    page.headers.get('content-length'),
  )
  assert.equal((await problemOf(await post('cgr_none', cardText, {}, '/bind'))).code, 'not_found')
  assert.equal((await fetch(`http://127.0.0.1:${port}/bind?card=${number}`)).status, 404, 'an address with anything more is none of ours')
})
