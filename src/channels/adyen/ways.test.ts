/** The ways in that the suite passes as a whole, looked at closely: what goes out, what comes back, and what odd answers make of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindInput, BindOutcome, Call, ChannelRequest, Refused, SandboxValue } from '../channel.ts'
import { afterChallenge, assertBound, assertJudged, type Bench, bindFully, createBench, goOn } from '../contract-bench.ts'
import { adyen } from './channel.ts'
import { sandboxValues } from './sandbox-values.ts'
import { subject } from './subject.ts'
import { fingerprintResult } from './three-ds-result.ts'
import { readWebhook } from './webhook.ts'

const valueNamed = (title: string): SandboxValue => {
  const found = sandboxValues.find(one => one.title.includes(title))
  if (found === undefined) throw new TypeError(`no value ${title}`)
  return found
}
const begin = async (bench: Bench, value: SandboxValue, more: Partial<BindInput> = {}) => {
  const outcome = await bench.bind(bench.call('opn_1', value), bench.input('bnd_1', value, more))
  if (outcome.kind !== 'challenged') throw new assert.AssertionError({ message: `not challenged but ${outcome.kind}` })
  return outcome
}
const bodies = (bench: Bench) => bench.stage.requests().map(one => (one.body === '' ? {} : JSON.parse(one.body)))

/** What is sent for this input, and what becomes of an answer given by hand. */
async function answered(
  input: BindInput,
  body: unknown,
): Promise<{ readonly outcome: BindOutcome; readonly sent: readonly ChannelRequest[] }> {
  const bench = createBench(subject)
  const sent: ChannelRequest[] = []
  const call: Call = {
    ...bench.call('opn_1'),
    send: request => {
      sent.push(request)
      return Promise.resolve({ status: 200, headers: {}, body: JSON.stringify(body) })
    },
  }
  if (adyen.bind === undefined) throw new TypeError('adyen binds')
  return { outcome: await adyen.bind(call, input), sent }
}
const inputOf = (value: SandboxValue, more: Partial<BindInput> = {}) => createBench(subject).input('bnd_1', value, more)
const refused = (outcome: BindOutcome): Refused => {
  if (outcome.kind !== 'refused') throw new assert.AssertionError({ message: outcome.kind })
  return outcome
}

test('3-D Secure in the page has two stages: the device, then the challenge', async () => {
  const bench = createBench(subject)
  const value = valueNamed('device, then challenge')
  const first = await begin(bench, value)
  assert.ok(first.action.type === 'three_ds' && first.action.stage === 'fingerprint' && first.action.url?.endsWith('/method'))
  const returned = await bench.play(first, true)
  assert.deepEqual(returned, { token: 'unguessable', three_ds_result: fingerprintResult })
  const second = await goOn(bench, first.references, returned, value)
  assert.ok(second.kind === 'challenged' && second.action.type === 'three_ds' && second.action.stage === 'challenge')
  assertBound(await afterChallenge(bench, second, true, value))
  const [bind, fingerprint, challenge] = bodies(bench).filter(one => 'details' in one || 'amount' in one)
  assert.deepEqual(bind.authenticationData, { threeDSRequestData: { nativeThreeDS: 'preferred' } })
  assert.equal(bind.origin, 'https://pay.example.com')
  assert.deepEqual(fingerprint, { details: { 'threeds2.fingerprint': fingerprintResult }, paymentData: first.references.challenge })
  assert.deepEqual(Object.keys(challenge.details), ['threeDSResult'])
  assertJudged(bench)
})

test('the device alone may be enough, and a failed challenge is the issuer’s no', async () => {
  const bench = createBench(subject)
  const value = valueNamed('device only')
  const first = await begin(bench, value)
  assertBound(await goOn(bench, first.references, await bench.play(first, true), value))
  const other = createBench(subject)
  const asked = valueNamed('device, then challenge')
  const ended = await afterChallenge(other, await begin(other, asked), false, asked)
  assert.ok(ended.kind === 'refused' && ended.by === 'issuer' && ended.category === 'authentication_failed')
})

test('a browser’s own word for its challenge is not believed', async () => {
  const bench = createBench(subject)
  const value = valueNamed('device, then challenge')
  const first = await begin(bench, value)
  const second = await goOn(bench, first.references, await bench.play(first, true), value)
  assert.ok(second.kind === 'challenged' && second.action.type === 'three_ds')
  const { authorisationToken } = JSON.parse(Buffer.from(second.action.token, 'base64').toString('utf8'))
  const forged = Buffer.from(JSON.stringify({ transStatus: 'Y', authorisationToken })).toString('base64')
  const ended = await goOn(bench, second.references, { three_ds_result: forged }, value, 'opn_3')
  assert.ok(ended.kind === 'uncertain' && ended.cause === 'result_not_read: 422')
  assert.equal(bench.effects('stored').length, 0)
})

