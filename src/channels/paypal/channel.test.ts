/** What the suite cannot know of PayPal: its door, its two tokens, the ways back from its page, and answers about somebody else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../core/secret.ts'
import type { BindOutcome, Call, ChannelAnswer, ChannelRequest, LookUpInput, References, Send } from '../channel.ts'
import { type Bench, bindFully, createBench, goOn, kindOf } from '../contract-bench.ts'
import { readAll } from '../contract-webhook.ts'
import { answerFaults } from '../faults.ts'
import { paypal } from './channel.ts'
import { byTitle, subject } from './subject.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const about = { customer: 'cus_contract', binding: 'bnd_1' }

async function begin(bench: Bench = createBench(subject)) {
  const first = await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
  if (first.kind !== 'challenged') throw new assert.AssertionError({ message: kindOf(first) })
  const { references } = first
  const ask = (call: Call, returned: Readonly<Record<string, string>> = {}) => paypal.resume?.(call, { ...about, references, returned })
  const resume = (operation: string, returned: Readonly<Record<string, string>> = {}) => ask(bench.call(operation), returned)
  const lookUp = (more: Partial<LookUpInput> = {}) =>
    paypal.lookUp?.(bench.call('opn_1'), { ...about, verb: 'bind', references, source: undefined, ...more })
  const approve = () => bench.play(first, true)
  return { bench, first, references, ask, resume, lookUp, approve }
}
const codeOf = (outcome: { readonly kind: string } | undefined) =>
  outcome !== undefined && 'code' in outcome ? String(outcome.code) : (outcome?.kind ?? '')

/** Sends on, but what `change` answers itself. */
function intercepted(send: Send, change: (request: ChannelRequest) => ChannelAnswer | undefined): Send {
  return request => {
    const answer = change(request)
    return answer === undefined ? send(request) : Promise.resolve(answer)
  }
}
const json = (status: number, body: unknown): ChannelAnswer => ({ status, headers: {}, body: JSON.stringify(body) })
const error = (status: number, name: string, issue?: string): ChannelAnswer =>
  json(status, { name, message: 'm', debug_id: 'd', ...(issue === undefined ? {} : { details: [{ issue }] }) })

test('the agreement is asked for in the words of the guide, and comes back by two ways', async () => {
  const { bench, first } = await begin()
  const [door, asked] = bench.stage.requests()
  assert.deepEqual([door?.method, door?.path, door?.body], ['POST', '/v1/oauth2/token', 'grant_type=client_credentials'])
  assert.equal(asked?.headers['paypal-request-id'], 'key_opn_1.setup')
  assert.deepEqual(JSON.parse(asked?.body ?? ''), {
    customer: { merchant_customer_id: 'bnd_1' },
    payment_source: {
      paypal: {
        description: 'ACME subscription',
        permit_multiple_payment_tokens: true,
        usage_type: 'MERCHANT',
        customer_type: 'CONSUMER',
        experience_context: {
          shipping_preference: 'NO_SHIPPING',
          return_url: 'https://pay.example.com/return?token=unguessable',
          cancel_url: 'https://pay.example.com/return?token=unguessable&cancelled=true',
        },
      },
    },
  })
  assert.match(first.action.type === 'redirect' ? first.action.url : '', /approval_session_id=/)
})

test('a description PayPal would not take is left out, and terms are not needed', async () => {
  const terms = byTitle('PayPal wallet').terms
  if (terms === undefined) return assert.fail()
  for (const more of [{ terms: { ...terms, description: 'Ärger & Söhne' } }, { terms: undefined }]) {
    const bench = createBench(subject)
    assert.equal((await bench.bind(bench.call('opn_1'), bench.input('bnd_1', undefined, more))).kind, 'challenged')
    assert.ok(!(bench.stage.requests()[1]?.body ?? '').includes('description'))
    assert.deepEqual(bench.stage.violations(), [])
  }
})

test('another wallet, or another way into this one, is refused before anything is sent', async () => {
  const payer = { held: [], tail: '', country: 'US' } as const
  for (const source of [
    { type: 'wallet', brand: 'gcash', payer },
    { type: 'wallet', brand: 'paypal', by: 'qr', payer },
    { type: 'carrier_account', payer },
  ] as const) {
    const bench = createBench(subject)
    const outcome = await bench.bind(bench.call('opn_1'), bench.input('bnd_1', undefined, { source }))
    assert.deepEqual(outcome.kind === 'refused' && [outcome.by, outcome.category, outcome.elsewhere], ['channel', 'not_supported', true])
    assert.equal(bench.stage.requests().length, 0)
  }
})

