import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { BindOutcome, Channel, ChannelRequest, SandboxValue } from '../src/channels/channel.ts'
import type { Subject } from '../src/channels/contract-bench.ts'
import { channels } from '../src/channels/index.ts'
import { specJudge, specsDirOf } from '../src/channels/judge.ts'
import type { Simulator, SimulatorAnswer } from '../src/channels/simulator.ts'
import { createKeyStore } from '../src/channels/simulator.ts'
import { mutateWire, nameOf } from './mutate-wire.ts'
import { arrivals, witnessesOf } from './mutate-wire-arrivals.ts'
import { change, kindOfRequest, leavesOf } from './mutate-wire-fields.ts'

const post = (body: string, type: string, url = 'https://api.example.com/v1/things'): ChannelRequest => ({
  ...{ method: 'POST', url, body },
  headers: { 'content-type': type, accept: '*/*', 'idempotency-key': 'k' },
})
const json = (value: object) => post(JSON.stringify(value), 'application/json')
const form = (text: string) => post(text, 'application/x-www-form-urlencoded')
const namesOf = (request: ChannelRequest) => leavesOf(request).map(one => `${one.place} ${one.name}=${one.value}`)

describe('a request taken apart', () => {
  const headers = (type: string) => [`header content-type=${type}`, 'header idempotency-key=k']

  test('every field that stands by itself is found, the connection’s headers are not', () => {
    const nested = json({ a: 1, b: { c: [1, 2], d: [{ 'e/f': null }] }, g: {} })
    assert.deepEqual(namesOf(nested), [
      ...headers('application/json'),
      'json /a=1',
      'json /b/c=[1,2]',
      'json /b/d/0/e~1f=null',
      'json /g={}',
    ])
    const pairs = { ...form('a=1&b[c]=x%20y&d[]=1'), url: 'https://api.example.com/v1/things?limit=3' }
    const expected = ['query limit=3', 'form a=1', 'form b[c]=x y', 'form d[]=1']
    assert.deepEqual(namesOf(pairs), [...headers('application/x-www-form-urlencoded'), ...expected])
    assert.equal(kindOfRequest({ ...pairs, url: 'https://x.example/v1/things/seti_1Abc/confirm?a=b' }), 'POST /v1/things/{id}/confirm')
  })

  test('a type without a body says nothing, and a body without fields has none', () => {
    assert.deepEqual(namesOf(post('', 'application/json')), ['header idempotency-key=k'])
    assert.deepEqual(namesOf(json({})), headers('application/json'))
  })

  test('a field is left out or renamed, and everything else stays as it was', () => {
    const nested = json({ a: 1, b: { c: 2, d: '{{card.number}}' } })
    assert.equal(change(nested, { place: 'json', name: '/b/c' }, 'drop').body, '{"a":1,"b":{"d":"{{card.number}}"}}')
    assert.equal(change(nested, { place: 'json', name: '/b/d' }, 'rename').body, '{"a":1,"b":{"c":2,"zzz_renamed":"{{card.number}}"}}')
    const pairs = form('a=1&card[number]={{card.number}}&card%5Bcvc%5D=1&x=%20')
    assert.equal(change(pairs, { place: 'form', name: 'card[cvc]' }, 'drop').body, 'a=1&card[number]={{card.number}}&x=%20')
    const renamed = change(pairs, { place: 'form', name: 'card[number]' }, 'rename')
    assert.equal(renamed.body, 'a=1&card[zzz_renamed]={{card.number}}&card%5Bcvc%5D=1&x=%20')
    assert.equal('idempotency-key' in change(pairs, { place: 'header', name: 'idempotency-key' }, 'drop').headers, false)
    const asked = { ...pairs, url: 'https://api.example.com/a?b=1&c=2' }
    assert.equal(change(asked, { place: 'query', name: 'b' }, 'drop').url, 'https://api.example.com/a?c=2')
  })
})

/** A channel of three fields: one the simulator needs, one it would never miss, and the customer's address, which it cannot judge. */
const value: SandboxValue = {
  title: 'the bell',
  shape: 'direct',
  source: { type: 'wallet', brand: 'bell', payer: { held: [], tail: '', country: 'DE' } },
  give: {},
  outcome: 'bound',
  from: 'ours',
}

const bell = (extra: Readonly<Record<string, string>>): Channel => ({
  name: 'bell',
  title: 'Bell',
  proof: { rank: 'documentation', source: 'made up' },
  repeat: { bind: { kind: 'keyed', windowMs: 1_000, keyLengthMax: 40 } },
  ways: [],
  currencies: new Map(),
  refusals: new Map(),
  sandboxValues: [value],
  requestsPerSecondMax: 1,
  account: { secrets: [], settings: [] },
  async bind(call, input): Promise<BindOutcome> {
    const body = JSON.stringify({ reference: call.operation, ip_address: input.client.ip, ...extra })
    const headers = { 'content-type': 'application/json', 'idempotency-key': call.key }
    const answer = await call.send({ method: 'POST', url: `${call.account.address}/ring`, headers, body })
    return answer.status === 200
      ? { kind: 'bound', token: answer.body, references: {} }
      : { kind: 'uncertain', cause: `status ${answer.status}` }
  },
})