test('native is asked for only where the account wants it and there is a browser; else it is the redirect', async () => {
  const value = valueNamed('device, then challenge')
  const bench = createBench(subject)
  const noBrowser = await begin(bench, value, { client: {} })
  assert.equal(noBrowser.action.type, 'redirect')
  const call = bench.call('opn_2', value)
  const account = { ...call.account, settings: { merchantAccount: call.account.settings.merchantAccount ?? '' } }
  const byDefault = await bench.bind({ ...call, account }, bench.input('bnd_2', value))
  assert.ok(byDefault.kind === 'challenged' && byDefault.action.type === 'redirect')
})

test('a card from Adyen’s fields goes out as it came, and nothing beside it', async () => {
  const value = valueNamed('typed into')
  assert.ok(value.source.type === 'encrypted_card')
  const source = { ...value.source, fields: { ...value.source.fields, number: '4111', somethingElse: 'x' } }
  const { sent } = await answered(inputOf(value, { source }), {})
  assert.equal(sent[0]?.placeholders, undefined, 'the vault has nothing to fill in')
  assert.deepEqual(JSON.parse(sent[0]?.body ?? '{}').paymentMethod, { type: 'scheme', ...value.source.fields })
})

test('fields that are not all there are refused before anyone is asked, and what cannot be decrypted by Adyen', async () => {
  const value = valueNamed('typed into')
  const { outcome, sent } = await answered(
    inputOf(value, { source: { type: 'encrypted_card', fields: { encryptedCardNumber: 'test_4111111111111111' } } }),
    {},
  )
  assert.deepEqual([sent.length, refused(outcome).code, refused(outcome).elsewhere], [0, 'encryptedExpiryMonth_missing', false])
  const bench = createBench(subject)
  const fields = { encryptedCardNumber: 'adyenjs_0_1_25$x', encryptedExpiryMonth: 'test_03', encryptedExpiryYear: 'test_2030' }
  const unread = await bench.bind(bench.call('opn_1'), bench.input('bnd_1', value, { source: { type: 'encrypted_card', fields } }))
  assert.equal(refused(unread).code, '174')
})

test('a mandate is named without special characters, and its news names the operation and binding as we write them', async () => {
  const bench = createBench(subject)
  const value = valueNamed('by QR code')
  const outcome = await begin(bench, value)
  assert.ok(outcome.action.type === 'qr' && outcome.action.payload.startsWith('upi://mandate?'))
  assert.equal(outcome.action.expiresAtMs, bench.clock.nowMs + 30 * 60_000)
  const [body] = bodies(bench)
  assert.deepEqual([body.reference, body.shopperReference, body.mandate.remarks], ['opn1', 'bnd1', 'Monthlyplan'])
  assert.deepEqual(
    [body.mandate.amount, body.mandate.amountRule, body.mandate.frequency, body.mandate.endsAt],
    ['49900', 'max', 'monthly', '2031-12-31'],
  )
  await bench.play(outcome, true)
  const call = bench.call('opn_9')
  const told = bench.deliveries().flatMap(({ headers, body: text }) => {
    const { account, send } = call
    const reading = readWebhook({
      headers,
      body: Buffer.from(text),
      nowMs: bench.clock.nowMs,
      secrets: account.webhookSecrets,
      account,
      send,
    })
    return reading.kind === 'told' ? reading.told : []
  })
  assert.deepEqual(
    told.map(one => [one.operation, one.binding, one.news?.kind]),
    [
      ['opn_1', 'bnd_1', 'bound'],
      [undefined, 'bnd_1', 'bound'],
    ],
  )
})

test('a mandate the payer has not answered is not there, and one that was declined never will be', async () => {
  const bench = createBench(subject)
  const value = valueNamed('asked in the app')
  const outcome = await begin(bench, value)
  const waiting = await goOn(bench, outcome.references, undefined, value)
  assert.ok(waiting.kind === 'uncertain' && waiting.cause === 'not_approved_yet')
  await bench.play(outcome, false)
  assert.equal((await goOn(bench, outcome.references, undefined, value)).kind, 'uncertain')
  await bench.play(outcome, true)
  assert.equal(bench.effects('stored').length, 0, 'no is no')
})

test('a link opens the app, and waiting is the other way', async () => {
  const outcome = await begin(createBench(subject), valueNamed('app’s link'))
  assert.equal(outcome.action.type, 'app_link')
  assert.deepEqual(outcome.alternatives, [{ type: 'await', where: 'upi_intent' }])
})

test('terms that are no UPI mandate are refused before anyone is asked', async () => {
  const value = valueNamed('by QR code')
  const { endsOn: _endsOn, ...open } = value.terms ?? assert.fail()
  for (const terms of [
    undefined,
    open,
    { ...open, endsOn: '2031-12-31', currency: 'EUR' },
    { ...open, endsOn: '2031-12-31', rule: 'any' as const },
  ]) {
    const { outcome, sent } = await answered(inputOf(value, { terms }), {})
    assert.deepEqual([sent.length, refused(outcome).code], [0, 'mandate_terms'])
  }
})

