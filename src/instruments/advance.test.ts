import assert from 'node:assert/strict'
import { test } from 'node:test'
import { events } from '../events/tables.ts'
import { move as moveRow } from '../world/store.ts'
import { advance } from './advance.ts'
import { clocks, instrumentFacts, instruments, operations } from './tables.ts'
import { day, returnUrl, scripted, type Trial, trial, visa } from './trial.seam.ts'

const bound = { kind: 'bound', token: 'tok_1', references: {} } as const

async function onClock(at: Trial, now: string): Promise<{ readonly clock: string; readonly customer: string }> {
  const clock = String((await at.call('POST', '/v1/test_clocks', { now })).body.id)
  const { body } = await at.call('POST', '/v1/customers', { reference: `at-${clock}`, clock })
  return { clock, customer: String(body.id) }
}

const bindFor = async (at: Trial, customer: string, card: object = visa) =>
  at.bind({ customer, card: { capture: await at.capture(card) }, return_url: returnUrl })
const noticesOf = (at: Trial, instrument: string): readonly string[] =>
  at
    .rows(events)
    .filter(row => row.instrument === instrument)
    .toSorted((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0))
    .map(row => row.type)

test('a card on a test clock is announced to end, and ends, in order and reported, and nothing waits for midnight', async () => {
  const at = await trial([scripted('one', { bind: async () => bound })])
  const { clock, customer } = await onClock(at, '2029-12-01T00:00:00Z')
  const card = await bindFor(at, customer)
  const path = `/v1/test_clocks/${clock}/advance`
  const early = await at.call('POST', path, { to: '2030-02-01T00:00:00Z' })
  assert.deepEqual([early.status, early.body.complete, early.body.steps], [200, true, []])
  const late = await at.call('POST', path, { to: '2031-01-01T00:00:00Z' })
  assert.equal(late.body.now, '2031-01-01T00:00:00.000Z')
  // The end of March 2030 where it comes last, and 45 days before it.
  assert.deepEqual(late.body.steps, [
    { at: '2030-02-15T12:00:00.000Z', what: 'instrument.expiring', instrument: card.id, outcome: 'active' },
    { at: '2030-04-01T12:00:00.000Z', what: 'instrument.lapsed', instrument: card.id, outcome: 'expired' },
  ])
  assert.deepEqual(noticesOf(at, card.id), ['instrument.bound', 'instrument.expiring', 'instrument.expired'])
  assert.deepEqual((await at.call('POST', path, { to: '2032-01-01T00:00:00Z' })).body.steps, [])
})

test('a card that ends with the 29th of February ends with that day, and on the 28th in other years', async () => {
  const at = await trial([scripted('one', { bind: async () => bound })])
  for (const [year, end] of [
    [2032, '2032-03-01T12:00:00.000Z'],
    [2031, '2031-03-01T12:00:00.000Z'],
  ] as const) {
    const { clock, customer } = await onClock(at, `${year}-02-20T00:00:00Z`)
    const card = await bindFor(at, customer, { ...visa, expiry_month: 2, expiry_year: year })
    const lastDay = year === 2032 ? '2032-02-29T23:59:59Z' : '2031-02-28T23:59:59Z'
    await at.call('POST', `/v1/test_clocks/${clock}/advance`, { to: lastDay })
    assert.equal((await at.read(card.id)).status, 'active')
    const { body } = await at.call('POST', `/v1/test_clocks/${clock}/advance`, { to: end })
    assert.deepEqual(body.steps, [{ at: end, what: 'instrument.lapsed', instrument: card.id, outcome: 'expired' }])
  }
})

test('a clock never goes back, nor further than ten years, and says which field is wrong', async () => {
  const at = await trial([scripted('one', { bind: async () => bound })])
  const { clock } = await onClock(at, '2030-01-01T00:00:00Z')
  for (const to of ['2029-12-31T23:59:59Z', '2041-01-01T00:00:00Z']) {
    const { status, body } = await at.call('POST', `/v1/test_clocks/${clock}/advance`, { to })
    assert.deepEqual([status, JSON.stringify(body.errors).includes('"/to"')], [400, true], JSON.stringify(body))
  }
  assert.equal((await at.call('GET', `/v1/test_clocks/${clock}`)).body.now, '2030-01-01T00:00:00.000Z')
})

