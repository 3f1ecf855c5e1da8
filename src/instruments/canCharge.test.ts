import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { frequencies, type MandateTerms } from '../channels/source.ts'
import { type Asked, type Candidate, canCharge, initiators, type Missing, purposes } from './canCharge.ts'
import { dayOf, startOf } from './days.ts'
import type { Mandate } from './mandate.ts'
import { qualityOf } from './quality.ts'
import { dayMs, rails } from './rails.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'
import { nothingCollected, type Use, unused } from './use.ts'

const now = startOf('2026-11-20')
const instrument: InstrumentRow = {
  tenant: 'ten_1',
  id: 'ins_1',
  mode: 'test',
  customer: 'cus_1',
  kind: 'card',
  status: 'active',
  card_version: 1,
  display: { brand: 'visa', last4: '1111', expiryYear: 2030, expiryMonth: 3 },
  sequence: 1,
  unbound_at: null,
  merged_into: null,
  metadata: {},
  created_at: now,
  updated_at: now,
  captured: {},
  sharing: null,
  policy: {},
  allow_redisplay: 'unspecified',
  preferred: false,
  versions: 1,
  own: {},
  reasons: [],
  due_at: null,
  clock: null,
  version: 1,
}
const binding: BindingRow = {
  tenant: 'ten_1',
  id: 'bnd_1',
  mode: 'test',
  customer: 'cus_1',
  instrument: 'ins_1',
  channel: 'one',
  status: 'active',
  slot: 'ins_1/one',
  token: 'tok_1',
  names: {},
  action: null,
  refusal: null,
  network_transaction_id: 'ntid',
  transaction_link_id: null,
  consent: null,
  client: null,
  return_url: null,
  route: null,
  operations: 1,
  created_at: now,
  updated_at: now,
  shown: null,
  reason: null,
  valid_until: null,
  asked_expiry: null,
  replaces: null,
  notified: 1,
  mandate: null,
  last_collected: null,
  proven_by: 'three_ds',
  version: 1,
}
const currencies = new Map([
  ['EUR', 2],
  ['INR', 2],
])
const candidate: Candidate = { binding, currencies, use: unused, usage: nothingCollected, notices: [] }
const asked: Asked = { amount: 1_000n, currency: 'EUR', initiator: 'merchant', purpose: 'recurring', at: now }
const whats = (missing: readonly Missing[]) => missing.map(one => `${one.what}${one.blocking ? '!' : ''}`)
const ask = (of: Partial<Candidate> = {}, on: Partial<Asked> = {}, what: Partial<InstrumentRow> = {}) =>
  canCharge({ ...instrument, ...what }, [{ ...candidate, ...of }], { ...asked, ...on })

const terms: MandateTerms = {
  currency: 'EUR',
  rule: 'max',
  amount: '5000',
  frequency: 'monthly',
  startsOn: '2026-11-01',
  contract: 'Gym',
  description: 'Membership',
}
const mandate: Mandate = {
  rail: 'sepa_debit',
  madeAt: startOf('2026-10-20'),
  terms,
  dormantAfterMonths: 36,
  toldByChannel: true,
  former: [],
  reinstatedAt: null,
}
const debit: BindingRow = { ...binding, mandate, network_transaction_id: null, proven_by: null }

test('a card that was proven, in a currency its channel takes, can be charged', () => {
  const answer = ask()
  assert.deepEqual([answer.chargeable, answer.best?.id, whats(answer.missing)], [true, 'bnd_1', []])
  assert.deepEqual(whats(ask({}, { currency: 'JPY' }).missing), ['currency!'])
})

test('what a merchant starts needs the network id of a charge the customer took part in, or proof at that channel', () => {
  const bare = { ...binding, network_transaction_id: null, proven_by: null }
  assert.deepEqual(whats(ask({ binding: bare }).missing), ['network_transaction_id!', 'sca!'])
  assert.deepEqual(whats(ask({ binding: bare }, { initiator: 'customer' }).missing), [])
  assert.deepEqual(whats(ask({ binding: { ...bare, proven_by: 'redirect' } }).missing), ['network_transaction_id'])
  assert.deepEqual(whats(ask({ use: { approved: 0, declined: { authentication_failed: 1 } } }).missing), ['sca!'])
})

