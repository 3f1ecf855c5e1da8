import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Action, BindOutcome, LookUpOutcome } from '../channels/channel.ts'
import { createMemoryEvents } from '../events/memoryQueries.ts'
import { tables } from '../tables.ts'
import { operations } from './tables.ts'
import { day, scripted, type Trial, trial } from './trial.seam.ts'

const hour = day / 24
const qr: Action = { type: 'qr', payload: 'pay me' }
const otp = (resends: number): Action => ({ type: 'otp', sentTo: '•••11', resends })
const challenged = (action: Action): BindOutcome => ({ kind: 'challenged', action, references: {} })
const bound = (token: string): BindOutcome => ({ kind: 'bound', token, references: {} })
const uncertain: BindOutcome = { kind: 'uncertain', cause: 'reset' }
const wallet = { wallet: { brand: 'gcash' } }
const statusOf = async (on: Trial, id: string): Promise<string | undefined> => (await on.read(id)).bindings[0]?.status

/** A channel that challenges with `action` and then says, one after another, what is listed. */
const saying = (
  action: Action,
  more: { readonly lookUp?: LookUpOutcome[]; readonly resume?: BindOutcome[]; readonly resend?: BindOutcome[] },
) => {
  const asked = { lookUp: 0, resume: 0, resend: 0 }
  const { lookUp, resume, resend } = more
  const channel = scripted('says', {
    repeat: { bind: { kind: 'lookUp' }, resume: { kind: 'lookUp' }, resend: { kind: 'repeatable', times: 3 } },
    bind: async () => challenged(action),
    ...(lookUp === undefined ? {} : { lookUp: async () => lookUp[Math.min(asked.lookUp++, lookUp.length - 1)] ?? { kind: 'none' } }),
    ...(resume === undefined ? {} : { resume: async () => resume[Math.min(asked.resume++, resume.length - 1)] ?? uncertain }),
    ...(resend === undefined ? {} : { resend: async () => resend[Math.min(asked.resend++, resend.length - 1)] ?? uncertain }),
  })
  return { channel, asked }
}

test('a page that asks whether a code was scanned costs the channel one look in five seconds, however often it asks', async () => {
  const { channel, asked } = saying(qr, { lookUp: [challenged(qr), challenged(qr), bound('tok_1')] })
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  const poll = () => on.call('POST', `/v1/instruments/${id}/resume`, { returned: {} })
  for (let n = 0; n < 10; n += 1) assert.equal((await poll()).status, 200)
  assert.equal(asked.lookUp, 1)
  on.advance(5_000)
  await Promise.all([poll(), poll(), poll()])
  assert.equal(asked.lookUp, 2)
  on.advance(5_000)
  await poll()
  assert.equal((await on.read(id)).status, 'active')
})

test('a look-up that finds the bank at work ends the challenge, and the bank has a week', async () => {
  const { channel } = saying(qr, { lookUp: [{ kind: 'verifying', references: {} }] })
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  on.advance(hour)
  await on.work()
  assert.equal(await statusOf(on, id), 'verifying')
  for (let n = 0; n < 8; n += 1) {
    on.advance(6 * hour)
    await on.work()
  }
  assert.equal(await statusOf(on, id), 'verifying')
})

test('a second challenge that has longer than the first is waited for as long as it says', async () => {
  const on = await trial([
    scripted('slow', {
      repeat: { bind: { kind: 'lookUp' }, resume: { kind: 'lookUp' } },
      bind: async () => challenged({ type: 'redirect', url: 'https://slow.sim/page', method: 'GET' }),
      resume: async call =>
        challenged({
          type: 'micro_deposits',
          by: 'descriptor_code',
          expiresAtMs: (call.nowMs ?? 0) + 10 * day,
          arrivesAtMs: (call.nowMs ?? 0) + day,
        }),
    }),
  ])
  const { id } = await on.bind({ bank_account: { scheme: 'ach', country: 'US' } })
  await on.call('POST', `/v1/instruments/${id}/resume`, { returned: { done: 'yes' } })
  for (let n = 0; n < 9; n += 1) {
    on.advance(day)
    await on.work()
  }
  assert.equal(await statusOf(on, id), 'challenge')
  on.advance(2 * day)
  await on.work()
  assert.equal(await statusOf(on, id), 'expired')
})

