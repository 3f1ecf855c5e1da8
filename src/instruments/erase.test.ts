import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindOutcome, Channel, LookUpOutcome, RevokeOutcome, Told } from '../channels/channel.ts'
import { events } from '../events/tables.ts'
import { idempotency } from '../http/tables.ts'
import { safeguardCounts } from '../safeguards/tables.ts'
import { tables } from '../tables.ts'
import { eraseDue } from '../worker.ts'
import { erasures } from './erasure.ts'
import { bindings, channelNames, facts, identities, instrumentFacts, instruments, operations } from './tables.ts'
import { readOwnRows } from './tell.ts'
import { day, returnUrl, scripted, type Trial, trial, visa } from './trial.seam.ts'
import { verifyBinding, verifyInstrument } from './verify.ts'

const minute = 60_000
const secretToken = 'tok_canary_7f3a'
const bound = (token = secretToken): BindOutcome => ({
  kind: 'bound',
  token,
  references: { customer: 'cus_at_channel' },
  shown: { last4: '1111', expiryMonth: 3, expiryYear: 2031, handle: 'jo***@canary.example' },
  identity: { kind: 'wallet', value: 'wallet-canary-7f3a' },
  networkTransactionId: 'ntid-canary-7f3a',
})

function channelOf(
  say: { bind?: () => BindOutcome; revoke?: () => RevokeOutcome; lookUp?: () => LookUpOutcome },
  more: Partial<Channel> = {},
) {
  const revoked: string[] = []
  const { lookUp } = say
  const channel = scripted('acme', {
    repeat: { bind: { kind: 'lookUp' }, revoke: { kind: 'repeatable', times: 3 } },
    bind: async () => (say.bind ?? bound)(),
    revoke: async (_call, { token }) => {
      revoked.push(token)
      return (say.revoke ?? (() => ({ kind: 'revoked' })))()
    },
    ...(lookUp === undefined ? {} : { lookUp: async () => lookUp() }),
    ...more,
  })
  return { channel, revoked }
}

const personal = {
  metadata: { name: 'canary-Jo' },
  client: { ip: '203.0.113.99', user_agent: 'canary-agent', device: 'canary-device' },
  consent: { text_version: 'canary-v1', accepted_at: '2026-03-02T09:00:00Z' },
}
const card = async (on: Trial) => ({ card: { capture: await on.capture(visa) }, ...personal })

/** Every row of every table that still says something of it. Leading digits are nobody's: how often they were tried is counted on. */
function traces(on: Trial): string[] {
  const words = /canary|7f3a|411111|"1111"|203\.0\.113\.99/
  const ofLeadingDigits = /^\{"value":"bin(_week)?:41111111 /
  const told = tables.flatMap(table => on.rows(table).map(row => ({ name: table.name, text: jsonOf(row) })))
  return told
    .filter(({ name, text }) => words.test(text) && !(name === safeguardCounts.name && ofLeadingDigits.test(text)))
    .map(({ name, text }) => `${name} ${text.slice(0, 400)}`)
}
const jsonOf = (row: unknown): string => JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))

async function verified(on: Trial, id: string): Promise<void> {
  const rows = await readOwnRows(on.world, on.tenant, id)
  assert.deepEqual(verifyInstrument(rows), [])
  for (const row of rows.bindings) {
    const at = { tenant: on.tenant, binding: row.id }
    assert.deepEqual(verifyBinding(row, await on.store.find(facts, at), await on.store.find(operations, at)), [])
  }
}

const turn = async (on: Trial, ms = minute): Promise<void> => {
  on.advance(ms)
  await on.work()
  await eraseDue(on.world)
}

