import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hmacValidator } from '@adyen/api-library'
import { Secret } from '../../core/secret.ts'
import type { Told, WebhookReading } from '../channel.ts'
import { account, hmacKey, rehearse, unplugged } from './rehearse.ts'
import { readWebhook, type StandardItem, signBody, signItem } from './webhook.ts'

const nowMs = Date.UTC(2026, 10, 22, 12)
const otherKey = '00'.repeat(32)

const read = (body: string | Buffer, headers: Record<string, string> = {}, keys: readonly string[] = [hmacKey]): WebhookReading => {
  const secrets = keys.map(key => new Secret(key))
  return readWebhook({ headers, body: Buffer.from(body), nowMs, secrets, account, send: unplugged })
}
const toldOf = (reading: WebhookReading): Told => {
  assert.ok(reading.kind === 'told', JSON.stringify(reading))
  const [told] = reading.told
  assert.ok(told !== undefined)
  return told
}
const rejectedAs = (reading: WebhookReading): string => (reading.kind === 'rejected' ? reading.reason : reading.kind)

const item: StandardItem = {
  pspReference: 'QFQTPCQ8HXSKGK82',
  merchantAccountCode: 'BinderyECOM',
  merchantReference: 'opn_1',
  amount: { value: 0, currency: 'EUR' },
  eventCode: 'AUTHORISATION',
  success: 'true',
  eventDate: '2026-11-22T11:59:00+01:00',
  reason: '033899:1111:03/2030',
  additionalData: { 'tokenization.storedPaymentMethodId': 'M5N7TQ4TG5PFWR50', cardSummary: '1111', expiryDate: '3/2030' },
}
const signed = (of: StandardItem, key = hmacKey): StandardItem => ({
  ...of,
  additionalData: { ...of.additionalData, hmacSignature: signItem(key, of) },
})
const wrapped = (...items: readonly StandardItem[]): string =>
  JSON.stringify({ live: 'false', notificationItems: items.map(one => ({ NotificationRequestItem: one })) })

const tokenBody = (type: string, more: Record<string, unknown> = {}, data: Record<string, unknown> = {}): string =>
  JSON.stringify({
    createdAt: '2026-11-22T11:40:23+02:00',
    eventId: 'QBQQ9DLNRHHKGK38',
    environment: 'test',
    data: {
      merchantAccount: 'BinderyECOM',
      storedPaymentMethodId: 'M5N7TQ4TG5PFWR50',
      type: 'visastandarddebit',
      operation: 'created',
      shopperReference: 'cus_alice',
      ...data,
    },
    type,
    ...more,
  })
const readToken = (body: string, key = hmacKey, keys?: readonly string[]) => read(body, { hmacsignature: signBody(key, body) }, keys)

test('the official vectors: a standard item signs to what the library publishes', () => {
  const vector: StandardItem = {
    pspReference: 'pspReference',
    originalReference: 'originalReference',
    merchantAccountCode: 'merchantAccount',
    merchantReference: 'reference',
    amount: { currency: 'EUR', value: 1000 },
    eventCode: 'EVENT',
    success: 'true',
  }
  assert.equal(signItem(hmacKey, vector), 'ipnxGCaUZ4l8TUW75a71/ghd2Fe5ffvX0pV4TLTntIc=')
  assert.equal(signItem(hmacKey, { ...vector, eventCode: 'REPORT_AVAILABLE' }), 'ZNBPtI+oDyyRrLyD1XirkKnQgIAlFc07Vj27TeHsDRE=')
})

test('the library accepts our signatures, and we accept the library’s', () => {
  const library = new hmacValidator()
  const ours = signed(item)
  const asLibrary = JSON.parse(JSON.stringify(ours))
  assert.equal(library.validateHMAC(asLibrary, hmacKey), true)
  assert.equal(library.validateHMAC(asLibrary, otherKey), false)
  const theirs = library.calculateHmac(JSON.parse(JSON.stringify(item)), hmacKey)
  toldOf(read(wrapped({ ...item, additionalData: { ...item.additionalData, hmacSignature: theirs } })))
  const body = tokenBody('recurring.token.created')
  assert.equal(library.validateHMACSignature(hmacKey, signBody(hmacKey, body), body), true)
  toldOf(read(body, { hmacsignature: library.calculateHmac(body, hmacKey) }))
})

test('what the simulator sends, the library takes', async () => {
  const at = rehearse()
  const library = new hmacValidator()
  await at.bind({ number: '4111111111111111' })
  const sent = at.deliveries()
  assert.equal(sent.length, 2)
  for (const { headers, body } of sent) {
    if (headers.hmacsignature !== undefined) assert.ok(library.validateHMACSignature(hmacKey, headers.hmacsignature, body))
    else assert.ok(library.validateHMAC(JSON.parse(body).notificationItems[0].NotificationRequestItem, hmacKey))
  }
  assert.deepEqual(at.stage.violations(), [])
})

