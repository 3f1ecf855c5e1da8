/** Mandates, reported charges, quality and can-charge over HTTP: each story is told over the memory store and over PostgreSQL. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Told } from '../channels/channel.ts'
import { events } from '../events/tables.ts'
import { tables } from '../tables.ts'
import { timeDue } from '../worker.ts'
import { createPostgresStore, type PostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { testDatabase } from '../world/testing.ts'
import { bindings, facts, instruments, operations } from './tables.ts'
import { readOwnRows } from './tell.ts'
import { day, scripted, type Trial, trial, visa } from './trial.seam.ts'
import { verifyBinding, verifyInstrument } from './verify.ts'

/** A database for each story: trials draw the same ids in the same order. */
async function postgres(): Promise<PostgresStore> {
  const database = await testDatabase({ extraSql: [rideFunctionSql('bindery', tables).sql] })
  const store = createPostgresStore({ connection: database.connection, schema: 'bindery', tables, eventsTable: 'events' })
  after(async () => {
    await store.close()
    await database.close()
  })
  return store
}

const account = { bank_account: { scheme: 'sepa_debit', country: 'DE' } }
const terms = {
  currency: 'EUR',
  rule: 'max',
  amount: '5000',
  frequency: 'monthly',
  starts_on: '2026-03-01',
  contract: 'Gym',
  description: 'Membership',
}

let made = 0
/** Gives a token that no other binding has, sleeps 13 months, tells its payers; takes cards as well, without a challenge. */
const channel = (name: string) =>
  scripted(name, {
    repeat: { bind: { kind: 'lookUp' } },
    refusals: new Map([['51', 'insufficient_funds']]),
    mandates: { dormantAfterMonths: 13, tellsPayer: true },
    bind: async () => {
      made += 1
      return { kind: 'bound', token: `MD${made}`, references: {} }
    },
  })
const quiet = (name: string) => scripted(name, { ...channel(name), mandates: {} })

