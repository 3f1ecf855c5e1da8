/** Canaries over HTTP: every use raises the alarm once and at once, and nobody can tell one from anything else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { events } from '../events/tables.ts'
import { createKey, createTenant } from '../http/auth.ts'
import { scripted, type Trial, trial, visa } from '../instruments/trial.seam.ts'
import { canaryUses } from './tables.ts'

async function laid() {
  let tokens = 0
  const bindAs = async () => {
    tokens += 1
    return { kind: 'bound' as const, token: `tok_${tokens}`, references: {} }
  }
  const on = await trial([scripted('one', { bind: bindAs, revoke: async () => ({ kind: 'revoked' }) })])
  const bind = async () => (await on.bind({ card: { capture: await on.capture(visa) } })).id
  const subject = await bind()
  const errors: string[] = []
  Object.assign(on.world.log, { error: (what: string) => errors.push(what) })
  const answer = await on.call('POST', '/v1/canaries', { subject, note: 'in the old backup' })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return { on, subject, errors }
}
/** The watch is not waited for. */
const settled = () => new Promise(resolve => setTimeout(resolve, 20))
const acts = (on: Trial) => on.rows(canaryUses).map(one => one.act)

test('each use of a canary instrument is an error, a row and an event; laying it out and listing it is none', async () => {
  const { on, subject, errors } = await laid()
  await on.call('GET', '/v1/canaries')
  await settled()
  assert.deepEqual([acts(on), errors], [[], []])
  const money = { amount: '1000', currency: 'EUR' }
  const uses: readonly (readonly [string, string, string, unknown])[] = [
    ['getInstrument', 'GET', `/v1/instruments/${subject}`, undefined],
    ['canCharge', 'POST', `/v1/instruments/${subject}/can-charge`, { ...money, initiator: 'merchant', purpose: 'recurring' }],
    ['extendInstrument', 'POST', `/v1/instruments/${subject}/bindings`, { channel: 'two', return_url: 'https://shop.example/back' }],
    ['setDefaultInstrument', 'POST', `/v1/customers/${on.customer}/default`, { instrument: subject }],
    ['unbindInstrument', 'POST', `/v1/instruments/${subject}/unbind`, {}],
  ]
  for (const [act, method, path, body] of uses) {
    await on.call(method, path, body)
    await settled()
    assert.ok(acts(on).includes(act), act)
  }
  assert.deepEqual(acts(on).length, uses.length)
  assert.deepEqual(new Set(errors), new Set(['a canary was used']))
  const told = on.rows(events).filter(one => one.type === 'security.canary_used')
  assert.equal(told.length, uses.length)
  assert.deepEqual(told[0]?.data.canary, { subject, kind: 'instrument', note: 'in the old backup' })
  const [row] = JSON.parse(JSON.stringify((await on.call('GET', '/v1/canaries')).body.data))
  assert.deepEqual([row.subject, row.uses.length], [subject, uses.length])
})

test('a request with a canary key raises the alarm whatever it asks, also where it may not', async () => {
  const { on } = await laid()
  const { id, key } = await createKey(on.world, { tenant: on.tenant, mode: 'test', kind: 'secret', role: 'support' })
  assert.equal((await on.call('POST', '/v1/canaries', { subject: id, note: 'in a paste' })).status, 201)
  const headers = { authorization: `Bearer ${key}` }
  const ordinary = await createKey(on.world, { tenant: on.tenant, mode: 'test', kind: 'secret', role: 'support' })
  for (const [method, path] of [
    ['GET', '/v1/customers/cus_00000000000000000000000000'],
    ['GET', '/v1/api_keys'],
    ['GET', '/v1/canaries'],
  ] as const) {
    const [one, other] = [
      await on.call(method, path, undefined, headers),
      await on.call(method, path, undefined, { authorization: `Bearer ${ordinary.key}` }),
    ]
    const { request_id: _one, ...told } = one.body
    const { request_id: _other, ...same } = other.body
    assert.deepEqual([one.status, told], [other.status, same], 'the answer is anybody’s')
  }
  await settled()
  assert.deepEqual(acts(on).toSorted(), ['getCustomer', 'listApiKeys', 'listCanaries'])
})

test('the same use again is told once a minute, and another tenant’s try without telling whose key', async () => {
  const { on, subject } = await laid()
  for (let i = 0; i < 5; i += 1) await on.call('GET', `/v1/instruments/${subject}`)
  await settled()
  assert.equal(acts(on).length, 1)
  on.advance(61_000)
  await on.call('GET', `/v1/instruments/${subject}`)
  await settled()
  assert.equal(acts(on).length, 2)
  const other = await createTenant(on.world, { name: 'Other' })
  const { key } = await createKey(on.world, { tenant: other, mode: 'test', kind: 'secret' })
  const headers = { authorization: `Bearer ${key}` }
  assert.equal((await on.call('GET', `/v1/instruments/${subject}`, undefined, headers)).status, 404)
  assert.equal((await on.call('GET', `/v1/instruments/${subject}`, undefined, { authorization: 'Bearer nonsense' })).status, 401)
  await settled()
  assert.deepEqual(
    on.rows(canaryUses).flatMap(one => (one.used_by === null ? [null] : [])),
    [null, null],
  )
  assert.deepEqual((await on.call('GET', '/v1/canaries', undefined, headers)).body.data, [])
  assert.equal((await on.call('DELETE', `/v1/canaries/${subject}`, undefined, headers)).status, 404)
})

test('an ordinary instrument raises nothing, nor does a canary that was taken away', async () => {
  const { on, subject } = await laid()
  const { id } = await on.bind({ bank_account: { scheme: 'sepa_debit', country: 'DE' } })
  await on.call('GET', `/v1/instruments/${id}`)
  const wrong = await on.call('POST', '/v1/canaries', { subject: `ins_${'0'.repeat(26)}`, note: 'x' })
  assert.deepEqual([wrong.status, /^\/subject/.test(String(wrong.body.detail))], [422, true])
  assert.equal((await on.call('POST', '/v1/canaries', { subject, note: 'again' })).status, 409)
  assert.equal((await on.call('DELETE', `/v1/canaries/${subject}`)).status, 200)
  await on.call('GET', `/v1/instruments/${subject}`)
  await settled()
  assert.deepEqual(acts(on), [])
})
