/** What the suite cannot know: when 3-D Secure is asked for, what exactly goes out, and Checkout.com's odd answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindOutcome, Call, ChannelAnswer, ChannelRequest, LookUpOutcome } from '../channel.ts'
import { afterChallenge, createBench, kindOf } from '../contract-bench.ts'
import { checkout } from './channel.ts'
import { subject } from './subject.ts'

const sandboxValue = (title: string) => {
  const found = checkout.sandboxValues.find(one => one.title === title)
  assert.ok(found !== undefined, title)
  return found
}
const plain = sandboxValue('Visa, stored at once')
const asked = sandboxValue('Visa whose issuer wants 3-D Secure')
const apple = sandboxValue('Apple Pay on a Visa')
const pan = sandboxValue('Google Pay on a Visa, the card itself')

const isAnswer = (value: object): value is Pick<ChannelAnswer, 'status' | 'body'> => 'status' in value && typeof value.status === 'number'

/** One call whose requests are kept and whose answers are these (a body alone is a 201), the last one for all that follow. */
function scripted(answers: readonly object[], value = plain, settings: object = {}) {
  const bench = createBench(subject)
  const sent: ChannelRequest[] = []
  const call = bench.call('opn_1', value)
  const send: Call['send'] = request => {
    const answer = answers[Math.min(sent.length, answers.length - 1)] ?? {}
    sent.push(request)
    return Promise.resolve(isAnswer(answer) ? { headers: {}, ...answer } : { status: 201, headers: {}, body: JSON.stringify(answer) })
  }
  const account = { ...call.account, settings: { ...call.account.settings, ...settings } }
  return { call: { ...call, account, send }, input: bench.input('bnd_1', value), sent }
}
const bind = async (of: ReturnType<typeof scripted>): Promise<BindOutcome> => {
  assert.ok(checkout.bind !== undefined)
  return checkout.bind(of.call, of.input)
}
const verified = {
  id: `pay_${'a'.repeat(26)}`,
  status: 'Card Verified',
  approved: true,
  amount: 0,
  currency: 'USD',
  reference: 'opn_1',
  response_code: '10000',
  source: { id: `src_${'b'.repeat(26)}`, type: 'card', last4: '4242', scheme: 'Visa', expiry_month: 3, expiry_year: 2030 },
  scheme_id: '489341065491658',
  processing: { scheme_transaction_link_id: 'tlid' },
}
const declined = (code: string) => ({ ...verified, status: 'Declined', approved: false, response_code: code, source: undefined })
const bodyOf = (request: ChannelRequest | undefined) => JSON.parse(request?.body ?? '{}')

test('a card is verified for nothing: no secret but in placeholders, and our marks on it', async () => {
  const of = scripted([verified])
  const outcome = await bind(of)
  assert.deepEqual(outcome, {
    kind: 'bound',
    token: verified.source.id,
    references: { payment: verified.id, source: verified.source.id },
    shown: { brand: 'visa', last4: '4242', expiryMonth: 3, expiryYear: 2030 },
    networkTransactionId: '489341065491658',
    transactionLinkId: 'tlid',
  })
  const [request] = of.sent
  assert.deepEqual(bodyOf(request), {
    source: {
      type: 'card',
      number: '{{card.number}}',
      expiry_month: 3,
      expiry_year: 2030,
      name: '{{card.holder}}',
      cvv: '{{card.securityCode}}',
    },
    amount: 0,
    currency: 'USD',
    reference: 'opn_1',
    '3ds': { enabled: false },
    processing_channel_id: of.call.account.settings.processingChannelId,
    payment_ip: '203.0.113.7',
    metadata: { bindery_operation: 'opn_1', bindery_binding: 'bnd_1' },
  })
  const { secretKey } = of.call.account.secrets
  assert.deepEqual(request?.headers, {
    authorization: `Bearer ${secretKey?.reveal()}`,
    'content-type': 'application/json',
    'cko-idempotency-key': 'key_opn_1',
  })
  assert.equal(request?.placeholders, true)
})