test('an erased instrument is revoked, shredded and forgotten in one call, and stays what its facts say', async () => {
  const { channel, revoked } = channelOf({})
  const on = await trial([channel])
  const { id } = await on.bind(await card(on), { 'idempotency-key': 'one' })
  await on.call('POST', `/v1/instruments/${id}/dependents`, { reference: 'sub-1', kind: 'subscription', title: 'canary magazine' })
  assert.ok(traces(on).length > 5, 'there is something to forget')
  const { status, body } = await on.call('POST', `/v1/instruments/${id}/erase`)
  assert.deepEqual([status, body.stage, body.orphans], [200, 'erased', []])
  assert.deepEqual(revoked, [secretToken])
  assert.deepEqual(traces(on), [])
  assert.deepEqual(on.rows(identities), [])
  assert.ok(on.rows(channelNames).every(one => one.name.startsWith('hidden:')))
  const shown = await on.read(id)
  assert.deepEqual(
    [shown.status, shown.reasons, shown.bindings[0]?.status, shown.bindings[0]?.token],
    ['erased', ['erased'], 'revoked', null],
  )
  await verified(on, id)
  const told = on.rows(events).filter(one => one.instrument === id)
  assert.deepEqual(
    told.map(one => one.sequence).sort(),
    told.map((_, i) => i + 1),
  )
  assert.deepEqual(
    told
      .toSorted((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0))
      .slice(-3)
      .map(one => one.type),
    ['instrument.erasing', 'binding.revoked', 'instrument.erased'],
  )
})

test('the vault opens no version of it any more, and seals nothing for it again', async () => {
  const { channel } = channelOf({})
  const on = await trial([channel])
  const { id } = await on.bind(await card(on))
  const owner = { tenant: on.tenant, mode: 'test', instrument: id, operation: 'opn_x' } as const
  const request = {
    method: 'POST',
    url: 'https://acme.sim/x',
    headers: { 'content-type': 'application/json' },
    body: '{"n":"{{card.number}}"}',
    placeholders: true,
  } as const
  await on.call('POST', `/v1/instruments/${id}/erase`)
  for (const instrumentVersion of [1, 2])
    await assert.rejects(on.vault.forward({ ...owner, instrumentVersion, timeoutMs: 1_000, request }), /nothing is sealed/)
  const late = await on.capture(visa)
  assert.equal(await on.vault.adopt({ ...owner, instrumentVersion: 3, reference: late }), undefined)
  await assert.rejects(on.vault.seal({ tenant: on.tenant, owner: id, field: 'note', text: 'late' }))
})

test('erasing twice is erasing once, and the second answer is the first', async () => {
  const { channel, revoked } = channelOf({})
  const on = await trial([channel])
  const { id } = await on.bind(await card(on))
  const [one, other] = await Promise.all([0, 1].map(() => on.call('POST', `/v1/instruments/${id}/erase`)))
  assert.ok([200, 202].includes(one?.status ?? 0) && [200, 202].includes(other?.status ?? 0))
  const last = await on.call('POST', `/v1/instruments/${id}/erase`)
  assert.equal(last.body.stage, 'erased')
  assert.deepEqual((await on.call('POST', `/v1/instruments/${id}/erase`)).body, last.body)
  assert.deepEqual(revoked, [secretToken])
  assert.equal(on.rows(instrumentFacts).filter(one => one.kind === 'erasing' || one.kind === 'erased').length, 2)
})

test('a kill between any two steps loses nothing: the next turn goes on', async () => {
  for (let dies = 1; dies < 40; dies += 1) {
    const { channel, revoked } = channelOf({})
    const on = await trial([channel])
    const { id } = await on.bind(await card(on), { 'idempotency-key': 'one' })
    let commits = 0
    on.onCommit(() => {
      commits += 1
      if (commits === dies) throw new Error('killed')
    })
    const first = await on.call('POST', `/v1/instruments/${id}/erase`)
    on.onCommit(() => {})
    const whole = commits < dies
    if (on.rows(erasures).length === 0) assert.equal((await on.read(id)).status, 'active', `killed at commit ${dies}`)
    await on.call('POST', `/v1/instruments/${id}/erase`)
    for (let n = 0; n < 6; n += 1) await turn(on, 10 * minute)
    assert.equal(on.rows(erasures)[0]?.stage, 'erased', `killed at commit ${dies}: ${first.status}`)
    assert.deepEqual(traces(on), [], `killed at commit ${dies}`)
    assert.ok(revoked.length >= 1)
    await verified(on, id)
    if (whole) {
      assert.ok(dies > 7, `only ${dies} commits were there to be killed at`)
      return
    }
  }
  assert.fail('an erasure never came to its end')
})