test('Mastercard wants the link from 23 October 2026 on, and what was bound before links were kept has lost its chain', () => {
  const mastercard = { display: { ...instrument.display, brand: 'mastercard' } }
  assert.deepEqual(whats(ask({}, {}, mastercard).missing), ['transaction_link_id'])
  const old = { ...binding, created_at: startOf('2026-05-01') }
  assert.deepEqual(whats(ask({ binding: old }, {}, mastercard).missing), ['transaction_link_id!'])
  assert.deepEqual(whats(ask({ binding: old }, { at: startOf('2026-10-22') }, mastercard).missing), [])
  assert.deepEqual(whats(ask({ binding: { ...old, transaction_link_id: 't' } }, {}, mastercard).missing), [])
})

test('a mandate is held to: amount, currency, period, count, purpose, end', () => {
  const on = (of: Partial<MandateTerms>, more: Partial<Asked> = {}, usage = nothingCollected) =>
    whats(
      ask({ binding: { ...debit, mandate: { ...mandate, terms: { ...terms, ...of } } }, usage }, more, { kind: 'bank_account' }).missing,
    )
  assert.deepEqual(on({}), [])
  assert.deepEqual(on({}, { amount: 5_001n }), ['mandate_amount!'])
  assert.deepEqual(on({ rule: 'fixed' }), ['mandate_amount!'])
  assert.deepEqual(on({ currency: 'INR' }), ['mandate_currency!'])
  assert.deepEqual(on({}, { purpose: 'unscheduled' }), ['mandate_purpose!'])
  assert.deepEqual(on({ startsOn: '2026-12-01' }), ['mandate_window!'])
  assert.deepEqual(on({ endsOn: '2026-11-10' }), ['mandate_window!'])
  const one = { count: 1, amount: 1_000n }
  assert.deepEqual(on({}, {}, { period: one, all: one }), ['mandate_window!'])
  assert.deepEqual(on({ countMax: 1, frequency: 'as_presented' }, {}, { period: nothingCollected.period, all: one }), ['mandate_count!'])
})

test('a period that has had its collection opens again with the next', () => {
  const one = { count: 1, amount: 1_000n }
  const answer = ask({ binding: debit, usage: { period: one, all: one } }, {}, { kind: 'bank_account' })
  assert.equal(dayOf(answer.missing[0]?.from ?? 0), '2026-12-01')
})

test('UPI wants the payer told a day before, of this very amount', () => {
  const upi: BindingRow = {
    ...debit,
    mandate: { ...mandate, rail: 'upi_autopay', toldByChannel: false, terms: { ...terms, currency: 'INR' } },
  }
  const notice = {
    tenant: 'ten_1',
    id: 'pdn_1',
    instrument: 'ins_1',
    binding: 'bnd_1',
    charge_on: '2026-11-20',
    amount: 1_000n,
    currency: 'INR',
    charge_at: now,
    told_at: now - dayMs,
    told_by: 'tenant',
    created_at: now,
  } as const
  const on = (notices: Candidate['notices']) =>
    whats(ask({ binding: upi, notices }, { currency: 'INR' }, { kind: 'instant_mandate' }).missing)
  assert.deepEqual(on([]), ['pre_debit_notice!'])
  assert.deepEqual(on([notice]), [])
  assert.deepEqual(on([{ ...notice, amount: 999n }]), ['pre_debit_notice!'])
  assert.deepEqual(on([{ ...notice, told_at: now - dayMs + 1 }]), ['pre_debit_notice!'])
  assert.deepEqual(on([{ ...notice, charge_at: now + dayMs }]), ['pre_debit_notice!'], 'a day before the one it names')
})

