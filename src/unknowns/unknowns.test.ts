/** What is in doubt, as the person sees it who is woken at night: over HTTP and PostgreSQL. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKey, createTenant } from '../http/auth.ts'
import { day } from '../instruments/trial.seam.ts'
import { unknownLevels } from './levels.ts'
import { countOverdue, countUnknowns, unknownsOfAll } from './queries.ts'
import { bound, doubtful, lost, told } from './trial.seam.ts'

const sepa = {
  bank_account: { scheme: 'sepa_debit', country: 'DE' },
  mandate: {
    amount: '2500',
    currency: 'EUR',
    rule: 'max',
    frequency: 'monthly',
    starts_on: '2026-04-01',
    contract: 'abo 7',
    description: 'Gym',
  },
}

test('each kind of doubt is a line with its age, cause, next look, money and what may be done', async () => {
  const on = await doubtful()
  const first = await on.parked()
  // A revocation that the channel refused, of a mandate with an amount.
  on.says.bind = () => bound('MD1')
  const debit = await on.bind(sepa)
  on.says.revoke = () => ({ kind: 'refused', by: 'channel', category: 'not_permitted', code: 'no', elsewhere: false, references: {} })
  await on.call('POST', `/v1/instruments/${debit.id}/unbind`)
  // News that contradicts itself.
  const at = on.world.now()
  const moment = { atMs: at }
  await on.tell('one', [told('evt_1', { kind: 'suspended', reason: 'a' }, { names: ['MD1'], moment })])
  await on.tell('one', [told('evt_1', { kind: 'expired', reason: 'b' }, { names: ['MD1'], moment })])
  // A bind that is looked up again by itself, and an erasure that waits for it.
  on.says.bind = () => lost
  on.advance(1000)
  const young = await on.bind(sepa)
  await on.call('POST', `/v1/instruments/${debit.id}/erase`)
  on.advance(10_000)
  const lines = await on.list()
  const by = (kind: string) => lines.filter(one => one.kind === kind)
  assert.deepEqual(
    lines.map(one => one.since),
    lines.map(one => one.since).toSorted(),
    'the oldest first',
  )
  const [oldest] = by('parked')
  assert.deepEqual([oldest?.id, oldest?.channel, oldest?.what, oldest?.cause], [first.operation, 'one', 'bind', 'no answer'])
  assert.deepEqual([oldest?.next_look_at, oldest?.money_at_risk, oldest?.may_settle_as], [null, null, ['bound', 'not_bound']])
  assert.match(String(oldest?.money_unknown_because), /no amount/)
  assert.ok(Number(oldest?.age_seconds) > 3 * 86_400)
  const refused = by('parked')[1]
  assert.deepEqual([refused?.what, refused?.cause, refused?.money_basis], ['revoke', 'the channel refused to revoke', 'mandate'])
  assert.deepEqual([refused?.money_at_risk, refused?.may_settle_as], [{ amount: '2500', currency: 'EUR' }, ['revoked']])
  const [uncertain] = by('uncertain')
  assert.deepEqual([uncertain?.instrument, uncertain?.may_look_up, typeof uncertain?.next_look_at], [young.id, true, 'string'])
  assert.deepEqual(
    by('news').map(one => [one.what, one.may_look_up, one.may_settle_as]),
    [['expired', false, ['dismissed']]],
  )
  assert.deepEqual(
    by('erasure').map(one => [one.id, one.what, one.channel]),
    [[debit.id, 'revoking', null]],
  )
  const whole = JSON.stringify(lines)
  assert.ok(!whole.includes('MD1') && !whole.includes('evt_1'), 'no token and no name of an event')
})

test('pages and filters give every line once, and the summary is their sum', async () => {
  const on = await doubtful()
  for (let i = 0; i < 5; i += 1) {
    await on.bind(sepa)
    on.advance(60_000)
  }
  const all = await on.list()
  assert.equal(all.length, 5)
  const paged: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = await on.call('GET', `/v1/unknowns?limit=2${cursor === '' ? '' : `&starting_after=${cursor}`}`)
    const page: { readonly data: readonly { readonly id: string }[]; readonly next_cursor: string | null } = JSON.parse(
      JSON.stringify(body),
    )
    paged.push(...page.data.map(one => one.id))
    cursor = page.next_cursor
  }
  assert.deepEqual(
    paged,
    all.map(one => one.id),
  )
  assert.equal((await on.list('?older_than_seconds=150')).length, 3)
  assert.deepEqual([(await on.list('?channel=two')).length, (await on.list('?channel=one&kind=uncertain')).length], [0, 5])
  assert.equal((await on.list('?kind=parked')).length, 0)
  const { body } = await on.call('GET', '/v1/unknowns/summary')
  assert.deepEqual([body.count, body.complete, body.by_kind], [5, true, { uncertain: 5, waiting: 0, parked: 0, news: 0, erasure: 0 }])
  const oldest_at = all[0]?.since
  const money = [{ amount: '12500', currency: 'EUR', count: 5 }]
  assert.deepEqual(body.by_channel, [{ channel: 'one', count: 5, oldest_at, money_unknown: 0, money_at_risk: money }])
  for (const wrong of ['?kind=lost', '?older_than_seconds=-1', '?starting_after=cur_bm9uZQ', '?limit=0', '?channel='])
    assert.equal((await on.call('GET', `/v1/unknowns${wrong}`)).status, 400, wrong)
})

test('what waits for the customer is no doubt until a day has gone', async () => {
  const on = await doubtful()
  on.says.bind = () => ({ kind: 'verifying', references: {} })
  on.says.lookUp = () => ({ kind: 'verifying', references: {} })
  const { id } = await on.bind(sepa)
  assert.deepEqual(await on.list(), [])
  on.advance(day + 1)
  assert.deepEqual(
    (await on.list()).map(one => [one.kind, one.instrument, one.cause]),
    [['waiting', id, 'verifying']],
  )
  on.says.lookUp = () => bound('MD2')
  await on.work()
  assert.deepEqual(await on.list(), [], 'what has its answer is in doubt no more')
})

test('another tenant and another mode see nothing of it, and can neither ask nor settle', async () => {
  const on = await doubtful()
  const { operation } = await on.parked()
  const other = await createTenant(on.world, { name: 'Other' })
  const before = JSON.stringify(await on.operation(operation))
  for (const of of [
    { tenant: other, mode: 'test' },
    { tenant: on.tenant, mode: 'live' },
  ] as const) {
    const { key } = await createKey(on.world, { ...of, kind: 'secret', person: 'ann' })
    const headers = { authorization: `Bearer ${key}` }
    assert.deepEqual((await on.call('GET', '/v1/unknowns', undefined, headers)).body.data, [])
    assert.equal((await on.call('GET', '/v1/unknowns/summary', undefined, headers)).body.count, 0)
    assert.equal((await on.call('POST', `/v1/unknowns/${operation}/look-up`, {}, headers)).status, 404)
    const said = { outcome: 'not_bound', evidence: 'seen nothing in the dashboard' }
    const { status, body } = await on.call('POST', `/v1/unknowns/${operation}/settle`, said, headers)
    assert.deepEqual([status, body.code], of.mode === 'live' ? [403, 'approval_required'] : [404, 'not_found'])
  }
  assert.equal(JSON.stringify(await on.operation(operation)), before)
})

test('a look-up asks the channel once and sends nothing; without an answer it stays in the queue', async () => {
  const on = await doubtful()
  const { operation, instrument } = await on.parked()
  const [binds, looks] = [on.asked.bind, on.asked.lookUp]
  const again = await on.call('POST', `/v1/unknowns/${operation}/look-up`, {})
  assert.equal(again.status, 200, JSON.stringify(again.body))
  assert.deepEqual([on.asked.bind, on.asked.lookUp], [binds, looks + 1])
  assert.equal((await on.list()).length, 1)
  const busy = await on.call('POST', `/v1/unknowns/${operation}/look-up`, {})
  assert.deepEqual([busy.status, on.asked.lookUp], [409, looks + 1], 'the worker is at it')
  for (let turn = 0; turn < 30; turn += 1) {
    on.advance(60_000)
    await on.work()
  }
  assert.deepEqual([(await on.operation(operation)).status, on.asked.bind], ['parked', binds], 'parked again, and never sent again')
  on.says.lookUp = () => bound('tok_9')
  const found = await on.call('POST', `/v1/unknowns/${operation}/look-up`, {})
  assert.deepEqual([found.status, found.body.unknown, on.asked.bind], [200, null, binds])
  assert.equal((await on.read(instrument)).status, 'active')
  assert.equal((await on.call('POST', `/v1/unknowns/${operation}/look-up`, {})).status, 409)
})

test('the deployment’s view shows everybody’s, news of nobody too, and is counted for the metrics by kind and channel', async () => {
  const on = await doubtful()
  await on.parked()
  await on.tell('one', [told('evt_9', { kind: 'suspended', reason: 'a' }, { names: ['tok_nobody_has'] })])
  for (let turn = 0; turn < 41; turn += 1) {
    on.advance(16 * 60_000)
    await on.work()
  }
  assert.deepEqual(
    (await on.list()).map(one => one.kind),
    ['parked'],
    'what names nobody is no tenant’s',
  )
  const now = on.world.now()
  const all = await unknownsOfAll(on.pool, { limit: 10 }, now)
  assert.deepEqual(
    all.map(one => [one.kind, one.tenant, one.channel, one.next_look_at]),
    [
      ['parked', on.tenant, 'one', null],
      ['news', null, 'one', null],
    ],
  )
  const counted = await countUnknowns(on.pool, now)
  assert.deepEqual(
    counted.map(one => [one.kind, one.channel, one.count, one.oldest]).toSorted(),
    all.map(one => [one.kind, one.channel, 1, one.since]).toSorted(),
  )
  on.says.bind = () => lost
  await on.bind(sepa)
  on.advance(3_600_000)
  const levels = await Promise.all(
    unknownLevels(on.pool, on.world).map(async one => `${one.name} ${(await one.levels()).map(level => level.value).toSorted()}`),
  )
  assert.match(levels[0] ?? '', /^bindery_unknowns 1,1,1$/)
  assert.equal(levels[2], 'bindery_operations_overdue 1', 'nobody attended to it for an hour')
  await on.work()
  assert.equal((await countOverdue(on.pool, on.world.now())).count, 0)
})
