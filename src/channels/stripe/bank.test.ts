/** Bank accounts: micro-deposits right, wrong, too often and too late; mandates that end; and what is refused at our own door. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindInput, BindOutcome, SandboxValue } from '../channel.ts'
import { bindFully, createBench, goOn, kindOf } from '../contract-bench.ts'
import { readAll } from '../contract-webhook.ts'
import { byGive, subject } from './subject.ts'
import { depositsMs } from './wire.ts'

const byCode = byGive('accountNumber', '000123456789')
const byAmounts = byGive('accountNumber', '000000000009')
const bySepa = byGive('iban', 'DE89370400440532013000')
const dayMs = 86_400_000

async function begin(value: SandboxValue) {
  const bench = createBench(subject)
  const first = await bench.bind(bench.call('opn_1', value), bench.input('bnd_1', value))
  if (first.kind !== 'challenged') throw new assert.AssertionError({ message: kindOf(first) })
  const answer = (returned: Readonly<Record<string, string>>, operation: string) =>
    goOn(bench, first.references, returned, value, operation)
  return { bench, first, answer }
}
const codeOf = (outcome: { readonly kind: string }) => ('code' in outcome ? outcome.code : outcome.kind)

test('the customer is told which kind of deposit, from when, and until when', async () => {
  const { first, bench } = await begin(byCode)
  const created = bench.clock.nowMs
  assert.deepEqual(first.action, {
    type: 'micro_deposits',
    by: 'descriptor_code',
    arrivesAtMs: created + 2 * dayMs,
    expiresAtMs: created + 10 * dayMs,
  })
  assert.match(first.references.mandate ?? '', /^mandate_/)
  assert.equal((await begin(byAmounts)).first.action.type === 'micro_deposits', true)
})

for (const [value, wrong, right, tries, mismatch] of [
  [byCode, { descriptor_code: 'SM99ZZ' }, { descriptor_code: 'SM11AA' }, 10, 'descriptor_code_mismatch'],
  [byAmounts, { amounts: '12,34' }, { amounts: ' 32, 45 ' }, 3, 'amounts_mismatch'],
] as const) {
  test(`wrong deposits are asked for again, ${tries} times at most (${mismatch})`, async () => {
    const { bench, answer } = await begin(value)
    for (let turn = 1; turn < tries; turn += 1) assert.equal((await answer(wrong, `opn_a${turn}`)).kind, 'challenged', String(turn))
    const last = await answer(wrong, 'opn_last')
    assert.deepEqual(last.kind === 'refused' && [last.by, last.category, last.elsewhere], ['channel', 'authentication_failed', false])
    assert.equal(codeOf(last), 'payment_method_microdeposit_verification_attempts_exceeded')
    assert.equal(codeOf(await answer(right, 'opn_more')), 'payment_method_microdeposit_verification_attempts_exceeded')
    assert.equal(bench.effects('stored').length, 0)
    assert.deepEqual(bench.stage.violations(), [])
  })

  test(`one wrong answer does no harm to the next (${mismatch})`, async () => {
    const { bench, answer } = await begin(value)
    assert.equal((await answer(wrong, 'opn_2')).kind, 'challenged')
    assert.equal((await answer(right, 'opn_3')).kind, 'bound')
    assert.deepEqual(bench.stage.violations(), [])
  })
}

test('a wrong answer whose refusal was lost is one try, however often it is sent', async () => {
  const { bench, answer } = await begin(byAmounts)
  for (let turn = 0; turn < 5; turn += 1) {
    bench.fault('lost_after', '/v1/setup_intents/*')
    assert.equal((await answer({ amounts: '12,34' }, 'opn_2')).kind, 'uncertain')
  }
  assert.equal((await answer({ amounts: '12,34' }, 'opn_2')).kind, 'challenged')
  assert.equal((await answer({ amounts: '32,45' }, 'opn_3')).kind, 'bound')
})

test('what cannot be amounts or a code is not sent: it would cost a try', async () => {
  const { bench, answer } = await begin(byAmounts)
  const returned = [{ amounts: '' }, { amounts: '32' }, { amounts: '32;45' }, { amounts: '1,2,3' }, { descriptor_code: 'AB11AA' }]
  for (const [at, one] of returned.entries()) assert.equal((await answer(one, `opn_b${at}`)).kind, 'challenged', JSON.stringify(one))
  assert.deepEqual(
    bench.stage.requests().filter(one => one.path.endsWith('/verify_microdeposits')),
    [],
  )
})

test('Stripe’s values for a timeout and for too many tries are final refusals', async () => {
  for (const [value, returned, what] of [
    [byCode, { descriptor_code: 'SM33CC' }, 'attempts_exceeded'],
    [byCode, { descriptor_code: 'SM44DD' }, 'timeout'],
    [byAmounts, { amounts: '10,11' }, 'attempts_exceeded'],
    [byAmounts, { amounts: '40,41' }, 'timeout'],
  ] as const) {
    const { answer, bench } = await begin(value)
    assert.equal(codeOf(await answer(returned, 'opn_2')), `payment_method_microdeposit_verification_${what}`)
    const failed = (await readAll(bench)).find(one => one.type === 'setup_intent.setup_failed')
    assert.equal(failed?.news?.kind, 'refused')
    assert.equal(failed?.operation, 'opn_1')
  }
})

test('after ten days the deposits prove nothing any more', async () => {
  const { bench, answer } = await begin(byCode)
  bench.clock.nowMs += depositsMs - 1
  assert.equal((await answer({}, 'opn_2')).kind, 'challenged')
  bench.clock.nowMs += 1
  assert.equal(codeOf(await answer({ descriptor_code: 'SM11AA' }, 'opn_3')), 'payment_method_microdeposit_verification_timeout')
  assert.deepEqual(
    (await readAll(bench)).filter(one => one.news?.kind === 'refused').map(one => one.type),
    ['setup_intent.setup_failed'],
  )
})

test('a saved 500 hides what the deposits did; the intent tells', async () => {
  const { bench, answer } = await begin(byCode)
  bench.fault('error_after', '/v1/setup_intents/*')
  assert.equal((await answer({ descriptor_code: 'SM11AA' }, 'opn_2')).kind, 'uncertain')
  assert.equal((await answer({ descriptor_code: 'SM11AA' }, 'opn_2')).kind, 'bound')
})

test('what is bound shows the bank and the tail, and is recognised by the account', async () => {
  const bench = createBench(subject)
  const ach = await bindFully(bench, byCode)
  assert.deepEqual(ach.shown, { last4: '6789', bank: 'STRIPE TEST BANK' })
  const sepa = await bindFully(createBench(subject), bySepa)
  assert.deepEqual(sepa.shown, { last4: '3000' })
  assert.deepEqual([ach.identity?.kind, sepa.identity?.kind], ['account', 'account'])
  assert.notEqual(ach.identity?.value, sepa.identity?.value)
  assert.equal((await bindFully(createBench(subject), bySepa)).identity?.value, sepa.identity?.value)
})

test('a mandate that the bank takes back revokes the binding; an update is told', async () => {
  const bench = createBench(subject)
  const { token, references } = await bindFully(bench, bySepa)
  assert.deepEqual(
    (await readAll(bench)).filter(one => one.type === 'mandate.updated').map(one => one.news),
    [{ kind: 'resumed' }],
  )
  const context = { nowMs: bench.clock.nowMs, random: (count: number) => Buffer.alloc(count, 7), address: 'http://127.0.0.1:9' }
  bench.stage.simulator.act('update_card', token, context)
  bench.stage.simulator.act('revoke_mandate', token, context)
  const [updated, revoked] = await readAll(bench)
  assert.deepEqual(updated?.news, { kind: 'updated', token, shown: { last4: '3001' } })
  assert.deepEqual([revoked?.type, revoked?.news], ['mandate.updated', { kind: 'revoked', reason: 'mandate_inactive' }])
  assert.deepEqual(revoked?.names, [references.mandate, token])
  assert.equal(bench.stage.simulator.books().held.filter(one => one.usable).length, 0)
  assert.deepEqual(bench.stage.violations(), [])
})

test('what we revoke takes the mandate along', async () => {
  const bench = createBench(subject)
  const { token, references } = await bindFully(bench, bySepa)
  await readAll(bench)
  const gone = await subject.channel.revoke?.(bench.call('opn_6'), { customer: 'cus_contract', binding: 'bnd_1', token, references })
  assert.equal(gone?.kind, 'revoked')
  assert.deepEqual(
    (await readAll(bench)).map(one => [one.type, one.news?.kind]),
    [
      ['payment_method.detached', 'revoked'],
      ['mandate.updated', 'revoked'],
    ],
  )
})

/** Binds with a source or terms changed; what went out, and what came of it. */
async function bindWith(value: SandboxValue, more: Partial<BindInput>): Promise<{ outcome: BindOutcome; bodies: string }> {
  const bench = createBench(subject)
  const call = bench.call('opn_1', value)
  const bodies: string[] = []
  const send: typeof call.send = request => {
    bodies.push(request.body ?? '')
    return call.send(request)
  }
  return { outcome: await bench.bind({ ...call, send }, bench.input('bnd_1', value, more)), bodies: decodeURIComponent(bodies.join(' ')) }
}

