import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { inspect } from 'node:util'
import { type BindOutcome, type ChannelRequest, type LookUpInput, NoAnswer, type RevokeInput } from '../channel.ts'
import { answerFaults } from '../faults.ts'
import { adyen } from './channel.ts'
import { magicHolders } from './magic.ts'
import { refusals } from './refusals.ts'
import { account, type Rehearsal, rehearse } from './rehearse.ts'

const good = { number: '4111111111111111', holder: 'John Smith' }
const challenged = { number: '4917610000000000', holder: 'John Smith' }
let stages: Rehearsal[] = []
const on = (options: Parameters<typeof rehearse>[0] = {}): Rehearsal => {
  const made = rehearse(options)
  stages.push(made)
  return made
}
afterEach(() => {
  const all = stages
  stages = []
  for (const { stage } of all) assert.deepEqual(stage.violations(), [], 'the official specification objects')
})

const resume = (at: Rehearsal, operation: string, references: Record<string, string>, returned: Record<string, string>) =>
  adyen.resume?.(at.call(operation), { customer: 'cus_alice', binding: 'bnd_1', references, returned })
const revoke = (at: Rehearsal, input: Partial<RevokeInput> & { token: string }) =>
  adyen.revoke?.(at.call('opn_revoke'), { customer: 'cus_alice', binding: 'bnd_1', references: {}, ...input })
const lookUp = (at: Rehearsal, input: Partial<LookUpInput>) =>
  adyen.lookUp?.(at.call('opn_look'), {
    customer: 'cus_alice',
    binding: 'bnd_1',
    verb: 'bind',
    references: {},
    card: at.input(good).card,
    ...input,
  })

/** Presses a button on the issuer's page and gives what the browser comes back with. */
function press(at: Rehearsal, url: string, outcome: 'complete' | 'fail'): Record<string, string> {
  const request = { method: 'POST', path: `${new URL(url).pathname}/${outcome}`, query: '', headers: {}, body: '' }
  const staged = at.stage.answer(request, at.context())
  assert.equal(staged.kind, 'answer')
  if (staged.kind !== 'answer') return {}
  assert.equal(staged.answer.status, 303)
  return Object.fromEntries(new URL(staged.answer.headers.location ?? '').searchParams)
}

test('a card that is authorised is bound, with its token, its card and the network transaction id', async () => {
  const at = on()
  const outcome = await at.bind(good)
  assert.equal(outcome.kind, 'bound')
  if (outcome.kind !== 'bound') return
  assert.match(outcome.token, /^[A-Z0-9]{16}$/)
  assert.deepEqual(outcome.card, { brand: 'visa', last4: '1111', expiryMonth: 3, expiryYear: 2030 })
  assert.match(outcome.networkTransactionId ?? '', /^\d{15}$/)
  assert.equal(outcome.references.merchant_reference, 'opn_1')
  assert.equal(outcome.references.shopper_reference, 'cus_alice')
  assert.deepEqual(
    at.stage.simulator.books().cards.map(({ token, reference, usable }) => ({ token, reference, usable })),
    [{ token: outcome.token, reference: 'opn_1', usable: true }],
  )
})

test('a Mastercard brings its transaction link id', async () => {
  const outcome = await on().bind({ number: '5555444433331111' })
  assert.ok(outcome.kind === 'bound' && outcome.transactionLinkId !== undefined && outcome.card?.brand === 'mastercard')
})

test('the request is the operation: its reference, its key, no amount, the card by placeholder only', async () => {
  const at = on()
  const seen: string[] = []
  const send = (request: ChannelRequest) => {
    seen.push(JSON.stringify(request))
    return Promise.reject(new NoAnswer('unplugged'))
  }
  await adyen.bind?.({ ...at.call('opn_x', 'the-key'), send }, at.input(good))
  const request = JSON.parse(seen[0] ?? '{}')
  assert.equal(request.headers['idempotency-key'], 'the-key')
  assert.equal(request.card, true)
  const body = JSON.parse(request.body)
  assert.deepEqual(body.amount, { value: 0, currency: 'EUR' })
  assert.equal(body.reference, 'opn_x')
  assert.equal(body.paymentMethod.number, '{{card.number}}')
  assert.equal(body.storePaymentMethod, true)
})