test('a password is sent again as often as the challenge says, and lost answers count', async () => {
  const { channel, asked } = saying(otp(2), { resend: [uncertain, challenged(otp(1)), challenged(otp(0))] })
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  const again = async () => (await on.call('POST', `/v1/instruments/${id}/resend`, {})).status
  assert.deepEqual([await again(), await again(), await again()], [200, 200, 429])
  assert.equal(asked.resend, 2)
})

test('a password is never sent again by ourselves: nobody asked for another', async () => {
  const { channel, asked } = saying(otp(2), { resend: [uncertain] })
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  await on.call('POST', `/v1/instruments/${id}/resend`, {})
  on.advance(hour)
  await on.work()
  assert.equal(asked.resend, 1)
  const sent = on.rows(operations).find(one => one.verb === 'resend')
  assert.deepEqual([sent?.status, sent?.cause], ['settled', 'reset'])
  assert.equal(await statusOf(on, id), 'challenge')
})

test('two who want the password again at once send it once', async () => {
  const { channel, asked } = saying(otp(3), { resend: [challenged(otp(2))] })
  const slow: typeof channel.resend = async (call, input) => {
    await setTimeout(100)
    return channel.resend?.(call, input) ?? uncertain
  }
  const on = await trial([{ ...channel, resend: slow }])
  const { id } = await on.bind(wallet)
  const answers = await Promise.all([1, 2].map(() => on.call('POST', `/v1/instruments/${id}/resend`, {})))
  assert.deepEqual(answers.map(one => one.status).sort(), [200, 409])
  assert.equal(asked.resend, 1)
})

test('no password is sent again while one that was typed is being checked: its answer would be asked of another challenge', async () => {
  const { channel, asked } = saying(otp(3), { resend: [challenged(otp(2))], resume: [bound('tok_1')] })
  const slow: typeof channel.resume = async (call, input) => {
    await setTimeout(100)
    return channel.resume?.(call, input) ?? uncertain
  }
  const on = await trial([{ ...channel, resume: slow }])
  const { id } = await on.bind(wallet)
  const typed = on.call('POST', `/v1/instruments/${id}/resume`, { returned: { otp: '123456' } })
  await setTimeout(30)
  assert.equal((await on.call('POST', `/v1/instruments/${id}/resend`, {})).status, 409)
  assert.equal((await typed).status, 200)
  assert.deepEqual([asked.resend, await statusOf(on, id)], [0, 'active'])
})

/** A store in which the binding moves, once, just before a resume of it is committed: by news, or by `instead`. */
function moving(instead: (on: () => Trial) => Promise<unknown>) {
  const { store, queries } = createMemoryEvents(tables)
  let on: Trial | undefined
  let moved = false
  const commit: typeof store.commit = async writes => {
    const resumes = writes.some(one => one.verb === 'insert' && one.table === operations && one.row.verb === 'resume')
    if (resumes && !moved) {
      moved = true
      await instead(() => on ?? assert.fail('not begun'))
    }
    return store.commit(writes)
  }
  return { over: { store: { ...store, commit }, queries }, begin: (trial: Trial) => (on = trial) }
}

test('what the customer typed is not lost because the channel told something at the same moment', async () => {
  const { channel, asked } = saying(otp(3), { resume: [bound('tok_1')] })
  const news = { kind: 'challenged' as const, action: otp(2), references: {} }
  const between = moving(on => on().tell('says', [{ event: 'again', type: 'again', names: ['ref_1'], news }]))
  const named = { ...channel, bind: async () => ({ ...challenged(otp(3)), references: { mandate: 'ref_1' } }) }
  const on = between.begin(await trial([named], between.over))
  const { id } = await on.bind(wallet)
  assert.equal((await on.call('POST', `/v1/instruments/${id}/resume`, { returned: { otp: '123456' } })).status, 200)
  assert.deepEqual([asked.resume, await statusOf(on, id)], [1, 'active'])
})

