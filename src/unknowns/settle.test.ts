/** A person's word: once, with its row, sending nothing; and never above the channel's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKey } from '../http/auth.ts'
import { channelNames, type FactRow, facts } from '../instruments/tables.ts'
import { day, visa } from '../instruments/trial.seam.ts'
import { insert } from '../world/store.ts'
import { type SettlementRow, settlements } from './tables.ts'
import { bound, type Doubtful, doubtful, lost, told } from './trial.seam.ts'

const evidence = 'Dashboard of the channel, 2026-03-06 03:10: no payment method under this reference.'
const settle = (on: Doubtful, id: string, body: unknown, headers?: Readonly<Record<string, string>>) =>
  on.call('POST', `/v1/unknowns/${id}/settle`, body, headers)
const rowsOf = (on: Doubtful, instrument: string): Promise<readonly SettlementRow[]> =>
  on.world.store.find(settlements, { instrument, tenant: on.tenant })
async function factsOf(on: Doubtful, operation: string): Promise<readonly FactRow[]> {
  const { tenant, binding } = await on.operation(operation)
  return on.world.store.find(facts, { tenant, binding })
}
const kept = async (on: Doubtful) => {
  const { rows } = await on.pool.query('select count(*)::integer as facts, (select count(*)::integer from settlements) as said from facts')
  return JSON.stringify(rows)
}

test('bound or not bound: the operation is settled, the row says who and why, and nothing was sent', async () => {
  const on = await doubtful()
  for (const [outcome, token, status] of [
    ['not_bound', undefined, 'failed'],
    ['bound', 'tok_seen', 'active'],
  ] as const) {
    const { instrument, operation } = await on.parked(
      token === undefined ? undefined : { bank_account: { scheme: 'sepa_debit', country: 'DE' } },
    )
    const asked = JSON.stringify(on.asked)
    const said = await settle(on, operation, { outcome, evidence, ...(token === undefined ? {} : { token }) })
    assert.equal(said.status, 200, JSON.stringify(said.body))
    assert.equal(JSON.stringify(on.asked), asked)
    assert.equal((await on.read(instrument)).status, status)
    assert.equal((await on.operation(operation)).status, 'settled')
    const [row, ...more] = await rowsOf(on, instrument)
    assert.deepEqual([row?.outcome, row?.evidence, row?.cause, row?.subject, more], [outcome, evidence, 'no answer', operation, []])
    assert.ok(!JSON.stringify(said.body).includes('tok_seen'), 'a token is never told')
    const fact = (await factsOf(on, operation)).find(one => one.source === 'operator')
    assert.deepEqual([fact?.operation, fact?.standing.rank], [operation, 4])
    const again = await settle(on, operation, { outcome: 'not_bound', evidence })
    assert.deepEqual([again.status, again.body.code, (await rowsOf(on, instrument)).length], [409, 'conflict', 1])
  }
  assert.deepEqual(await on.list(), [])
})

test('of two who settle at the same moment one is told that the other was faster, and one row says so', async () => {
  const on = await doubtful()
  const { instrument, operation } = await on.parked()
  const bodies = [
    { outcome: 'not_bound', evidence },
    { outcome: 'bound', token: 'tok_1', evidence },
    { outcome: 'not_bound', evidence },
  ]
  const answers = await Promise.all(bodies.map(body => settle(on, operation, body)))
  assert.deepEqual(answers.map(one => one.status).toSorted(), [200, 409, 409])
  assert.equal((await rowsOf(on, instrument)).length, 1)
  assert.equal((await factsOf(on, operation)).filter(one => one.source === 'operator').length, 1)
})

test('a crash leaves the word and its row, or neither', async () => {
  const on = await doubtful()
  const { instrument, operation } = await on.parked()
  const before = await kept(on)
  on.onCommit(writes => {
    if (writes.some(one => one.verb === 'insert' && one.table === settlements)) throw new Error('the process dies')
  })
  assert.equal((await settle(on, operation, { outcome: 'not_bound', evidence })).status, 500)
  on.onCommit(() => {})
  assert.deepEqual([await kept(on), (await on.list()).length, (await on.read(instrument)).status], [before, 1, 'pending'])
})

test('what the channel says later counts more, as news and as an answer, and is told as a correction', async () => {
  const on = await doubtful()
  for (const [i, named] of [true, false].entries()) {
    on.says.bind = () => ({ ...lost, references: { ref: `ref_${i}` } })
    const { id: instrument } = await on.bind(
      i === 0 ? { card: { capture: await on.capture(visa) } } : { bank_account: { scheme: 'sepa_debit', country: 'DE' } },
    )
    const line = (await on.list()).find(one => one.instrument === instrument) ?? assert.fail('not in doubt')
    assert.equal((await settle(on, line.id, { outcome: 'not_bound', evidence })).status, 200)
    assert.equal((await on.read(instrument)).status, 'failed')
    const operation = named ? { operation: line.id } : {}
    const { tenant, binding } = await on.operation(line.id)
    if (!named) await on.world.store.commit([insert(channelNames, { channel: 'one', mode: 'test', name: 'ref_1', tenant, binding })])
    await on.tell('one', [told(`evt_late_${i}`, bound(`tok_late_${i}`), { ...operation, names: [`ref_${i}`] })])
    const after = await on.read(instrument)
    assert.deepEqual([after.status, after.bindings[0]?.status], ['active', 'active'])
    const { body } = await on.call('GET', `/v1/instruments/${instrument}/timeline`)
    const entries: readonly Readonly<Record<string, unknown>>[] = JSON.parse(JSON.stringify(body.data))
    assert.match(String(entries.find(one => one.source === 'operator')?.ignored_because), /the channel has said itself/)
    const { rows } = await on.pool.query('select data from events where instrument = $1 order by sequence desc limit 2', [instrument])
    assert.match(JSON.stringify(rows), /"corrects":/, 'the notice takes the former back; one about a mandate may follow')
  }
})

test('a revocation that the channel refused is settled as revoked, and only so', async () => {
  const on = await doubtful()
  on.says.bind = () => bound('MD1')
  const { id } = await on.bind({ card: { capture: await on.capture(visa) } })
  on.says.revoke = () => ({ kind: 'refused', by: 'channel', category: 'not_permitted', code: 'no', elsewhere: false, references: {} })
  await on.call('POST', `/v1/instruments/${id}/unbind`)
  const [line] = await on.list()
  const operation = line?.id ?? assert.fail('not in doubt')
  const before = await kept(on)
  const wrong: readonly (readonly [unknown, number, RegExp])[] = [
    [{ outcome: 'bound', token: 'MD1', evidence }, 422, /^\/outcome: must be one of revoked/],
    [{ outcome: 'revoked', token: 'MD1', evidence }, 400, /^\/token/],
    [{ outcome: 'revoked' }, 400, /\/evidence/],
    [{ outcome: 'revoked', evidence: 'short' }, 400, /\/evidence/],
    [{ outcome: 'gone', evidence }, 400, /\/outcome/],
  ]
  for (const [body, status, detail] of wrong) {
    const answer = await settle(on, operation, body)
    assert.equal(answer.status, status, JSON.stringify(answer.body))
    assert.match(String(answer.body.detail), detail)
  }
  assert.equal(await kept(on), before, 'nothing was written')
  const asked = on.asked.revoke
  assert.equal((await settle(on, operation, { outcome: 'revoked', evidence })).status, 200)
  assert.deepEqual([(await on.read(id)).bindings[0]?.status, on.asked.revoke], ['revoked', asked])
  on.says.revoke = () => ({ kind: 'revoked' })
  await on.tell('one', [told('evt_back', { kind: 'reinstated', evidence: 'the bank' }, { names: ['MD1'] })])
  await on.work()
  assert.deepEqual([(await on.read(id)).bindings[0]?.status, on.asked.revoke], ['revoked', asked + 1], 'alive after all: given up again')
})

test('what another binding lives by is no answer for this one', async () => {
  const on = await doubtful()
  on.says.bind = () => bound('tok_theirs')
  await on.bind({ bank_account: { scheme: 'sepa_debit', country: 'DE' } })
  const { instrument, operation } = await on.parked()
  const answer = await settle(on, operation, { outcome: 'bound', token: 'tok_theirs', evidence })
  assert.deepEqual([answer.status, /^\/token/.test(String(answer.body.detail))], [409, true])
  assert.equal((await on.read(instrument)).bindings[0]?.status, 'uncertain')
  const missing = await settle(on, operation, { outcome: 'bound', evidence })
  assert.deepEqual([missing.status, /^\/token/.test(String(missing.body.detail))], [400, true])
})

test('parked news is dismissed with a row, and an erasure is settled by what it waits for; then the evidence goes with it', async () => {
  const on = await doubtful()
  on.says.bind = () => bound('MD1')
  const { id } = await on.bind({ card: { capture: await on.capture(visa) } })
  const moment = { atMs: on.world.now() }
  for (const news of [
    { kind: 'suspended', reason: 'a' },
    { kind: 'suspended', reason: 'b' },
  ] as const)
    await on.tell('one', [told('evt_1', news, { names: ['MD1'], moment })])
  const [news] = await on.list()
  assert.equal((await settle(on, news?.id ?? '', { outcome: 'dismissed', evidence })).status, 200)
  assert.deepEqual([await on.list(), (await rowsOf(on, id)).length], [[], 1])
  const { rows } = await on.pool.query('select count(*)::integer as left from inbox')
  assert.equal(rows[0]?.left, 0)
  on.says.revoke = () => ({ kind: 'refused', by: 'channel', category: 'not_permitted', code: 'no', elsewhere: false, references: {} })
  await on.call('POST', `/v1/instruments/${id}/erase`)
  const lines = await on.list()
  const [erasure, revoke] = ['erasure', 'parked'].map(kind => lines.find(one => one.kind === kind)?.id ?? assert.fail(kind))
  assert.equal((await settle(on, erasure ?? '', { outcome: 'revoked', evidence })).status, 422)
  assert.equal((await settle(on, revoke ?? '', { outcome: 'revoked', evidence })).status, 200)
  on.advance(day)
  const went = await on.call('POST', `/v1/unknowns/${erasure}/look-up`, {})
  assert.deepEqual([went.status, went.body.unknown], [200, null], JSON.stringify(went.body))
  assert.deepEqual(
    (await rowsOf(on, id)).map(one => one.evidence),
    [null, null],
  )
  assert.deepEqual(await on.list(), [])
})

test('in live mode it takes two persons, and both together cannot settle what is the test mode’s', async () => {
  const on = await doubtful()
  const { operation } = await on.parked()
  const keyOf = async (person: string) => {
    const { key } = await createKey(on.world, { tenant: on.tenant, mode: 'live', kind: 'secret', person })
    return { authorization: `Bearer ${key}` }
  }
  const [ann, bob] = [await keyOf('ann'), await keyOf('bob')]
  const body = { outcome: 'not_bound', evidence }
  const asked = await settle(on, operation, body, ann)
  assert.equal(asked.body.code, 'approval_required')
  await on.call('POST', `/v1/approvals/${asked.body.approval}/approve`, {}, bob)
  const done = await settle(on, operation, body, { ...ann, 'bindery-approval': String(asked.body.approval) })
  assert.equal(done.status, 404, 'it is the test mode’s: two persons do not make it theirs')
})