test('placeholders the vault cannot fill are not asked for', async () => {
  const at = on()
  const input = at.input(good)
  const bare = { ...input, card: { ...input.card, securityCode: false, holder: false }, client: {} }
  const outcome = await adyen.bind?.({ ...at.call('opn_1'), send: at.withCard(good) }, bare)
  assert.equal(outcome?.kind, 'bound')
  const sent = at.stage.requests()[0]?.body ?? ''
  assert.ok(!sent.includes('cvc') && !sent.includes('holderName') && !sent.includes('browserInfo') && !sent.includes('shopperIP'))
})

test('without the token in the answer it is verifying until a webhook names it', async () => {
  const at = on({ showTokens: false })
  assert.equal((await at.bind(good)).kind, 'verifying')
  const news = at.told()
  assert.deepEqual(
    news.map(one => [one.type, one.operation, one.news?.kind]),
    [
      ['AUTHORISATION', 'opn_1', 'verifying'],
      ['recurring.token.created', undefined, 'bound'],
    ],
  )
  const [payment, token] = news
  const psp = payment?.news?.kind === 'verifying' ? payment.news.references.psp_reference : undefined
  assert.ok(psp !== undefined && token?.names.includes(psp), 'the token event is found by the payment it names')
})

test('received is verifying, and the webhook tells the rest', async () => {
  const at = on()
  assert.equal((await at.bind({ ...good, holder: 'PENDING' })).kind, 'verifying')
  assert.deepEqual(
    at.told().map(one => one.news?.kind),
    ['bound', 'bound'],
  )
})

for (const [name, code] of Object.entries(magicHolders)) {
  const known = refusals[code]
  if (known === undefined) continue
  test(`holder ${name} is refused with code ${code}: ${known.category}`, async () => {
    const at = on()
    const outcome = await at.bind({ ...good, holder: name })
    assert.deepEqual(pick(outcome), { kind: 'refused', by: known.by, category: known.category, elsewhere: known.elsewhere, code })
    const [told] = at.told()
    assert.ok(told?.news !== undefined && told.operation === 'opn_1')
    assert.deepEqual(pick(told.news), pick(outcome), 'the webhook says the same')
    assert.equal(at.stage.simulator.books().cards.length, 0)
  })
}
const pick = (of: { readonly kind: string }): unknown => {
  const { kind, by, category, elsewhere, code }: { kind: string; [name: string]: unknown } = { ...of }
  return { kind, by, category, elsewhere, code }
}

test('a challenge is a redirect, and completing it binds under the same reference', async () => {
  const at = on()
  const first = await at.bind(challenged)
  assert.equal(first.kind, 'challenged')
  if (first.kind !== 'challenged') return
  assert.equal(first.action.method, 'GET')
  const back = press(at, first.action.url, 'complete')
  assert.equal(back.x, '1', 'our own parameters come back')
  const second = await resume(at, 'opn_2', first.references, back)
  assert.ok(second?.kind === 'bound' && second.references.merchant_reference === 'opn_1')
  assert.deepEqual(
    at.stage.simulator.books().effects.map(one => one.effect),
    ['card_challenged', 'card_stored'],
  )
})

test('a failed challenge is refused by the issuer', async () => {
  const at = on()
  const first = await at.bind(challenged)
  if (first.kind !== 'challenged') return assert.fail(first.kind)
  const second = await resume(at, 'opn_2', first.references, press(at, first.action.url, 'fail'))
  assert.ok(second?.kind === 'refused' && second.by === 'issuer' && second.category === 'authentication_failed')
})

test('coming back twice binds once', async () => {
  const at = on()
  const first = await at.bind(challenged)
  if (first.kind !== 'challenged') return assert.fail(first.kind)
  const back = press(at, first.action.url, 'complete')
  const again = press(at, first.action.url, 'fail')
  assert.deepEqual(again, back, 'the issuer has decided')
  const outcomes = [await resume(at, 'opn_2', first.references, back), await resume(at, 'opn_3', first.references, again)]
  assert.deepEqual(outcomes[0], outcomes[1])
  assert.equal(at.stage.simulator.books().effects.filter(one => one.effect === 'card_stored').length, 1)
})