function createBell(): Simulator {
  const keys = createKeyStore(1_000)
  const stored: string[] = []
  const answer = (status: number, body: string): SimulatorAnswer => ({ status, headers: {}, body })
  return {
    channel: 'bell',
    handle({ headers, body }, { nowMs }) {
      if (headers['content-type'] !== 'application/json') return answer(415, '')
      const known = keys.recall(headers['idempotency-key'] ?? '', body, nowMs)
      if (known.kind === 'same') return known.answer
      stored.push(JSON.parse(body).reference)
      const made = answer(200, `tok_${stored.length}`)
      if (headers['idempotency-key'] !== undefined) keys.remember(headers['idempotency-key'], body, made, nowMs)
      return made
    },
    takeEvents: () => [],
    sign: event => ({ headers: {}, body: event.body }),
    reject: () => answer(400, ''),
    trouble: () => answer(500, ''),
    disguise: one => one,
    books: () => ({
      effects: [],
      held: stored.map((reference, index) => ({ token: `tok_${index + 1}`, reference, customer: '', label: '', usable: true })),
    }),
    acts: {},
    act: () => undefined,
  }
}

const subjectOf = (channel: Channel): Subject => ({
  channel,
  sandbox: {
    createSimulator: createBell,
    credentials: () => ({ secrets: {}, settings: {}, verifying: 's', signing: 's' }),
    play: () => Promise.resolve(undefined),
  },
  ...{ storePath: '/ring', unknownRefusal: undefined, timestamped: false, signsBytes: false, boundEvent: '', officialCodes: [] },
})

test('who notices a mutant is told: the simulator, its books, or the watch on what arrives', async () => {
  const { mutants, noticed, survivors } = await mutateWire(subjectOf(bell({})))
  assert.deepEqual(survivors, [])
  // Two headers and two fields, left out and renamed: the missing type is a violation, the missing key makes a second effect.
  assert.equal(mutants, 8)
  assert.deepEqual(noticed, { specification: 2, answers: 2, books: 2, outcomes: 0, arrivals: 2 })
})

test('a field that nobody misses survives, dropped and renamed, and is named', async () => {
  const { survivors } = await mutateWire(subjectOf(bell({ colour: 'blue' })))
  assert.deepEqual(survivors.map(nameOf), ['direct: POST /ring drop json /colour', 'direct: POST /ring rename json /colour'])
})

test('an adapter that is broken, or never the same twice, is not worth mutating', async () => {
  const channel = bell({})
  const broken = { ...channel, bind: () => Promise.reject(new Error('broken')) }
  await assert.rejects(mutateWire(subjectOf(broken)), /throws as it is/)
  let count = 0
  const fickle: Channel = {
    ...channel,
    bind() {
      count += 1
      return Promise.resolve({ kind: 'uncertain', cause: String(count) })
    },
  }
  await assert.rejects(mutateWire(subjectOf(fickle)), /not the same twice/)
})

test('a channel that would notice another blank is told to sign anew', async () => {
  const strict = subjectOf(bell({}))
  const createSimulator = () => {
    const plain = createBell()
    const handle: Simulator['handle'] = (request, context) =>
      request.body.includes('\n') ? { status: 401, headers: {}, body: '' } : plain.handle(request, context)
    return { ...plain, handle }
  }
  const signed = { ...strict, sandbox: { ...strict.sandbox, createSimulator } }
  await assert.rejects(mutateWire(signed), /needs `resign`/)
  const resign = (request: ChannelRequest) => ({ ...request, body: JSON.stringify(JSON.parse(request.body ?? '')) })
  assert.deepEqual((await mutateWire({ ...signed, resign })).survivors, [])
})

test('an input has arrived only in a field that is called like it', () => {
  const client = { ip: '203.0.113.7', userAgent: 'Mozilla' }
  const { source } = value
  const input = { tenant: '', customer: '', channelCustomer: undefined, instrument: '', binding: '', terms: undefined, client, source }
  const witnesses = witnessesOf({ ...input, returnUrl: 'https://shop.example/back' })
  const arrived = (body: object) => arrivals([json(body)], witnesses).map(one => one.replace('POST /v1/things ', ''))
  assert.deepEqual(arrived({ shopperIP: '203.0.113.7', browserInfo: { userAgent: 'Mozilla' } }), ['ip', 'userAgent'])
  assert.deepEqual(arrived({ zzz_renamed: '203.0.113.7', browserInfo: { zzz_renamed: 'Mozilla' } }), [])
  assert.deepEqual(arrived({ links: { returnUrl: 'https://shop.example/back?x=1' }, address: { country: 'DE' } }), ['returnUrl', 'country'])
  assert.deepEqual(arrived({ description: '203.0.113.7', name: '{{card.number}}' }), [])
  assert.deepEqual(arrived({ card: { holder_name: '{{card.holder}}' } }), ['card.holder'])
})

const skip = specJudge(specsDirOf()) === 'off' && 'SPECS_DIR has no specifications'
test('of no channel a wire mutant survives', { timeout: 280_000, skip }, () => {
  const program = join(import.meta.dirname, 'mutate-wire.ts')
  const run = spawnSync(process.execPath, [program, '--json'], { encoding: 'utf8' })
  const lines = run.stdout.trim().split('\n')
  const last: unknown = JSON.parse(lines.at(-1) ?? '{}')
  assert.match(JSON.stringify(last), /^\{"mutants":\d{3,},"survivors":0\}$/, run.stdout.slice(0, 2_000) + run.stderr)
  const heard: readonly unknown[] = lines.slice(0, -1).map(line => JSON.parse(line).channel)
  assert.deepEqual(heard, [...channels.keys()])
  assert.equal(run.status, 0)
})