test('what Stripe cannot take is refused before anything is sent, and may be tried elsewhere', async () => {
  const { source, terms } = bySepa
  if (source.type !== 'bank_account' || byCode.source.type !== 'bank_account' || terms === undefined) return assert.fail()
  const held = (...fields: readonly ('name' | 'iban' | 'email')[]) => ({ ...source, payer: { ...source.payer, held: fields } })
  for (const [value, more, category, elsewhere] of [
    [bySepa, { terms: undefined }, 'misconfigured', false],
    [bySepa, { terms: { ...terms, currency: 'USD' } }, 'not_supported', true],
    [byCode, { terms }, 'not_supported', true],
    [bySepa, { source: held('name', 'iban') }, 'invalid_account', false],
    [bySepa, { source: held('email', 'iban') }, 'invalid_account', false],
    [bySepa, { source: held('name', 'email') }, 'invalid_account', false],
    [byCode, { source: { ...byCode.source, verify: 'instant' } }, 'not_supported', true],
    [bySepa, { source: { ...source, scheme: 'bacs' } }, 'not_supported', true],
    [bySepa, { source: { type: 'carrier_account', payer: source.payer } }, 'not_supported', true],
  ] as const) {
    const { outcome, bodies } = await bindWith(value, more)
    assert.deepEqual(outcome.kind === 'refused' && [outcome.by, outcome.category, outcome.elsewhere], ['channel', category, elsewhere])
    assert.equal(bodies, '')
  }
})