test('coming back without a result says nothing, and nothing is sent', async () => {
  const at = on()
  const outcome = await resume(at, 'opn_2', {}, { x: '1' })
  assert.ok(outcome?.kind === 'uncertain' && outcome.cause === 'returned_without_result')
  assert.equal(at.stage.requests().length, 0)
})

test('a result that nobody made is a failed authentication, not a fault of the account', async () => {
  const outcome = await resume(on(), 'opn_2', { merchant_reference: 'opn_1' }, { redirectResult: 'made up' })
  assert.ok(outcome?.kind === 'refused' && outcome.category === 'authentication_failed' && !outcome.elsewhere)
})

for (const fault of answerFaults) {
  test(`${fault}: uncertain, and the same bytes under the same key bind once`, async () => {
    const at = on()
    at.stage.faults.add({ match: { path: '/v71/payments' }, fault, times: 1 })
    const first = await at.bind(good)
    assert.equal(first.kind, 'uncertain')
    const second = await at.bind(good)
    assert.equal(second.kind, 'bound')
    assert.equal(at.stage.simulator.books().effects.filter(one => one.effect === 'card_stored').length, 1)
  })
  test(`${fault}: a revoke is uncertain, or it is done; again it is done`, async () => {
    const at = on()
    const bound = await at.bind(good)
    if (bound.kind !== 'bound') return assert.fail(bound.kind)
    at.stage.faults.add({ match: { method: 'DELETE' }, fault, times: 1 })
    const first = await revoke(at, { token: bound.token })
    // These spoil a body, and a deletion has none to spoil.
    assert.equal(first?.kind, ['half_json', 'empty', 'other_object'].includes(fault) ? 'revoked' : 'uncertain')
    assert.equal((await revoke(at, { token: bound.token }))?.kind, 'revoked')
    assert.equal(at.stage.simulator.books().effects.filter(one => one.effect === 'card_removed').length, 1)
  })
}

test('the same key with another card is uncertain, never a second effect', async () => {
  const at = on()
  await at.bind(good)
  const other = await at.bind({ ...good, number: '5555444433331111' })
  assert.ok(other.kind === 'uncertain' && other.cause === 'in_progress')
})

test('after the window the channel has forgotten the key: why nothing is re-sent then', async () => {
  const at = on()
  await at.bind(good)
  const { bind: repeat } = adyen.repeat
  assert.ok(repeat?.kind === 'keyed')
  if (repeat?.kind === 'keyed') at.passMs(repeat.windowMs)
  await at.bind(good)
  assert.equal(at.stage.simulator.books().effects.length, 2)
})