test('a wrong secret is refused at the door of a bind, and says nothing about what was asked before', async () => {
  const { bench, ask, references } = await begin()
  const { token } = await bindFully(createBench(subject))
  const strange = (call: Call): Call => {
    const secrets = { ...call.account.secrets, clientSecret: new Secret('wrong') }
    return { ...call, account: { ...call.account, secrets } }
  }
  const outcome = await bench.bind(strange(bench.call('opn_2')), bench.input('bnd_2'))
  assert.deepEqual(outcome.kind === 'refused' && [outcome.by, outcome.category, outcome.code, outcome.elsewhere], [
    'channel',
    'misconfigured',
    'invalid_client',
    true,
  ])
  assert.equal((await ask(strange(bench.call('opn_3'))))?.kind, 'uncertain')
  assert.equal((await paypal.revoke?.(strange(bench.call('opn_4')), { ...about, token, references }))?.kind, 'uncertain')
  const asked = { ...about, verb: 'resume' as const, references, source: undefined }
  assert.equal((await paypal.lookUp?.(strange(bench.call('opn_5')), asked))?.kind, 'uncertain')
})

test('an access token that was just given and is not taken proves nothing', async () => {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  const send = intercepted(call.send, request => (request.url.includes('/v3/') ? error(401, 'AUTHENTICATION_FAILURE') : undefined))
  assert.equal((await bench.bind({ ...call, send }, bench.input('bnd_1'))).kind, 'uncertain')
})

test('what is not PayPal speaking decides nothing behind the door either', async () => {
  const bodies = ['', 'null', '{}', '{"status":"APPROVED"}', '<html>', '{"id":', '{"name":"x"}', '{"id":"X","status":"APPROVED","links":[]']
  for (const status of [200, 201, 202, 204, 302, 400, 404, 409, 422, 429, 500, 503])
    for (const body of bodies) {
      const bench = createBench(subject)
      const call = bench.call('opn_1')
      const send = intercepted(call.send, request => (request.url.includes('/v3/') ? { status, headers: {}, body } : undefined))
      const outcome = await bench.bind({ ...call, send }, bench.input('bnd_1'))
      assert.equal(outcome.kind, 'uncertain', `${status} ${body}`)
    }
})

test('the customer who cancels is believed, unless PayPal knows better', async () => {
  const { bench, first, resume, approve } = await begin()
  const back = await bench.play(first, false)
  assert.equal(back?.cancelled, 'true')
  const refused = await resume('opn_2', back)
  assert.deepEqual(refused?.kind === 'refused' && [refused.category, refused.elsewhere], ['cancelled_by_customer', false])
  await approve()
  assert.equal((await resume('opn_3', back))?.kind, 'bound')
})

test('a customer who agreed and never came back is found by a look-up', async () => {
  const { bench, lookUp, approve } = await begin()
  assert.equal((await lookUp())?.kind, 'challenged')
  await approve()
  assert.equal((await lookUp())?.kind, 'bound')
  assert.equal((await lookUp({ verb: 'resume' }))?.kind, 'bound')
  assert.equal(bench.effects('stored').length, 1)
})

for (const path of ['/v3/vault/setup-tokens/*', '/v3/vault/payment-tokens'])
  for (const fault of answerFaults.filter(one => one !== 'wrong_money')) {
    test(`an exchange whose answer at ${path} is ${fault} is uncertain, and stores once`, async () => {
      const { bench, resume, approve } = await begin()
      await approve()
      bench.fault(fault, path)
      assert.equal((await resume('opn_2'))?.kind, 'uncertain')
      // Under another key: PayPal itself knows that the setup token was used.
      assert.equal((await resume('opn_3'))?.kind, 'bound')
      assert.equal(bench.effects('stored').length, 1)
      assert.deepEqual(bench.stage.violations(), [])
    })
  }

