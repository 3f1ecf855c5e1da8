import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { inspect } from 'node:util'
import { type ChannelRequest, NoAnswer } from '../channel.ts'
import { adyen } from './channel.ts'
import { magicHolders } from './magic.ts'
import { refusals } from './refusals.ts'
import { objections, redirectIn, rehearse } from './rehearse.ts'

const good = { number: '4111111111111111', holder: 'John Smith' }
const challenged = { number: '4917610000000000', holder: 'John Smith' }
afterEach(() => assert.deepEqual(objections(), [], 'the official specification objects'))

test('a card that is authorised is bound, with its token, its card and the network transaction id', async () => {
  const at = rehearse()
  const outcome = await at.bind(good)
  assert.equal(outcome.kind, 'bound')
  if (outcome.kind !== 'bound') return
  assert.match(outcome.token, /^[A-Z0-9]{16}$/)
  assert.deepEqual(outcome.shown, { brand: 'visa', last4: '1111', expiryMonth: 3, expiryYear: 2030 })
  assert.match(outcome.networkTransactionId ?? '', /^\d{15}$/)
  assert.equal(outcome.references.merchant_reference, 'opn_1')
  assert.equal(outcome.references.shopper_reference, 'cus_alice')
  assert.deepEqual(
    at.stage.simulator.books().held.map(({ token, reference, usable }) => ({ token, reference, usable })),
    [{ token: outcome.token, reference: 'opn_1', usable: true }],
  )
})

test('a Mastercard brings its transaction link id', async () => {
  const outcome = await rehearse().bind({ number: '5555444433331111' })
  assert.ok(outcome.kind === 'bound' && outcome.transactionLinkId !== undefined && outcome.shown?.brand === 'mastercard')
})

test('the request is the operation: its reference, its key, no amount, the card by placeholder only', async () => {
  const at = rehearse()
  const seen: string[] = []
  const send = (request: ChannelRequest) => {
    seen.push(JSON.stringify(request))
    return Promise.reject(new NoAnswer('unplugged'))
  }
  await adyen.bind?.({ ...at.call('opn_x', 'the-key'), send }, at.input(good))
  const request = JSON.parse(seen[0] ?? '{}')
  assert.equal(request.headers['idempotency-key'], 'the-key')
  assert.equal(request.placeholders, true)
  const body = JSON.parse(request.body)
  assert.deepEqual(body.amount, { value: 0, currency: 'EUR' })
  assert.equal(body.reference, 'opn_x')
  assert.equal(body.paymentMethod.number, '{{card.number}}')
  assert.equal(body.storePaymentMethod, true)
})

test('placeholders the vault cannot fill are not asked for', async () => {
  const at = rehearse()
  const input = at.input(good)
  if (input.source.type !== 'card') return assert.fail()
  const source = { ...input.source, card: { ...input.source.card, securityCode: false, holder: false } }
  const bare = { ...input, source, client: {} }
  const outcome = await adyen.bind?.({ ...at.call('opn_1'), send: at.withCard(good) }, bare)
  assert.equal(outcome?.kind, 'bound')
  const sent = at.stage.requests()[0]?.body ?? ''
  assert.ok(!sent.includes('cvc') && !sent.includes('holderName') && !sent.includes('browserInfo') && !sent.includes('shopperIP'))
})

test('without the token in the answer it is verifying until a webhook names it', async () => {
  const at = rehearse({ showTokens: false })
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
  const at = rehearse()
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
    const at = rehearse()
    const outcome = await at.bind({ ...good, holder: name })
    assert.deepEqual(pick(outcome), { kind: 'refused', by: known.by, category: known.category, elsewhere: known.elsewhere, code })
    const [told] = at.told()
    assert.ok(told?.news !== undefined && told.operation === 'opn_1')
    assert.deepEqual(pick(told.news), pick(outcome), 'the webhook says the same')
    assert.equal(at.stage.simulator.books().held.length, 0)
  })
}
const pick = (of: { readonly kind: string }): unknown => {
  const { kind, by, category, elsewhere, code }: { kind: string; [name: string]: unknown } = { ...of }
  return { kind, by, category, elsewhere, code }
}