test('what is not there is left out: no null, no empty text, no address that is not IPv4', async () => {
  const of = scripted([verified], {
    ...plain,
    source: { type: 'card', card: { brand: 'visa', last4: '4242', expiryMonth: 3, expiryYear: 2030, securityCode: false, holder: false } },
  })
  await bind({ ...of, input: { ...of.input, client: { ip: '2001:db8::1' } } })
  const body = bodyOf(of.sent[0])
  assert.deepEqual(Object.keys(body.source), ['type', 'number', 'expiry_month', 'expiry_year'])
  assert.ok(!('payment_ip' in body) && !('success_url' in body))
})

test('when the issuer wants 3-D Secure, the same is asked again with it, under a key of its own', async () => {
  for (const code of ['20154', '43401']) {
    const href = 'https://3ds.sandbox.checkout.com/sid_x'
    const pending = { id: verified.id, status: 'Pending', reference: 'opn_1', _links: { redirect: { href } } }
    const of = scripted([declined(code), pending])
    const outcome = await bind(of)
    assert.deepEqual(outcome, {
      kind: 'challenged',
      action: { type: 'redirect', url: href, method: 'GET' },
      references: { payment: verified.id, challenge: href },
    })
    assert.equal(of.sent[1]?.headers['cko-idempotency-key'], 'key_opn_1.3ds')
    const [first, second] = of.sent.map(bodyOf)
    assert.deepEqual(second, {
      ...first,
      '3ds': { enabled: true, challenge_indicator: 'challenge_requested_mandate' },
      success_url: of.input.returnUrl,
      failure_url: of.input.returnUrl,
    })
  }
})

test('where the account says so, 3-D Secure is asked for at once', async () => {
  const of = scripted([{ id: verified.id, status: 'Pending', reference: 'opn_1', _links: {} }], plain, { threeDs: 'always' })
  assert.equal((await bind(of)).kind, 'verifying')
  assert.deepEqual([of.sent.length, bodyOf(of.sent[0])['3ds'].enabled], [1, true])
})

test('a device’s number goes out as a network token with its cryptogram, and is asked nothing more', async () => {
  for (const [title, type] of [
    ['Apple Pay on a Visa', 'applepay'],
    ['Google Pay on a Visa, with a cryptogram', 'googlepay'],
  ] as const) {
    const of = scripted([declined('20154')], sandboxValue(title), { threeDs: 'always' })
    const outcome = await bind(of)
    assert.deepEqual([outcome.kind, of.sent.length], ['refused', 1])
    assert.deepEqual(bodyOf(of.sent[0]).source, {
      type: 'network_token',
      token: '{{card.number}}',
      expiry_month: 3,
      expiry_year: 2030,
      token_type: type,
      cryptogram: '{{card.cryptogram}}',
      eci: '05',
    })
    assert.deepEqual(bodyOf(of.sent[0])['3ds'], { enabled: false })
  }
})

test('a device token without an indicator is not given one', async () => {
  const { source } = apple
  assert.ok(source.type === 'device_token')
  const { eci: _, ...bare } = source
  const of = scripted([verified], { ...apple, source: bare })
  const outcome = await bind(of)
  assert.deepEqual(outcome.kind === 'refused' && [outcome.category, outcome.code, outcome.elsewhere], [
    'not_supported',
    'eci_required',
    true,
  ])
  assert.equal(of.sent.length, 0, 'nothing was sent')
})

test('a card that Google Pay hands over without a cryptogram is a card, with 3-D Secure', async () => {
  const of = scripted([{ id: verified.id, status: 'Pending', reference: 'opn_1', _links: {} }], pan)
  assert.equal((await bind(of)).kind, 'verifying')
  assert.deepEqual([bodyOf(of.sent[0]).source.type, bodyOf(of.sent[0])['3ds'].enabled], ['card', true])
})

