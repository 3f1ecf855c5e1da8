import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { events } from '../events/tables.ts'
import { dependents } from './dependent.ts'
import { scripted, type Trial, type TrialAnswer, trial, visa } from './trial.seam.ts'

let tokens = 0
const acme = () => {
  const revoked: string[] = []
  const channel = scripted('acme', {
    repeat: { bind: { kind: 'lookUp' }, revoke: { kind: 'repeatable', times: 3 } },
    bind: async () => ({ kind: 'bound', token: `tok_${tokens++}`, references: {} }),
    revoke: async (_call, { token }) => {
      revoked.push(token)
      return { kind: 'revoked' }
    },
  })
  return { channel, revoked }
}
const bindCard = async (on: Trial, number = visa.number) => on.bind({ card: { capture: await on.capture({ ...visa, number }) } })
const subscription = { reference: 'sub-1', kind: 'subscription', title: 'Weekly paper', next_charge_at: '2026-04-01T00:00:00Z' } as const
const register = (on: Trial, instrument: string, more: object = {}) =>
  on.call('POST', `/v1/instruments/${instrument}/dependents`, { ...subscription, ...more })

const planShape = z.object({
  confirm: z.string(),
  affected: z.array(z.object({ reference: z.string() })),
  replacements: z.array(z.object({ instrument: z.string(), is_default: z.boolean() })),
})
const planIn = (answer: TrialAnswer) => planShape.parse(answer.body.plan)
const told = (on: Trial, instrument: string) =>
  on
    .rows(events)
    .filter(one => one.instrument === instrument)
    .toSorted((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0))

test('what relies on an instrument is registered once by its reference, listed, and removed', async () => {
  const on = await trial([acme().channel])
  const { id } = await bindCard(on)
  const first = await register(on, id)
  assert.equal(first.status, 201)
  const again = await register(on, id, { title: 'Daily paper' })
  assert.deepEqual([again.status, again.body.id, again.body.title], [200, first.body.id, 'Daily paper'])
  const list = await on.call('GET', `/v1/instruments/${id}/dependents`)
  assert.deepEqual(list.body.data, [again.body])
  assert.equal((await on.call('DELETE', `/v1/instruments/${id}/dependents/${String(first.body.id)}`)).status, 200)
  assert.equal((await on.call('DELETE', `/v1/instruments/${id}/dependents/${String(first.body.id)}`)).status, 404)
  assert.deepEqual(on.rows(dependents), [])
})

test('nobody is affected: one call unbinds, twice is the same answer', async () => {
  const { channel, revoked } = acme()
  const on = await trial([channel])
  const { id } = await bindCard(on)
  const one = await on.call('POST', `/v1/instruments/${id}/unbind`)
  const other = await on.call('POST', `/v1/instruments/${id}/unbind`)
  assert.deepEqual([one.status, other.status, other.body], [200, 200, one.body])
  assert.equal(revoked.length, 1)
})

test('somebody is affected: the plan comes back and nothing was changed, until it is confirmed', async () => {
  const { channel, revoked } = acme()
  const on = await trial([channel])
  const { id } = await bindCard(on)
  const { id: other } = await bindCard(on, '5555555555554444')
  await register(on, id)
  const asked = await on.call('POST', `/v1/instruments/${id}/unbind`, undefined, { 'idempotency-key': 'once' })
  assert.deepEqual([asked.status, asked.body.code], [409, 'conflict'])
  const plan = planIn(asked)
  assert.deepEqual(
    plan.affected.map(one => one.reference),
    ['sub-1'],
  )
  assert.deepEqual(plan.replacements, [{ instrument: other, is_default: false }])
  assert.deepEqual([(await on.read(id)).status, revoked], ['active', []])
  const done = await on.call('POST', `/v1/instruments/${id}/unbind`, { confirm: plan.confirm })
  assert.deepEqual([done.status, done.body.status], [200, 'unbound'])
  assert.equal(revoked.length, 1)
  const last = told(on, id).find(one => one.type === 'instrument.unbound')
  assert.match(JSON.stringify(last?.data.dependents), /"moved_to":null.*"reference":"sub-1"/)
})

test('a plan that is no longer true confirms nothing, and a new one is given', async () => {
  const { channel, revoked } = acme()
  const on = await trial([channel])
  const { id } = await bindCard(on)
  await register(on, id)
  const first = planIn(await on.call('POST', `/v1/instruments/${id}/unbind`))
  await register(on, id, { reference: 'sub-2' })
  const stale = await on.call('POST', `/v1/instruments/${id}/unbind`, { confirm: first.confirm })
  assert.equal(stale.status, 409)
  assert.deepEqual(stale.body.errors, [{ pointer: '/confirm', detail: 'is of a plan that is no longer true' }])
  const second = planIn(stale)
  assert.notEqual(second.confirm, first.confirm)
  assert.equal(second.affected.length, 2)
  assert.deepEqual(revoked, [])
  assert.equal((await on.call('POST', `/v1/instruments/${id}/unbind`, { confirm: second.confirm })).status, 200)
})

