import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindOutcome, Channel } from '../channels/channel.ts'
import { move } from '../world/store.ts'
import { bindings, customers, identities, instruments, operations } from './tables.ts'
import { day, returnUrl, scripted, type Trial, trial, visa } from './trial.seam.ts'

const bound = (token: string, more: Partial<Extract<BindOutcome, { kind: 'bound' }>> = {}): BindOutcome => ({
  kind: 'bound',
  token,
  references: {},
  ...more,
})
const refused: BindOutcome = { kind: 'refused', by: 'channel', category: 'not_supported', code: 'no', elsewhere: true, references: {} }
const card = async (on: Trial, more: Readonly<Record<string, unknown>> = {}) => ({ card: { capture: await on.capture(visa) }, ...more })
const statuses = (instrument: { readonly bindings: readonly { readonly channel: string; readonly status: string }[] }) =>
  Object.fromEntries(instrument.bindings.map(one => [one.channel, one.status]))

/** Takes every card; counts what it was asked. */
function taking(
  name: string,
  say: (nth: number) => BindOutcome | Promise<BindOutcome> = nth => bound(`${name}_${nth}`),
  more: Partial<Channel> = {},
) {
  const asked: { operation: string; securityCode: boolean | undefined }[] = []
  const channel = scripted(name, {
    repeat: { bind: { kind: 'repeatable', times: 3 }, revoke: { kind: 'repeatable', times: 3 } },
    bind: async (call, { source }) => {
      asked.push({ operation: call.operation, securityCode: source.type === 'card' ? source.card.securityCode : undefined })
      return say(asked.length)
    },
    revoke: async () => ({ kind: 'revoked' }),
    ...more,
  })
  return { channel, asked }
}

test('one card on three channels at once is one instrument with three bindings, and all had the security code', async () => {
  const on = await trial(['stripe', 'adyen', 'checkout'])
  const one = await on.bind(await card(on, { channels: ['stripe', 'adyen', 'checkout'], bind_on: 'all' }))
  assert.deepEqual(statuses(one), { stripe: 'active', adyen: 'active', checkout: 'active' })
  assert.equal(one.status, 'active')
  assert.equal(on.rows(instruments).length, 1)
  for (const name of ['stripe', 'adyen', 'checkout'])
    assert.ok(
      on
        .stage(name)
        .requests()
        .every(({ body }) => !body.includes(visa.number)),
      name,
    )
})

test('what one channel refuses takes nothing from the others, is seen in its binding, and can be gone on with', async () => {
  const stubborn = taking('stubborn', nth => (nth === 1 ? refused : bound('s_2')))
  const on = await trial([taking('aa').channel, stubborn.channel, taking('cc').channel])
  const one = await on.bind(await card(on, { channels: ['aa', 'stubborn', 'cc'], bind_on: 'all' }))
  assert.deepEqual(statuses(one), { aa: 'active', stubborn: 'failed', cc: 'active' })
  const failed = one.bindings.find(({ channel }) => channel === 'stubborn')
  assert.deepEqual([failed?.refusal?.category, failed?.refusal?.retry], ['not_supported', 'elsewhere'])
  const again = await on.call('POST', `/v1/instruments/${one.id}/bindings`, { channel: 'stubborn', return_url: returnUrl })
  assert.equal(again.status, 200)
  const now = await on.read(one.id)
  assert.deepEqual(now.bindings.map(({ status }) => status).sort(), ['active', 'active', 'active', 'failed'])
  assert.deepEqual(
    stubborn.asked.map(({ securityCode }) => securityCode),
    [true, false],
  )
})

test('the same card at all channels again asks only those that do not have it', async () => {
  const a = taking('aa')
  const b = taking('bb', nth => (nth === 1 ? refused : bound('bb_2')))
  const on = await trial([a.channel, b.channel])
  const wish = { channels: ['aa', 'bb'], bind_on: 'all' }
  const first = await on.bind(await card(on, wish))
  const second = await on.bind(await card(on, wish))
  assert.equal(second.id, first.id)
  assert.deepEqual([a.asked.length, b.asked.length], [1, 2])
  assert.deepEqual(second.bindings.map(({ status }) => status).sort(), ['active', 'active', 'failed'])
})

test('a request that died between its commits is told how things stand when it comes again, and nothing is asked twice', async () => {
  const a = taking('aa')
  const b = taking('bb')
  const on = await trial([a.channel, b.channel])
  const body = { customer: on.customer, return_url: returnUrl, ...(await card(on, { channels: ['aa', 'bb'], bind_on: 'all' })) }
  let commits = 0
  on.onCommit(writes => {
    if (!writes.some(one => 'table' in one && one.table === operations)) return
    commits += 1
    if (commits === 3) throw Object.assign(new Error('the process died'), { name: 'Crash' })
  })
  const headers = { 'idempotency-key': 'key-1' }
  const first = await on.call('POST', '/v1/instruments', body, headers)
  assert.equal(first.status, 500)
  on.onCommit(() => {})
  on.advance(2 * 60_000)
  const again = await on.call('POST', '/v1/instruments', body, headers)
  assert.ok(again.status < 300, JSON.stringify(again))
  await on.work()
  const [instrument, ...others] = on.rows(instruments)
  assert.equal(others.length, 0)
  assert.deepEqual(statuses(await on.read(instrument?.id ?? '')), { aa: 'active', bb: 'active' })
  const keys = new Set([...a.asked, ...b.asked].map(({ operation }) => operation))
  assert.equal(keys.size, 2)
})

