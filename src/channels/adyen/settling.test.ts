import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { answerFaults } from '../faults.ts'
import { adyen } from './channel.ts'
import { account, objections, rehearse } from './rehearse.ts'

const good = { number: '4111111111111111', holder: 'John Smith' }

afterEach(() => assert.deepEqual(objections(), [], 'the official specification objects'))

for (const fault of answerFaults) {
  test(`${fault}: uncertain, and the same bytes under the same key bind once`, async () => {
    const at = rehearse()
    at.stage.faults.add({ match: { path: '/v71/payments' }, fault, times: 1 })
    const first = await at.bind(good)
    assert.equal(first.kind, 'uncertain')
    const second = await at.bind(good)
    assert.equal(second.kind, 'bound')
    assert.equal(at.stage.simulator.books().effects.filter(one => one.effect === 'stored').length, 1)
  })
  test(`${fault}: a revoke is uncertain, or it is done; again it is done`, async () => {
    const at = rehearse()
    const bound = await at.bind(good)
    if (bound.kind !== 'bound') return assert.fail(bound.kind)
    at.stage.faults.add({ match: { method: 'DELETE' }, fault, times: 1 })
    const first = await at.revoke({ token: bound.token })
    // These spoil a body, and a deletion has none to spoil.
    assert.equal(first?.kind, ['half_json', 'empty', 'other_object', 'wrong_money'].includes(fault) ? 'revoked' : 'uncertain')
    assert.equal((await at.revoke({ token: bound.token }))?.kind, 'revoked')
    assert.equal(at.stage.simulator.books().effects.filter(one => one.effect === 'removed').length, 1)
  })
}

test('what is already gone is revoked', async () => {
  const at = rehearse()
  assert.equal((await at.revoke({ token: 'NEVERTHERE' }))?.kind, 'revoked')
})

test('a revoke that is not allowed is not a revoke', async () => {
  const at = rehearse({ merchantAccount: 'SomeoneElse' })
  const outcome = await at.revoke({ token: 'T' })
  assert.ok(outcome?.kind === 'refused' && outcome.category === 'misconfigured')
})

test('a look-up proves a bind by its token, and never by likeness', async () => {
  const at = rehearse()
  const bound = await at.bind(good)
  if (bound.kind !== 'bound') return assert.fail(bound.kind)
  const alike = await at.lookUp({})
  assert.ok(alike?.kind === 'uncertain' && alike.cause.includes('1 stored card'))
  const token = await at.lookUp({ references: { stored_payment_method: bound.token } })
  assert.ok(token?.kind === 'bound' && token.token === bound.token)
  assert.deepEqual(token.shown, bound.shown)
  assert.equal(token.networkTransactionId, bound.networkTransactionId)
  const nothing = await at.lookUp({ customer: 'cus_nobody' })
  assert.equal(nothing?.kind, 'uncertain', 'not there yet is not never')
})

test('a look-up about another merchant account or another shopper proves nothing', async () => {
  const listed = { merchantAccount: 'BinderyECOM', shopperReference: 'cus_alice', storedPaymentMethods: [] }
  for (const other of [{ merchantAccount: 'SomeoneElse' }, { shopperReference: 'cus_bob' }, { shopperReference: undefined }]) {
    const send = () => Promise.resolve({ status: 200, headers: {}, body: JSON.stringify({ ...listed, ...other }) })
    const input = {
      customer: 'cus_alice',
      binding: 'bnd_1',
      verb: 'revoke',
      references: { stored_payment_method: 'T' },
      source: undefined,
    } as const
    assert.equal((await adyen.lookUp?.({ operation: 'opn_1', key: 'k', account, send }, input))?.kind, 'uncertain', JSON.stringify(other))
  }
})

test('a look-up settles a revoke both ways', async () => {
  const at = rehearse()
  const bound = await at.bind(good)
  if (bound.kind !== 'bound') return assert.fail(bound.kind)
  await at.bind({ number: '5555444433331111' }, { operation: 'opn_2' })
  const references = { stored_payment_method: bound.token }
  assert.equal((await at.lookUp({ verb: 'revoke', references }))?.kind, 'none')
  await at.revoke({ token: bound.token })
  assert.equal((await at.lookUp({ verb: 'revoke', references }))?.kind, 'revoked')
})

test('a look-up answered about someone else, or not at all, is uncertain', async () => {
  const at = rehearse()
  const bound = await at.bind(good)
  if (bound.kind !== 'bound') return assert.fail(bound.kind)
  for (const fault of answerFaults) {
    at.stage.faults.add({ match: { method: 'GET' }, fault, times: 1 })
    const outcome = await at.lookUp({ verb: 'revoke', references: { stored_payment_method: bound.token } })
    // A list speaks of no money.
    assert.equal(outcome?.kind, fault === 'wrong_money' ? 'none' : 'uncertain', fault)
  }
})
