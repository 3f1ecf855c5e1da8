import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renewedNumber, updaterCards } from '../channels/updater-simulator.ts'
import type { Advice } from '../core/updater-file.ts'
import { bindings, facts, identities, instrumentFacts, instruments, operations } from '../instruments/tables.ts'
import { day, type Trial, trial } from '../instruments/trial.seam.ts'
import { updaterCounts, updaterLines, updateSchedules } from './tables.ts'

const letters: readonly Advice[] = ['A', 'E', 'C', 'Q', 'O', 'V', 'P', 'N']

async function card(on: Trial, number: string, more: object = {}) {
  const capture = await on.capture({ number, expiry_month: 5, expiry_year: 2027, security_code: '123' })
  return on.bind({ card: { capture }, bind_on: 'all', ...more })
}

async function begin(on: Trial, ids: readonly string[]): Promise<{ readonly run: string; readonly file: string }> {
  for (const id of ids) await on.call('POST', `/v1/instruments/${id}/update_policy`, { policy: 'scheduled', min_days: 30 })
  const made = await on.call('POST', '/v1/updater/runs', { instruments: ids })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const run = String(made.body.id)
  const { body } = await on.call('GET', `/v1/updater/runs/${run}/file`)
  return { run, file: String(body.file) }
}

function answerOf(on: Trial, run: string, file: string): string {
  const headers = { authorization: `Bearer ${on.world.network?.secretKey.reveal() ?? ''}` }
  const request = { method: 'POST', path: `/inquiries/${run}`, query: '', headers, body: file }
  const answer = on.stage('network').simulator.handle(request, on.context('network'))
  assert.equal(answer.status, 200, answer.body)
  return answer.body
}

const shownOf = async (on: Trial, id: string) => {
  const { card: shown, status, reasons } = await on.read(id)
  return { status, reasons, last4: shown?.last4, expiry: `${shown?.expiry_year}-${shown?.expiry_month}` }
}

/** Everything the API keeps or says. */
const everything = (on: Trial): string =>
  JSON.stringify(on.store.snapshot(), (_, value) => (typeof value === 'bigint' ? String(value) : value))

test('each advice of a file reaches its instrument once, whatever is handed in twice, and no card number with it', async () => {
  const on = await trial(['stripe'])
  const ids = new Map<Advice, string>()
  for (const letter of letters) ids.set(letter, (await card(on, updaterCards[letter])).id)
  const { run, file } = await begin(on, [...ids.values()])
  const results = answerOf(on, run, file)
  const first = await on.call('POST', `/v1/updater/runs/${run}/results`, { file: results })
  assert.deepEqual([first.status, first.body.status, first.body.told], [200, 'done', 8], JSON.stringify(first.body))
  assert.deepEqual(first.body.advices, Object.fromEntries(letters.map(one => [one, 1])))
  const told = on.rows(instrumentFacts).filter(one => one.kind === 'advised').length
  assert.equal((await on.call('POST', `/v1/updater/runs/${run}/results`, { file: results })).status, 200)
  assert.equal(on.rows(instrumentFacts).filter(one => one.kind === 'advised').length, told)
  const seen = async (letter: Advice) => shownOf(on, ids.get(letter) ?? '')
  assert.deepEqual(await seen('A'), { status: 'active', reasons: [], last4: renewedNumber.slice(-4), expiry: '2030-5' })
  assert.deepEqual(await seen('E'), { status: 'active', reasons: [], last4: updaterCards.E.slice(-4), expiry: '2030-5' })
  assert.deepEqual((await seen('C')).status, 'expired')
  assert.deepEqual((await seen('C')).reasons, ['account_closed'])
  assert.deepEqual((await seen('Q')).reasons, ['contact_cardholder'])
  assert.deepEqual((await seen('O')).reasons, ['updates_refused'])
  for (const letter of ['V', 'P', 'N'] as const) assert.deepEqual((await seen(letter)).reasons, [], letter)
  const counts = Object.fromEntries(on.rows(updaterCounts).map(one => [one.what, one.number]))
  assert.deepEqual(counts, { inquiry: 8, ...Object.fromEntries(letters.map(one => [one, 1])) })
  const kept = everything(on) + JSON.stringify(first.body)
  for (const number of [...Object.values(updaterCards), renewedNumber]) assert.ok(!kept.includes(number), 'a card number left the vault')
  assert.ok(!Buffer.from(file, 'base64').includes(updaterCards.A))
})

test('a file of results for another run, or one that was changed, is refused and changes nothing', async () => {
  const on = await trial(['stripe'])
  const one = await card(on, updaterCards.E)
  const other = await card(on, updaterCards.A)
  const [mine, theirs] = [await begin(on, [one.id]), await begin(on, [other.id])]
  const before = everything(on)
  const results = answerOf(on, theirs.run, theirs.file)
  const good = answerOf(on, mine.run, mine.file)
  for (const file of [results, `${good.slice(0, 80)}AAAA${good.slice(84)}`, Buffer.from('no file').toString('base64'), 'no base64!']) {
    const answer = await on.call('POST', `/v1/updater/runs/${mine.run}/results`, { file })
    assert.ok(answer.status === 422 || answer.status === 400, JSON.stringify(answer.body))
    assert.match(JSON.stringify(answer.body), /"\/file"/)
  }
  assert.equal(everything(on), before)
})

