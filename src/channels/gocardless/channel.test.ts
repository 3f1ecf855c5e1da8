/** What the contract suite cannot know of GoCardless: the ways of its requests and mandates, and its odd answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelAnswer, ChannelRequest, SandboxValue } from '../channel.ts'
import { afterChallenge, type Bench, bindFully, createBench, goOn, kindOf } from '../contract-bench.ts'
import { readAll } from '../contract-webhook.ts'
import { gocardless } from './channel.ts'
import { subject } from './subject.ts'

const titled = (title: string): SandboxValue => gocardless.sandboxValues.find(one => one.title.startsWith(title)) ?? assert.fail(title)
const known = titled('SEPA mandate from a payer')
const british = titled('Bacs mandate from a payer')
const risky = titled('SEPA mandate that the payer’s bank')

const begin = (bench: Bench, value: SandboxValue = bench.plain) => bench.bind(bench.call('opn_1', value), bench.input('bnd_1', value))
const act = (bench: Bench, name: string, token: string) =>
  bench.stage.simulator.act(name, token, {
    nowMs: bench.clock.nowMs,
    random: count => Buffer.alloc(count, 9),
    address: 'http://127.0.0.1:9',
  })
const revoke = (bench: Bench, token: string) =>
  gocardless.revoke?.(bench.call('opn_6'), { customer: 'cus_contract', binding: 'bnd_1', token, references: { mandate: token } })
const look = (bench: Bench, references: Readonly<Record<string, string>>, verb: 'bind' | 'revoke' = 'bind') =>
  gocardless.lookUp?.(bench.call('opn_1'), { customer: 'cus_contract', binding: 'bnd_1', verb, references, source: bench.plain.source })

test('a Bacs mandate is alive when the bank’s time to refuse has passed, and refused when the bank refuses', async () => {
  const bench = createBench(subject)
  const outcome = await begin(bench, british)
  assert.ok(outcome.kind === 'verifying')
  const { mandate = '' } = outcome.references
  assert.equal(bench.effects('stored').length, 0)
  act(bench, 'mandate_activated', mandate)
  const told = await readAll(bench)
  assert.ok(told.some(one => one.type === 'mandates.active' && one.operation === 'opn_1' && one.news?.kind === 'bound'))
  assert.equal((await goOn(bench, outcome.references, undefined, british)).kind, 'bound')

  const other = createBench(subject)
  const second = await begin(other, british)
  assert.ok(second.kind === 'verifying')
  act(other, 'mandate_failed', second.references.mandate ?? '')
  assert.ok((await readAll(other)).some(one => one.news?.kind === 'refused' && one.news.category === 'invalid_account'))
})

test('a payer whom we know is bound without being asked, and every step is taken once', async () => {
  const bench = createBench(subject)
  const outcome = await begin(bench, known)
  assert.ok(outcome.kind === 'bound')
  assert.deepEqual(outcome.shown, { handle: '••00', bank: 'TEST BANK' })
  const steps = bench.stage.requests().map(one => one.path.split('/').at(-1))
  assert.deepEqual(steps.slice(0, 5), [
    'billing_requests',
    'collect_customer_details',
    'collect_bank_account',
    'confirm_payer_details',
    'fulfil',
  ])
})

test('every step of a direct bind may lose its answer, and the next attempt goes on from there', async () => {
  const clean = createBench(subject)
  await begin(clean, known)
  const count = clean.stage.requests().length
  assert.equal(count, 6)
  for (const fault of ['lost_before', 'lost_after', 'error_after', 'html', 'other_object', 'slow'] as const) {
    for (let at = 0; at < count; at += 1) {
      const bench = createBench(subject)
      const call = bench.call('opn_1', known)
      let sent = 0
      const send = (request: ChannelRequest): Promise<ChannelAnswer> => {
        if (sent === at) bench.fault(fault, '*')
        sent += 1
        return call.send(request)
      }
      const first = await bench.bind({ ...call, send }, bench.input('bnd_1', known))
      assert.equal(first.kind, 'uncertain', `${fault} at ${at}: ${kindOf(first)}`)
      assert.equal(kindOf(await begin(bench, known)), 'bound', `${fault} at ${at}`)
      assert.equal(bench.effects('stored').length, 1)
    }
  }
})

test('without leave to use pages of our own, or with too little known, GoCardless’ page asks the payer', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1', known)
  const hosted = await bench.bind({ ...call, account: { ...call.account, settings: {} } }, bench.input('bnd_1', known))
  assert.equal(hosted.kind, 'challenged')
  const little = { ...known, source: { ...known.source, payer: { held: ['iban'] as const, tail: '3000', country: 'DE' } } } as const
  const other = createBench(subject)
  assert.equal(
    (
      await other.bind(other.call('opn_1'), {
        ...other.input('bnd_1'),
        source: { ...little.source, type: 'bank_account', scheme: 'sepa_debit' },
      })
    ).kind,
    'challenged',
  )
})

test('what the bank has to approve is gone on with on GoCardless’ page', async () => {
  const bench = createBench(subject)
  const outcome = await begin(bench, risky)
  assert.ok(outcome.kind === 'challenged')
  assert.equal(kindOf(await afterChallenge(bench, outcome, true, risky)), 'bound')
})

test('a payer who leaves ends the request, so that no other tab can finish it', async () => {
  const bench = createBench(subject)
  const outcome = await begin(bench)
  assert.ok(outcome.kind === 'challenged' && outcome.action.type === 'redirect')
  const ended = await afterChallenge(bench, outcome, false)
  assert.deepEqual(ended.kind === 'refused' && [ended.category, ended.code], ['cancelled_by_customer', 'billing_request_cancelled'])
  assert.equal(bench.browse('POST', `${outcome.action.url}/complete`).status, 410)
  assert.equal(bench.effects('stored').length, 0)
  assert.ok((await readAll(bench)).some(one => one.news?.kind === 'refused' && one.operation === 'opn_1'))
})

test('a payer who left one tab after finishing in another is bound', async () => {
  const bench = createBench(subject)
  const outcome = await begin(bench)
  assert.ok(outcome.kind === 'challenged')
  await bench.play(outcome, true)
  assert.equal(kindOf(await goOn(bench, outcome.references, { payer_left: '1' })), 'bound')
})

test('a payer who never comes back is found by the webhook’s hint, and by a look', async () => {
  const bench = createBench(subject)
  const outcome = await begin(bench)
  assert.ok(outcome.kind === 'challenged')
  await bench.play(outcome, true)
  const hint = (await readAll(bench)).find(one => one.type === 'billing_requests.fulfilled')
  assert.deepEqual([hint?.operation, hint?.binding], ['opn_1', 'bnd_1'])
  assert.equal(kindOf(await goOn(bench, outcome.references, hint?.returned)), 'bound')
})

test('the flow’s end is told with the challenge', async () => {
  const bench = createBench(subject)
  const outcome = await begin(bench)
  assert.ok(outcome.kind === 'challenged')
  assert.equal(outcome.action.expiresAtMs, bench.clock.nowMs + 7 * 86_400_000)
})

test('a request whose page was lost is found by its mark, on whatever page of the list, and the payer is sent anew', async () => {
  const bench = createBench(subject)
  for (let i = 0; i < 3; i += 1) await bench.bind(bench.call(`opn_other${i}`), bench.input(`bnd_other${i}`))
  bench.fault('lost_after', '/billing_requests')
  assert.equal((await begin(bench)).kind, 'uncertain')
  for (let i = 0; i < 600; i += 1) {
    const call = bench.call(`opn_more${i}`)
    const lost = (request: ChannelRequest) =>
      request.url.endsWith('_flows') ? Promise.resolve({ status: 500, headers: {}, body: '' }) : call.send(request)
    await bench.bind({ ...call, send: lost }, bench.input(`bnd_more${i}`))
  }
  const found = await look(bench, {})
  assert.ok(found?.kind === 'challenged')
  assert.equal(kindOf(await afterChallenge(bench, found, true)), 'bound')
})

test('an answer about another mandate, or another binding’s request, decides nothing', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  bench.stage.faults.add({ match: { path: '/mandates/*' }, fault: 'other_object', times: 1 })
  assert.equal((await look(bench, bound.references))?.kind, 'uncertain')
  bench.stage.faults.add({ match: { path: '/mandates/*' }, fault: 'lost_before', times: 1 })
  assert.equal((await look(bench, bound.references))?.kind, 'uncertain')
  const resumed = await gocardless.resume?.(bench.call('opn_9'), {
    customer: 'cus_x',
    binding: 'bnd_9',
    references: bound.references,
    returned: {},
  })
  assert.equal(resumed?.kind, 'uncertain')
})

test('a mandate that ended is told as ended, not as refused; one that was replaced lives on as its successor', async () => {
  for (const [name, kind] of [
    ['mandate_cancelled', 'revoked'],
    ['mandate_failed', 'revoked'],
    ['mandate_expired', 'expired'],
    ['mandate_replaced', 'bound'],
  ] as const) {
    const bench = createBench(subject)
    const bound = await bindFully(bench)
    act(bench, name, bound.token)
    assert.equal((await look(bench, bound.references))?.kind, kind, name)
  }
})

test('a mandate that is replaced is followed to its successor, and that one is given up', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  act(bench, 'mandate_replaced', bound.token)
  const [next] = bench.stage.simulator.books().held.filter(one => one.usable)
  const told = (await readAll(bench)).find(one => one.type === 'mandates.replaced')
  assert.deepEqual(told?.news, { kind: 'updated', token: next?.token, references: { mandate: next?.token } })
  assert.equal((await revoke(bench, bound.token))?.kind, 'revoked')
  assert.equal(bench.stage.simulator.books().held.filter(one => one.usable).length, 0)
  assert.equal((await look(bench, { mandate: bound.token }, 'revoke'))?.kind, 'none', 'the old name does not tell of the new one')
})

test('a mandate that the bank takes back lives again, and says why', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  act(bench, 'mandate_cancelled', bound.token)
  act(bench, 'mandate_reinstated', bound.token)
  const kinds = (await readAll(bench)).flatMap(one => (one.news === undefined ? [] : [one.news.kind]))
  assert.deepEqual(kinds, ['revoked', 'reinstated'])
  assert.equal(kindOf(await goOn(bench, bound.references, undefined)), 'bound')
})

test('what GoCardless has not is refused before it is asked', async () => {
  const bench = createBench(subject)
  const input = bench.input('bnd_1')
  const source = { type: 'bank_account', scheme: 'becs', payer: { held: [], tail: '', country: 'AU' } } as const
  const becs = await bench.bind(bench.call('opn_1'), { ...input, source })
  assert.deepEqual(becs.kind === 'refused' && [becs.category, becs.elsewhere], ['not_supported', true])
  const dollars = input.terms === undefined ? undefined : { ...input.terms, currency: 'USD' }
  const money = await bench.bind(bench.call('opn_1'), { ...input, terms: dollars })
  assert.deepEqual(money.kind === 'refused' && [money.category, money.code], ['misconfigured', 'currency_of_another_scheme'])
  assert.equal(bench.stage.requests().length, 0)
})

test('a wrong token, version or body is answered as GoCardless answers it', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  const closed = await bench.bind({ ...call, account: { ...call.account, secrets: {} } }, bench.input('bnd_1'))
  assert.deepEqual(closed.kind === 'refused' && [closed.category, closed.code], ['misconfigured', 'access_token_not_found'])
})

test('a step or a page of a request that has moved on meanwhile refuses nothing: the next attempt finds what came of it', async () => {
  for (const [value, path] of [
    [known, '/actions/fulfil'],
    [createBench(subject).plain, '/billing_request_flows'],
  ] as const) {
    const bench = createBench(subject)
    const call = bench.call('opn_1', value)
    const moved = { reason: 'billing_request_not_pending', message: 'The billing request is not pending' }
    const error = { error: { type: 'invalid_state', code: 422, message: moved.message, errors: [moved] } }
    const send = async (request: ChannelRequest): Promise<ChannelAnswer> => {
      const answer = await call.send(request)
      return new URL(request.url).pathname.endsWith(path) ? { ...answer, status: 422, body: JSON.stringify(error) } : answer
    }
    const outcome = await bench.bind({ ...call, send }, bench.input('bnd_1', value))
    assert.equal(outcome.kind, 'uncertain', path)
    assert.equal((await bench.bind(call, bench.input('bnd_1', value))).kind, value === known ? 'bound' : 'challenged', path)
  }
})

test('each of two mandates is given up under a key of its own', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  act(bench, 'mandate_replaced', bound.token)
  assert.equal((await revoke(bench, bound.token))?.kind, 'revoked')
  const keys = bench.stage
    .requests()
    .filter(one => one.path.endsWith('/actions/cancel'))
    .map(one => one.headers['idempotency-key'])
  assert.deepEqual(keys, ['key_opn_6.cancel', 'key_opn_6.cancel1'])
})