test('a challenge is a redirect, and completing it binds under the same reference', async () => {
  const at = rehearse()
  const first = await at.bind(challenged)
  assert.equal(first.kind, 'challenged')
  if (first.kind !== 'challenged') return
  assert.equal(redirectIn(first).method, 'GET')
  const back = at.press(redirectIn(first).url, 'complete')
  assert.equal(back.x, '1', 'our own parameters come back')
  const second = await at.resume('opn_2', first.references, back)
  assert.ok(second?.kind === 'bound' && second.references.merchant_reference === 'opn_1')
  assert.deepEqual(
    at.stage.simulator.books().effects.map(one => one.effect),
    ['challenged', 'stored'],
  )
})

test('a failed challenge is refused by the issuer', async () => {
  const at = rehearse()
  const first = await at.bind(challenged)
  if (first.kind !== 'challenged') return assert.fail(first.kind)
  const second = await at.resume('opn_2', first.references, at.press(redirectIn(first).url, 'fail'))
  assert.ok(second?.kind === 'refused' && second.by === 'issuer' && second.category === 'authentication_failed')
})

test('coming back twice binds once', async () => {
  const at = rehearse()
  const first = await at.bind(challenged)
  if (first.kind !== 'challenged') return assert.fail(first.kind)
  const back = at.press(redirectIn(first).url, 'complete')
  const again = at.press(redirectIn(first).url, 'fail')
  assert.deepEqual(again, back, 'the issuer has decided')
  const outcomes = [await at.resume('opn_2', first.references, back), await at.resume('opn_3', first.references, again)]
  assert.deepEqual(outcomes[0], outcomes[1])
  assert.equal(at.stage.simulator.books().effects.filter(one => one.effect === 'stored').length, 1)
})

test('coming back without a result says nothing, and nothing is sent', async () => {
  const at = rehearse()
  const outcome = await at.resume('opn_2', {}, { x: '1' })
  assert.ok(outcome?.kind === 'uncertain' && outcome.cause === 'returned_without_result')
  assert.equal(at.stage.requests().length, 0)
})

test('a result that nobody made says nothing', async () => {
  const outcome = await rehearse().resume('opn_2', { merchant_reference: 'opn_1' }, { redirectResult: 'made up' })
  assert.ok(outcome.kind === 'uncertain' && outcome.cause === 'result_not_read: 422')
})

test('the same key with another card is uncertain, never a second effect', async () => {
  const at = rehearse()
  await at.bind(good)
  const other = await at.bind({ ...good, number: '5555444433331111' })
  assert.ok(other.kind === 'uncertain' && other.cause === 'in_progress')
})

test('to the end of the window the key is known, after it forgotten: why nothing is re-sent then', async () => {
  const at = rehearse()
  await at.bind(good)
  const { bind: repeat } = adyen.repeat
  if (repeat?.kind !== 'keyed') return assert.fail('not keyed')
  at.passMs(repeat.windowMs - 1)
  await at.bind(good)
  assert.equal(at.stage.simulator.books().effects.length, 1)
  at.passMs(1)
  await at.bind(good)
  assert.equal(at.stage.simulator.books().effects.length, 2)
})

test('a card that expired last month is refused, one that expires this month is not', async () => {
  assert.equal((await rehearse().bind({ ...good, month: '10', year: '2026' })).kind, 'refused')
  assert.equal((await rehearse().bind({ ...good, month: '11', year: '2026' })).kind, 'bound')
})

test('a renewed card keeps its token; a third party can disable it', async () => {
  const at = rehearse()
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
  const at = rehearse()
  await at.bind(good)
  await at.bind({ ...challenged, code: '739' }, { operation: 'opn_2' })
  const kept = inspect([at.stage.simulator.books(), at.stage.requests(), at.deliveries()], { depth: 20 })
  assert.ok(!kept.includes(good.number) && !kept.includes(challenged.number) && !kept.includes('739'), kept)
})

test('the same card again is the same token, and says so', async () => {
  const at = rehearse()
  const first = await at.bind(good, { operation: 'opn_1' })
  const second = await at.bind(good, { operation: 'opn_2' })
  assert.ok(first.kind === 'bound' && second.kind === 'bound' && first.token === second.token)
  assert.ok(at.told().some(one => one.type === 'recurring.token.alreadyExisting' && one.news?.kind === 'bound'))
})