const stores = [
  ['memory', async () => undefined],
  ['PostgreSQL', postgres],
] as const
for (const [name, over] of stores) {
  const begin = async (of: Parameters<typeof trial>[0]) => trial(of, await over())

  test(`${name}: a mandate shows what was agreed, and a collection what is left of its period`, async () => {
    const on = await begin([channel('mandates')])
    const { id, bindings: [bound] = [] } = await on.bind({ ...account, mandate: { ...terms, count_max: 2, notice_days: 5 } })
    assert.deepEqual([bound?.mandate?.state, bound?.mandate?.rail, bound?.mandate?.terms?.count_max], ['active', 'sepa_debit', 2])
    assert.equal(bound?.mandate?.ends_because, 'dormant')
    assert.equal(await can(on, id), 'yes')
    await report(on, id, { id: 'c1' })
    const { body } = await on.call('GET', `/v1/instruments/${id}/mandates`)
    const [one] = list(body.data)
    assert.deepEqual(one?.used, {
      period: { from: '2026-03-01', to: '2026-04-01', count: 1, amount: '1000' },
      all: { count: 1, amount: '1000' },
    })
    assert.equal(one?.next_window, '2026-04-01T00:00:00.000Z')
    assert.equal(await can(on, id), 'mandate_window')
    assert.equal(await can(on, id, { charge_at: '2026-04-05T00:00:00Z' }), 'yes')
    assert.equal(await can(on, id, { charge_at: '2026-04-05T00:00:00Z', amount: '5001' }), 'mandate_amount')
    await report(on, id, { id: 'c2', charged_at: '2026-03-01T09:00:00Z' })
    assert.equal(await can(on, id, { charge_at: '2026-04-05T00:00:00Z' }), 'mandate_count')
    await holds(on, id)
  })

  test(`${name}: a pause of the tenant's stops charging, no news of the channel lifts it, and the tenant does`, async () => {
    const on = await begin([channel('mandates')])
    const { id, bindings: [bound] = [] } = await on.bind(account)
    const paused = await on.call('POST', `/v1/instruments/${id}/mandates/pause`, { reason: 'a complaint' })
    assert.deepEqual([paused.status, paused.body.status, paused.body.reasons], [200, 'suspended', ['mandate_paused']])
    await on.tell('mandates', [news('evt_1', { kind: 'resumed' }, bound?.token ?? '')])
    assert.equal((await on.read(id)).status, 'suspended')
    assert.equal(await can(on, id), 'usable_instrument active_mandate')
    assert.equal((await on.call('POST', `/v1/instruments/${id}/mandates/pause`, { reason: 'again' })).status, 409)
    assert.equal((await on.call('POST', `/v1/instruments/${id}/mandates/resume`, {})).body.status, 'active')
    assert.equal((await on.call('POST', `/v1/instruments/${id}/mandates/resume`, {})).status, 409)
    assert.deepEqual(await types(on, id), [
      'instrument.bound',
      'mandate.created',
      'instrument.suspended',
      'mandate.paused',
      'instrument.resumed',
      'mandate.resumed',
    ])
    await holds(on, id)
  })

  test(`${name}: the channel's own news has its notices: replaced, paused, resumed, revoked, reinstated`, async () => {
    const on = await begin([channel('mandates')])
    const { id, bindings: [bound] = [] } = await on.bind(account)
    const token = bound?.token ?? ''
    const next = `${token}_next`
    await on.tell('mandates', [news('evt_1', { kind: 'updated', token: next }, token)])
    const shown = (await on.read(id)).bindings[0]?.mandate
    assert.deepEqual([shown?.reference, shown?.former], [next, [token]])
    const all: readonly Told['news'][] = [
      { kind: 'suspended', reason: 'by the payer' },
      { kind: 'resumed' },
      { kind: 'revoked', reason: 'bank' },
      { kind: 'reinstated', evidence: 'the bank' },
    ]
    for (const [index, one] of all.entries()) await on.tell('mandates', [news(`evt_${index + 2}`, one, next)])
    const told = (await types(on, id)).filter(one => one.startsWith('mandate.'))
    assert.deepEqual(told, [
      'mandate.created',
      'mandate.replaced',
      'mandate.paused',
      'mandate.resumed',
      'mandate.revoked',
      'mandate.reinstated',
    ])
    await on.tell('mandates', [news('evt_9', { kind: 'expired', reason: 'consumed' }, next)])
    assert.equal((await on.read(id)).bindings[0]?.mandate?.state, 'consumed')
    assert.equal((await types(on, id)).at(-1), 'mandate.consumed')
    await holds(on, id)
  })

  test(`${name}: unused for thirteen months it ends, announced a month before; a collection that is reported late takes that back`, async () => {
    const on = await begin([channel('mandates')])
    const { id } = await on.bind(account)
    const turn = async (days: number) => {
      on.advance(days * day)
      for (let n = 0; n < 4; n += 1) await timeDue(on.world)
    }
    await turn(360)
    assert.equal((await on.read(id)).bindings[0]?.mandate?.expiring, false)
    await turn(10)
    assert.equal((await on.read(id)).bindings[0]?.mandate?.expiring, true)
    await turn(40)
    const ended = await on.read(id)
    assert.deepEqual([ended.status, ended.reasons, ended.bindings[0]?.mandate?.state], ['expired', ['mandate_lapsed'], 'expired'])
    assert.equal(ended.bindings[0]?.status, 'active', 'its channel has said nothing')
    assert.match(await can(on, id), /active_mandate/)
    await holds(on, id)
    await report(on, id, { id: 'c1', charged_at: '2026-12-24T10:00:00Z' })
    const back = await on.read(id)
    assert.deepEqual([back.status, back.reasons, back.bindings[0]?.mandate?.ends_at], ['active', [], '2028-01-25T00:00:00.000Z'])
    assert.deepEqual((await types(on, id)).slice(2), [
      'instrument.updated',
      'mandate.expiring',
      'instrument.expired',
      'mandate.expired',
      'instrument.updated',
      'mandate.reinstated',
    ])
    await holds(on, id)
  })

  test(`${name}: the same charge counts once, whoever reports it at once; with another content its name is refused`, async () => {
    const on = await begin([channel('mandates')])
    const { id } = await on.bind(account)
    const answers = await Promise.all(Array.from({ length: 8 }, () => charge(on, id, { id: 'c1' })))
    assert.deepEqual(answers.map(one => one.status).toSorted(), [200, 200, 200, 200, 200, 200, 200, 201])
    const [one] = list((await on.call('GET', `/v1/instruments/${id}/mandates`)).body.data)
    assert.deepEqual(one?.used, { period: null, all: { count: 1, amount: '1000' } })
    const other = await charge(on, id, { id: 'c1', amount: '1001' })
    assert.deepEqual([other.status, pointers(other.body)], [409, ['/id']])
    await holds(on, id)
  })

  test(`${name}: a decline counts by the channel's own catalogue, and changes no status`, async () => {
    const on = await begin([channel('mandates')])
    const { id } = await on.bind(account)
    const before = await on.read(id)
    const told = await charge(on, id, { id: 'd1', outcome: 'declined', code: '51' })
    assert.deepEqual([told.status, told.body.refusal], [201, { category: 'insufficient_funds', code: '51', retry: 'later' }])
    const strange = await charge(on, id, { id: 'd2', outcome: 'declined', code: 'x9' })
    assert.deepEqual(strange.body.refusal, { category: 'unknown', code: 'x9', retry: 'later' })
    assert.deepEqual(await on.read(id), before)
    const { body } = await on.call('GET', `/v1/instruments/${id}/quality`)
    const part = list(body.parts).find(one => one.name === 'declines')
    assert.deepEqual([part?.points, part?.because], [17, 'Of 2 charges in six months 2 were declined, insufficient_funds among them.'])
    await holds(on, id)
  })

  test(`${name}: SEPA wants its payer told fourteen days before where the channel does not do it`, async () => {
    const on = await begin([quiet('mandates')])
    const { id } = await on.bind({ ...account, mandate: terms })
    const at = '2026-03-20T10:00:00Z'
    const tell = (more: object) =>
      on.call('POST', `/v1/instruments/${id}/pre_debit_notices`, { amount: '1000', currency: 'EUR', charge_at: at, ...more })
    assert.equal(await can(on, id, { charge_at: at }), 'pre_debit_notice')
    const late = await tell({ charge_at: '2026-03-05T10:00:00Z' })
    assert.deepEqual([late.status, pointers(late.body)], [422, ['/charge_at']])
    assert.deepEqual(pointers((await tell({ told_at: '2026-03-03T10:00:00Z' })).body), ['/told_at'])
    const told = await tell({})
    assert.deepEqual([told.status, told.body.told_by, told.body.told_at], [201, 'tenant', '2026-03-02T10:00:00.000Z'])
    assert.equal(await can(on, id, { charge_at: at }), 'yes')
    assert.equal(await can(on, id, { charge_at: at, amount: '999' }), 'pre_debit_notice')
    const agreed = await on.bind({ bank_account: { scheme: 'sepa_debit', country: 'FR' }, mandate: { ...terms, notice_days: 0 } })
    assert.equal(await can(on, agreed.id, { charge_at: at }), 'yes')
  })

  test(`${name}: a card that nobody proved is not charged by the merchant, until a charge brings the network's ids`, async () => {
    const on = await begin([channel('one'), channel('two')])
    const { id, bindings: legs } = await on.bind({ card: { capture: await on.capture(visa) }, bind_on: 'all' })
    assert.equal(await can(on, id), 'network_transaction_id sca')
    assert.equal(await can(on, id, { initiator: 'customer' }), 'yes')
    const two = legs.find(one => one.channel === 'two')
    const first = { id: 'n1', channel: 'two', network_transaction_id: 'NT1', transaction_link_id: 'TL1' }
    assert.equal((await charge(on, id, first)).status, 201)
    assert.equal((await charge(on, id, first)).status, 200)
    assert.equal((await charge(on, id, { ...first, id: 'n2', network_transaction_id: 'NT2' })).status, 201)
    const kept = (await on.read(id)).bindings.find(one => one.channel === 'two')
    assert.deepEqual([kept?.network_transaction_id, kept?.transaction_link_id], ['NT1', 'TL1'], 'the first stay')
    const { body } = await on.call('POST', `/v1/instruments/${id}/can-charge`, question)
    assert.deepEqual([body.chargeable, body.best], [true, two?.id])
    assert.equal(list(body.bindings)[1]?.channel, 'one')
    await holds(on, id)
  })
}