test('of two advances at once one wins, and nothing happens twice', async () => {
  const at = await trial([scripted('one', { bind: async () => bound })])
  const { clock, customer } = await onClock(at, '2029-12-01T00:00:00Z')
  const card = await bindFor(at, customer)
  const to = '2031-01-01T00:00:00Z'
  const both = await Promise.all([1, 2].map(() => at.call('POST', `/v1/test_clocks/${clock}/advance`, { to })))
  const statuses = both.map(one => one.status).toSorted()
  assert.ok(statuses[0] === 200 && (statuses[1] === 409 || statuses[1] === 200), String(statuses))
  assert.equal(both.flatMap(one => (Array.isArray(one.body.steps) ? one.body.steps : [])).length, 2)
  assert.deepEqual(noticesOf(at, card.id), ['instrument.bound', 'instrument.expiring', 'instrument.expired'])
  assert.equal(at.rows(instrumentFacts).length, 2)
})

test('a clock that is held is not moved by another, until its holder must be dead', async () => {
  const at = await trial([scripted('one', { bind: async () => bound })])
  const { clock, customer } = await onClock(at, '2029-12-01T00:00:00Z')
  await bindFor(at, customer)
  const crash = new Error('the process dies')
  crash.name = 'Crash'
  let moves = 0
  at.onCommit(writes => {
    if (writes.some(one => one.verb === 'move' && one.table === instruments)) {
      moves += 1
      if (moves === 2) throw crash
    }
  })
  const [row] = at.rows(clocks)
  assert.ok(row !== undefined)
  const to = Date.parse('2031-01-01T00:00:00Z')
  await assert.rejects(advance(at.world, row, to), { name: 'Crash' })
  const path = `/v1/test_clocks/${clock}/advance`
  assert.equal((await at.call('POST', path, { to: '2031-01-01T00:00:00Z' })).status, 409)
  at.advance(61_000)
  const again = await at.call('POST', path, { to: '2031-01-01T00:00:00Z' })
  assert.deepEqual(
    [again.status, again.body.steps],
    [200, [{ ...stepAt(again.body.steps), what: 'instrument.lapsed', outcome: 'expired' }]],
  )
})
const stepAt = (steps: unknown): object => (Array.isArray(steps) ? steps[0] : {})

test('a challenge on a test clock waits as long as the clock says, whatever the real time is', async () => {
  const challenged = {
    kind: 'challenged',
    action: { type: 'redirect', method: 'GET', url: 'https://bank.example' },
    references: {},
  } as const
  const asked: string[] = []
  const at = await trial([
    scripted('one', {
      bind: async () => challenged,
      lookUp: async call => {
        asked.push(call.operation)
        return challenged
      },
    }),
  ])
  const { clock, customer } = await onClock(at, '2035-06-01T00:00:00Z')
  const card = await bindFor(at, customer)
  assert.equal(card.status, 'pending')
  at.advance(40 * day)
  await at.work()
  assert.deepEqual([asked.length, (await at.read(card.id)).status], [0, 'pending'])
  const path = `/v1/test_clocks/${clock}/advance`
  await at.call('POST', path, { to: '2035-06-01T23:59:00Z' })
  assert.equal((await at.read(card.id)).bindings[0]?.status, 'challenge')
  assert.ok(asked.length > 3, `${asked.length}`)
  const { body } = await at.call('POST', path, { to: '2035-06-03T00:00:00Z' })
  const last = Array.isArray(body.steps) ? body.steps.at(-1) : undefined
  assert.deepEqual([last?.at, last?.what, last?.outcome], ['2035-06-02T00:00:00.000Z', 'bind.abandon', 'expired'])
})

