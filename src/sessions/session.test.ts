import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindings, instruments } from '../instruments/tables.ts'
import { returnUrl, visa } from '../instruments/trial.seam.ts'
import { sessionsDue } from '../worker.ts'
import { afterglowMs, sessionLifeMs, submissionsMax } from './session.ts'
import { bindingSessions } from './tables.ts'
import { type Answer, type Browser, browser, type Stored, trialOnPostgres } from './trial.seam.ts'

const me = '/v1/binding_session'
const origin = 'https://shop.example'
const threeDs = { ...visa, number: '4917610000000000', security_code: '737', holder: 'John Smith' }
const mastercard = { ...visa, number: '5555555555554444' }

async function open(on: Stored, more: Readonly<Record<string, unknown>> = {}) {
  const { status, body } = await on.call('POST', '/v1/binding_sessions', { customer: on.customer, return_url: returnUrl, ...more })
  assert.equal(status, 201, JSON.stringify(body))
  const secret = String(body.client_secret)
  return { id: String(body.id), secret, body, phone: browser(on, secret, { origin }) }
}
/** A card through the capture door's own path: the grant, then the vault. */
const captured = async (on: Stored, card: unknown = visa) => ({ card: { capture: await on.capture(card) } })
const statusOf = async (device: Browser): Promise<unknown> => (await device.call('GET', me)).body.status
const fine = ({ status, body }: Answer): Record<string, unknown> => {
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
const actionOf = (body: Record<string, unknown>): unknown => body.next_action

test('a browser binds with the session’s secret alone, and twenty clicks at once are one bind', async () => {
  const on = await trialOnPostgres(['stripe'])
  const { id, phone } = await open(on)
  const grant = await phone.call('POST', `${me}/capture_grants`)
  assert.equal(grant.status, 201)
  assert.match(String(grant.body.grant), /^cgr_/)
  const body = await captured(on)
  const answers = await Promise.all(Array.from({ length: 20 }, () => phone.call('POST', `${me}/submit`, body)))
  assert.ok(
    answers.every(one => one.status === 200),
    JSON.stringify(answers.map(one => one.body)),
  )
  assert.equal(await statusOf(phone), 'complete')
  const [instrument, ...others] = await on.world.store.find(instruments, { customer: on.customer, tenant: on.tenant })
  assert.deepEqual([instrument?.status, others.length], ['active', 0])
  assert.equal((await on.world.store.find(bindings, { instrument: instrument?.id ?? '' })).length, 1)
  assert.equal((await on.world.store.get(bindingSessions, { id }))?.submissions, 1)
  // Later still, and with another card: it is done.
  assert.equal((await phone.call('POST', `${me}/submit`, body)).status, 200)
  assert.equal((await phone.call('POST', `${me}/submit`, await captured(on, mastercard))).status, 409)
})

test('after a redirect, and on another device, the session shows the same next action and goes on', async () => {
  const on = await trialOnPostgres(['adyen'])
  const { secret, phone } = await open(on)
  const submitted = fine(await phone.call('POST', `${me}/submit`, await captured(on, threeDs)))
  assert.equal(submitted.status, 'challenge')
  const tablet = browser(on, secret)
  const there = fine(await tablet.call('GET', me))
  assert.deepEqual(there, submitted)
  const { next_action } = there
  assert.ok(typeof next_action === 'object' && next_action !== null && 'type' in next_action && next_action.type === 'redirect')
  const [instrument] = await on.world.store.find(instruments, { customer: on.customer, tenant: on.tenant })
  const { returned } = await on.play(instrument?.id ?? '')
  const done = fine(await tablet.call('POST', `${me}/resume`, { returned: returned ?? {} }))
  assert.deepEqual([done.status, done.last_submission, actionOf(done)], ['complete', 'bound', null])
  assert.equal(await statusOf(phone), 'complete')
  // The page that comes back reloads, and nothing happens twice.
  assert.equal(fine(await phone.call('POST', `${me}/resume`, { returned: returned ?? {} })).status, 'complete')
})

test('a one-time password is asked for, sent again and typed, with the secret alone', async () => {
  const on = await trialOnPostgres(['camara'])
  const { phone } = await open(on, { kinds: ['carrier_account'] })
  const capture = await on.capture({ payer: { kind: 'carrier_account', country: 'ES', phone: '+34999000001' } })
  const asked = fine(await phone.call('POST', `${me}/submit`, { carrier_account: { capture } }))
  assert.equal(asked.status, 'challenge')
  const wrong = await phone.call('POST', `${me}/resume`, { returned: { otp: '!' } })
  assert.equal(wrong.status, 400)
  assert.equal(fine(await phone.call('POST', `${me}/resend`, {})).status, 'challenge')
  assert.equal(fine(await phone.call('POST', `${me}/resume`, { returned: { otp: '123456' } })).status, 'complete')
})

test('a session expires on the worker’s word, and the bind that is under way then is not lost', async () => {
  const on = await trialOnPostgres(['adyen'])
  const idle = await open(on)
  const busy = await open(on)
  fine(await busy.phone.call('POST', `${me}/submit`, await captured(on, threeDs)))
  on.advance(sessionLifeMs - 1)
  assert.equal(await sessionsDue(on.world), 0)
  on.advance(1)
  assert.equal(await sessionsDue(on.world), 2)
  assert.equal((await on.world.store.get(bindingSessions, { id: idle.id }))?.status, 'expired')
  assert.equal((await idle.phone.call('POST', `${me}/submit`, await captured(on))).status, 410)
  assert.equal((await idle.phone.call('POST', `${me}/capture_grants`)).status, 410)
  const late = fine(await busy.phone.call('GET', me))
  assert.equal(late.status, 'expired')
  assert.notEqual(late.next_action, null)
  const [instrument] = await on.world.store.find(instruments, { customer: on.customer, tenant: on.tenant })
  const { returned } = await on.play(instrument?.id ?? '')
  assert.equal(fine(await busy.phone.call('POST', `${me}/resume`, { returned: returned ?? {} })).status, 'complete')
  on.advance(afterglowMs)
  assert.equal((await busy.phone.call('GET', me)).status, 401, 'the secret is good for a day after')
})

test('what came by another way than the browser is seen: a return by the door, and a crash after the intent', async () => {
  const on = await trialOnPostgres(['stripe'])
  const { id, phone } = await open(on)
  let commits = 0
  on.onCommit(writes => {
    if (writes.some(one => one.verb === 'insert' && one.table.name === 'facts') && commits++ === 0) throw new TypeError('died')
  })
  assert.equal((await phone.call('POST', `${me}/submit`, await captured(on))).status, 500)
  assert.equal((await on.world.store.get(bindingSessions, { id }))?.status, 'submitted')
  on.advance(61_000)
  await on.work()
  const seen = await on.call('GET', `/v1/binding_sessions/${id}`)
  assert.equal(seen.body.status, 'complete')
  assert.equal(await statusOf(phone), 'complete')
})

test('five submissions and no more, and the browser is not told why any of them was refused', async () => {
  const on = await trialOnPostgres(['adyen'])
  const { phone, id } = await open(on)
  const views: unknown[] = []
  for (const holder of ['DECLINED', 'CVC_DECLINED', 'CARD_EXPIRED', 'FRAUD', 'BLOCK_CARD']) {
    const number = ['4111111111111111', '4988438843884305', '4166676667666746', '4646464646464644', '4000620000000007'][views.length]
    const answer = await phone.call('POST', `${me}/submit`, await captured(on, { ...visa, number, holder }))
    const { submissions_left, status, ...rest } = fine(answer)
    assert.deepEqual([submissions_left, status], views.length < 4 ? [4 - views.length, 'open'] : [0, 'failed'])
    views.push(rest)
  }
  for (const view of views) assert.deepEqual(view, views[0])
  assert.equal((await phone.call('POST', `${me}/submit`, await captured(on))).status, 410)
  assert.equal((await on.world.store.get(bindingSessions, { id }))?.submissions, submissionsMax)
})

test('whoever has no secret is told one thing, whatever they guessed; and nothing that is kept opens a session', async () => {
  const on = await trialOnPostgres(['stripe'])
  const one = await open(on)
  const other = await open(on)
  const guesses = [
    `${one.secret.slice(0, -1)}${one.secret.endsWith('A') ? 'B' : 'A'}`,
    one.secret.slice(0, 30) + other.secret.slice(30),
    `bss_${'0'.repeat(26)}_${'A'.repeat(43)}`,
    `sk_test_${'0'.repeat(40)}`,
    '',
    'x'.repeat(2000),
  ]
  const told = new Set<string>()
  for (const guess of guesses)
    for (const [method, path, body] of [
      ['GET', me, undefined],
      ['POST', `${me}/submit`, { nonsense: 1 }],
      ['POST', `${me}/cancel`, undefined],
    ] as const) {
      const answer = await browser(on, guess).call(method, path, body)
      told.add(JSON.stringify({ ...answer.body, request_id: '' }))
      assert.equal(answer.status, 401)
    }
  assert.equal(told.size, 1)
  const asked = { customer: on.customer, return_url: returnUrl }
  const once = () => on.call('POST', '/v1/binding_sessions', asked, { 'idempotency-key': 'session-1' })
  const [made, again] = [await once(), await once()]
  assert.deepEqual([made.status, again.status, again.body.id, again.body.client_secret], [201, 201, made.body.id, undefined])
  const kept = await on.dump()
  for (const secret of [one.secret, String(made.body.client_secret)]) assert.ok(!kept.includes(secret.slice(31)), 'no secret is kept')
  assert.ok(!JSON.stringify((await on.call('GET', `/v1/binding_sessions/${one.id}`)).body).includes('bss_'))
})

test('pages of the session’s origins may call it and read what is answered, others may not', async () => {
  const on = await trialOnPostgres(['stripe'])
  const { secret } = await open(on, { origins: ['https://pay.shop.example/'] })
  const asking = { origin: 'https://pay.shop.example', 'access-control-request-method': 'POST' }
  const before = await browser(on, secret).call('OPTIONS', `${me}/submit`, undefined, asking)
  assert.deepEqual([before.status, before.headers.get('access-control-allow-origin')], [204, 'https://pay.shop.example'])
  assert.match(before.headers.get('access-control-allow-headers') ?? '', /authorization/)
  const page = browser(on, secret, { origin: 'https://pay.shop.example' })
  const read = await page.call('GET', me)
  assert.deepEqual([read.status, read.headers.get('access-control-allow-origin')], [200, 'https://pay.shop.example'])
  assert.equal(read.headers.get('access-control-allow-credentials'), null)
  const problem = await page.call('POST', `${me}/submit`, { nonsense: 1 })
  assert.deepEqual([problem.status, problem.headers.get('access-control-allow-origin')], [400, 'https://pay.shop.example'])
  for (const foreign of ['https://shop.example', 'https://evil.example', 'null']) {
    const answer = await browser(on, secret, { origin: foreign }).call('GET', me)
    assert.deepEqual([answer.status, answer.headers.get('access-control-allow-origin')], [403, null], foreign)
  }
  const elsewhere = await browser(on, secret).call('OPTIONS', '/v1/customers', undefined, asking)
  assert.deepEqual([elsewhere.status, elsewhere.headers.get('access-control-allow-origin')], [405, null])
})

test('what the session does not bind, and what the customer does not agree to, is refused by its field', async () => {
  const on = await trialOnPostgres(['stripe'])
  const { phone, id } = await open(on, { kinds: ['bank_account'], consent: { text_version: '2026-03' } })
  const pointer = ({ body }: Answer) => JSON.stringify(body.errors)
  assert.match(pointer(await phone.call('POST', `${me}/submit`, await captured(on))), /"\/card"/)
  const bank = { bank_account: { scheme: 'sepa_debit', country: 'DE', capture: `cap_${'0'.repeat(26)}` } }
  assert.match(pointer(await phone.call('POST', `${me}/submit`, bank)), /"\/agreed"/)
  assert.match(pointer(await phone.call('POST', `${me}/submit`, { ...bank, agreed: true })), /"\/bank_account\/capture"/)
  assert.equal((await on.world.store.get(bindingSessions, { id }))?.submissions, 0, 'nothing was tried')
  const second = await open(on, { consent: { text_version: '2026-03' } })
  fine(await second.phone.call('POST', `${me}/submit`, { ...(await captured(on)), agreed: true }, { 'user-agent': 'Phone/1' }))
  const [instrument] = await on.world.store.find(instruments, { customer: on.customer, tenant: on.tenant })
  const [binding] = await on.world.store.find(bindings, { instrument: instrument?.id ?? '' })
  assert.deepEqual([binding?.consent?.textVersion, binding?.consent?.userAgent], ['2026-03', 'Phone/1'])
})

test('cancelled, a session gives up what it had begun, and what was alive before stays', async () => {
  const on = await trialOnPostgres(['adyen'])
  const { phone } = await open(on)
  fine(await phone.call('POST', `${me}/submit`, await captured(on, threeDs)))
  assert.equal(fine(await phone.call('POST', `${me}/cancel`)).status, 'cancelled')
  assert.equal(fine(await phone.call('POST', `${me}/cancel`)).status, 'cancelled')
  const [instrument] = await on.world.store.find(instruments, { customer: on.customer, tenant: on.tenant })
  assert.equal(instrument?.status, 'unbound')
  assert.equal((await phone.call('POST', `${me}/submit`, await captured(on))).status, 410)
})

test('a session of a customer on a test clock expires on that clock', async () => {
  const on = await trialOnPostgres(['stripe'])
  const clock = await on.call('POST', '/v1/test_clocks', {})
  const customer = await on.call('POST', '/v1/customers', { clock: clock.body.id })
  const { phone } = await open(on, { customer: customer.body.id })
  on.advance(sessionLifeMs * 4)
  assert.equal(await sessionsDue(on.world), 0)
  assert.equal(await statusOf(phone), 'open')
  await on.call('POST', `/v1/test_clocks/${clock.body.id}/advance`, { to: '2026-03-02T10:15:00Z' })
  assert.equal(await statusOf(phone), 'expired')
})