test('a setup token that somebody exchanged in between is found among the customer’s', async () => {
  const { bench, ask, resume, approve } = await begin()
  await approve()
  const call = bench.call('opn_9')
  const raced: Send = async request => {
    const answer = await call.send(request)
    if (request.method === 'GET' && request.url.includes('setup-tokens')) await resume('opn_2')
    return answer
  }
  assert.equal((await ask({ ...call, send: raced }))?.kind, 'bound')
  assert.ok(bench.stage.requests().some(one => one.status === 422))
  assert.equal(bench.effects('stored').length, 1)
})

test('after three days an agreement can be made no more; one that was made stands', async () => {
  const { bench, resume, approve, lookUp } = await begin()
  bench.clock.nowMs += 3 * dayMs
  assert.equal(codeOf(await resume('opn_2')), 'setup_token_expired')
  assert.equal(codeOf(await lookUp()), 'setup_token_expired')
  await approve()
  assert.equal(bench.effects('stored').length, 0)
  const other = await begin()
  await other.approve()
  await other.resume('opn_2')
  other.bench.clock.nowMs += 3 * dayMs
  assert.equal((await other.resume('opn_3'))?.kind, 'bound')
})

test('a setup token whose answer was lost is dead: nobody has its link', async () => {
  const bench = createBench(subject)
  bench.fault('lost_after', '/v3/vault/setup-tokens')
  const lost = await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
  const references = lost.kind === 'uncertain' ? lost.references : undefined
  assert.deepEqual(references, { request_id: 'key_opn_1.setup' })
  const ask = (known: References) => paypal.lookUp?.(bench.call('opn_1'), { ...about, verb: 'bind', references: known, source: undefined })
  const found = await ask(references ?? {})
  assert.deepEqual(found?.kind === 'refused' && [found.by, found.category, found.elsewhere], ['channel', 'try_later', true])
  assert.equal((await ask({}))?.kind, 'none')
})

test('an answer about another token, customer or binding, or about no wallet, decides nothing', async () => {
  const { bench, ask, approve, references } = await begin()
  await approve()
  const { setup_token: id = '', vault_customer: customer = '' } = references
  const setup = { id, status: 'APPROVED', customer: { id: customer, merchant_customer_id: 'bnd_1' }, links: [] }
  const payment = { id: 'pt1', customer: setup.customer, payment_source: { paypal: { payer_id: 'AJM9JTWQJCFTA' } } }
  const withAnswers = (one: unknown, other: unknown, list?: unknown) => {
    const call = bench.call('opn_2')
    const send = intercepted(call.send, request => {
      if (request.url.includes('/v3/vault/setup-tokens')) return json(200, one)
      if (request.url.includes('/v3/vault/payment-tokens')) return json(200, request.method === 'GET' ? list : other)
      return undefined
    })
    return ask({ ...call, send })
  }
  assert.equal((await withAnswers(setup, payment))?.kind, 'bound')
  for (const strange of [{ id: 'X' }, { customer: { id: 'X' } }, { customer: { id: customer, merchant_customer_id: 'bnd_2' } }])
    assert.equal((await withAnswers({ ...setup, ...strange }, payment))?.kind, 'uncertain', JSON.stringify(strange))
  for (const strange of [
    { customer: { id: 'X' } },
    { customer: { id: customer, merchant_customer_id: 'bnd_2' } },
    { payment_source: { card: { last_digits: '1111' } } },
  ])
    assert.equal((await withAnswers(setup, { ...payment, ...strange }))?.kind, 'uncertain', JSON.stringify(strange))
  const used = { ...setup, status: 'TOKENIZED' }
  const list = (tokens: readonly unknown[], of: unknown = { id: customer }) => ({ customer: of, payment_tokens: tokens })
  assert.equal((await withAnswers(used, payment, list([payment])))?.kind, 'bound')
  assert.equal((await withAnswers(used, payment, list([])))?.kind, 'uncertain')
  assert.equal((await withAnswers(used, payment, list([payment, { ...payment, id: 'pt2' }])))?.kind, 'uncertain')
  assert.equal((await withAnswers({ ...used, status: 'VAULTED' }, payment, list([payment])))?.kind, 'bound')
  assert.equal((await withAnswers({ ...used, status: 'OF_THE_FUTURE' }, payment, list([payment])))?.kind, 'uncertain')
  for (const href of ['javascript:alert(1)', '/relative', ''])
    assert.equal((await withAnswers({ ...setup, status: 'CREATED', links: [{ rel: 'approve', href }] }, payment))?.kind, 'uncertain', href)
})