test('the mandate says how it was agreed to: online with address and browser, or offline', async () => {
  const online = await bindWith(bySepa, {})
  assert.equal(online.outcome.kind, 'bound')
  for (const field of ['[type]=online', '[online][ip_address]=203.0.113.7', '[online][user_agent]=Mozilla/5.0'])
    assert.ok(online.bodies.includes(`mandate_data[customer_acceptance]${field}`), field)
  assert.ok(online.bodies.includes('description=ACME subscription&metadata[bindery_contract]=ACME-42'))
  const offline = await bindWith(bySepa, { client: { ip: '203.0.113.7' } })
  assert.equal(offline.outcome.kind, 'bound')
  assert.ok(offline.bodies.includes('mandate_data[customer_acceptance][type]=offline') && !offline.bodies.includes('203.0.113.7'))
})

test('an e-mail that is not held is not asked for', async () => {
  if (byCode.source.type !== 'bank_account') return assert.fail()
  const payer = { ...byCode.source.payer, held: ['name', 'accountNumber', 'routingNumber'] as const }
  const { outcome, bodies } = await bindWith(byCode, { source: { ...byCode.source, payer } })
  assert.equal(outcome.kind, 'challenged')
  assert.ok(!bodies.includes('{{payer.email}}') && bodies.includes('{{payer.accountNumber}}'))
})

test('a wrong number is the customer’s to correct', async () => {
  for (const give of [
    { ...byCode.give, routingNumber: '110000001' },
    { ...byCode.give, accountNumber: '12' },
  ]) {
    const { outcome } = await bindWith({ ...byCode, give }, {})
    assert.deepEqual(outcome.kind === 'refused' && [outcome.category, outcome.elsewhere], ['invalid_account', false])
  }
})
