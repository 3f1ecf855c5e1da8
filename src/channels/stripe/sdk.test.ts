/** The three-way proof: specification, official SDK and our adapter agree on the wire; and the judge is shown to bite. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import Stripe from 'stripe'
import type { SandboxValue, Send } from '../channel.ts'
import { accountOf, createBench, credentialsOf, filling, judgeOf } from '../contract-bench.ts'
import { specJudge, specsDirOf } from '../judge.ts'
import { serveSimulator } from '../simulator-server.ts'
import type { Recorded } from '../stage.ts'
import { stripe } from './channel.ts'
import { createStripeJudge } from './judged.ts'
import { byGive, byNumber, subject } from './subject.ts'

const [credentials] = credentialsOf(subject)
const secretKey = credentials.secrets.secretKey ?? ''
const skip = judgeOf(subject) === undefined ? 'SPECS_DIR has no specifications' : false

async function serve() {
  return serveSimulator(subject.sandbox.createSimulator(credentials), {
    judge: judgeOf(subject),
    webhookSecrets: [credentials.signing],
    now: () => 1_795_348_800_000,
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
}

const sendByFetch: Send = async request => {
  const answer = await fetch(request.url, {
    method: request.method,
    headers: { ...request.headers },
    ...(request.body === undefined ? {} : { body: request.body }),
  })
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
}

/** What stands on the wire, without what must differ: ids the channel drew, keys, the SDK's own headers; list indexes are one notation. */
function normalised(requests: readonly Recorded[]): readonly string[] {
  const names = (text: string) => text.replaceAll(/\b(cus|pm|seti|setatt|mandate)_[0-9A-Za-z]+/g, '$1_*')
  return requests
    .filter(one => one.path.startsWith('/v1/'))
    .map(one => {
      const fields = [...new URLSearchParams(one.method === 'GET' ? one.query : one.body)]
        .map(([name, value]) => names(`${name.replaceAll(/\[\d*\]/g, '[]')}=${value}`))
        .sort()
      const type = one.body === '' ? '' : (one.headers['content-type'] ?? '')
      // The SDK gives every POST a key; a detach of ours has none, as it is harmless twice.
      const key = one.headers['idempotency-key'] === undefined || one.path.endsWith('/detach') ? 'no key' : 'key'
      return [one.method, names(one.path), one.headers['stripe-version'], type, key, ...fields].join(' ')
    })
}

const marks = { bindery_operation: 'opn_1', bindery_binding: 'bnd_1' }

function clientAt(address: string): Stripe {
  const { hostname, port } = new URL(address)
  // The SDK's types know its newest version only; the judged one goes in as the option allows at run time.
  const options = { apiVersion: '2023-08-16', host: hostname, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false }
  return Reflect.construct(Stripe, [secretKey, options]) as Stripe // the one edge: an older version than the types allow
}

async function scenarioOfSdk(address: string): Promise<void> {
  const client = clientAt(address)
  const idempotencyKey = (name: string) => ({ idempotencyKey: `sdk.${name}` })
  const customer = await client.customers.create({ metadata: { bindery_customer: 'cus_contract' } }, idempotencyKey('customer'))
  const method = await client.paymentMethods.create(
    {
      type: 'card',
      card: { number: '4242424242424242', exp_month: 3, exp_year: 2030, cvc: '737' },
      billing_details: { name: 'Ada' },
      metadata: marks,
    },
    idempotencyKey('method'),
  )
  // `payment_method_types` belongs to the judged version; the newest types know it no more.
  const setup = {
    customer: customer.id,
    payment_method: method.id,
    payment_method_types: ['card'],
    confirm: true,
    return_url: 'https://pay.example.com/return?token=unguessable',
    metadata: marks,
    expand: ['latest_attempt', 'payment_method'],
  }
  const intent = await client.setupIntents.create(setup, idempotencyKey('setup'))
  assert.equal(intent.status, 'succeeded')
  const again = await client.setupIntents.retrieve(intent.id, { expand: ['latest_attempt', 'payment_method'] })
  assert.equal(again.id, intent.id)
  const listed = await client.setupIntents.list({
    customer: customer.id,
    limit: 100,
    expand: ['data.latest_attempt', 'data.payment_method'],
  })
  assert.deepEqual(
    listed.data.map(one => one.id),
    [intent.id],
  )
  assert.equal((await client.paymentMethods.detach(method.id)).customer, null)
}

const acceptance = { type: 'online' as const, online: { ip_address: '203.0.113.7', user_agent: 'Mozilla/5.0' } }
const consent = {
  mandate_data: { customer_acceptance: acceptance },
  description: 'ACME subscription',
  metadata: { ...marks, bindery_contract: 'ACME-42' },
  confirm: true,
  return_url: 'https://pay.example.com/return?token=unguessable',
  expand: ['latest_attempt', 'payment_method'],
}
const billing = { name: 'Jenny "JR" Rosen & Co', email: 'jenny@example.com' }