test('what is not right is refused by its field, and nothing is written', async () => {
  const on = await trial([channel('mandates')])
  const { id } = await on.bind({ card: { capture: await on.capture(visa) } })
  const before = on.store.snapshot()
  const bad = async (path: string, body: object) => {
    const answer = await on.call('POST', `/v1/instruments/${id}/${path}`, body)
    assert.ok(answer.status >= 400 && answer.status < 500, JSON.stringify(answer.body))
    return pointers(answer.body)
  }
  const good = { id: 'c1', channel: 'mandates', amount: '1000', currency: 'EUR', outcome: 'approved', charged_at: '2026-03-02T09:00:00Z' }
  assert.deepEqual(await bad('charges', { ...good, charged_at: '2026-03-02T10:06:00Z' }), ['/charged_at'])
  assert.deepEqual(await bad('charges', { ...good, amount: '0' }), ['/amount'])
  assert.deepEqual(await bad('charges', { ...good, outcome: 'declined' }), ['/code'])
  assert.deepEqual(await bad('charges', { ...good, code: '51' }), ['/code'])
  assert.deepEqual(await bad('charges', { ...good, channel: 'other' }), ['/channel'])
  assert.deepEqual(await bad('charges', { ...good, channel: undefined }), ['/binding'])
  assert.deepEqual(await bad('charges', { ...good, channel: undefined, binding: `bnd_${'0'.repeat(26)}` }), ['/binding'])
  assert.deepEqual(await bad('can-charge', { ...question, amount: '-1' }), ['/amount'])
  assert.deepEqual(await bad('can-charge', { ...question, charge_at: '2066-01-01T00:00:00Z' }), ['/charge_at'])
  assert.deepEqual(await bad('mandates/pause', { reason: 'x' }), ['/binding'])
  const notice = { amount: '1', currency: 'EUR', charge_at: '2026-04-01T00:00:00Z' }
  assert.deepEqual(await bad('pre_debit_notices', notice), ['/binding'])
  assert.deepEqual(on.store.snapshot(), before)
  const wrong = await on.call('POST', '/v1/instruments', {
    customer: on.customer,
    return_url: 'https://shop.example/back',
    ...account,
    mandate: { ...terms, frequency: 'weekly', window: { rule: 'on', day: 8 } },
  })
  assert.deepEqual(pointers(wrong.body), ['/mandate/window/day'])
})