test('an answer about something else, or without what it should bring, decides nothing', async () => {
  for (const odd of [
    { ...verified, reference: 'opn_2' },
    { ...verified, reference: undefined },
    { ...verified, amount: 1 },
    { ...verified, currency: 'EUR' },
    { ...verified, approved: false },
    { ...verified, approved: undefined },
    { ...verified, source: { type: 'card' } },
    { ...verified, source: undefined },
    { ...verified, id: 'pay_short' },
    { ...verified, status: 'Authorized' },
    { ...declined('20051'), response_code: undefined },
    { ...verified, status: 'Pending', _links: { redirect: { href: 'javascript:alert(1)' } } },
    { status: 204, body: '' },
    { status: 404, body: '' },
    { status: 429, body: '{"error_type":"request_invalid","error_codes":["duplicate_request"]}' },
    { status: 403, body: '<html>' },
    { status: 422, body: '{}' },
  ])
    assert.equal((await bind(scripted([odd]))).kind, 'uncertain', JSON.stringify(odd))
})

test('a request that is not taken is refused by the channel, and says by which name', async () => {
  const error = (code: string) => ({ status: 422, body: JSON.stringify({ error_type: 'request_invalid', error_codes: [code] }) })
  const seen = async (answer: object) => {
    const outcome = await bind(scripted([answer]))
    return outcome.kind === 'refused' && [outcome.by, outcome.category, outcome.code, outcome.elsewhere]
  }
  assert.deepEqual(await seen(error('card_expired')), ['channel', 'expired', 'card_expired', false])
  assert.deepEqual(await seen(error('processing_channel_id_required')), [
    'channel',
    'misconfigured',
    'processing_channel_id_required',
    true,
  ])
  assert.deepEqual(await seen({ status: 401, body: '' }), ['channel', 'misconfigured', '401', true])
  assert.deepEqual(await seen({ status: 422, body: '{"error_type":"request_malformed"}' }), [
    'channel',
    'misconfigured',
    'request_malformed',
    true,
  ])
})

const about = { customer: 'cus_contract', binding: 'bnd_1', references: { payment: verified.id, challenge: 'https://x.example' } }
const details = { ...verified, metadata: { bindery_binding: 'bnd_1', bindery_operation: 'opn_1' } }

test('a payment that is read back counts only if it is ours', async () => {
  const resumed = async (...answers: readonly object[]) => {
    const outcome = await checkout.resume?.(scripted(answers.map(one => ({ status: 200, body: JSON.stringify(one) }))).call, {
      ...about,
      returned: { 'cko-session-id': 'sid_made_up' },
    })
    return outcome ?? { kind: 'uncertain' as const, cause: '' }
  }
  assert.equal((await resumed(details)).kind, 'bound')
  assert.equal((await resumed({ ...details, status: 'Pending' })).kind, 'challenged')
  assert.equal((await resumed({ ...details, status: 'Canceled' })).kind, 'refused')
  assert.equal((await resumed({ ...details, status: 'Expired' })).kind, 'refused')
  const why = await resumed({ ...details, status: 'Declined' }, [{ response_code: '20151', approved: false }])
  assert.deepEqual(why.kind === 'refused' && [why.category, why.code], ['authentication_failed', '20151'])
  for (const odd of [
    [{ ...details, id: `pay_${'c'.repeat(26)}` }],
    [{ ...details, metadata: { bindery_binding: 'bnd_2' } }],
    [{ ...details, metadata: undefined }],
    [{ ...details, amount: 100 }],
    [{ ...details, status: 'Declined' }, []],
    [{ ...details, status: 'Declined' }, [{ response_code: '10000', approved: true }]],
  ])
    assert.equal((await resumed(...odd)).kind, 'uncertain', JSON.stringify(odd))
})