const answers: readonly (readonly [name: string, status: number, body: unknown, expected: Partial<Record<string, unknown>>])[] = [
  ['401', 401, { status: 401, errorCode: '000', errorType: 'security' }, { kind: 'refused', category: 'misconfigured', elsewhere: true }],
  ['403', 403, { status: 403, errorCode: '901', errorType: 'security' }, { kind: 'refused', category: 'misconfigured', elsewhere: true }],
  ['403 of a proxy', 403, '<html>', { kind: 'refused', category: 'misconfigured', elsewhere: true }],
  ['422 about the card', 422, { errorCode: '101' }, { kind: 'refused', category: 'invalid_account', elsewhere: false, code: '101' }],
  ['422 about the code', 422, { errorCode: '103' }, { kind: 'refused', category: 'invalid_security_code', elsewhere: false }],
  ['422 about us', 422, { errorCode: '14_030', errorType: 'validation' }, { kind: 'refused', category: 'misconfigured', elsewhere: true }],
  ['422 in progress', 422, { errorCode: '704', errorType: 'validation' }, { kind: 'uncertain', cause: 'in_progress' }],
  ['409 in progress', 409, { errorCode: '704', errorType: 'validation' }, { kind: 'uncertain', cause: 'in_progress' }],
  ['422 internal', 422, { errorCode: '903', errorType: 'internal' }, { kind: 'uncertain' }],
  ['404 of nobody', 404, 'not here', { kind: 'uncertain' }],
  ['429', 429, {}, { kind: 'uncertain', cause: 'http_429' }],
  ['500 with a reason', 500, { errorCode: '905', errorType: 'configuration' }, { kind: 'uncertain', cause: 'http_500' }],
  ['302', 302, '', { kind: 'uncertain' }],
  ['no result code', 200, { pspReference: 'x' }, { kind: 'uncertain' }],
  ['an unknown result code', 200, { resultCode: 'Success' }, { kind: 'uncertain', cause: 'result_Success' }],
  ['another reference', 200, { resultCode: 'Authorised', merchantReference: 'opn_9' }, { kind: 'uncertain', cause: 'another_reference' }],
  [
    'another shopper',
    200,
    { resultCode: 'Authorised', additionalData: { 'tokenization.shopperReference': 'cus_bob', 'tokenization.storedPaymentMethodId': 'T' } },
    { kind: 'uncertain', cause: 'another_shopper' },
  ],
  [
    'the old name of the token',
    200,
    { resultCode: 'Authorised', additionalData: { 'recurring.recurringDetailReference': 'T1' } },
    { kind: 'bound', token: 'T1' },
  ],
  ['pending', 200, { resultCode: 'Pending' }, { kind: 'verifying' }],
  ['cancelled without a code', 200, { resultCode: 'Cancelled' }, { kind: 'refused', by: 'channel', category: 'unknown', elsewhere: false }],
  ['an error without a code', 200, { resultCode: 'Error' }, { kind: 'refused', by: 'channel', category: 'unknown', elsewhere: true }],
  ['refused without a code', 200, { resultCode: 'Refused' }, { kind: 'refused', by: 'issuer', category: 'unknown', elsewhere: false }],
  [
    'a native challenge',
    200,
    { resultCode: 'IdentifyShopper', action: { type: 'threeDS2' } },
    { kind: 'refused', by: 'channel', category: 'not_supported', elsewhere: true },
  ],
]
for (const [name, status, body, expected] of answers) {
  test(`answer: ${name} is ${JSON.stringify(expected)}`, async () => {
    const send = () => Promise.resolve({ status, headers: {}, body: typeof body === 'string' ? body : JSON.stringify(body) })
    const outcome: BindOutcome | undefined = await adyen.bind?.({ operation: 'opn_1', key: 'k', account, send }, on().input(good))
    assert.ok(outcome !== undefined)
    const found: Record<string, unknown> = { ...outcome }
    for (const [field, value] of Object.entries(expected)) assert.deepEqual(found[field], value, field)
  })
}

test('a redirect by POST keeps its fields', async () => {
  const body = JSON.stringify({
    resultCode: 'RedirectShopper',
    action: { type: 'redirect', url: 'https://issuer.example/acs', method: 'POST', data: { MD: 'm', PaReq: 'p' } },
  })
  const outcome = await adyen.bind?.(
    { operation: 'opn_1', key: 'k', account, send: () => Promise.resolve({ status: 200, headers: {}, body }) },
    on().input(good),
  )
  assert.ok(outcome?.kind === 'challenged')
  assert.deepEqual(outcome.action, { type: 'redirect', url: 'https://issuer.example/acs', method: 'POST', data: { MD: 'm', PaReq: 'p' } })
})

test('an address that is none, and a token that could be a path, are not believed', async () => {
  const answered = (body: unknown) => () => Promise.resolve({ status: 200, headers: {}, body: JSON.stringify(body) })
  const action = { type: 'redirect', url: 'javascript:alert(1)', method: 'GET' }
  const odd = await adyen.bind?.(
    { operation: 'opn_1', key: 'k', account, send: answered({ resultCode: 'RedirectShopper', action }) },
    on().input(good),
  )
  assert.equal(odd?.kind, 'refused')
  const additionalData = { 'tokenization.storedPaymentMethodId': '../payments' }
  const path = await adyen.bind?.(
    { operation: 'opn_1', key: 'k', account, send: answered({ resultCode: 'Authorised', additionalData }) },
    on().input(good),
  )
  assert.equal(path?.kind, 'verifying')
})

