import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindInput, Call, ChannelAnswer } from '../channel.ts'
import { assertBound, assertJudged, type Bench, bindFully, createBench, kindOf } from '../contract-bench.ts'
import { square } from './channel.ts'
import { sandboxValues } from './magic.ts'
import { subject } from './subject.ts'

const json = (status: number, body: unknown): ChannelAnswer => ({ status, headers: {}, body: JSON.stringify(body) })
const bodies = (bench: Bench) => bench.stage.requests().flatMap(one => (one.body === '' ? [] : [JSON.parse(one.body)]))
const fields = (source_id: string, more: Record<string, string> = {}): Partial<BindInput> => ({
  source: { type: 'encrypted_card', fields: { source_id, ...more } },
})
/** The first request is answered by the first of these, and so on; then the simulator goes on. */
function scripted(call: Call, ...answers: readonly (ChannelAnswer | undefined)[]): Call {
  const rest = [...answers]
  return {
    ...call,
    send: request => {
      const next = rest.shift()
      return next === undefined ? call.send(request) : Promise.resolve(next)
    },
  }
}
const failure = (status: number, category: string, code: string) => json(status, { errors: [{ category, code, detail: 'because' }] })

test('a bind makes the customer first, then the card, each under a key of its own within Square’s limit', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1', bench.plain, 'k'.repeat(40))
  const bound = await bench.bind(call, bench.input('bnd_1'))
  assertBound(bound)
  const [customer, card] = bodies(bench)
  // Names are masked in recordings, ours too.
  assert.deepEqual(customer, { idempotency_key: `${'k'.repeat(40)}.cus`, given_name: '***ct', reference_id: 'cus_contract' })
  assert.deepEqual(card, {
    idempotency_key: 'k'.repeat(40),
    source_id: 'cnon:card-nonce-ok',
    card: { customer_id: bound.references.customer, reference_id: 'opn_1' },
  })
  assert.match(bound.token, /^ccof:/)
  assert.deepEqual(bound.shown, { brand: 'visa', last4: '1111', expiryMonth: 11, expiryYear: 2029 })
  assert.ok(bound.identity?.kind === 'account' && bound.identity.value.startsWith('sq-1-'))
  assertJudged(bench)
})

test('a customer Square knows is not made again, and the same card is recognised', async () => {
  const bench = createBench(subject)
  const first = await bindFully(bench)
  const known = first.references.customer
  const second = await bench.bind(bench.call('opn_2'), bench.input('bnd_2', bench.plain, { channelCustomer: known }))
  assertBound(second)
  assert.equal(bench.effects('customer_made').length, 1)
  assert.notEqual(second.token, first.token)
  assert.deepEqual(second.identity, first.identity)
})

test('what the buyer’s verification gave goes along, and nothing that is not Square’s', async () => {
  const bench = createBench(subject)
  await bench.bind(
    bench.call('opn_1'),
    bench.input('bnd_1', bench.plain, fields('cnon:x', { verification_token: 'verf:1', number: '4111' })),
  )
  const card = bodies(bench)[1]
  assert.equal(card.verification_token, 'verf:1')
  assert.ok(!JSON.stringify(card).includes('4111'))
})

test('without a token nothing is sent, and a card by number is not taken', async () => {
  const bench = createBench(subject)
  const none = await bench.bind(bench.call('opn_1'), bench.input('bnd_1', bench.plain, { source: { type: 'encrypted_card', fields: {} } }))
  assert.ok(none.kind === 'refused' && none.category === 'invalid_account' && !none.elsewhere)
  const card = { brand: 'visa', last4: '1111', expiryMonth: 3, expiryYear: 2030, securityCode: true, holder: true }
  const number = await bench.bind(bench.call('opn_1'), bench.input('bnd_1', bench.plain, { source: { type: 'card', card } }))
  assert.ok(number.kind === 'refused' && number.category === 'not_supported' && number.elsewhere)
  assert.equal(bench.stage.requests().length, 0)
})

test('a token that was spent by our own lost attempt is the card it made', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  const first = await bench.bind(call, bench.input('bnd_1'))
  assertBound(first)
  const again = await bench.bind(scripted(call, undefined, failure(400, 'INVALID_REQUEST_ERROR', 'SOURCE_USED')), bench.input('bnd_1'))
  assertBound(again)
  assert.equal(again.token, first.token)
  assert.equal(bench.effects('stored').length, 1)
})

test('whether a spent token was ours is not guessed when the list does not answer', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  for (const answer of [
    json(500, {}),
    json(200, { cards: [{ id: 'ccof:x', reference_id: 'opn_9', enabled: true }] }),
    failure(401, 'AUTHENTICATION_ERROR', 'UNAUTHORIZED'),
  ]) {
    const spent = failure(400, 'INVALID_REQUEST_ERROR', 'CARD_TOKEN_USED')
    const outcome = await bench.bind(scripted(call, undefined, spent, answer), bench.input('bnd_1'))
    assert.equal(outcome.kind, 'uncertain', kindOf(outcome))
  }
})

