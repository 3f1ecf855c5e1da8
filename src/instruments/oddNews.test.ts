/** News as nobody hopes for: too early, years late, against itself, from a clock that goes wrong. It ends in a fact or in a reason, never in between. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { News, SandboxValue, Told } from '../channels/channel.ts'
import { channels } from '../channels/index.ts'
import { Problem } from '../core/problem.ts'
import { bindBodyOf, captureBodyOf, capturePlaceholder } from './sandboxValue.ts'
import { customers, facts, inbox, instruments } from './tables.ts'
import { tellInstrument } from './tell.ts'
import { day, returnUrl, scripted, type Trial, trial, visa } from './trial.seam.ts'

const hour = 3_600_000
const minute = 60_000

/** A card bound at a channel that says what the test wants. */
async function bound(): Promise<{ readonly on: Trial; readonly id: string; readonly status: () => Promise<string> }> {
  const on = await trial([
    scripted('one', {
      bind: async () => ({ kind: 'bound', token: 'tok_1', references: { ref: 'ref_1' } }),
      revoke: async () => ({ kind: 'revoked' }),
    }),
  ])
  const { id } = await on.bind({ card: { capture: await on.capture(visa) } })
  const status = async () => String((await on.read(id)).bindings[0]?.status)
  return { on, id, status }
}
const told = (event: string, news: News, atMs?: number): Told => ({
  event,
  type: news.kind,
  names: ['tok_1'],
  news,
  ...(atMs === undefined ? {} : { moment: { atMs } }),
})
const suspended: News = { kind: 'suspended', reason: 'blocked' }

type Entry = { readonly source_event: string | null; readonly applied: boolean; readonly ignored_because: string | null }
async function timelineOf(on: Trial, id: string): Promise<readonly Entry[]> {
  const { body } = await on.call('GET', `/v1/instruments/${id}/timeline`)
  const list: readonly Entry[] = JSON.parse(JSON.stringify(body)).data
  return list
}
const entryOf = async (on: Trial, id: string, event: string): Promise<Entry> =>
  (await timelineOf(on, id)).find(one => one.source_event === event) ?? assert.fail(`nothing of ${event}`)

test('what is dated ahead is seen at once and learned when its time comes, and a redelivery counts once', async () => {
  const { on, id, status } = await bound()
  const at = on.world.now() + 3 * hour
  for (let n = 0; n < 3; n += 1) assert.equal((await on.tell('one', [told('evt_ahead', suspended, at)])).status, 200)
  await on.work()
  assert.equal(await status(), 'active')
  assert.match((await entryOf(on, id, 'evt_ahead')).ignored_because ?? '', /^dated ahead: 2026-03-02T13:00:00/)
  on.advance(3 * hour - 1)
  await on.work()
  assert.equal(await status(), 'active')
  on.advance(1)
  await on.work()
  assert.equal(await status(), 'suspended')
  await on.tell('one', [told('evt_ahead', suspended, at)])
  assert.equal(on.rows(facts).filter(one => one.source_event === 'evt_ahead').length, 1)
  assert.equal((await entryOf(on, id, 'evt_ahead')).applied, true)
})

test('five minutes ahead is how clocks differ, a millisecond more is not', async () => {
  const { on, status } = await bound()
  await on.tell('one', [told('evt_1', suspended, on.world.now() + 5 * minute)])
  assert.equal(await status(), 'suspended')
  await on.tell('one', [told('evt_2', { kind: 'resumed' }, on.world.now() + 5 * minute + 1)])
  assert.equal(await status(), 'suspended')
})

test('what is dated more than 400 days ahead waits for a person, with its reason', async () => {
  const { on, id, status } = await bound()
  await on.tell('one', [told('evt_1', suspended, on.world.now() + 400 * day + 1), told('evt_2', suspended, Number.MAX_SAFE_INTEGER)])
  on.advance(500 * day)
  await on.work()
  assert.equal(await status(), 'active')
  for (const event of ['evt_1', 'evt_2']) assert.match((await entryOf(on, id, event)).ignored_because ?? '', /more than 400 days ahead/)
})