test('two clicks with one wrong code use up one try', async () => {
  const { channel, asked } = saying(otp(3), { resume: [challenged(otp(3))] })
  let id = ''
  const click = (on: Trial) => on.call('POST', `/v1/instruments/${id}/resume`, { returned: { otp: '123456' } })
  const between = moving(on => click(on()))
  const on = between.begin(await trial([channel], between.over))
  id = (await on.bind(wallet)).id
  assert.equal((await click(on)).status, 200)
  assert.deepEqual([asked.resume, await statusOf(on, id)], [1, 'challenge'])
})

test('what was unbound sends no password and asks nothing of anyone', async () => {
  const { channel, asked } = saying(otp(3), { resend: [challenged(otp(2))] })
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  await on.call('POST', `/v1/instruments/${id}/unbind`)
  assert.equal((await on.call('POST', `/v1/instruments/${id}/resend`, {})).status, 409)
  assert.equal(asked.resend, 0)
  assert.equal((await on.read(id)).next_action, null)
})

test('who comes back from a challenge of what was unbound meanwhile binds nothing', async () => {
  const page: Action = { type: 'redirect', url: 'https://says.sim/page', method: 'GET' }
  const { channel, asked } = saying(page, { resume: [bound('tok_late')] })
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  await on.call('POST', `/v1/instruments/${id}/unbind`)
  const { status } = await on.call('POST', `/v1/instruments/${id}/resume`, { returned: { code: 'approved' } })
  assert.deepEqual([status, asked.resume, (await on.read(id)).status], [200, 0, 'unbound'])
})

test('what came alive in a challenge after the unbind is given up', async () => {
  const revoked: string[] = []
  const { channel } = saying(qr, { lookUp: [bound('tok_late')] })
  const on = await trial([
    {
      ...channel,
      repeat: { ...channel.repeat, revoke: { kind: 'repeatable', times: 3 } },
      revoke: async (_call, { token }) => {
        revoked.push(token)
        return { kind: 'revoked' }
      },
    },
  ])
  const { id } = await on.bind(wallet)
  await on.call('POST', `/v1/instruments/${id}/unbind`)
  on.advance(hour)
  await on.work()
  assert.deepEqual(revoked, ['tok_late'])
  assert.equal(await statusOf(on, id), 'revoked')
  assert.equal((await on.read(id)).status, 'unbound')
})

test('a return to a challenge whose last answer was lost finds its binding without being told which', async () => {
  const page: Action = { type: 'redirect', url: 'https://says.sim/page', method: 'GET' }
  const { channel, asked } = saying(page, { resume: [uncertain, bound('tok_1')] })
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  const back = (code: string) => on.call('POST', `/v1/instruments/${id}/resume`, { returned: { code } })
  assert.equal((await back('1234')).status, 200)
  assert.equal(await statusOf(on, id), 'uncertain')
  assert.equal((await back('4321')).status, 200)
  assert.equal(asked.resume, 2)
  assert.equal(await statusOf(on, id), 'active')
})

test('what is to be typed is named where it is missing or of the wrong shape', async () => {
  const { channel } = saying(otp(3), { resume: [bound('tok_1')] })
  const on = await trial([channel])
  const { id } = await on.bind(wallet)
  for (const returned of [{}, { otp: '' }, { otp: '12 34' }, { code: '1234' }]) {
    const { status, body } = await on.call('POST', `/v1/instruments/${id}/resume`, { returned })
    assert.equal(status, 400)
    assert.match(JSON.stringify(body.errors), /"\/returned\/otp"/)
  }
})