const unclear: readonly (readonly [string, number, string, string])[] = [
  ['another request under the key', 400, 'INVALID_REQUEST_ERROR', 'IDEMPOTENCY_KEY_REUSED'],
  ['a fault of the moment', 400, 'API_ERROR', 'TEMPORARY_ERROR'],
  ['an address that is not there', 404, 'INVALID_REQUEST_ERROR', 'NOT_FOUND'],
  ['a conflict', 409, 'INVALID_REQUEST_ERROR', 'CONFLICT'],
  ['too many', 429, 'RATE_LIMIT_ERROR', 'RATE_LIMITED'],
  ['not our fault', 503, 'API_ERROR', 'SERVICE_UNAVAILABLE'],
]
for (const [name, status, category, code] of unclear)
  test(`${name} says nothing about the card`, async () => {
    const bench = createBench(subject)
    for (const answers of [[failure(status, category, code)], [undefined, failure(status, category, code)]]) {
      const outcome = await bench.bind(scripted(bench.call('opn_1'), ...answers), bench.input('bnd_1'))
      assert.equal(outcome.kind, 'uncertain', kindOf(outcome))
    }
  })

test('a card of another customer, another reference, or that is not enabled is not ours', async () => {
  const bench = createBench(subject)
  const customer = json(200, { customer: { id: 'CUSTOMER', reference_id: 'cus_contract' } })
  const good = { id: 'ccof:1', customer_id: 'CUSTOMER', reference_id: 'opn_1', enabled: true }
  for (const other of [{ customer_id: 'OTHER' }, { reference_id: 'opn_2' }, { enabled: false }, { id: '../payments' }]) {
    const outcome = await bench.bind(
      scripted(bench.call('opn_1'), customer, json(200, { card: { ...good, ...other } })),
      bench.input('bnd_1'),
    )
    assert.equal(outcome.kind, 'uncertain', JSON.stringify(other))
  }
  const ours = await bench.bind(scripted(bench.call('opn_1'), customer, json(200, { card: good })), bench.input('bnd_1'))
  assertBound(ours)
})

const about = { customer: 'cus_contract', binding: 'bnd_1', source: sandboxValues[0]?.source }

test('a look-up finds a bind by its reference, and knows when there is none', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  const found = await square.lookUp?.(bench.call('opn_1'), { ...about, verb: 'bind', references: {} })
  assert.ok(found?.kind === 'bound' && found.token === bound.token)
  assert.equal((await square.lookUp?.(bench.call('opn_2'), { ...about, verb: 'bind', references: {} }))?.kind, 'none')
  assertJudged(bench)
})

test('a bind whose card was given up since is found as that', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  await square.revoke?.(bench.call('opn_6'), { ...about, token: bound.token, references: bound.references })
  assert.equal((await square.lookUp?.(bench.call('opn_1'), { ...about, verb: 'bind', references: {} }))?.kind, 'revoked')
})

test('two cards under one reference are not chosen between', async () => {
  const bench = createBench(subject)
  const card = { id: 'ccof:1', reference_id: 'opn_1', enabled: true }
  const call = scripted(bench.call('opn_1'), json(200, { cards: [card, { ...card, id: 'ccof:2' }] }))
  const outcome = await square.lookUp?.(call, { ...about, verb: 'bind', references: {} })
  assert.ok(outcome?.kind === 'uncertain' && outcome.cause === 'several_cards')
})

test('a look-up settles a revoke both ways', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  const look = { ...about, verb: 'revoke' as const, references: bound.references }
  assert.equal((await square.lookUp?.(bench.call('opn_6'), look))?.kind, 'none')
  await square.revoke?.(bench.call('opn_6'), { ...about, token: bound.token, references: bound.references })
  assert.equal((await square.lookUp?.(bench.call('opn_6'), look))?.kind, 'revoked')
  assert.equal((await square.lookUp?.(bench.call('opn_6'), { ...look, references: {} }))?.kind, 'uncertain')
})

test('a card that Square has forgotten is revoked, and one that is only not told about is not', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  bench.stage.simulator.act('forget', bound.token, {
    nowMs: bench.clock.nowMs,
    random: n => Buffer.alloc(n, 7),
    address: 'http://127.0.0.1:9',
  })
  const input = { ...about, token: bound.token, references: bound.references }
  assert.equal((await square.revoke?.(bench.call('opn_6'), input))?.kind, 'revoked')
  const closed = scripted(bench.call('opn_6'), json(404, '<html>'))
  assert.equal((await square.revoke?.(closed, input))?.kind, 'uncertain')
  assert.equal(bench.effects('removed').length, 1)
})

test('what is not a list of Square’s, or goes on, proves no absence; a proxy’s page is no refusal', async () => {
  const bench = createBench(subject)
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: {}, verb: 'bind' as const, source: bench.plain.source }
  const look = (body: unknown) => square.lookUp?.(scripted(bench.call('opn_1'), json(200, body)), about)
  assert.equal((await look({}))?.kind, 'none')
  for (const body of [{ message: 'maintenance' }, { status: 'ok' }, { cards: [], cursor: 'more' }, { errors: [] }])
    assert.equal((await look(body))?.kind, 'uncertain', JSON.stringify(body))
  const page = { status: 403, headers: {}, body: '<html>Forbidden</html>' }
  assert.equal((await bench.bind(scripted(bench.call('opn_1'), page), bench.input('bnd_1'))).kind, 'uncertain')
})