test('a crash in the middle of telling goes on where it was, and tells nobody twice', async () => {
  const on = await trial(['stripe'])
  const ids: string[] = []
  for (const letter of letters) ids.push((await card(on, updaterCards[letter])).id)
  const { run, file } = await begin(on, ids)
  const results = answerOf(on, run, file)
  let left = 5
  on.onCommit(writes => {
    if (writes.some(one => one.verb === 'insert' && one.table === instrumentFacts)) {
      left -= 1
      if (left <= 0) throw new Error('the process dies here')
    }
  })
  const died = await on.call('POST', `/v1/updater/runs/${run}/results`, { file: results })
  assert.equal(died.status, 500)
  on.onCommit(() => {})
  assert.ok(on.rows(updaterLines).filter(one => one.told_at !== null).length < 8)
  on.advance(2 * 60_000)
  await on.work()
  const lines = on.rows(updaterLines)
  assert.ok(lines.every(one => one.told_at !== null))
  const advised = on.rows(instrumentFacts).filter(one => one.kind === 'advised')
  assert.equal(advised.length, 8)
  assert.deepEqual(Object.fromEntries(on.rows(updaterCounts).map(one => [one.what, one.number])).inquiry, 8)
  assert.ok(on.rows(updaterCounts).every(one => one.what === 'inquiry' || one.number === 1))
  assert.equal((await on.call('GET', `/v1/updater/runs/${run}`)).body.status, 'done')
})

test('a new end told on a decline goes to every channel by its own API, and the customer is asked nothing', async () => {
  const on = await trial(['stripe', 'checkout'])
  const { id } = await card(on, updaterCards.E)
  const before = on.rows(bindings).map(one => [one.channel, one.token])
  const asked = await on.call('POST', `/v1/instruments/${id}/updates`)
  assert.equal(asked.status, 200, JSON.stringify(asked.body))
  await on.work()
  const rows = on.rows(bindings)
  assert.deepEqual(
    rows.map(one => [one.channel, one.token]),
    before,
  )
  for (const row of rows) assert.deepEqual([row.status, row.shown?.expiryYear, row.shown?.expiryMonth], ['active', 2030, 5], row.channel)
  for (const channel of ['stripe', 'checkout'])
    assert.equal(
      on
        .stage(channel)
        .simulator.books()
        .effects.filter(one => one.effect === 'changed').length,
      1,
      channel,
    )
  // The echo of what we did is no news.
  await on.deliver('stripe')
  await on.deliver('checkout')
  await on.work()
  assert.deepEqual(
    on.rows(operations).flatMap(one => (one.verb === 'update' ? [one.status] : [])),
    ['settled', 'settled'],
  )
})

test('a new number is bound again everywhere from what the vault sealed, and the old token is given up', async () => {
  const on = await trial(['stripe', 'checkout', 'adyen'])
  const { id } = await card(on, updaterCards.A)
  const before = new Map(on.rows(bindings).map(one => [one.channel, one.token]))
  assert.equal((await on.call('POST', `/v1/instruments/${id}/updates`)).status, 200)
  await on.work()
  const seen = await on.read(id)
  assert.equal(seen.status, 'active')
  assert.equal(seen.card?.last4, renewedNumber.slice(-4))
  const live = seen.bindings.filter(one => one.status === 'active')
  assert.deepEqual(live.map(one => one.channel).toSorted(), ['adyen', 'checkout', 'stripe'])
  for (const one of live) {
    assert.equal(one.card?.last4, renewedNumber.slice(-4), one.channel)
    assert.notEqual(one.token, before.get(one.channel))
  }
  assert.deepEqual(
    seen.bindings.filter(one => one.status !== 'active').map(one => one.status),
    ['revoked', 'revoked', 'revoked'],
  )
  for (const channel of ['stripe', 'checkout', 'adyen']) {
    const usable = on
      .stage(channel)
      .simulator.books()
      .held.filter(one => one.usable)
    assert.deepEqual(
      usable.map(one => one.label.slice(-4)),
      [renewedNumber.slice(-4)],
      channel,
    )
  }
  assert.ok(!everything(on).includes(renewedNumber))
})