test('a dependent that comes between the reading of the plan and the commit stops it', async () => {
  const { channel, revoked } = acme()
  const on = await trial([channel])
  const { id } = await bindCard(on)
  await register(on, id)
  const plan = planIn(await on.call('POST', `/v1/instruments/${id}/unbind`))
  const [unbound, late] = await Promise.all([
    on.call('POST', `/v1/instruments/${id}/unbind`, { confirm: plan.confirm }),
    register(on, id, { reference: 'sub-2' }),
  ])
  // Either order is right; never both: somebody relies on what was unbound without anybody having been asked.
  assert.notEqual(unbound.status === 200, late.status === 201)
  assert.equal(revoked.length, unbound.status === 200 ? 1 : 0)
})

test('with a replacement the dependents move in the same commit, and both instruments tell', async () => {
  const { channel, revoked } = acme()
  const on = await trial([channel])
  const { id } = await bindCard(on)
  const { id: other } = await bindCard(on, '5555555555554444')
  await register(on, id)
  await register(on, id, { reference: 'both' })
  await register(on, other, { reference: 'both' })
  const done = await on.call('POST', `/v1/instruments/${id}/unbind`, { replacement: other })
  assert.deepEqual([done.status, done.body.status, done.body.reasons], [200, 'replaced', ['replaced']])
  assert.equal(revoked.length, 1)
  assert.deepEqual(
    on
      .rows(dependents)
      .map(one => [one.instrument, one.reference])
      .sort(),
    [
      [other, 'both'],
      [other, 'sub-1'],
    ],
  )
  const gone = told(on, id).find(one => one.type === 'instrument.replaced')
  assert.match(JSON.stringify(gone?.data.dependents), new RegExp(`"moved_to":"${other}"`))
  const moved = told(on, other).at(-1)
  assert.deepEqual([moved?.type, moved?.data.from], ['dependent.moved', id])
  assert.deepEqual(
    told(on, other).map(one => one.sequence),
    told(on, other).map((_, i) => i + 1),
  )
})

test('what cannot take its place is refused by its field', async () => {
  const on = await trial([acme().channel])
  const { id } = await bindCard(on)
  await register(on, id)
  const { id: gone } = await bindCard(on, '5555555555554444')
  await on.call('POST', `/v1/instruments/${gone}/unbind`)
  const stranger = String((await on.call('POST', '/v1/customers', {})).body.id)
  const theirs = await on.bind({ customer: stranger, card: { capture: await on.capture(visa) } })
  for (const [replacement, detail] of [
    [id, 'is the instrument itself'],
    [gone, 'is unbound: it must be active'],
    [theirs.id, "is not an instrument of this one's customer"],
    ['ins_00000000000000000000000000', "is not an instrument of this one's customer"],
  ] as const) {
    const answer = await on.call('POST', `/v1/instruments/${id}/unbind`, { replacement })
    assert.deepEqual([answer.status, answer.body.errors], [422, [{ pointer: '/replacement', detail }]])
  }
  assert.equal((await on.read(id)).status, 'active')
})

test('bad input is refused by its field, and registers nothing', async () => {
  const on = await trial([acme().channel])
  const { id } = await bindCard(on)
  for (const [body, pointer] of [
    [{ ...subscription, reference: '' }, '/reference'],
    [{ ...subscription, reference: 'x'.repeat(201) }, '/reference'],
    [{ ...subscription, kind: 'friend' }, '/kind'],
    [{ ...subscription, title: 'a\u0000b' }, '/title'],
    [{ ...subscription, next_charge_at: 'tomorrow' }, '/next_charge_at'],
    [{ ...subscription, more: 1 }, '/more'],
  ] as const) {
    const { status, body: problem } = await on.call('POST', `/v1/instruments/${id}/dependents`, body)
    assert.equal(status, 400)
    assert.match(JSON.stringify(problem.errors), new RegExp(`"pointer":"${pointer}"`))
  }
  for (const [body, pointer] of [
    [{ confirm: 'yes' }, '/confirm'],
    [{ replacement: 'ins_1' }, '/replacement'],
  ] as const) {
    const { status, body: problem } = await on.call('POST', `/v1/instruments/${id}/unbind`, body)
    assert.equal(status, 400)
    assert.match(JSON.stringify(problem.errors), new RegExp(`"pointer":"${pointer}"`))
  }
  assert.deepEqual(on.rows(dependents), [])
})
