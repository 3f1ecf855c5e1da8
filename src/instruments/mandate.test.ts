import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { frequencies, type MandateTerms } from '../channels/source.ts'
import { addMonths, dayFloor, dayOf, startOf } from './days.ts'
import {
  endOfMandate,
  isMandateExpiring,
  type Leg,
  type Mandate,
  mandateOf,
  mandateState,
  nextWindow,
  periodOf,
  standingOf,
  withinWindow,
} from './mandate.ts'
import { foldOwn, type OwnFact } from './own.ts'
import { dayMs, railRules, rails } from './rails.ts'

const terms: MandateTerms = {
  currency: 'EUR',
  rule: 'max',
  amount: '5000',
  frequency: 'monthly',
  startsOn: '2026-01-31',
  contract: 'Gym',
  description: 'Membership',
}
const mandate: Mandate = {
  rail: 'sepa_debit',
  madeAt: startOf('2026-01-10'),
  terms: null,
  dormantAfterMonths: 36,
  toldByChannel: false,
  former: [],
  reinstatedAt: null,
}
const leg: Leg = { id: 'bnd_1', status: 'active', reason: null, mandate, last_collected: null }

const days = fc.integer({ min: startOf('2020-01-01') / dayMs, max: startOf('2060-01-01') / dayMs }).map(one => dayOf(one * dayMs))
const moments = fc.integer({ min: startOf('2020-01-01'), max: startOf('2070-01-01') })
const anyTerms = fc
  .record({
    frequency: fc.constantFrom(...frequencies),
    startsOn: days,
    rule: fc.constantFrom('on' as const, 'before' as const, 'after' as const),
    day: fc.integer({ min: 1, max: 31 }),
    windowed: fc.boolean(),
  })
  .map(
    ({ frequency, startsOn, rule, day, windowed }): MandateTerms => ({
      ...terms,
      frequency,
      startsOn,
      ...(windowed && frequency !== 'as_presented' ? { window: { rule, day: frequency === 'weekly' ? ((day - 1) % 7) + 1 : day } } : {}),
    }),
  )

test('periods follow each other without a gap, and a moment lies in its own', () => {
  fc.assert(
    fc.property(anyTerms, moments, (of, at) => {
      const period = periodOf(of, at)
      if (period === undefined) return assert.ok(of.frequency === 'as_presented' || at < startOf(of.startsOn))
      assert.ok(period.from <= at && at < period.to, JSON.stringify(period))
      assert.equal(periodOf(of, period.to)?.from, period.to)
      assert.deepEqual(periodOf(of, period.from), period)
    }),
    { numRuns: 2_000 },
  )
})

test('a monthly mandate of the 31st has its periods at the ends of months, 29 February among them', () => {
  const starts = ['2027-02-10', '2028-02-28', '2028-02-29', '2028-03-31'].map(one => dayOf(periodOf(terms, startOf(one))?.from ?? 0))
  assert.deepEqual(starts, ['2027-01-31', '2028-01-31', '2028-02-29', '2028-03-31'])
})

test('the next window is one, lies in a period that is not used, and no earlier day would do', () => {
  fc.assert(
    fc.property(anyTerms, moments, fc.boolean(), (of, at, used) => {
      const now = periodOf(of, at)
      const isUsed = (one: { readonly from: number }): boolean => used && one.from === now?.from
      const open = (day: number): boolean => {
        const period = periodOf(of, day)
        return withinWindow(of, day) && day >= startOf(of.startsOn) && (period === undefined || !isUsed(period))
      }
      const next = nextWindow(of, at, isUsed)
      if (next === undefined) return assert.ok(startOf(of.startsOn) > at || of.frequency === 'yearly', JSON.stringify(of))
      assert.ok(next >= at && open(next))
      for (let day = dayFloor(at) + dayMs; day < next; day += dayMs) assert.ok(!open(day), dayOf(day))
    }),
    { numRuns: 300 },
  )
})

test('a window on the 31st is the last day of a shorter month', () => {
  const of = { frequency: 'monthly', window: { rule: 'on', day: 31 } } as const
  assert.equal(withinWindow(of, startOf('2027-02-28')), true)
  assert.equal(withinWindow(of, startOf('2027-02-27')), false)
  assert.equal(withinWindow({ frequency: 'weekly', window: { rule: 'on', day: 1 } }, startOf('2026-11-23')), true, 'a Monday')
})