async function bankScenarioOfSdk(address: string): Promise<void> {
  const client = clientAt(address)
  const { id: customer } = await client.customers.create({ metadata: { bindery_customer: 'cus_contract' } })
  const account = await client.paymentMethods.create({
    type: 'us_bank_account',
    us_bank_account: { account_holder_type: 'individual', account_number: '000123456789', routing_number: '110000000' },
    billing_details: billing,
    metadata: marks,
  })
  const ach = {
    ...consent,
    customer,
    payment_method: account.id,
    payment_method_types: ['us_bank_account'],
    payment_method_options: { us_bank_account: { verification_method: 'microdeposits' as const } },
  }
  const intent = await client.setupIntents.create(ach)
  assert.equal(intent.next_action?.verify_with_microdeposits?.microdeposit_type, 'descriptor_code')
  const expand = ['latest_attempt', 'payment_method']
  const wrong = client.setupIntents.verifyMicrodeposits(intent.id, { descriptor_code: 'SM99ZZ', expand })
  await assert.rejects(wrong, { code: 'payment_method_microdeposit_verification_descriptor_code_mismatch' })
  assert.equal((await client.setupIntents.retrieve(intent.id, { expand })).status, 'requires_action')
  assert.equal((await client.setupIntents.verifyMicrodeposits(intent.id, { descriptor_code: 'SM11AA', expand })).status, 'succeeded')

  const debit = await client.paymentMethods.create({
    type: 'sepa_debit',
    sepa_debit: { iban: 'DE89370400440532013000' },
    billing_details: billing,
    metadata: marks,
  })
  const sepa = { ...consent, customer, payment_method: debit.id, payment_method_types: ['sepa_debit'] }
  assert.equal((await client.setupIntents.create(sepa)).status, 'succeeded')
}

async function bankScenarioOfAdapter(address: string): Promise<void> {
  const bench = createBench(subject)
  const account = { ...accountOf(credentials), address }
  const call = (operation: string, value: SandboxValue) => ({
    operation: 'opn_1',
    key: `key_${operation}`,
    account,
    send: filling(sendByFetch, value),
  })
  const [ach, sepa] = [byGive('accountNumber', '000123456789'), byGive('iban', 'DE89370400440532013000')]
  const first = await bench.bind(call('1', ach), bench.input('bnd_1', ach))
  if (first.kind !== 'challenged') throw new assert.AssertionError({ message: first.kind })
  const { references } = first
  const answer = (operation: string, code: string) =>
    stripe.resume?.(call(operation, ach), {
      customer: 'cus_contract',
      binding: 'bnd_1',
      references,
      returned: { descriptor_code: code },
    })
  assert.equal((await answer('2', 'SM99ZZ'))?.kind, 'challenged')
  assert.equal((await answer('3', 'SM11AA'))?.kind, 'bound')
  const second = await bench.bind(call('4', sepa), bench.input('bnd_1', sepa, { channelCustomer: references.customer }))
  assert.equal(second.kind, 'bound')
}

async function scenarioOfAdapter(address: string): Promise<void> {
  const bench = createBench(subject)
  const value = { ...bench.plain, give: { ...bench.plain.give, holder: 'Ada' } }
  const account = { ...accountOf(credentials), address }
  const call = { operation: 'opn_1', key: 'key_1', account, send: filling(sendByFetch, value) }
  const bound = await bench.bind(call, bench.input('bnd_1'))
  if (bound.kind !== 'bound') throw new assert.AssertionError({ message: bound.kind })
  const about = { customer: 'cus_contract', binding: 'bnd_1' }
  const { customer = '' } = bound.references
  assert.equal((await subject.channel.resume?.(call, { ...about, references: bound.references, returned: {} }))?.kind, 'bound')
  assert.equal(
    (await subject.channel.lookUp?.(call, { ...about, verb: 'bind', references: { customer }, source: undefined }))?.kind,
    'bound',
  )
  assert.equal((await subject.channel.revoke?.(call, { ...about, token: bound.token, references: bound.references }))?.kind, 'revoked')
}