test('a customer with a test clock learns on that clock, and what is dated now is not ahead of a clock that is behind', async () => {
  const on = await trial([scripted('one', { bind: async () => ({ kind: 'bound', token: 'tok_1', references: {} }) })])
  const start = new Date(on.world.now() - 30 * day).toISOString()
  const { body: clock } = await on.call('POST', '/v1/test_clocks', { now: start })
  const { body: customer } = await on.call('POST', '/v1/customers', { clock: clock.id })
  const { id } = await on.bind({ card: { capture: await on.capture(visa) }, customer: customer.id })
  const status = async () => String((await on.read(id)).bindings[0]?.status)
  await on.tell('one', [told('evt_now', suspended, on.world.now())])
  assert.equal(await status(), 'suspended')
  const at = on.world.now() + 10 * day
  await on.tell('one', [told('evt_ahead', { kind: 'resumed' }, at)])
  on.advance(11 * day)
  await on.work()
  assert.equal(await status(), 'suspended', 'the real time is not its customer’s')
  const { body: advanced } = await on.call('POST', `/v1/test_clocks/${clock.id}/advance`, { to: new Date(at).toISOString() })
  const steps: readonly Record<string, unknown>[] = Array.isArray(advanced.steps) ? advanced.steps : []
  assert.deepEqual(
    steps.map(one => [one.what, one.outcome]),
    [['news.resumed', 'done']],
  )
  assert.equal(await status(), 'active')
  assert.equal(
    on.rows(customers).some(one => one.clock === clock.id),
    true,
  )
})

test('the same event with another body changes nothing, and both can be seen', async () => {
  const { on, id, status } = await bound()
  await on.tell('one', [told('evt_1', suspended, on.world.now())])
  for (let n = 0; n < 2; n += 1)
    assert.equal((await on.tell('one', [told('evt_1', { kind: 'revoked', reason: 'card_closed' }, on.world.now())])).status, 200)
  assert.equal(await status(), 'suspended')
  const other = (await timelineOf(on, id)).filter(one => one.source_event?.startsWith('evt_1#'))
  assert.deepEqual(
    other.map(one => one.ignored_because),
    ['the same event told something else before'],
  )
  // The first delivery again is no contradiction.
  await on.tell('one', [told('evt_1', suspended, on.world.now())])
  assert.equal(on.rows(inbox).length, 1)
})

test('also what waits for its binding is not overwritten by the same event with another body', async () => {
  const { on } = await bound()
  const early = (news: News): Told => ({ event: 'evt_1', type: 'early', names: ['tok_9'], news })
  await on.tell('one', [early(suspended)])
  await on.tell('one', [early(suspended)])
  await on.tell('one', [early({ kind: 'revoked' })])
  assert.deepEqual(
    on.rows(inbox).map(one => [one.event.split('#')[0], one.status, one.told.news?.kind]),
    [
      ['evt_1', 'waiting', 'suspended'],
      ['evt_1', 'parked', 'revoked'],
    ],
  )
})

test('what is three years old stands where it belongs: before what is known, and cannot take it back', async () => {
  const { on, id, status } = await bound()
  await on.tell('one', [told('evt_2', { kind: 'resumed' }, on.world.now())])
  await on.tell('one', [told('evt_1', suspended, on.world.now() - 3 * 366 * day)])
  assert.equal(await status(), 'active')
  assert.equal((await entryOf(on, id, 'evt_1')).applied, true)
  await on.tell('one', [told('evt_0', { kind: 'challenged', action: { type: 'await', where: 'bank_app' }, references: {} }, 1)])
  assert.match((await entryOf(on, id, 'evt_0')).ignored_because ?? '', /was active, where challenged has no meaning/)
})

