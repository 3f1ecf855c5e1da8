/** The safeguards as they stand before a bind, over PostgreSQL. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { returnUrl, scripted, type Trial, visa } from '../instruments/trial.seam.ts'
import { work } from '../safeguards/proof.ts'
import { forgetSwitches } from '../safeguards/switches.ts'
import { safeguardCounts } from '../safeguards/tables.ts'
import { browser, trialOnPostgres } from './trial.seam.ts'

const quick = scripted('quick', { bind: async call => ({ kind: 'bound', token: call.operation, references: {} }) })
const slow = scripted('refusing', {
  bind: async () => ({ kind: 'refused', by: 'issuer', category: 'invalid_account', code: '14', elsewhere: false, references: {} }),
})
/** Visa numbers that nobody has. */
function numberAt(index: number): string {
  const digits = `45320001${String(index * 7_919).padStart(7, '0')}`
  const sum = [...digits].reduceRight((total, digit, i) => {
    const doubled = Number(digit) * ((digits.length - i) % 2 === 1 ? 2 : 1)
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return `${digits}${(10 - (sum % 10)) % 10}`
}
const cardAt = (index: number) => ({ ...visa, number: numberAt(index) })
const setLimits = (on: Trial, layer: string, limits: object, more: object = {}) =>
  on.call('POST', `/v1/safeguards/${layer}`, { limits, ...more })
async function bindAs(on: Trial, index: number, more: object = {}) {
  const card = { capture: await on.capture(cardAt(index)) }
  return on.call('POST', '/v1/instruments', { customer: on.customer, return_url: returnUrl, card, ...more })
}

test('two hundred binds of one customer at once: as many as the limit, and every one is counted once', async () => {
  const on = await trialOnPostgres([quick])
  assert.equal(
    (await setLimits(on, 'customer', { proof_per_hour: 100, step_up_per_day: 500, deny_per_day: 7 }, { reason: 'a test' })).status,
    200,
  )
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => bindAs(on, i)))
  const statuses = (status: number) => answers.filter(one => one.status === status).length
  assert.equal(statuses(201), 7, JSON.stringify(answers.find(one => one.status >= 500)?.body ?? answers.map(one => one.status)))
  const counted = await on.world.store.find(safeguardCounts, { value: `customer:${on.customer}` })
  assert.equal(
    counted.reduce((sum, row) => sum + row.attempts, 0),
    7,
  )
})

test('what is refused asks no channel, looks the same whichever layer it was, and is explained to the operator alone', async () => {
  const on = await trialOnPostgres([quick])
  await setLimits(on, 'device', { deny_per_hour: 2, proof_per_hour: 2 })
  const client = { ip: '198.51.100.7', device: 'one' }
  for (const i of [0, 1]) assert.equal((await bindAs(on, i, { client })).status, 201)
  const refused = await bindAs(on, 2, { client })
  await on.call('POST', '/v1/kill_switches', { kind: 'bin', value: '45320001', off: true, reason: 'a leak' })
  const other = await bindAs(on, 3)
  const bare = ({ request_id: _, ...rest }: Record<string, unknown>) => rest
  assert.deepEqual([refused.status, other.status], [422, 422])
  assert.deepEqual(bare(refused.body), bare(other.body))
  assert.doesNotMatch(JSON.stringify(refused.body), /device|limit|tries/)
  const why = async (request: unknown) => {
    const { body } = await on.call('GET', `/v1/safeguard_decisions?request=${request}`)
    return JSON.stringify(body.data)
  }
  assert.match(await why(refused.body.request_id), /"layer":"device".*"tries in an hour","counted":2,"limit":2/)
  assert.match(await why(other.body.request_id), /"layer":"kill_switch"/)
  await on.call('POST', '/v1/kill_switches', { kind: 'bin', value: '45320001', off: false, reason: 'over' })
  assert.equal((await bindAs(on, 3)).status, 201)
})

test('a decline is counted where its try was, and the limits of declines follow it', async () => {
  const on = await trialOnPostgres([slow])
  await setLimits(on, 'address', { deny_declines_per_hour: 3 })
  const client = { ip: '2001:db8:7::1' }
  for (const i of [0, 1, 2]) assert.equal((await bindAs(on, i, { client })).body.status, 'failed')
  on.advance(1_500)
  assert.equal((await bindAs(on, 3, { client: { ip: '2001:db8:7::2' } })).status, 422, 'another address of the same household')
  assert.equal((await bindAs(on, 3, { client: { ip: '2001:db8:8::2' } })).body.status, 'failed')
})

test('a browser that has to work is told so, spends no submission, and goes on with the proof', async () => {
  const on = await trialOnPostgres([quick])
  await setLimits(on, 'customer', { proof_per_hour: 1 })
  assert.equal((await bindAs(on, 0)).status, 201)
  const asked = await bindAs(on, 1)
  assert.equal(asked.status, 428)
  const { body } = await on.call('POST', '/v1/binding_sessions', { customer: on.customer, return_url: returnUrl })
  const page = browser(on, String(body.client_secret))
  const card = { card: { capture: await on.capture(cardAt(2)) } }
  const first = await page.call('POST', '/v1/binding_session/submit', card)
  assert.deepEqual([first.status, first.body.status, first.body.submissions_left], [200, 'open', 5])
  const wrong = await page.call('POST', '/v1/binding_session/submit', { ...card, proof: `${first.body.proof_wanted}.nothing` })
  assert.equal(wrong.body.status, 'open')
  const proven = await page.call('POST', '/v1/binding_session/submit', { ...card, proof: work(String(first.body.proof_wanted)) })
  assert.deepEqual([proven.body.status, proven.body.proof_wanted], ['complete', null])
})