test('another rail’s instruments are not taken', async () => {
  const payer = { held: [], tail: '', country: 'BR' }
  for (const source of [
    { type: 'wallet', brand: 'gcash', payer },
    { type: 'instant_mandate', rail: 'pix_automatico', by: 'qr', payer },
  ] as const) {
    const { outcome, sent } = await answered(inputOf(valueNamed('Visa'), { source }), {})
    assert.deepEqual([sent.length, refused(outcome).category, refused(outcome).elsewhere], [0, 'not_supported', true])
  }
})

test('an answer about other money is about something else', async () => {
  const psp = { pspReference: 'QFQTPCQ8HXSKGK82', resultCode: 'Authorised' }
  for (const amount of [
    { value: 1, currency: 'EUR' },
    { value: 0, currency: 'USD' },
  ]) {
    const { outcome } = await answered(inputOf(valueNamed('Visa')), { ...psp, amount })
    assert.ok(outcome.kind === 'uncertain' && outcome.cause === 'another_amount')
  }
})

const odd: readonly (readonly [string, Record<string, unknown>])[] = [
  ['a code without contents', { type: 'qrCode' }],
  ['a stage nobody knows', { type: 'threeDS2', subtype: 'dance', token: 'x' }],
  ['a step nobody has documented', { type: 'dance' }],
]
for (const [name, action] of odd)
  test(`a step that is spoiled decides nothing: the payer may have been asked all the same (${name})`, async () => {
    const { outcome } = await answered(inputOf(valueNamed('Visa')), { pspReference: 'P', resultCode: 'Pending', action })
    assert.ok(outcome.kind === 'uncertain' && outcome.cause === `step_not_read:Pending:${String(action.type)}`)
  })

const unshowable: typeof odd = [
  ['a voucher', { type: 'voucher', url: 'https://example.com' }],
  ['a step of Adyen’s own library', { type: 'sdk' }],
]
for (const [name, action] of unshowable)
  test(`a step that cannot be shown is a no by the channel: ${name}`, async () => {
    const { outcome } = await answered(inputOf(valueNamed('Visa')), { pspReference: 'P', resultCode: 'Pending', action })
    assert.deepEqual([refused(outcome).category, refused(outcome).elsewhere], ['not_supported', true])
  })

test('a script is no link, however it is dressed', async () => {
  const action = { type: 'await', paymentMethodType: 'upi_intent', url: 'javascript://x%0aalert(1)' }
  const { outcome } = await answered(inputOf(valueNamed('Visa')), { pspReference: 'P', resultCode: 'Pending', action })
  assert.ok(outcome.kind === 'challenged')
  assert.deepEqual([outcome.action.type, outcome.alternatives], ['await', undefined])
})

test('a refresh asks the schemes; what they renew is told, and a look-up shows it', async () => {
  const bench = createBench(subject)
  const soon = { ...valueNamed('Visa'), give: { ...valueNamed('Visa').give, expiryMonth: '03', expiryYear: '2027' } }
  const bound = await bindFully(bench, soon)
  bench.deliveries()
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references }
  const outcome = await adyen.refresh?.(bench.call('opn_6'), { ...about, token: bound.token })
  assert.equal(outcome?.kind, 'verifying')
  assert.deepEqual(
    bench.deliveries().map(one => one.event.type),
    ['recurring.token.updated'],
  )
  const now = await adyen.lookUp?.(bench.call('opn_6'), { ...about, verb: 'refresh', source: soon.source })
  assert.ok(now?.kind === 'updated' && now.shown?.expiryYear === 2031)
  assertJudged(bench)
})

test('a refresh of what is gone says so, and one that is not scheduled leaves the token as it is', async () => {
  const bench = createBench(subject)
  const bound = await bindFully(bench)
  const input = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references, token: 'GONE' }
  assert.equal((await adyen.refresh?.(bench.call('opn_6'), input))?.kind, 'revoked')
  const body = JSON.stringify({ pspReference: 'P', result: 'Account updater is not enabled' })
  const call = { ...bench.call('opn_7'), send: () => Promise.resolve({ status: 200, headers: {}, body }) }
  const not = await adyen.refresh?.(call, input)
  assert.ok(not?.kind === 'refused' && not.message === 'Account updater is not enabled' && !not.elsewhere)
})

test('the updater is asked at the host beside Checkout’s', async () => {
  const urls: string[] = []
  const bench = createBench(subject)
  for (const address of ['https://checkout-test.adyen.com', 'https://1797a841fbb37ca7-Co-checkout-live.adyenpayments.com/checkout']) {
    const call = bench.call('opn_6')
    const send: Call['send'] = request => {
      urls.push(request.url)
      return Promise.resolve({ status: 500, headers: {}, body: '' })
    }
    const input = { customer: 'cus_contract', binding: 'bnd_1', references: {}, token: 'T' }
    await adyen.refresh?.({ ...call, account: { ...call.account, address }, send }, input)
  }
  assert.deepEqual(urls, [
    'https://pal-test.adyen.com/pal/servlet/Recurring/v68/scheduleAccountUpdater',
    'https://1797a841fbb37ca7-co-pal-live.adyenpayments.com/pal/servlet/Recurring/v68/scheduleAccountUpdater',
  ])
})