test('a card that expired last month is refused, one that expires this month is not', async () => {
  assert.equal((await on().bind({ ...good, month: '10', year: '2026' })).kind, 'refused')
  assert.equal((await on().bind({ ...good, month: '11', year: '2026' })).kind, 'bound')
})

test('a renewed card keeps its token; a third party can disable it', async () => {
  const at = on()
  const bound = await at.bind(good)
  if (bound.kind !== 'bound') return assert.fail(bound.kind)
  at.told()
  at.stage.simulator.act('update_card', bound.token, at.context())
  at.stage.simulator.act('disable', bound.token, at.context())
  assert.deepEqual(
    at.told().map(one => [one.names[0], one.news?.kind]),
    [
      [bound.token, 'updated'],
      [bound.token, 'revoked'],
    ],
  )
})

test('the simulator keeps no card number and no security code', async () => {
  const at = on()
  await at.bind(good)
  await at.bind({ ...challenged, code: '739' }, { operation: 'opn_2' })
  const kept = inspect([at.stage.simulator.books(), at.stage.requests(), at.deliveries()], { depth: 20 })
  assert.ok(!kept.includes(good.number) && !kept.includes(challenged.number) && !kept.includes('739'), kept)
})

test('what is already gone is revoked', async () => {
  const at = on()
  assert.equal((await revoke(at, { token: 'NEVERTHERE' }))?.kind, 'revoked')
})

test('a revoke that is not allowed is not a revoke', async () => {
  const at = on({ merchantAccount: 'SomeoneElse' })
  const outcome = await revoke(at, { token: 'T' })
  assert.ok(outcome?.kind === 'refused' && outcome.category === 'misconfigured')
})

test('a look-up proves a bind by its token or network id, and never by likeness', async () => {
  const at = on()
  const bound = await at.bind(good)
  if (bound.kind !== 'bound') return assert.fail(bound.kind)
  const alike = await lookUp(at, {})
  assert.ok(alike?.kind === 'uncertain' && alike.cause.includes('1 stored card'))
  const token = await lookUp(at, { references: { stored_payment_method: bound.token } })
  assert.ok(token?.kind === 'bound' && token.token === bound.token)
  assert.deepEqual(token.card, bound.card)
  assert.equal(token.networkTransactionId, bound.networkTransactionId)
  const network = await lookUp(at, { references: { network_transaction_id: bound.networkTransactionId ?? '' } })
  assert.ok(network?.kind === 'bound' && network.token === bound.token)
  const nothing = await lookUp(at, { customer: 'cus_nobody' })
  assert.equal(nothing?.kind, 'uncertain', 'not there yet is not never')
})

test('a look-up settles a revoke both ways', async () => {
  const at = on()
  const bound = await at.bind(good)
  if (bound.kind !== 'bound') return assert.fail(bound.kind)
  const references = { stored_payment_method: bound.token }
  assert.equal((await lookUp(at, { verb: 'revoke', references }))?.kind, 'none')
  await revoke(at, { token: bound.token })
  assert.equal((await lookUp(at, { verb: 'revoke', references }))?.kind, 'revoked')
})

test('a look-up answered about someone else, or not at all, is uncertain', async () => {
  const at = on()
  const bound = await at.bind(good)
  if (bound.kind !== 'bound') return assert.fail(bound.kind)
  for (const fault of answerFaults) {
    at.stage.faults.add({ match: { method: 'GET' }, fault, times: 1 })
    const outcome = await lookUp(at, { verb: 'revoke', references: { stored_payment_method: bound.token } })
    assert.equal(outcome?.kind, 'uncertain', fault)
  }
})

test('the same card again is the same token, and says so', async () => {
  const at = on()
  const first = await at.bind(good, { operation: 'opn_1' })
  const second = await at.bind(good, { operation: 'opn_2' })
  assert.ok(first.kind === 'bound' && second.kind === 'bound' && first.token === second.token)
  assert.ok(at.told().some(one => one.type === 'recurring.token.alreadyExisting' && one.news?.kind === 'bound'))
})