test('a setup token that is gone while the list is about another customer decides nothing', async () => {
  const { bench, ask } = await begin()
  const call = bench.call('opn_2')
  const send = intercepted(call.send, request => {
    if (request.url.includes('/v3/vault/setup-tokens')) return error(404, 'RESOURCE_NOT_FOUND')
    return request.url.includes('/v3/vault/payment-tokens') ? json(200, { customer: { id: 'X' }, payment_tokens: [] }) : undefined
  })
  assert.equal((await ask({ ...call, send }))?.kind, 'uncertain')
})

test('what is bound shows the wallet masked, and is recognised by its payer', async () => {
  const bound = await bindFully(createBench(subject))
  assert.equal(bound.identity?.kind, 'wallet')
  assert.match(bound.identity?.value ?? '', /^[2-9A-HJ-NP-Z]{13}$/)
  assert.equal(bound.shown?.brand, 'paypal')
  assert.match(bound.shown?.handle ?? '', /^s\*\*\*@personal\.example\.com$/)
  assert.equal(bound.references.payment_token, bound.token)
})

test('two bindings of one payer are two tokens: revoking one leaves the other', async () => {
  const bench = createBench(subject)
  const one = await bindFully(bench)
  const second = await bench.bind(bench.call('opn_8'), bench.input('bnd_2'))
  if (second.kind !== 'challenged') return assert.fail(kindOf(second))
  await bench.play(second, true)
  const asked = { customer: 'cus_contract', binding: 'bnd_2', references: second.references, returned: {} }
  const other = await paypal.resume?.(bench.call('opn_9'), asked)
  assert.ok(other?.kind === 'bound' && other.token !== one.token)
  assert.notEqual(second.references.vault_customer, one.references.vault_customer)
  await paypal.revoke?.(bench.call('opn_6'), { ...about, token: one.token, references: one.references })
  assert.deepEqual(
    bench.stage.simulator.books().held.map(held => [held.token, held.usable]),
    [
      [one.token, false],
      [other.token, true],
    ],
  )
})

for (const fault of answerFaults.filter(one => !['half_json', 'empty', 'other_object', 'wrong_money'].includes(one))) {
  test(`a deletion whose answer is ${fault} is uncertain, and done when asked again`, async () => {
    const bench = createBench(subject)
    const { token, references } = await bindFully(bench)
    const revoke = (operation: string) => paypal.revoke?.(bench.call(operation), { ...about, token, references })
    bench.fault(fault, '/v3/vault/payment-tokens/*')
    assert.equal((await revoke('opn_6'))?.kind, 'uncertain')
    assert.equal((await revoke('opn_6'))?.kind, 'revoked')
    assert.equal(bench.effects('removed').length, 1)
    assert.deepEqual(bench.stage.violations(), [])
  })
}

test('only PayPal saying so makes a token gone', async () => {
  const bench = createBench(subject)
  const { token, references } = await bindFully(bench)
  const revokeWith = (answer: ChannelAnswer) => {
    const call = bench.call('opn_6')
    const send = intercepted(call.send, request => (request.method === 'DELETE' ? answer : undefined))
    return paypal.revoke?.({ ...call, send }, { ...about, token, references })
  }
  assert.equal((await revokeWith(json(200, {})))?.kind, 'uncertain')
  assert.equal((await revokeWith({ status: 404, headers: {}, body: 'not here' }))?.kind, 'uncertain')
  assert.equal((await revokeWith(error(404, 'SOMETHING_ELSE')))?.kind, 'refused')
  assert.equal((await revokeWith(error(403, 'NOT_AUTHORIZED', 'PERMISSION_DENIED')))?.kind, 'refused')
  assert.equal((await revokeWith(error(422, 'UNPROCESSABLE_ENTITY', 'MOON_PHASE')))?.kind, 'refused')
  assert.equal((await revokeWith(error(404, 'RESOURCE_NOT_FOUND')))?.kind, 'revoked')
  const lookUp = () => paypal.lookUp?.(bench.call('opn_7'), { ...about, verb: 'revoke', references, source: undefined })
  assert.equal((await lookUp())?.kind, 'none')
  bench.stage.simulator.act('payer_cancels', token, {
    nowMs: bench.clock.nowMs,
    random: n => Buffer.alloc(n, 7),
    address: 'http://127.0.0.1:9',
  })
  assert.equal((await lookUp())?.kind, 'revoked')
  assert.equal((await revokeWith(error(422, 'UNPROCESSABLE_ENTITY', 'MOON_PHASE')))?.kind, 'revoked')
})