test('a type that nobody knows, and news of nothing that is known, change nothing', async () => {
  const { on, status } = await bound()
  assert.equal((await on.tell('one', [{ event: 'evt_1', type: 'who.knows', names: ['tok_1'] }])).status, 200)
  await on.tell('one', [{ ...told('evt_2', { kind: 'revoked' }), names: ['tok_of_somebody'] }])
  on.advance(10 * day)
  for (let n = 0; n < 50; n += 1) {
    on.advance(hour)
    await on.work()
  }
  assert.equal(await status(), 'active')
  assert.deepEqual(
    on.rows(inbox).map(one => [one.status, one.cause]),
    [['parked', 'no binding has any of its names']],
  )
})

test('unbinding twice is unbinding once', async () => {
  const { on, id, status } = await bound()
  const answers = await Promise.all([1, 2, 3].map(() => on.call('POST', `/v1/instruments/${id}/unbind`)))
  const again = await on.call('POST', `/v1/instruments/${id}/unbind`)
  for (const one of [...answers, again]) assert.ok(one.status === 200 || one.status === 409, JSON.stringify(one.body))
  assert.equal(await status(), 'revoked')
  assert.equal(on.rows(facts).filter(one => one.kind === 'revoking').length, 1)
})

test('a card is never over on 29 February of a leap year before the month is, and a moment that was told does not come twice', async () => {
  const { on } = await bound()
  const [row] = on.rows(instruments)
  assert.ok(row !== undefined)
  const telling = (at: number) =>
    tellInstrument(on.world, {
      tenant: row.tenant,
      instrument: row.id,
      facts: [{ source: 'updater:vau', event: 'evt_1', news: { kind: 'advised', advice: 'E', expiry: { year: 2032, month: 2 } }, at }],
    })
  await telling(on.world.now())
  const { expiring, lapsed } = (await telling(on.world.now())).instrument.own
  assert.deepEqual([expiring, lapsed], [undefined, undefined])
  const due = on.rows(instruments)[0]?.due_at ?? 0
  // 45 days before the end of 29 February 2032 in the zone where it ends last (UTC−12).
  assert.equal(new Date(due + 45 * day).toISOString(), '2032-03-01T12:00:00.000Z')
})

test('a fact about an instrument itself that is dated ahead is refused: it is told when it has happened', async () => {
  const { on } = await bound()
  const [row] = on.rows(instruments)
  assert.ok(row !== undefined)
  const at = on.world.now() + 6 * minute
  const telling = tellInstrument(on.world, {
    tenant: row.tenant,
    instrument: row.id,
    facts: [{ source: 'updater:vau', event: 'evt_1', news: { kind: 'advised', advice: 'C' }, at }],
  })
  await assert.rejects(telling, error => error instanceof Problem && /ahead/.test(error.detail ?? ''))
  assert.deepEqual(on.rows(instruments)[0]?.reasons, [])
})

/** The value that binds in the plainest way, of what needs no device. */
const plainOf = (values: readonly SandboxValue[]): SandboxValue =>
  values.find(
    one => (one.outcome === 'bound' || one.outcome === 'challenged') && one.ends === undefined && one.source.type !== 'device_token',
  ) ?? assert.fail('no plain value')

for (const { name, webhook, sandboxValues } of channels.values()) {
  if (webhook === undefined) continue
  test(`${name}: its webhooks change nothing when they come again, an hour back, an hour on, or three years later`, async () => {
    const on = await trial([name])
    const value = plainOf(sandboxValues)
    const wanted = captureBodyOf(value)
    const capture = wanted === null ? '' : await on.capture(wanted)
    const body = JSON.parse(JSON.stringify(bindBodyOf(value)).replace(JSON.stringify(capturePlaceholder), JSON.stringify(capture)))
    const instrument = await on.bind({ ...body, return_url: returnUrl })
    if (instrument.next_action !== null) await on.pass(instrument)
    await on.deliver(name)
    await on.work()
    await on.deliver(name)
    const state = () => JSON.stringify([on.rows(instruments), on.rows(facts), on.rows(inbox)])
    const before = state()
    for (const step of [hour, -2 * hour, hour, 3 * 366 * day]) {
      on.advance(step)
      for (const status of await on.deliverAgain(name)) assert.ok(status < 300 || status === 401, `${status} after ${step} ms`)
      assert.equal(state(), before, `after ${step} ms`)
    }
  })
}