test('an authorisation with its token is bound, and answers our operation', () => {
  const told = toldOf(read(wrapped(signed(item))))
  assert.equal(told.event, 'AUTHORISATION:QFQTPCQ8HXSKGK82:true')
  assert.equal(told.operation, 'opn_1')
  assert.deepEqual(told.names, ['M5N7TQ4TG5PFWR50', 'QFQTPCQ8HXSKGK82'])
  assert.deepEqual(told.moment, { atMs: Date.UTC(2026, 10, 22, 10, 59) })
  assert.ok(told.news?.kind === 'bound' && told.news.token === 'M5N7TQ4TG5PFWR50' && told.news.shown?.last4 === '1111')
})

test('it is accepted with a 2xx and the classic body', () => {
  const reading = read(wrapped(signed(item)))
  assert.ok(reading.kind === 'told')
  assert.deepEqual([reading.answer.status, reading.answer.body], [200, '[accepted]'])
})

test('an authorisation without its token is verifying', () => {
  const told = toldOf(read(wrapped(signed({ ...item, additionalData: {} }))))
  assert.equal(told.news?.kind, 'verifying')
})

test('a failed authorisation is refused for its reason', () => {
  const told = toldOf(read(wrapped(signed({ ...item, success: 'false', reason: 'Expired Card', additionalData: {} }))))
  assert.ok(told.news?.kind === 'refused' && told.news.category === 'expired' && told.news.code === '6')
  const other = toldOf(read(wrapped(signed({ ...item, success: 'false', reason: 'Never heard of', additionalData: {} }))))
  assert.ok(other.news?.kind === 'refused' && other.news.category === 'unknown' && !other.news.elsewhere)
})

test('success and failure of one payment are two events', () => {
  const failed = toldOf(read(wrapped(signed({ ...item, success: 'false' }))))
  assert.notEqual(failed.event, toldOf(read(wrapped(signed(item)))).event)
})

test('a charge, another merchant account and events of other kinds are no news about a binding', () => {
  for (const other of [
    { ...item, amount: { value: 1000, currency: 'EUR' } },
    { ...item, merchantAccountCode: 'SomeoneElse' },
    { ...item, eventCode: 'REPORT_AVAILABLE' },
  ])
    assert.equal(toldOf(read(wrapped(signed(other)))).news, undefined)
})

test('the older contract event names the token by its own reference', () => {
  const contract = { ...item, eventCode: 'RECURRING_CONTRACT', pspReference: 'M5N7TQ4TG5PFWR50', originalReference: 'QFQTPCQ8HXSKGK82' }
  const told = toldOf(read(wrapped(signed(contract))))
  assert.ok(told.news?.kind === 'bound' && told.news.token === 'M5N7TQ4TG5PFWR50')
  assert.deepEqual(told.names, ['M5N7TQ4TG5PFWR50', 'QFQTPCQ8HXSKGK82'])
})

test('a contract told of again for another payment is another event: the second bind of a card hears of it too', () => {
  const contract = { ...item, eventCode: 'RECURRING_CONTRACT', pspReference: 'M5N7TQ4TG5PFWR50', originalReference: 'QFQTPCQ8HXSKGK82' }
  const again = { ...contract, originalReference: 'ZFQTPCQ8HXSKGK82', merchantReference: 'opn_2' }
  assert.notEqual(toldOf(read(wrapped(signed(contract)))).event, toldOf(read(wrapped(signed(again)))).event)
  assert.equal(toldOf(read(wrapped(signed(again)))).event, toldOf(read(wrapped(signed(again)))).event)
})

test('an authorisation tells whose token it is', () => {
  const data = { ...item.additionalData, 'tokenization.shopperReference': 'bnd1' }
  const { news } = toldOf(read(wrapped(signed({ ...item, merchantReference: 'opn1', additionalData: data }))))
  assert.ok(news?.kind === 'bound' && news.references.shopper_reference === 'bnd1')
})

const tokenNews = [
  ['recurring.token.created', 'bound'],
  ['recurring.token.alreadyExisting', 'bound'],
  ['recurring.token.updated', 'updated'],
  ['recurring.token.disabled', 'revoked'],
  ['recurring.token.invented', undefined],
] as const
for (const [type, kind] of tokenNews) {
  test(`${type} is ${kind ?? 'acknowledged only'}`, () => {
    const told = toldOf(readToken(tokenBody(type)))
    assert.equal(told.news?.kind, kind)
    assert.deepEqual(told.names, ['M5N7TQ4TG5PFWR50', 'QBQQ9DLNRHHKGK38'])
    assert.deepEqual(told.moment, { atMs: Date.UTC(2026, 10, 22, 9, 40, 23) })
    if (told.news?.kind === 'bound') assert.equal(told.news.token, 'M5N7TQ4TG5PFWR50')
  })
}

test('a token event of another merchant account is no news', () => {
  assert.equal(toldOf(readToken(tokenBody('recurring.token.disabled', {}, { merchantAccount: 'SomeoneElse' }))).news, undefined)
})