test('of two that can be charged the one that was approved more often is the best', () => {
  const good: Candidate = { ...candidate, binding: { ...binding, id: 'bnd_2' }, use: { approved: 9, declined: {} } }
  const bad: Candidate = { ...candidate, use: { approved: 1, declined: { do_not_honour: 8 } } }
  assert.equal(canCharge(instrument, [bad, good], asked).best?.id, 'bnd_2')
  const closed: Candidate = { ...good, binding: { ...good.binding, status: 'suspended' } }
  assert.equal(canCharge(instrument, [closed, bad], asked).best?.id, 'bnd_1')
})

const money = fc.bigInt({ min: 1n, max: 10_000n })
const anyUse: fc.Arbitrary<Use> = fc.record({
  approved: fc.nat({ max: 20 }),
  declined: fc.record({ do_not_honour: fc.nat({ max: 5 }), authentication_failed: fc.nat({ max: 2 }) }, { requiredKeys: [] }),
})
const anyMandate: fc.Arbitrary<Mandate | null> = fc.option(
  fc
    .record({
      rail: fc.constantFrom(...rails),
      rule: fc.constantFrom('max' as const, 'any' as const),
      amount: money,
      frequency: fc.constantFrom(...frequencies),
      startsOn: fc.integer({ min: -40, max: 40 }).map(one => dayOf(now + one * dayMs)),
      countMax: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      toldByChannel: fc.boolean(),
      bare: fc.boolean(),
    })
    .map(({ rail, rule, amount, frequency, startsOn, countMax, toldByChannel, bare }) => ({
      ...mandate,
      rail,
      toldByChannel,
      terms: bare
        ? null
        : {
            ...terms,
            rule,
            frequency,
            startsOn,
            ...(rule === 'max' ? { amount: String(amount) } : {}),
            ...(countMax === undefined ? {} : { countMax }),
          },
    })),
)
const anyCandidate: fc.Arbitrary<Candidate> = fc
  .record({
    id: fc.constantFrom('bnd_1', 'bnd_2', 'bnd_3'),
    status: fc.constantFrom('active', 'active', 'suspended', 'expired', 'revoking', 'failed', 'challenge' as const),
    ntid: fc.option(fc.constant('n')),
    proven_by: fc.option(fc.constant('otp' as const)),
    mandate: anyMandate,
    use: anyUse,
    count: fc.nat({ max: 3 }),
    paused: fc.boolean(),
  })
  .map(({ id, status, ntid, proven_by, mandate: agreed, use, count }) => ({
    binding: { ...binding, id, status, network_transaction_id: ntid, proven_by, mandate: agreed },
    currencies,
    use,
    usage: { period: { count: Math.min(count, 1), amount: 0n }, all: { count, amount: 0n } },
    notices: [],
  }))
const anyCandidates = fc.uniqueArray(anyCandidate, { maxLength: 3, selector: one => one.binding.id })
const anyAsked: fc.Arbitrary<Asked> = fc.record({
  amount: money,
  currency: fc.constantFrom('EUR', 'INR'),
  initiator: fc.constantFrom(...initiators),
  purpose: fc.constantFrom(...purposes),
  at: fc.integer({ min: now - 30 * dayMs, max: now + 30 * dayMs }),
})
const anyInstrument: fc.Arbitrary<InstrumentRow> = fc
  .record({
    kind: fc.constantFrom('card', 'bank_account', 'device_token' as const),
    status: fc.constantFrom('active', 'active', 'active', 'suspended', 'blocked' as const),
    paused: fc.subarray(['bnd_1', 'bnd_2', 'bnd_3']),
  })
  .map(({ kind, status, paused }) => ({
    ...instrument,
    kind,
    status,
    own: { mandates: Object.fromEntries(paused.map(one => [one, { paused: 'r' }])) },
  }))