test('what a channel does not answer is waited for, and nothing is forgotten before', async () => {
  let answer: RevokeOutcome = { kind: 'uncertain', cause: 'timeout' }
  const { channel } = channelOf({ revoke: () => answer })
  const on = await trial([channel])
  const { id } = await on.bind(await card(on))
  const { status, body } = await on.call('POST', `/v1/instruments/${id}/erase`)
  assert.deepEqual([status, body.stage], [202, 'revoking'])
  assert.ok(traces(on).length > 0)
  answer = { kind: 'revoked' }
  for (let n = 0; n < 4; n += 1) await turn(on)
  assert.equal((await on.call('GET', `/v1/instruments/${id}/erasure`)).body.stage, 'erased')
  assert.deepEqual(traces(on), [])
})

test('what is parked is told, blocks for a month, and is then an orphan by name', async () => {
  const refused: RevokeOutcome = { kind: 'refused', by: 'channel', category: 'try_later', code: 'no', elsewhere: false, references: {} }
  const { channel } = channelOf({ revoke: () => refused })
  const on = await trial([channel])
  const { id } = await on.bind(await card(on))
  await on.call('POST', `/v1/instruments/${id}/erase`)
  const standing = await on.call('GET', `/v1/instruments/${id}/erasure`)
  assert.match(JSON.stringify(standing.body.waits_for), /"channel":"acme".*"parked":true/)
  const stuck = on.rows(events).filter(one => one.type === 'instrument.erasing')
  assert.equal(stuck.filter(one => /"waits_for":\[\{"binding"/.test(JSON.stringify(one.data))).length, 1)
  await turn(on, 29 * day)
  assert.equal(on.rows(erasures)[0]?.stage, 'revoking')
  await turn(on, 2 * day)
  const after = await on.call('GET', `/v1/instruments/${id}/erasure`)
  assert.equal(after.body.stage, 'erased')
  assert.match(JSON.stringify(after.body.orphans), /"channel":"acme".*"verb":"revoke"/)
  assert.deepEqual(traces(on), [])
  await verified(on, id)
})

const redirect: BindOutcome = {
  kind: 'challenged',
  action: { type: 'redirect', url: 'https://acme.sim/canary', method: 'GET' },
  references: { setup: 'seti_canary_7f3a' },
}
const news = (event: string, told: Told['news'], names: readonly string[] = []): Told => ({
  event,
  type: told?.kind ?? '',
  names,
  ...(told === undefined ? {} : { news: told }),
})

test('erased during a challenge: what comes alive later is revoked, and nothing is made anew', async () => {
  let found: LookUpOutcome = redirect
  const { channel, revoked } = channelOf({ bind: () => redirect, lookUp: () => found })
  const on = await trial([channel])
  const { id } = await on.bind(await card(on))
  assert.equal((await on.call('POST', `/v1/instruments/${id}/erase`)).status, 202)
  found = { kind: 'bound', token: secretToken, references: {} }
  for (let n = 0; n < 4; n += 1) await turn(on, 20 * minute)
  assert.deepEqual(revoked, [secretToken])
  assert.equal(on.rows(erasures)[0]?.stage, 'erased')
  assert.deepEqual(traces(on), [])
  assert.equal(on.rows(instruments).length, 1)
  await verified(on, id)
})

test('news that comes long after the erasure is given up again, and leaves nothing behind', async () => {
  const { channel, revoked } = channelOf({ bind: () => redirect, lookUp: () => redirect })
  const on = await trial([channel])
  const { id } = await on.bind(await card(on))
  await on.call('POST', `/v1/instruments/${id}/erase`)
  await turn(on, 25 * 60 * minute)
  await turn(on, 60 * minute)
  assert.equal(on.rows(erasures)[0]?.stage, 'erased')
  const operation = on.rows(operations)[0]?.id ?? assert.fail()
  await on.tell('acme', [{ ...news('evt_1', { kind: 'bound', token: secretToken, references: { customer: 'canary' } }), operation }])
  assert.deepEqual(on.rows(identities), [])
  await on.work()
  assert.deepEqual(revoked, [secretToken])
  assert.deepEqual(traces(on), [])
  assert.equal((await on.read(id)).status, 'erased')
  await verified(on, id)
})

test('news by a name at the channel, long after, is known by what stands for the name', async () => {
  const { channel, revoked } = channelOf({})
  const on = await trial([channel])
  const { id } = await on.bind(await card(on))
  await on.call('POST', `/v1/instruments/${id}/erase`)
  const again: Told['news'] = { kind: 'reinstated', token: secretToken, evidence: 'evt_9' }
  await on.tell('acme', [{ ...news('evt_9', again, [secretToken]) }])
  await on.work()
  assert.deepEqual(revoked, [secretToken, secretToken])
  assert.deepEqual(traces(on), [])
  await verified(on, id)
})

test('the same card bound again by the same customer is a new instrument', async () => {
  const { channel } = channelOf({})
  const on = await trial([channel])
  const { id } = await on.bind(await card(on))
  await on.call('POST', `/v1/instruments/${id}/erase`)
  const again = await on.bind(await card(on))
  assert.notEqual(again.id, id)
  assert.equal(again.status, 'active')
})

test('a kept answer tells what is left of it', async () => {
  const { channel } = channelOf({})
  const on = await trial([channel])
  const body = await card(on)
  const { id } = await on.bind(body, { 'idempotency-key': 'one' })
  await on.call('POST', `/v1/instruments/${id}/refresh`, {}, { 'idempotency-key': 'two' })
  await on.call('POST', `/v1/instruments/${id}/erase`)
  const again = await on.bind(body, { 'idempotency-key': 'one' })
  assert.deepEqual([again.id, again.card, again.bindings[0]?.token], [id, null, null])
  assert.ok(on.rows(idempotency).every(one => !one.body?.includes('7f3a')))
})

test('a customer is erased with everything, and nothing is bound for them any more', async () => {
  const { channel, revoked } = channelOf({ bind: () => bound(`${secretToken}${counter++}`) })
  let counter = 0
  const on = await trial([channel])
  const made = await on.call(
    'POST',
    '/v1/customers',
    { reference: 'canary-ref', metadata: { mail: 'canary@example.com' } },
    { 'idempotency-key': 'c' },
  )
  const customer = String(made.body.id)
  for (const number of ['4111111111111111', '5555555555554444']) {
    const capture = await on.capture({ ...visa, number })
    await on.bind({ card: { capture }, ...personal, customer })
  }
  const { status, body } = await on.call('POST', `/v1/customers/${customer}/erase`)
  assert.deepEqual([status, body.stage], [200, 'erased'])
  assert.equal(revoked.length, 2)
  assert.deepEqual(traces(on), [])
  const bind = await on.call('POST', '/v1/instruments', { customer, return_url: returnUrl, card: { capture: await on.capture(visa) } })
  assert.deepEqual([bind.status, JSON.stringify(bind.body.errors)], [422, JSON.stringify([{ pointer: '/customer', detail: 'was erased' }])])
  assert.ok(on.rows(events).some(one => one.type === 'customer.erased'))
  assert.deepEqual((await on.call('POST', `/v1/customers/${customer}/erase`)).body, body)
})

test('an instrument that is erased is not there to be extended, blocked or relied on', async () => {
  const { channel } = channelOf({})
  const on = await trial([channel])
  const { id } = await on.bind(await card(on))
  await on.call('POST', `/v1/instruments/${id}/erase`)
  const asked = [
    ['bindings', { channel: 'acme', return_url: returnUrl }],
    ['block', { reason: 'x' }],
    ['dependents', { reference: 'sub-1', kind: 'subscription' }],
  ] as const
  for (const [path, body] of asked) assert.equal((await on.call('POST', `/v1/instruments/${id}/${path}`, body)).status, 409, path)
  assert.equal((await on.call('PATCH', `/v1/instruments/${id}`, { metadata: { a: 'b' } })).status, 409)
  assert.equal((await on.call('POST', '/v1/instruments/ins_00000000000000000000000000/erase')).status, 404)
  assert.equal((await on.call('GET', `/v1/customers/${on.customer}/erasure`)).status, 404)
  assert.deepEqual(
    on.rows(bindings).map(one => one.slot),
    [null],
  )
})

test('what came back after an erasure is found and shredded again', async () => {
  const { channel } = channelOf({})
  const on = await trial([channel])
  const { id } = await on.bind(await card(on))
  await on.call('POST', `/v1/instruments/${id}/erase`)
  for (const wait of [2 * 60 * minute, 2 * day, 36 * day]) {
    assert.notEqual(on.rows(erasures)[0]?.due_at, null)
    await turn(on, wait)
  }
  assert.deepEqual([on.rows(erasures)[0]?.looks, on.rows(erasures)[0]?.due_at], [3, null])
  assert.deepEqual(on.rows(channelNames), [])
})