test('what one channel learned of a card by itself goes to the others once', async () => {
  const on = await trial(['checkout', 'stripe', 'adyen'])
  const { id } = await card(on, updaterCards.V)
  const token = on.rows(bindings).find(one => one.channel === 'checkout')?.token ?? assert.fail()
  on.stage('checkout').simulator.act('card_expiry_updated', token, on.context('checkout'))
  await on.deliver('checkout')
  await on.work()
  const seen = await on.read(id)
  const live = seen.bindings.filter(one => one.status === 'active')
  assert.deepEqual(live.map(one => [one.channel, one.card?.expiry_year]).toSorted(), [
    ['adyen', 2031],
    ['checkout', 2031],
    ['stripe', 2031],
  ])
  const asked = on.rows(operations).length
  for (const channel of ['checkout', 'stripe', 'adyen']) await on.deliver(channel)
  await on.work()
  assert.equal(on.rows(operations).length, asked)
})

test('the customer who types the card that came by mail finds the instrument that had the old one', async () => {
  const on = await trial(['stripe'])
  const { id } = await card(on, updaterCards.A)
  await on.call('POST', `/v1/instruments/${id}/updates`)
  await on.work()
  const capture = await on.capture({ number: renewedNumber, expiry_month: 5, expiry_year: 2030, security_code: '123' })
  assert.equal((await on.bind({ card: { capture } })).id, id)
  assert.equal(on.rows(instruments).length, 1)
  assert.equal(on.rows(identities).filter(one => one.kind === 'card').length, 2)
  const { body } = await on.call('GET', `/v1/instruments/${id}/versions`)
  const said = JSON.parse(JSON.stringify(body.data)).map((one: { last4: string; by: string; current: boolean }) => [
    one.last4,
    one.by,
    one.current,
  ])
  assert.deepEqual(said, [
    [updaterCards.A.slice(-4), 'customer', false],
    [renewedNumber.slice(-4), 'updater:simulated', true],
  ])
})

test('a cardholder who opted out is not asked about again until the card is given again', async () => {
  const on = await trial(['stripe', 'checkout'])
  const { id } = await card(on, updaterCards.O, { bind_on: 'first' })
  assert.equal((await on.call('POST', `/v1/instruments/${id}/updates`)).status, 200)
  on.advance(40 * day)
  const again = await on.call('POST', `/v1/instruments/${id}/updates`)
  assert.equal(again.status, 422)
  assert.match(JSON.stringify(again.body), /opted out/)
  const capture = await on.capture({ number: updaterCards.O, expiry_month: 5, expiry_year: 2027, security_code: '123' })
  await on.bind({ card: { capture }, channels: ['checkout'] })
  assert.deepEqual((await on.read(id)).reasons, [])
  assert.equal((await on.call('POST', `/v1/instruments/${id}/updates`)).status, 200)
})

test('the policy says whether and how often: each inquiry costs', async () => {
  const on = await trial(['stripe'])
  const { id } = await card(on, updaterCards.V)
  const ask = () => on.call('POST', `/v1/instruments/${id}/updates`)
  assert.equal((await ask()).status, 200)
  assert.match(JSON.stringify((await ask()).body), /28 days have to pass/)
  on.advance(28 * day)
  assert.equal((await ask()).status, 200)
  const policy = (body: object) => on.call('POST', `/v1/instruments/${id}/update_policy`, body)
  await policy({ policy: 'never' })
  on.advance(400 * day)
  assert.match(JSON.stringify((await ask()).body), /never/)
  assert.equal((await on.call('POST', '/v1/updater/runs', {})).status, 422)
  const set = await policy({ policy: 'scheduled', min_days: 10 })
  assert.equal(set.body.inquiries, 2)
  await on.work()
  // Also when it has ended by its face: that is when there is news.
  assert.equal((await on.call('POST', '/v1/updater/runs', {})).status, 201)
  assert.equal((await policy({ policy: 'sometimes' })).status, 400)
})

test('a scheduled card joins the next run when its days have passed, and only then', async () => {
  const on = await trial(['stripe'])
  const { id } = await card(on, updaterCards.V)
  await on.call('POST', `/v1/instruments/${id}/update_policy`, { policy: 'scheduled', min_days: 10 })
  await on.work()
  assert.equal((await on.call('POST', '/v1/updater/runs', {})).status, 422)
  on.advance(11 * day)
  await on.work()
  const run = await on.call('POST', '/v1/updater/runs', {})
  assert.deepEqual([run.status, run.body.lines], [201, 1], JSON.stringify(run.body))
  assert.equal(on.rows(updateSchedules)[0]?.queue, null)
  assert.equal((await on.call('POST', '/v1/updater/runs', {})).status, 422)
})

test('an updater that does not answer is asked again with the same file, and counted once', async () => {
  const on = await trial(['stripe'])
  const { id } = await card(on, updaterCards.E)
  on.stage('network').faults.add({ match: { path: '/inquiries/*' }, fault: 'lost_after', times: 2 })
  await on.call('POST', `/v1/instruments/${id}/updates`)
  for (let n = 0; n < 3; n += 1) {
    on.advance(5 * 60_000)
    await on.work()
  }
  assert.equal((await shownOf(on, id)).expiry, '2030-5')
  assert.equal(on.rows(updaterCounts).find(one => one.what === 'inquiry')?.number, 1)
  assert.ok(on.rows(facts).length > 0)
})