test('dormancy counts from the last collection, and a later one moves the end, never back', () => {
  fc.assert(
    fc.property(moments, moments, (a, b) => {
      const end = (at: number | undefined) =>
        endOfMandate({ ...leg, last_collected: at === undefined ? null : { day: dayFloor(at), amount: '1', currency: 'EUR' } })?.at ?? 0
      assert.equal(end(undefined), addMonths(mandate.madeAt, 36) + dayMs)
      assert.ok(a <= b === end(a) <= end(b) || end(a) === end(b))
    }),
  )
  assert.equal(dayOf(endOfMandate({ ...leg, mandate: { ...mandate, dormantAfterMonths: 13 } })?.at ?? 0), '2027-02-11')
})

test('what a channel lets lapse earlier than its rail lapses earlier, and the terms may end it first', () => {
  const source = { type: 'bank_account', scheme: 'sepa_debit', payer: { held: [], tail: '', country: 'DE' } } as const
  const made = { source, terms, madeAt: 0 }
  assert.equal(mandateOf(made, undefined)?.dormantAfterMonths, 36)
  assert.equal(mandateOf(made, { dormantAfterMonths: 13 })?.dormantAfterMonths, 13)
  const ends = { ...leg, mandate: { ...mandate, terms: { ...terms, endsOn: '2026-12-31' } } }
  assert.deepEqual(endOfMandate(ends), { at: startOf('2027-01-01'), cause: 'ended' })
  assert.equal(mandateOf({ source: { type: 'wallet', brand: 'gcash', payer: source.payer }, terms: undefined, madeAt: 0 }, undefined), null)
})

test('every rail that asks for a notice says by which rule', () => {
  for (const rail of rails) {
    const { notice } = railRules[rail]
    if (notice !== null) assert.ok(notice.leastMs >= dayMs && notice.source.length > 20, rail)
  }
})

const end = endOfMandate(leg)?.at ?? 0
const told: readonly OwnFact[] = [
  { source: 'clock', event: 'a', sequence: 0, at: 1, news: { kind: 'mandate_expiring', binding: 'bnd_1', about: end } },
  { source: 'clock', event: 'b', sequence: 0, at: 2, news: { kind: 'mandate_ended', binding: 'bnd_1', about: end, cause: 'dormant' } },
  { source: 'tenant', event: 'c', sequence: 0, at: 3, news: { kind: 'mandate_paused', binding: 'bnd_1', reason: 'r' } },
  { source: 'tenant', event: 'd', sequence: 0, at: 4, news: { kind: 'mandate_resumed', binding: 'bnd_1' } },
  { source: 'tenant', event: 'e', sequence: 0, at: 5, news: { kind: 'mandate_paused', binding: 'bnd_1', reason: 's' } },
]

test('what the tenant and time did to mandates does not depend on the order in which it is heard', () => {
  const first = foldOwn(told)
  assert.deepEqual(first.mandates, { bnd_1: { expiring: end, ended: end, paused: 's' } })
  fc.assert(
    fc.property(fc.shuffledSubarray([...told, ...told], { minLength: told.length * 2 }), heard => {
      assert.deepEqual(foldOwn(heard), first)
    }),
  )
})

test('an end that was told holds until the end moves; a pause holds whatever a channel says', () => {
  const ended = foldOwn(told.slice(0, 2))
  assert.equal(mandateState(ended, leg), 'expired')
  const used = { ...leg, last_collected: { day: startOf('2026-03-01'), amount: '100', currency: 'EUR' } }
  assert.equal(mandateState(ended, used), 'active')
  assert.equal(isMandateExpiring(ended, used), false)
  assert.equal(mandateState(foldOwn(told.slice(2)), used), 'paused')
  assert.equal(mandateState(foldOwn(told.slice(2)), { ...used, status: 'revoked' }), 'revoked')
  assert.equal(mandateState({}, { ...used, status: 'expired', reason: 'consumed' }), 'consumed')
  assert.equal(standingOf(ended, { ...leg, mandate: null }), 'active')
})