test('to a browser our refusal is a channel’s decline', async () => {
  const on = await trialOnPostgres([slow])
  const submitted = async (ip: string, index: number) => {
    const { body } = await on.call('POST', '/v1/binding_sessions', { customer: on.customer, return_url: returnUrl })
    const page = browser(on, String(body.client_secret))
    const answer = await page.call('POST', '/v1/binding_session/submit', { card: { capture: await on.capture(cardAt(index)) }, device: ip })
    return { status: answer.status, body: { ...answer.body, id: '', return_url: '', expires_at: '' } }
  }
  await setLimits(on, 'device', { deny_per_hour: 2, proof_per_hour: 2 })
  const declined = await submitted('one', 0)
  await submitted('one', 1)
  const requests = async () => JSON.stringify(await on.call('GET', `/v1/safeguard_decisions?customer=${on.customer}`))
  assert.doesNotMatch(await requests(), /"layer":"device"/)
  assert.deepEqual(await submitted('one', 2), declined)
  assert.match(await requests(), /"layer":"device"/)
})

test('a channel that is switched off is left out, and a feature says that it is off', async () => {
  const on = await trialOnPostgres([
    quick,
    scripted('spare', { bind: async call => ({ kind: 'bound', token: `s${call.operation}`, references: {} }) }),
  ])
  await on.call('POST', '/v1/kill_switches', { kind: 'channel', value: 'quick', off: true, reason: 'it double binds' })
  const bound = JSON.parse(JSON.stringify((await bindAs(on, 0)).body))
  assert.equal(bound.bindings[0].channel, 'spare')
  await on.call('POST', '/v1/kill_switches', { kind: 'feature', value: 'bind', off: true, reason: 'maintenance' })
  assert.equal((await bindAs(on, 1)).status, 503)
  await on.call('POST', '/v1/kill_switches', { kind: 'feature', value: 'bind', off: false, reason: 'done' })
  await on.call('POST', '/v1/kill_switches', { kind: 'channel', value: 'quick', off: false, reason: 'done' })
  // Another process learns of it when what it knows is a second old.
  forgetSwitches(on.world)
  assert.equal(JSON.parse(JSON.stringify((await bindAs(on, 2)).body)).bindings[0].channel, 'quick')
  assert.equal((await on.call('POST', '/v1/kill_switches', { kind: 'bin', value: '4', off: true, reason: 'x' })).status, 400)
})

test('limits are within limits, and looser ones say why', async () => {
  const on = await trialOnPostgres([quick])
  assert.equal((await setLimits(on, 'customer', { proof_per_hour: 501 })).status, 400)
  assert.equal((await setLimits(on, 'customer', { proof_per_hour: 501 }, { reason: 'a call centre' })).status, 200)
  assert.equal((await setLimits(on, 'customer', { proof_per_hour: 5_001 }, { reason: 'more' })).status, 400)
  assert.equal((await setLimits(on, 'bin', {}, { off: true })).status, 400)
  assert.equal((await setLimits(on, 'nonsense', {})).status, 400)
  const { body } = await on.call('GET', '/v1/safeguards')
  assert.match(JSON.stringify(body), /"name":"proof_per_hour","about":"[^"]*","value":501,"default":150/)
})

test('a customer has so many living instruments, and one that was given up makes room', async () => {
  const on = await trialOnPostgres([quick])
  assert.equal((await setLimits(on, 'linking', { deny_held: 3, step_up_held: 3 })).status, 200)
  const answers = [await bindAs(on, 0), await bindAs(on, 1), await bindAs(on, 2), await bindAs(on, 3)]
  assert.deepEqual(
    answers.map(one => one.status),
    [201, 201, 201, 422],
  )
  const first = JSON.parse(JSON.stringify(answers[0]?.body))
  assert.equal((await on.call('POST', `/v1/instruments/${first.id}/unbind`)).status, 200)
  assert.equal((await bindAs(on, 3)).status, 201)
})

test('beyond a limit of customers the issuer has to ask, where the channel can have it', async () => {
  const on = await trialOnPostgres(['stripe'])
  await setLimits(on, 'customer', { step_up_per_day: 2 })
  const numbers = ['4242424242424242', '5555555555554444', '4111111111111111']
  const statuses: unknown[] = []
  for (const number of numbers) {
    const card = { capture: await on.capture({ ...visa, number }) }
    const { body } = await on.call('POST', '/v1/instruments', { customer: on.customer, return_url: returnUrl, card })
    const [binding] = JSON.parse(JSON.stringify(body)).bindings
    statuses.push(binding.status)
  }
  assert.deepEqual(statuses, ['active', 'active', 'challenge'])
})