test('while a key is rotated out both are taken, and no third', () => {
  const body = tokenBody('recurring.token.created')
  toldOf(readToken(body, otherKey, [hmacKey, otherKey]))
  toldOf(read(wrapped(signed(item, otherKey)), {}, [hmacKey, otherKey]))
  assert.equal(rejectedAs(readToken(body, '11'.repeat(32), [hmacKey, otherKey])), 'forged')
})

test('one changed byte is a forgery', () => {
  const body = tokenBody('recurring.token.created')
  const signature = signBody(hmacKey, body)
  assert.equal(rejectedAs(read(body.replace('cus_alice', 'cus_mally'), { hmacsignature: signature })), 'forged')
  assert.equal(rejectedAs(read(`${body} `, { hmacsignature: signature })), 'forged')
  const good = signed(item)
  const changes: Partial<StandardItem>[] = [
    { pspReference: 'QFQTPCQ8HXSKGK83' },
    { originalReference: 'x' },
    { merchantAccountCode: 'Other' },
    { merchantReference: 'opn_2' },
    { amount: { value: 1, currency: 'EUR' } },
    { amount: { value: 0, currency: 'USD' } },
    { eventCode: 'CAPTURE' },
    { success: 'false' },
  ]
  for (const change of changes) assert.equal(rejectedAs(read(wrapped({ ...good, ...change }))), 'forged', JSON.stringify(change))
})

test('no signature, an empty one, or one of another length is a forgery, and never an exception', () => {
  for (const hmacSignature of [undefined, '', 'null', 'AAAA', '💥', 7])
    assert.equal(rejectedAs(read(wrapped({ ...item, additionalData: { hmacSignature } }))), 'forged')
  for (const hmacsignature of ['', 'AAAA', '💥']) {
    assert.equal(rejectedAs(read(tokenBody('recurring.token.created'), { hmacsignature })), 'forged')
  }
  for (const body of ['', '[]', 'null', '{"notificationItems":[]}', '{"notificationItems":{}}', '\u0000'])
    assert.equal(rejectedAs(read(body)), 'forged')
})

test('a token event that was parsed and written anew is rejected, and the detail says so', () => {
  const body = tokenBody('recurring.token.created')
  const reading = read(JSON.stringify(JSON.parse(body), null, 2), { hmacsignature: signBody(hmacKey, body) })
  assert.equal(rejectedAs(reading), 'forged')
  assert.match(reading.kind === 'rejected' ? reading.detail : '', /re-serialised/)
})

test('one bad item in a batch spoils it: nothing of it is believed', () => {
  assert.equal(rejectedAs(read(wrapped(signed(item), item))), 'forged')
})

test('a key that is not one signs nothing: an empty key is everybody’s', () => {
  const body = tokenBody('recurring.token.created')
  for (const key of ['', 'zz', 'not hex at all', 'AB'.repeat(4)]) assert.equal(rejectedAs(readToken(body, key, [key])), 'forged', key)
})

test('fields cannot be moved over the colons between them', () => {
  // A genuine item of another account on the same key, whose reference holds a colon; then the same signed string, cut elsewhere.
  const genuine = signed({ ...item, merchantAccountCode: 'SomeoneElse', merchantReference: 'BinderyECOM:opn_1' })
  assert.equal(toldOf(read(wrapped(genuine))).news, undefined)
  const moved = { ...genuine, originalReference: ':SomeoneElse', merchantAccountCode: 'BinderyECOM', merchantReference: 'opn_1' }
  assert.equal(rejectedAs(read(wrapped(moved))), 'forged')
})

test('an event older than any repetition is stale; one from the last month is not', () => {
  assert.equal(rejectedAs(readToken(tokenBody('recurring.token.created', { createdAt: '2026-09-01T00:00:00Z' }))), 'stale')
  toldOf(readToken(tokenBody('recurring.token.created', { createdAt: '2026-10-24T00:00:00Z' })))
})

test('what is signed and of no known form is malformed', () => {
  for (const body of ['[]', '{"type":"report.created"}', tokenBody('recurring.token.created', { createdAt: 'yesterday' })])
    assert.equal(rejectedAs(readToken(body)), 'malformed')
})

test('where a user and password are set for webhooks, a signature alone is not enough', () => {
  const guarded = {
    ...account,
    settings: { ...account.settings, webhookUser: 'adyen' },
    secrets: { ...account.secrets, webhookPassword: new Secret('hunter:2') },
  }
  const kindWith = (authorization: string | undefined) =>
    readWebhook({
      headers: authorization === undefined ? {} : { authorization },
      body: Buffer.from(wrapped(signed(item))),
      nowMs,
      secrets: [new Secret(hmacKey)],
      account: guarded,
      send: unplugged,
    }).kind
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  assert.equal(kindWith(basic('adyen:hunter:2')), 'told')
  for (const wrong of [undefined, '', basic('adyen:hunter'), basic('other:hunter:2'), 'Bearer x']) assert.equal(kindWith(wrong), 'rejected')
})