test('a look-up finds the payment that went on, and none only in a list that is whole', async () => {
  const look = async (list: object): Promise<LookUpOutcome> => {
    const { call } = scripted([{ status: 200, body: JSON.stringify(list) }])
    return (await checkout.lookUp?.(call, { ...about, references: {}, verb: 'bind', source: plain.source })) ?? { kind: 'none' }
  }
  assert.equal((await look({ total_count: 0, data: [] })).kind, 'none')
  const first = { ...details, id: `pay_${'d'.repeat(26)}`, status: 'Declined' }
  assert.equal((await look({ total_count: 2, data: [first, details] })).kind, 'bound')
  assert.equal((await look({ total_count: 101, data: [] })).kind, 'uncertain')
  assert.equal((await look({ total_count: 1, data: [{ ...details, reference: 'opn_2' }] })).kind, 'uncertain')
  assert.equal((await look({ data: [] })).kind, 'uncertain')
  const unmarked = { total_count: 1, data: [{ ...details, metadata: {} }] }
  assert.equal((await look(unmarked)).kind, 'uncertain', 'a payment under our reference is no proof that there is none of ours')
})

test('a challenge nobody takes lapses at the channel after a quarter of an hour, and that is told', async () => {
  const bench = createBench(subject)
  const outcome = await bench.bind(bench.call('opn_1', asked), bench.input('bnd_1', asked))
  assert.ok(outcome.kind === 'challenged')
  bench.clock.nowMs += 15 * 60_000
  const ended = await checkout.lookUp?.(bench.call('opn_1', asked), {
    ...about,
    references: outcome.references,
    verb: 'bind',
    source: asked.source,
  })
  assert.deepEqual(ended?.kind === 'refused' && [ended.category, ended.code], ['authentication_failed', '20152'])
  assert.deepEqual(
    bench.deliveries().map(one => one.event.type),
    ['card_verification_declined', 'card_verification_declined'],
  )
})

test('the plain card of Google Pay is challenged, and then bound', async () => {
  const bench = createBench(subject)
  const outcome = await bench.bind(bench.call('opn_1', pan), bench.input('bnd_1', pan))
  assert.ok(outcome.kind === 'challenged', kindOf(outcome))
  assert.equal((await afterChallenge(bench, outcome, true, pan)).kind, 'bound')
})

test('a deletion is asked by the source’s name; what is gone already is gone', async () => {
  const revoke = async (answer: object) => {
    const of = scripted([answer])
    const outcome = await checkout.revoke?.(of.call, { ...about, token: 'src_1' })
    assert.deepEqual([of.sent[0]?.method, of.sent[0]?.url], ['DELETE', `${of.call.account.address}/instruments/src_1`])
    return outcome?.kind
  }
  assert.equal(await revoke({ status: 204, body: '' }), 'revoked')
  assert.equal(await revoke({ status: 404, body: '' }), 'revoked')
  assert.equal(await revoke({ status: 404, body: '<html>' }), 'uncertain')
  assert.equal(await revoke({ status: 401, body: '' }), 'refused')
  const look = { ...about, verb: 'revoke', source: undefined, references: { source: 'src_1' } } as const
  const held = { status: 200, body: '{"id":"src_1","type":"card","last4":"4242"}' }
  assert.equal((await checkout.lookUp?.(scripted([held]).call, look))?.kind, 'none', 'it is held still')
  assert.equal((await checkout.lookUp?.(scripted([{ status: 404, body: '' }]).call, look))?.kind, 'revoked')
})

test('a request that is on its way already, or did not work for the moment, is no refusal', async () => {
  for (const code of ['duplicate_request', 'processing_error', 'service_unavailable', 'issuer_network_unavailable', '3ds_malfunction']) {
    const outcome = await bind(scripted([{ status: 422, body: JSON.stringify({ error_type: 'processing_error', error_codes: [code] }) }]))
    assert.equal(kindOf(outcome), `uncertain (checkout 422: ${code})`)
  }
  const outcome = await bind(scripted([{ status: 422, body: JSON.stringify({ error_type: 'processing_error' }) }]))
  assert.equal(outcome.kind, 'uncertain')
})