for (const { what, ofSdk, ofAdapter, count } of [
  { what: 'cards', ofSdk: scenarioOfSdk, ofAdapter: scenarioOfAdapter, count: 6 },
  { what: 'bank accounts', ofSdk: bankScenarioOfSdk, ofAdapter: bankScenarioOfAdapter, count: 8 },
])
  test(`the official SDK and our adapter say the same on the wire: ${what}`, { skip }, async () => {
    const [theirs, ours] = [await serve(), await serve()]
    try {
      await ofSdk(theirs.address)
      await ofAdapter(ours.address)
      assert.deepEqual(theirs.violations(), [])
      assert.deepEqual(ours.violations(), [])
      // The SDK writes the month as a number, the vault as two digits: the same integer.
      const said = normalised(ours.requests()).map(one => one.replace('card[exp_month]=03', 'card[exp_month]=3'))
      assert.deepEqual(said, normalised(theirs.requests()))
      assert.equal(said.length, count)
    } finally {
      await theirs.close()
      await ours.close()
    }
  })

test('the official SDK believes the simulator’s signatures, and its own test headers are believed by us', async () => {
  const bench = createBench(subject)
  await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
  const client = new Stripe('sk_test_contract')
  for (const delivery of bench.deliveries()) {
    const header = delivery.headers['stripe-signature'] ?? ''
    const event = client.webhooks.constructEvent(delivery.body, header, credentials.signing, 300, undefined, bench.clock.nowMs)
    assert.equal(event.id, delivery.event.id)
    const timestamp = Math.floor(bench.clock.nowMs / 1_000)
    const theirs = client.webhooks.generateTestHeaderString({ payload: delivery.body, secret: credentials.signing, timestamp })
    assert.equal(theirs, header)
  }
})

test('dropping, renaming or mistyping what the adapter must send turns the judge red', { skip }, async () => {
  if (specJudge(specsDirOf()) === 'off') return
  const judge = createStripeJudge(specsDirOf())
  const bench = createBench(subject)
  const sent: { path: string; body: string }[] = []
  const call = bench.call('opn_1')
  const send: Send = request => {
    sent.push({ path: new URL(request.url).pathname, body: request.body ?? '' })
    return call.send(request)
  }
  await bench.bind({ ...call, send: filling(send, bench.plain) }, bench.input('bnd_1'))
  const check = (path: string, fields: readonly (readonly [string, string])[]) =>
    judge.checkRequest({
      method: 'POST',
      path,
      query: '',
      headers: {},
      contentType: 'application/x-www-form-urlencoded',
      body: fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&'),
    })
  const required = new Set(['card[number]', 'card[exp_month]', 'card[exp_year]'])
  const mistyped: Readonly<Record<string, string>> = {
    'card[exp_month]': 'march',
    'card[exp_year]': '20x0',
    confirm: 'yes',
    type: 'crad',
  }
  const bitten = { dropped: 0, renamed: 0, mistyped: 0 }
  for (const { path, body } of sent) {
    const fields = [...new URLSearchParams(body)]
    assert.deepEqual(check(path, fields), [])
    for (const [index, [name]] of fields.entries()) {
      const others = fields.filter((_, at) => at !== index)
      if (required.has(name)) {
        assert.notEqual(check(path, others).length, 0, `${path} without ${name}`)
        bitten.dropped += 1
      }
      // Marks are free names; every other name is one the specification knows.
      if (!name.startsWith('metadata[')) {
        const renamed = name.replace(/(\w+)(\[\d+\])?(\]?)$/, 'x$1$2$3')
        assert.notEqual(check(path, [...others, [renamed, fields[index]?.[1] ?? '']]).length, 0, `${path} with ${renamed}`)
        bitten.renamed += 1
      }
      const wrong = mistyped[name]
      if (wrong !== undefined) {
        assert.notEqual(check(path, [...others, [name, wrong]]).length, 0, `${path} with ${name}=${wrong}`)
        bitten.mistyped += 1
      }
    }
  }
  assert.deepEqual(bitten, { dropped: 3, renamed: 13, mistyped: 4 })
})

test('what the specification lets the adapter forget, the suite misses: no mark, customer, confirmation or return address can go', async () => {
  for (const name of [
    'customer',
    'payment_method',
    'confirm',
    'metadata[bindery_binding]',
    'metadata[bindery_operation]',
    'return_url',
    'type',
  ]) {
    const bench = createBench(subject)
    const call = bench.call('opn_1', byNumber('4000002760003184'))
    const send: Send = request =>
      call.send({
        ...request,
        body: (request.body ?? '')
          .split('&')
          .filter(field => !field.startsWith(`${name}=`))
          .join('&'),
      })
    const outcome = await bench.bind({ ...call, send }, bench.input('bnd_1', byNumber('4000002760003184')))
    const intent = bench.stage.simulator.books().effects.find(one => one.effect === 'challenged')
    const wire = bench.stage.requests().at(-1)?.body ?? ''
    const whole = outcome.kind === 'challenged' && intent?.reference === 'opn_1' && wire.includes('return_url=')
    assert.ok(!whole || name === 'type', `without ${name} nobody noticed`)
  }
})