test('a planned refresh on a test clock comes when the clock has gone as far as the channel said', async () => {
  const refreshed: number[] = []
  const start = Date.UTC(2026, 2, 2, 10)
  const at = await trial([
    scripted('one', {
      bind: async () => ({ ...bound, refreshAtMs: start + 300 * day }),
      repeat: { refresh: { kind: 'repeatable', times: 3 } },
      refresh: async call => {
        refreshed.push(call.nowMs ?? 0)
        return { kind: 'updated', token: 'tok_2' }
      },
    }),
  ])
  const { clock, customer } = await onClock(at, '2028-01-01T00:00:00Z')
  const card = await bindFor(at, customer)
  const path = `/v1/test_clocks/${clock}/advance`
  assert.deepEqual((await at.call('POST', path, { to: '2028-10-01T00:00:00Z' })).body.steps, [])
  const { body } = await at.call('POST', path, { to: '2028-11-01T00:00:00Z' })
  assert.deepEqual(Array.isArray(body.steps) && body.steps.map(one => [one.at, one.what, one.binding, one.outcome]), [
    ['2028-10-27T00:00:00.000Z', 'refresh', card.bindings[0]?.id, 'active'],
  ])
  assert.equal(refreshed.length, 1)
  const asked = at.rows(operations).map(row => `${row.verb} ${row.status}`)
  assert.deepEqual(asked.sort(), ['bind settled', 'refresh settled'])
})

test('what takes more steps than one call makes stands where it got to, and is gone on with', async () => {
  const at = await trial([scripted('one', { bind: async (_call, input) => ({ ...bound, token: `tok ${input.binding}` }) })])
  const { clock, customer } = await onClock(at, '2029-12-01T00:00:00Z')
  for (let i = 0; i < 101; i += 1) {
    const number = `4111110000${String(i).padStart(5, '0')}`
    await bindFor(at, customer, { ...visa, number: number + luhn(number) })
  }
  const path = `/v1/test_clocks/${clock}/advance`
  const first = await at.call('POST', path, { to: '2031-01-01T00:00:00Z' })
  assert.deepEqual([first.body.complete, first.body.now], [false, '2030-04-01T12:00:00.000Z'])
  assert.equal(Array.isArray(first.body.steps) && first.body.steps.length, 200)
  const rest = await at.call('POST', path, { to: '2031-01-01T00:00:00Z' })
  assert.deepEqual([rest.body.complete, Array.isArray(rest.body.steps) && rest.body.steps.length], [true, 2])
})

function luhn(digits: string): string {
  const sum = [...digits].toReversed().reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 === 0 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return String((10 - (sum % 10)) % 10)
}

test('a token on a test clock lapses by that clock, is refreshed by it over and over, and no lapse goes before an answer that is owed', async () => {
  let lost = false
  const life = (nowMs: number) => ({ validUntilMs: nowMs + 10 * day, refreshAtMs: nowMs + 8 * day })
  const channel = scripted('lapsing', {
    repeat: { bind: { kind: 'lookUp' }, refresh: { kind: 'repeatable', times: 3 } },
    bind: async call => ({ ...bound, ...life(call.nowMs ?? 0) }),
    refresh: async call => (lost ? { kind: 'uncertain', cause: 'reset' } : { kind: 'updated', token: 'tok_2', ...life(call.nowMs ?? 0) }),
  })
  const at = await trial([channel])
  const { clock, customer } = await onClock(at, '2032-01-01T00:00:00Z')
  const { id } = await at.bind({ customer, wallet: { brand: 'gcash' }, return_url: returnUrl })
  const move = async (to: string) => (await at.call('POST', `/v1/test_clocks/${clock}/advance`, { to })).body
  const { steps } = await move('2032-02-01T00:00:00Z')
  assert.deepEqual(Array.isArray(steps) && steps.map(one => one.what), ['refresh', 'refresh', 'refresh'])
  assert.equal((await at.read(id)).status, 'active')
  lost = true
  const last = at.rows(operations).find(row => row.verb === 'refresh' && row.status === 'open')
  assert.ok(last !== undefined)
  // A process is asking just now.
  const asking = { status: 'open' as const, cause: 'reset', tries: 1, due_at: at.world.now() + 60_000, clock: null }
  assert.ok((await at.world.store.commit([moveRow(operations, last, asking)])).ok)
  const stopped = await move('2032-03-01T00:00:00Z')
  assert.deepEqual([stopped.complete, stopped.steps], [false, []])
  assert.equal((await at.read(id)).status, 'active')
  at.advance(120_000)
  await at.work()
  await move('2032-03-01T00:00:00Z')
  assert.equal((await at.read(id)).status, 'expired')
  assert.equal(at.rows(operations).find(row => row.id === last.id)?.status, 'parked', 'it may hold a newer token')
})
