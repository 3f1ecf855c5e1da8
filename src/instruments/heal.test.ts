import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindOutcome, Channel, News } from '../channels/channel.ts'
import { events } from '../events/tables.ts'
import { admitLink } from '../portal/link.ts'
import { portalLinks } from '../portal/tables.ts'
import { healDue } from '../worker.ts'
import { deaths } from './death.ts'
import { bindings } from './tables.ts'
import { day, scripted, type Trial, trial, visa } from './trial.seam.ts'

const hour = 3_600_000
type Answer = (token: string) => BindOutcome
type Counting = { readonly channel: Channel; readonly asked: string[] }

/** Answers one bind after the other; the last answer goes on for ever. */
function channel(name: string, answers: readonly Answer[], more: Partial<Channel> = {}): Counting {
  const asked: string[] = []
  const bind: Channel['bind'] = async (_call, input) => {
    asked.push(input.binding)
    const answer = answers[Math.min(asked.length, answers.length) - 1] ?? assert.fail('no answer')
    return answer(`${name}_${asked.length}`)
  }
  return { channel: scripted(name, { bind, ...more }), asked }
}
const bound: Answer = token => ({ kind: 'bound', token, references: {} })
const refusal =
  (by: 'issuer' | 'channel', category: 'do_not_honour' | 'fraud_suspected' | 'try_later'): Answer =>
  () => ({ kind: 'refused', by, category, code: category, elsewhere: false, references: {} })

async function bindOn(at: Trial): Promise<string> {
  return (await at.bind({ card: { capture: await at.capture(visa) }, channels: ['one'] })).id
}
let told = 0
function tell(at: Trial, news: News, name = 'one_1') {
  told += 1
  return at.tell('one', [{ event: `evt_${told}`, type: 't', names: [name], news, moment: { atMs: told } }])
}
async function heal(at: Trial, stepMs = 2 * hour): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    at.advance(stepMs)
    await healDue(at.world)
  }
}
const asks = (at: Trial) => at.rows(events).filter(row => row.type === 'instrument.needs_customer')
const death = (at: Trial) => at.rows(deaths)[0] ?? assert.fail('nothing died')

test('what its channel revoked is bound anew there, without the customer, and once', async () => {
  const one = channel('one', [bound])
  const at = await trial([one.channel])
  const id = await bindOn(at)
  await tell(at, { kind: 'revoked', reason: 'token_purged' })
  assert.equal((await at.read(id)).status, 'unbound')
  await Promise.all([healDue(at.world), healDue(at.world)])
  assert.equal(one.asked.length, 1, 'what else the channel has to say is waited for')
  at.advance(hour)
  await Promise.all([healDue(at.world), healDue(at.world)])
  await heal(at)
  assert.equal(one.asked.length, 2)
  const { status, bindings: legs } = await at.read(id)
  assert.deepEqual([status, legs.map(leg => leg.status).toSorted()], ['active', ['active', 'revoked']])
  assert.deepEqual([death(at).status, death(at).tried.length, asks(at).length], ['healed', 1, 0])
})

test('where its own channel refuses another is tried, each once, and then the customer is asked once', async () => {
  const one = channel('one', [bound, refusal('channel', 'try_later')])
  const two = channel('two', [refusal('channel', 'try_later')])
  const at = await trial([one.channel, two.channel])
  await bindOn(at)
  await tell(at, { kind: 'revoked' })
  await heal(at, 9 * hour)
  await heal(at, 9 * hour)
  assert.deepEqual([one.asked.length, two.asked.length], [2, 1])
  assert.deepEqual([death(at).status, death(at).cause, asks(at).length], ['asked', 'no channel is left', 1])
  const [link] = at.rows(portalLinks)
  assert.deepEqual(asks(at)[0]?.data.asks, {
    next_best_action: 'ask_customer',
    cause: 'no channel is left',
    died: { binding: death(at).binding, channel: 'one' },
    portal_link: link?.id,
  })
  const { status, body } = await at.call('GET', `/v1/portal_links/${link?.id}`)
  assert.deepEqual([status, body.may, body.hosted], [200, ['list', 'replace'], true])
  const token = new URL(String(body.url)).pathname.slice('/portal/'.length)
  assert.equal((await admitLink(at.world, token)).customer, at.customer)
  at.advance(8 * 24 * hour)
  assert.equal((await at.call('GET', `/v1/portal_links/${link?.id}`)).body.url, undefined, 'it is a key, and lapses')
})