test('the webhooks of a binding’s life tell it by token, customer and binding', async () => {
  const bench = createBench(subject)
  const { token, references, shown, identity } = await bindFully(bench)
  const customer = references.vault_customer ?? ''
  const [created] = await readAll(bench)
  assert.deepEqual(created?.names, [token, customer])
  assert.equal(created?.binding, 'bnd_1')
  assert.deepEqual(created?.news, { kind: 'bound', token, references: { payment_token: token, vault_customer: customer }, shown, identity })
  bench.stage.simulator.act('payer_cancels', token, {
    nowMs: bench.clock.nowMs,
    random: n => Buffer.alloc(n, 7),
    address: 'http://127.0.0.1:9',
  })
  assert.deepEqual(
    (await readAll(bench)).map(one => [one.type, one.news, one.binding]),
    [
      ['VAULT.PAYMENT-TOKEN.DELETION-INITIATED', { kind: 'revoking' }, 'bnd_1'],
      ['VAULT.PAYMENT-TOKEN.DELETED', { kind: 'revoked' }, 'bnd_1'],
    ],
  )
  assert.deepEqual(bench.stage.violations(), [])
})

test('what our account may not do may be done elsewhere; what the payer may not, nowhere', async () => {
  const bench = createBench(subject)
  const off = byTitle('Our PayPal account may not save wallets')
  const ours: BindOutcome = await bench.bind(bench.call('opn_1', off), bench.input('bnd_1', off))
  assert.deepEqual(ours.kind === 'refused' && [ours.by, ours.elsewhere], ['channel', true])
  const restricted = byTitle('PayPal account that is restricted')
  const first = await bench.bind(bench.call('opn_2', restricted), bench.input('bnd_2', restricted))
  if (first.kind !== 'challenged') return assert.fail(kindOf(first))
  await bench.play(first, true)
  const payers = await goOn(bench, first.references, {}, restricted, 'opn_3')
  // Under another binding's name: nothing of it is believed.
  assert.equal(payers.kind, 'uncertain')
  const right = await paypal.resume?.(bench.call('opn_4'), { ...about, binding: 'bnd_2', references: first.references, returned: {} })
  assert.deepEqual(right?.kind === 'refused' && [right.by, right.elsewhere], ['issuer', false])
})

test('a setup token that another of ours exchanged meanwhile is no refusal: its payment token is found', async () => {
  const { bench, approve, ask, resume } = await begin()
  await approve()
  const call = bench.call('opn_3')
  // Between our reading and our exchange the look-up made it.
  const send = intercepted(call.send, request =>
    request.method === 'POST' && request.url.endsWith('/payment-tokens') ? error(404, 'RESOURCE_NOT_FOUND') : undefined,
  )
  assert.equal((await ask({ ...call, send }))?.kind, 'uncertain', 'not there yet')
  const made = await resume('opn_4')
  assert.ok(made?.kind === 'bound')
  const stale = intercepted(send, request =>
    request.method === 'GET' && /\/setup-tokens\//.test(request.url)
      ? json(200, { id: made.references.setup_token, status: 'APPROVED', links: [] })
      : undefined,
  )
  const found = await ask({ ...call, send: stale })
  assert.ok(found?.kind === 'bound' && found.token === made.token, found?.kind)
})

test('a list of tokens that is another customer’s is not believed, whatever stands in it', async () => {
  const { bench, approve, ask, resume } = await begin()
  await approve()
  const made = await resume('opn_3')
  assert.ok(made?.kind === 'bound')
  const call = bench.call('opn_4')
  const send = intercepted(call.send, request =>
    request.url.includes('customer_id=')
      ? json(200, { customer: { id: 'other' }, payment_tokens: [{ id: 'stranger', payment_source: { paypal: {} } }] })
      : undefined,
  )
  assert.equal((await ask({ ...call, send }))?.kind, 'uncertain')
})
