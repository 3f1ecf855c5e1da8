import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Policy, policyAllows, type Used } from './policy.ts'

const eur = (amount: bigint) => ({ amount, currency: 'EUR' })
const limit = (amount: string) => ({ amount, currency: 'EUR' })
const unused: Used = { day: { count: 0, amounts: [] }, month: { count: 0, amounts: [] } }
const reasons = (policy: Policy, charge: Parameters<typeof policyAllows>[1], used: Used = unused) =>
  policyAllows(policy, charge, used).reasons

test('an empty policy allows everything', () => {
  assert.deepEqual(policyAllows({}, { amount: eur(10n ** 17n) }, unused), { allowed: true, reasons: [] })
})

test('a limit is reached and not passed, for one charge, a day and a month', () => {
  const policy: Policy = { amount_max: limit('1000'), amount_max_per_day: limit('1500'), amount_max_per_month: limit('2000') }
  const used = { day: { count: 1, amounts: [eur(500n)] }, month: { count: 3, amounts: [eur(600n), eur(400n)] } }
  assert.deepEqual(reasons(policy, { amount: eur(1000n) }, used), [])
  assert.deepEqual(reasons(policy, { amount: eur(1001n) }, used), [
    'amount_above_limit',
    'amount_above_daily_limit',
    'amount_above_monthly_limit',
  ])
})

test('the charge itself counts', () => {
  const policy: Policy = { count_max_per_day: 2, count_max_per_month: 3 }
  const used = (day: number, month: number) => ({ day: { count: day, amounts: [] }, month: { count: month, amounts: [] } })
  assert.deepEqual(reasons(policy, { amount: eur(1n) }, used(1, 2)), [])
  assert.deepEqual(reasons(policy, { amount: eur(1n) }, used(2, 3)), ['count_above_daily_limit', 'count_above_monthly_limit'])
})

test('a limit in one currency lets nothing through in another, and what was spent in another does not count', () => {
  const policy: Policy = { amount_max_per_day: limit('1000') }
  assert.deepEqual(reasons(policy, { amount: { amount: 1n, currency: 'JPY' } }), ['currency_not_allowed'])
  const used = { ...unused, day: { count: 1, amounts: [{ amount: 999n, currency: 'JPY' }, eur(999n)] } }
  assert.deepEqual(reasons(policy, { amount: eur(1n) }, used), [])
})

test('with purposes, a charge for none of them is not allowed, and neither is one that names none', () => {
  const policy: Policy = { purposes: ['subscription'] }
  assert.deepEqual(reasons(policy, { amount: eur(1n), purpose: 'subscription' }), [])
  assert.deepEqual(reasons(policy, { amount: eur(1n), purpose: 'one_off' }), ['purpose_not_allowed'])
  assert.deepEqual(reasons(policy, { amount: eur(1n) }), ['purpose_not_allowed'])
})