test('where the capture lapsed before any channel was asked, none of them stores anything and all say so', async () => {
  const on = await trial(['stripe', 'checkout'])
  const body = await card(on, { channels: ['stripe', 'checkout'], bind_on: 'all' })
  on.onCommit(writes => {
    if (writes.some(one => one.verb === 'insert' && one.table === operations)) on.vault.clear()
  })
  const one = await on.bind(body)
  assert.deepEqual(
    one.bindings.map(({ refusal }) => refusal?.code),
    ['card_lapsed', 'card_lapsed'],
  )
  assert.equal(one.status, 'failed')
  for (const name of ['stripe', 'checkout']) assert.deepEqual(on.stage(name).simulator.books().held, [])
})

test('one token per card: where the former instrument is still being given up the other channels are bound, and the answer says why', async () => {
  const slow = taking('slow', undefined, { oneTokenPerCard: true, revoke: async () => ({ kind: 'uncertain', cause: 'reset' }) })
  const on = await trial([slow.channel, taking('bb').channel])
  const wish = { channels: ['slow', 'bb'], bind_on: 'all' }
  const first = await on.bind(await card(on, wish))
  await on.call('POST', `/v1/instruments/${first.id}/unbind`)
  const second = await on.bind(await card(on, wish))
  assert.deepEqual(statuses(second), { bb: 'active' })
  assert.deepEqual(
    second.bindings[0]?.route?.considered.map(({ channel, verdict }) => [channel, verdict]),
    [
      ['slow', 'left_out'],
      ['bb', 'chosen'],
    ],
  )
})

test('a card that is bound already is not bound elsewhere because its channel does not answer at the moment', async () => {
  const b = taking('bb')
  const on = await trial([taking('aa').channel, b.channel])
  const first = await on.bind(await card(on))
  for (let n = 0; n < 5; n += 1) on.world.health.note('aa', false, on.world.now())
  const second = await on.bind(await card(on))
  assert.equal(second.id, first.id)
  assert.equal(b.asked.length, 0)
})

test('a channel that does not answer is tried after the others', async () => {
  const a = taking('aa')
  const on = await trial([a.channel, taking('bb').channel])
  for (let n = 0; n < 5; n += 1) on.world.health.note('aa', false, on.world.now())
  assert.deepEqual(statuses(await on.bind(await card(on))), { bb: 'active' })
  assert.equal(a.asked.length, 0)
})

test('two binds of one card at once are one instrument', async () => {
  const a = taking('aa')
  const on = await trial([a.channel])
  const bodies = await Promise.all([1, 2, 3].map(() => card(on)))
  const all = await Promise.all(bodies.map(body => on.bind(body)))
  assert.equal(new Set(all.map(({ id }) => id)).size, 1)
  assert.equal(on.rows(bindings).filter(({ slot }) => slot !== null).length, 1)
  assert.equal(a.asked.length, 1)
})

const user = { kind: 'wallet', value: 'user-7' } as const
const wallet = { wallet: { brand: 'gcash' } }

test('a wallet is known by its own name once its user approved, and by its new instrument after it was unbound', async () => {
  const a = taking('aa', nth => bound(`aa_${nth}`, { identity: user }))
  const on = await trial([a.channel])
  const first = await on.bind(wallet)
  assert.deepEqual(
    on.rows(identities).map(({ kind, value, instrument }) => [kind, value, instrument]),
    [['wallet', 'aa:user-7', first.id]],
  )
  await on.call('POST', `/v1/instruments/${first.id}/unbind`)
  const second = await on.bind(wallet)
  assert.deepEqual(
    on.rows(identities).map(({ instrument }) => instrument),
    [second.id],
  )
})

test('the same wallet bound twice at once is kept under the first that was told, and both are answered', async () => {
  const a = taking('aa', nth => bound(`aa_${nth}`, { identity: user }))
  const on = await trial([a.channel])
  const [first, second] = await Promise.all([on.bind(wallet), on.bind(wallet)])
  assert.deepEqual([first?.status, second?.status], ['active', 'active'])
  assert.equal(on.rows(identities).length, 1)
})

test('what was typed for one channel binds at another after a day, without its security code', async () => {
  const b = taking('bb')
  const on = await trial([taking('aa').channel, b.channel])
  const { id } = await on.bind(await card(on))
  on.advance(day)
  const answer = await on.call('POST', `/v1/instruments/${id}/bindings`, { channel: 'bb', return_url: returnUrl })
  assert.equal(answer.status, 200)
  assert.deepEqual(
    b.asked.map(({ securityCode }) => securityCode),
    [false],
  )
  const twice = await on.call('POST', `/v1/instruments/${id}/bindings`, { channel: 'bb', return_url: returnUrl })
  assert.equal(twice.status, 409)
})

test('a customer object that a channel made is kept, though another request moves the customer at that moment', async () => {
  const a = taking('aa', () => bound('aa_1', { references: { customer: 'their_customer' } }))
  const on = await trial([a.channel])
  const body = await card(on)
  let meanwhile: Promise<unknown> | undefined
  on.onCommit(writes => {
    const [row] = on.rows(customers)
    if (row === undefined || meanwhile !== undefined || !writes.some(one => one.verb === 'move' && one.table === customers)) return
    meanwhile = on.store.commit([move(customers, row, { metadata: { touched: 'yes' } })])
  })
  await on.bind(body)
  assert.ok(meanwhile !== undefined)
  assert.deepEqual(on.rows(customers)[0]?.channel_customers, { aa: 'their_customer' })
})
