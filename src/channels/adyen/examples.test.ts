/** Adyen's own examples, read from its specification: requests pass our judge, answers and webhooks are understood. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../core/secret.ts'
import { isRecord } from '../json.ts'
import { createJudge, type Judge, specJudge, specsDirOf } from '../judge.ts'
import { loadDocument } from '../judge-document.ts'
import { adyen } from './channel.ts'
import { overlays } from './judged.ts'
import { account, hmacKey, redirectIn, rehearse, unplugged } from './rehearse.ts'
import { readWebhook, signBody, signItem, standardItem } from './webhook.ts'
import { readFailure, readPayment, readStoredCards, readUpdater } from './wire.ts'

const skip = specJudge(specsDirOf()) === 'off' ? 'the official specifications are not at hand (SPECS_DIR)' : false
const options = { specsDir: specsDirOf(), file: 'adyen/CheckoutService-v71.json' }
const at = (value: unknown, ...names: readonly string[]): unknown =>
  names.reduce((found, name) => (isRecord(found) ? found[name] : undefined), value)
const entries = (value: unknown): readonly (readonly [string, unknown])[] => (isRecord(value) ? Object.entries(value) : [])
const examplesOf = (file: string): readonly (readonly [string, unknown])[] =>
  entries(at(loadDocument(`${specsDirOf()}/${file}`), 'components', 'examples')).map(([name, one]) => [name, at(one, 'value')])

const read = (status: number, value: unknown) => ({ status, headers: {}, body: JSON.stringify(value) })
const judged = (judge: Judge, path: string, value: unknown) =>
  judge.checkRequest({ method: 'POST', path, query: '', headers: {}, body: JSON.stringify(value), contentType: 'application/json' })

test('every official example of a payment request passes the judge', { skip }, () => {
  const judge = createJudge({ ...options, overlays })
  let count = 0
  for (const [name, value] of examplesOf(options.file)) {
    const path = /^post-payments-details-/.test(name) ? '/payments/details' : /^post-payments-(?!paymentPsp)/.test(name) ? '/payments' : ''
    if (path === '' || /-\d{3}$/.test(name)) continue
    count += 1
    assert.deepEqual(judged(judge, path, value), [], name)
  }
  assert.ok(count >= 15, `${count} examples`)
})

test('the judge bites: a field too many, one too few, one of another kind', { skip }, () => {
  const judge = createJudge({ ...options, overlays })
  const [, good] = examplesOf(options.file).find(([name]) => name === 'post-payments-card-direct') ?? []
  assert.ok(isRecord(good))
  const { reference: _reference, ...fewer } = good
  for (const bad of [{ ...good, invented: 1 }, fewer, { ...good, amount: { value: 'x', currency: 'EUR' } }])
    assert.notDeepEqual(judged(judge, '/payments', bad), [])
})

test('every official example of a payment answer is understood', { skip }, () => {
  const found = new Map<string, number>()
  for (const [name, value] of examplesOf(options.file)) {
    if (!/^post-payments-(?!paymentPsp).*-200$/.test(name)) continue
    const payment = readPayment(read(200, value))
    assert.ok(payment !== undefined, name)
    found.set(payment.resultCode, (found.get(payment.resultCode) ?? 0) + 1)
  }
  assert.ok((found.get('Authorised') ?? 0) >= 5 && (found.get('RedirectShopper') ?? 0) >= 1, JSON.stringify([...found]))
})

const answerTo = async (name: string, status: number, reference: string) => {
  const [, value] = examplesOf(options.file).find(([one]) => one === name) ?? []
  assert.ok(isRecord(value), name)
  // The examples say "string" for our reference, and a shopper of nobody's.
  const data = isRecord(value.additionalData) ? value.additionalData : {}
  const said = { ...value, merchantReference: reference, additionalData: { ...data, 'tokenization.shopperReference': 'cus_alice' } }
  const call = { operation: reference, key: 'k', account, send: () => Promise.resolve(read(status, said)) }
  return await adyen.bind?.(call, rehearse().input({ number: '4111111111111111' }))
}

test('the official tokenizing answer is bound, the 3-D Secure one is challenged', { skip }, async () => {
  const bound = await answerTo('post-payments-enableOneClick-SF-200', 200, 'opn_1')
  assert.ok(bound?.kind === 'bound' && bound.token === 'M5N7TQ4TG5PFWR50')
  const challenged = await answerTo('post-payments-card-3d-secure-redirect-200', 200, 'opn_1')
  assert.ok(challenged?.kind === 'challenged' && redirectIn(challenged).url.startsWith('https://checkoutshopper-test.adyen.com/'))
  assert.equal((await answerTo('post-payments-card-direct-200', 200, 'opn_1'))?.kind, 'verifying', 'authorised, and no token in it')
})

test('the official native answer is the first stage in the page, and its result passes the judge', { skip }, async () => {
  const outcome = await answerTo('post-payments-card-3d-secure-2-web-200', 200, 'opn_1')
  assert.ok(outcome?.kind === 'challenged' && outcome.action.type === 'three_ds' && outcome.action.stage === 'fingerprint')
  const whole: unknown = JSON.parse(Buffer.from(outcome.action.token, 'base64').toString('utf8'))
  assert.equal(at(whole, 'subtype'), 'fingerprint', 'the component is given the action as it came')
  assert.ok(outcome.references.challenge?.startsWith('Ab02b4c0!'))
})

test('the official examples of the account updater pass the judge, and their answers are read', { skip }, () => {
  const file = 'adyen/RecurringService-v68.json'
  const judge = createJudge({ specsDir: specsDirOf(), file })
  let count = 0
  for (const [name, value] of examplesOf(file)) {
    if (!name.startsWith('post-scheduleAccountUpdater-')) continue
    count += 1
    if (name.endsWith('-200')) assert.equal(readUpdater(read(200, value))?.result, 'Success', name)
    else if (name.endsWith('-422')) assert.equal(readFailure(read(422, value), {}).kind, 'refused', name)
    else assert.deepEqual(judged(judge, '/scheduleAccountUpdater', value), [], name)
  }
  assert.equal(count, 5)
})

test('the official errors are refusals of the channel, or nothing definite', { skip }, () => {
  for (const [name, value] of examplesOf(options.file)) {
    const status = Number(/^generic-(\d{3})$/.exec(name)?.[1])
    if (Number.isNaN(status)) continue
    const failure = readFailure(read(status, value), {})
    assert.equal(failure.kind, status === 500 ? 'uncertain' : 'refused', name)
    if (failure.kind === 'refused') assert.deepEqual([failure.category, failure.elsewhere], ['misconfigured', true], name)
  }
})

test('the official list of stored cards is read', { skip }, () => {
  const [, value] = examplesOf(options.file).find(([name]) => name === 'get-storedPaymentMethods-success-200') ?? []
  const list = readStoredCards(read(200, value))
  assert.deepEqual(list?.storedPaymentMethods[0]?.id, '7219687191761347')
})

test('the official webhooks are told', { skip }, () => {
  const here = { ...account, settings: { merchantAccount: 'YOUR_MERCHANT_ACCOUNT' } }
  const hear = (body: string, headers: Record<string, string>) =>
    readWebhook({
      headers,
      body: Buffer.from(body),
      nowMs: Date.UTC(2025, 6, 1),
      secrets: [new Secret(hmacKey)],
      account: here,
      send: unplugged,
    })
  const kinds: Record<string, string | undefined> = {}
  for (const [, value] of examplesOf('adyen/TokenizationNotification-v1.json')) {
    const body = JSON.stringify(value)
    const reading = hear(body, { hmacsignature: signBody(hmacKey, body) })
    assert.ok(reading.kind === 'told')
    for (const told of reading.told) kinds[told.type] = told.news?.kind
  }
  assert.deepEqual(kinds, {
    'recurring.token.alreadyExisting': 'bound',
    'recurring.token.created': 'bound',
    'recurring.token.disabled': 'revoked',
    'recurring.token.updated': 'updated',
  })
  let standard = 0
  for (const [name, value] of examplesOf('adyen/Webhooks-v1.json')) {
    const items = at(value, 'notificationItems')
    if (!Array.isArray(items)) continue
    const item = standardItem.parse(at(items[0], 'NotificationRequestItem'))
    standard += 1
    const one = { NotificationRequestItem: { ...item, additionalData: { ...item.additionalData, hmacSignature: signItem(hmacKey, item) } } }
    assert.equal(hear(JSON.stringify({ live: 'false', notificationItems: [one] }), {}).kind, 'told', name)
  }
  assert.equal(standard, 39)
})

test('the overlay is needed: without it a failed deletion is not in the specification', { skip }, () => {
  const failed = {
    method: 'DELETE',
    path: '/storedPaymentMethods/T',
    status: 422,
    body: JSON.stringify({ status: 422, errorCode: '803', message: 'PaymentDetail not found', errorType: 'validation' }),
  }
  assert.notDeepEqual(createJudge(options).checkResponse(failed), [])
  assert.deepEqual(createJudge({ ...options, overlays }).checkResponse(failed), [])
})