const question = { amount: '1000', currency: 'EUR', initiator: 'merchant', purpose: 'recurring' }
const list = (value: unknown): readonly Record<string, unknown>[] => (Array.isArray(value) ? value : assert.fail('no list'))
const pointers = (body: Record<string, unknown>) => list(body.errors).map(one => one.pointer)

/** `yes`, or what is missing and blocks. */
async function can(on: Trial, id: string, more: object = {}): Promise<string> {
  const { status, body } = await on.call('POST', `/v1/instruments/${id}/can-charge`, { ...question, ...more })
  assert.equal(status, 200, JSON.stringify(body))
  const missing = list(body.missing).flatMap(one => (one.blocking === true ? [one.what] : []))
  assert.equal(body.chargeable, missing.length === 0)
  return body.chargeable === true ? 'yes' : missing.join(' ')
}

const charge = (on: Trial, id: string, more: object) =>
  on.call('POST', `/v1/instruments/${id}/charges`, {
    channel: 'mandates',
    amount: '1000',
    currency: 'EUR',
    outcome: 'approved',
    charged_at: '2026-03-02T09:00:00Z',
    ...more,
    ...{ id: `${id}:${'id' in more ? more.id : ''}` },
  })
async function report(on: Trial, id: string, more: object): Promise<void> {
  const { status, body } = await charge(on, id, more)
  assert.equal(status, 201, JSON.stringify(body))
}

/** Events happen in the order of their numbers. */
const news = (event: string, told: Told['news'], token = ''): Told => ({
  event: `${token}:${event}`,
  moment: { atMs: Date.UTC(2026, 2, 2, 10) + Number(event.slice(4)) },
  type: told?.kind ?? '',
  names: [token],
  ...(told === undefined ? {} : { news: told }),
})

const types = async (on: Trial, id: string): Promise<readonly string[]> =>
  (await on.world.store.find(events, { instrument: id })).toSorted((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0)).map(one => one.type)

/** Stored rows are what facts say, and every change has its number. */
async function holds(on: Trial, id: string): Promise<void> {
  const { tenant } = on
  const rows = await readOwnRows(on.world, tenant, id)
  assert.deepEqual(verifyInstrument(rows), [])
  for (const row of rows.bindings) {
    const told = await on.world.store.find(facts, { tenant, binding: row.id })
    assert.deepEqual(verifyBinding(row, told, await on.world.store.find(operations, { tenant, binding: row.id })), [])
  }
  const instrument = await on.world.store.get(instruments, { tenant, id })
  const told = (await on.world.store.find(events, { instrument: id })).map(one => one.sequence ?? 0).toSorted((a, b) => a - b)
  assert.deepEqual(
    told,
    Array.from({ length: instrument?.sequence ?? 0 }, (_, n) => n + 1),
  )
  assert.ok((await on.world.store.find(bindings, { tenant, instrument: id })).every(one => one.notified <= told.length))
}