test('yes is never said without an active instrument, an active binding, and within what was agreed', () => {
  fc.assert(
    fc.property(anyInstrument, anyCandidates, anyAsked, (of, candidates, what) => {
      const { chargeable, best, ranked } = canCharge(of, candidates, what)
      assert.equal(chargeable, best !== null)
      assert.equal(ranked.length, candidates.length)
      if (best === null) return
      assert.deepEqual([of.status, best.status], ['active', 'active'])
      assert.ok(best.mandate === null || of.own.mandates?.[best.id]?.paused === undefined, 'a paused mandate')
      const agreed = best.mandate?.terms
      if (agreed == null) return
      assert.ok(agreed.rule !== 'max' || what.amount <= BigInt(agreed.amount ?? 0))
      assert.equal(agreed.currency, what.currency)
      assert.ok(what.at >= startOf(agreed.startsOn))
    }),
    { numRuns: 3_000 },
  )
})

test('more headroom, less use and a smaller amount never turn yes into no', () => {
  fc.assert(
    fc.property(anyInstrument, anyCandidates, anyAsked, money, (of, candidates, what, more) => {
      if (!canCharge(of, candidates, what).chargeable) return
      const wider = candidates.map(one => {
        const { mandate: agreed } = one.binding
        if (agreed?.terms == null) return one
        const { amount, countMax, ...rest } = agreed.terms
        const widened: MandateTerms = {
          ...rest,
          ...(amount === undefined ? {} : { amount: String(BigInt(amount) + more) }),
          ...(countMax === undefined ? {} : { countMax: countMax + 1 }),
        }
        return { ...one, usage: nothingCollected, binding: { ...one.binding, mandate: { ...agreed, terms: widened } } }
      })
      assert.equal(canCharge(of, wider, what).chargeable, true)
      const small = what.amount > more ? what.amount - more : 1n
      // Where a rail wants a notice of each change, another amount needs one; without notices that is no for every amount but the last.
      assert.equal(canCharge(of, candidates, { ...what, amount: small }).chargeable, true)
    }),
    { numRuns: 3_000 },
  )
})

test('one more binding never turns yes into no, and the order of rows does not matter', () => {
  fc.assert(
    fc.property(anyInstrument, anyCandidates, anyCandidate, anyAsked, (of, candidates, other, what) => {
      const answer = canCharge(of, candidates, what)
      assert.deepEqual(canCharge(of, candidates.toReversed(), what), answer)
      const more = [...candidates.filter(one => one.binding.id !== 'bnd_9'), { ...other, binding: { ...other.binding, id: 'bnd_9' } }]
      assert.ok(!answer.chargeable || canCharge(of, more, what).chargeable)
    }),
  )
})

test('the score is the sum of its parts under its cap; approvals never lower it, declines never raise it', () => {
  fc.assert(
    fc.property(anyInstrument, anyCandidates, fc.boolean(), (of, candidates, elsewhere) => {
      const judge = (change: (use: Use) => Use) =>
        qualityOf(
          {
            instrument: of,
            bindings: candidates.map(one => one.binding),
            use: new Map(candidates.map(one => [one.binding.id, change(one.use)])),
            usage: new Map(candidates.map(one => [one.binding.id, one.usage])),
            canUpdate: false,
            elsewhere,
          },
          now,
        )
      const quality = judge(one => one)
      const sum = quality.parts.reduce((total, one) => total + one.points, 0)
      assert.equal(quality.score, Math.min(sum, quality.cap.at))
      assert.equal(
        quality.parts.reduce((total, one) => total + one.of, 0),
        100,
      )
      assert.ok(
        quality.parts.every(one => Number.isInteger(one.points) && one.points >= 0 && one.points <= one.of && one.because.endsWith('.')),
      )
      assert.ok(of.status === 'active' || quality.score <= 30)
      const better = judge(one => ({ ...one, approved: one.approved + 1 }))
      const worse = judge(one => ({ ...one, declined: { ...one.declined, lost_or_stolen: 1 } }))
      assert.ok(better.score >= quality.score && worse.score <= quality.score)
      assert.deepEqual(
        judge(one => one),
        quality,
      )
    }),
    { numRuns: 2_000 },
  )
})