test('an issuer that says never is not asked again, nor is anybody else', async () => {
  for (const [category, status] of [
    ['fraud_suspected', 'over'],
    ['do_not_honour', 'asked'],
  ] as const) {
    const one = channel('one', [bound, refusal('issuer', category)])
    const two = channel('two', [bound])
    const at = await trial([one.channel, two.channel])
    await bindOn(at)
    await tell(at, { kind: 'revoked' })
    await heal(at, 9 * hour)
    assert.deepEqual([one.asked.length, two.asked.length, death(at).status], [2, 0, status])
    assert.equal(asks(at).length, status === 'asked' ? 1 : 0)
  }
})

test('what was given up by us is no death', async () => {
  const one = channel('one', [bound], { revoke: async () => ({ kind: 'revoked' }), repeat: { revoke: { kind: 'repeatable', times: 3 } } })
  const at = await trial([one.channel])
  const { status } = await at.call('POST', `/v1/instruments/${await bindOn(at)}/unbind`)
  assert.equal(status, 200)
  await tell(at, { kind: 'revoked' })
  await heal(at)
  assert.deepEqual([at.rows(deaths), one.asked.length], [[], 1])
})

test('what the customer took back at the channel stays so, and nobody is asked', async () => {
  const one = channel('one', [bound])
  const at = await trial([one.channel])
  await bindOn(at)
  await tell(at, { kind: 'revoked', reason: 'cancelled_by_cardholder' })
  await heal(at)
  assert.deepEqual([death(at).status, one.asked.length, asks(at).length], ['over', 1, 0])
})

test('what the channel takes back is healed by that, and nothing is bound beside it', async () => {
  const one = channel('one', [bound])
  const at = await trial([one.channel])
  const id = await bindOn(at)
  await tell(at, { kind: 'revoked' })
  await tell(at, { kind: 'reinstated', evidence: 'the bank took it back', token: 'one_1' })
  await heal(at)
  assert.deepEqual([death(at).status, death(at).cause, one.asked.length], ['healed', 'it lives again', 1])
  assert.equal((await at.read(id)).status, 'active')
})

test('a card that was bound anew by its customer meanwhile is another instrument, and not bound twice', async () => {
  const one = channel('one', [bound])
  const at = await trial([one.channel])
  await bindOn(at)
  await tell(at, { kind: 'revoked' })
  await bindOn(at)
  await heal(at)
  assert.deepEqual([death(at).status, one.asked.length], ['over', 2])
  assert.equal(at.rows(bindings).filter(row => row.status === 'active').length, 1)
})

test('three attempts in thirty days are enough, and after that the customer is asked', async () => {
  const one = channel('one', [bound])
  const at = await trial([one.channel])
  const id = await bindOn(at)
  for (let i = 1; i <= 4; i += 1) {
    await tell(at, { kind: 'revoked' }, `one_${i}`)
    await heal(at)
  }
  assert.deepEqual([one.asked.length, at.rows(deaths).map(row => row.status)], [4, ['healed', 'healed', 'healed', 'asked']])
  at.advance(31 * day)
  await tell(at, { kind: 'reinstated', evidence: 'it was a mistake', token: 'one_4' }, 'one_4')
  assert.equal((await at.read(id)).status, 'active')
  await tell(at, { kind: 'expired' }, 'one_4')
  await heal(at)
  assert.equal(one.asked.length, 5)
})

test('on a test clock what died is healed when the clock says so, and reported', async () => {
  const one = channel('one', [bound])
  const at = await trial([one.channel])
  const clock = String((await at.call('POST', '/v1/test_clocks', { now: '2028-01-01T00:00:00Z' })).body.id)
  const customer = String((await at.call('POST', '/v1/customers', { reference: 'late', clock })).body.id)
  const { id } = await at.bind({ customer, card: { capture: await at.capture(visa) } })
  await tell(at, { kind: 'revoked' })
  await heal(at)
  assert.equal(one.asked.length, 1)
  const { body } = await at.call('POST', `/v1/test_clocks/${clock}/advance`, { to: '2028-01-02T00:00:00Z' })
  const steps = Array.isArray(body.steps) ? body.steps.map(step => [step.at, step.what, step.outcome]) : []
  assert.deepEqual(steps, [
    ['2028-01-01T00:10:00.000Z', 'binding.heal.try', 'one: active'],
    ['2028-01-01T01:10:00.000Z', 'binding.heal.over', 'healed: it is bound anew'],
  ])
  assert.equal((await at.read(id)).status, 'active')
})
