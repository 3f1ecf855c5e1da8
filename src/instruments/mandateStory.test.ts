/** Whatever happens to a mandate, in whatever order: rows stay what facts say, and what was reported counts the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Told } from '../channels/channel.ts'
import { timeDue } from '../worker.ts'
import type { Write } from '../world/store.ts'
import { dayFloor, startOf } from './days.ts'
import { laterCollected } from './report.ts'
import { bindings, facts, instruments, operations } from './tables.ts'
import { readOwnRows } from './tell.ts'
import { day, scripted, type Trial, trial } from './trial.seam.ts'
import { chargeCounts, mandateUsage } from './usageTables.ts'
import { verifyBinding, verifyInstrument } from './verify.ts'

const account = { bank_account: { scheme: 'sepa_debit', country: 'DE' } }
const mandate = {
  currency: 'EUR',
  rule: 'any',
  frequency: 'monthly',
  starts_on: '2026-03-01',
  contract: 'Gym',
  description: 'Membership',
}
const channel = () =>
  scripted('mandates', {
    repeat: { bind: { kind: 'lookUp' } },
    mandates: { dormantAfterMonths: 13 },
    bind: async () => ({ kind: 'bound', token: 'MD1', references: {} }),
  })

type Step =
  | { readonly do: 'wait'; readonly days: number }
  | { readonly do: 'pause' | 'resume' }
  | { readonly do: 'charge'; readonly id: number; readonly amount: number; readonly ago: number; readonly approved: boolean }
  | { readonly do: 'tell'; readonly id: number; readonly news: Told['news'] }
const news = fc.constantFrom<Told['news']>(
  { kind: 'suspended', reason: 'by the payer' },
  { kind: 'resumed' },
  { kind: 'expired' },
  { kind: 'revoked', reason: 'bank' },
  { kind: 'reinstated', evidence: 'the bank' },
  { kind: 'updated', token: 'MD2' },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 250 }) }),
  fc.record({ do: fc.constantFrom('pause' as const, 'resume' as const) }),
  fc.record({
    do: fc.constant('charge' as const),
    id: fc.nat({ max: 5 }),
    amount: fc.integer({ min: 1, max: 3 }),
    ago: fc.nat({ max: 500 }),
    approved: fc.boolean(),
  }),
  fc.record({ do: fc.constant('tell' as const), id: fc.nat({ max: 9 }), news }),
)

async function take(on: Trial, id: string, of: Step): Promise<void> {
  if (of.do === 'wait') {
    on.advance(of.days * day)
    for (let n = 0; n < 5; n += 1) await timeDue(on.world)
    return
  }
  const path = `/v1/instruments/${id}`
  const now = on.world.now()
  const answer =
    of.do === 'tell'
      ? await on.tell('mandates', [
          { event: `e${of.id}`, type: 't', names: ['MD1'], moment: { atMs: now }, ...(of.news === undefined ? {} : { news: of.news }) },
        ])
      : of.do === 'charge'
        ? await on.call('POST', `${path}/charges`, {
            id: `c${of.id}`,
            channel: 'mandates',
            amount: String(of.amount),
            currency: 'EUR',
            ...(of.approved ? { outcome: 'approved', network_transaction_id: `N${of.id}` } : { outcome: 'declined', code: '51' }),
            charged_at: new Date(now - of.ago * day).toISOString(),
          })
        : await on.call('POST', `${path}/mandates/${of.do}`, of.do === 'pause' ? { reason: 'r' } : {})
  assert.ok(answer.status < 500, JSON.stringify(answer.body))
}

test('whatever happens, in whatever order, rows are what facts say, and nothing that is due stays due', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async steps => {
      const on = await trial([channel()])
      const { id } = await on.bind({ ...account, mandate })
      for (const one of steps) {
        await take(on, id, one)
        const rows = await readOwnRows(on.world, on.tenant, id)
        assert.deepEqual(verifyInstrument(rows), [])
        for (const row of rows.bindings) {
          const by = { tenant: on.tenant, binding: row.id }
          const [told, asked] = [await on.world.store.find(facts, by), await on.world.store.find(operations, by)]
          assert.deepEqual(verifyBinding(row, told, asked), [])
        }
      }
      await take(on, id, { do: 'wait', days: 1 })
      assert.ok((on.rows(instruments)[0]?.due_at ?? Infinity) > on.world.now(), 'it was told what time did, and is still due')
    }),
    { numRuns: 60 },
  )
})

const charge = fc.record({ day: fc.nat({ max: 3 }), amount: fc.integer({ min: 1, max: 3 }), currency: fc.constantFrom('EUR', 'USD') })
test('the last collection is the same in whatever order charges are reported', () => {
  const fold = (all: readonly { readonly day: number; readonly amount: number; readonly currency: string }[]) =>
    all
      .map(one => ({ charged_at: startOf('2026-03-01') + one.day * day + 5, amount: BigInt(one.amount), currency: one.currency }))
      .reduce<ReturnType<typeof laterCollected>>(laterCollected, null)
  fc.assert(
    fc.property(fc.array(charge, { minLength: 1, maxLength: 8 }), fc.infiniteStream(fc.nat()), (all, chance) => {
      const shuffled = all.map(one => ({ one, at: chance.next().value })).toSorted((a, b) => a.at - b.at)
      assert.deepEqual(fold(shuffled.map(one => one.one)), fold(all))
    }),
  )
})

test('the hundredth report costs what the second did, and counters hold what was reported', async () => {
  const on = await trial([channel()])
  const { id } = await on.bind({ ...account, mandate })
  const costs: number[] = []
  on.onCommit((writes: readonly Write[]) => {
    if (writes.some(one => one.verb === 'insert' && one.table.name === 'charge_reports')) costs.push(writes.length)
  })
  for (let n = 0; n < 100; n += 1) {
    const { status } = await on.call('POST', `/v1/instruments/${id}/charges`, {
      id: `c${n}`,
      channel: 'mandates',
      amount: '7',
      currency: 'EUR',
      outcome: 'approved',
      charged_at: '2026-03-02T09:00:00Z',
    })
    assert.equal(status, 201)
  }
  assert.deepEqual([costs.length, costs[1], costs[99]], [100, 6, 6])
  assert.deepEqual(
    on.rows(chargeCounts).map(one => [one.month, one.result, one.count]),
    [['2026-03', 'approved', 100]],
  )
  assert.deepEqual(
    on
      .rows(mandateUsage)
      .map(one => [one.period, one.count, one.amount])
      .toSorted(),
    [
      ['2026-03-01', 100, 700n],
      ['all', 100, 700n],
    ],
  )
  assert.equal(on.rows(bindings)[0]?.last_collected?.day, dayFloor(startOf('2026-03-02')))
})
