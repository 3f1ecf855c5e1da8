/** PayPal's signature by a fetched certificate: whose it is, when it was made, and what it covers. */
import assert from 'node:assert/strict'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { Secret } from '../../core/secret.ts'
import { type ChannelAnswer, NoAnswer, type Remembered, type Send, type WebhookReading } from '../channel.ts'
import { accountOf, createBench, credentialsOf } from '../contract-bench.ts'
import { makeCertificate } from './simulator-certificate.ts'
import { subject } from './subject.ts'
import { readWebhook } from './webhook.ts'

const [credentials] = credentialsOf(subject)
const nowMs = Date.parse('2026-11-22T12:00:00Z')
const created = {
  id: 'WH-1',
  event_version: '1.0',
  create_time: '2026-11-22T11:59:58.000Z',
  event_type: 'VAULT.PAYMENT-TOKEN.CREATED',
  resource: { id: 'pt1', customer: { id: 'c1' }, payment_source: { paypal: { payer_id: 'AJM9JTWQJCFTA' } } },
}

type Changes = {
  readonly headers?: Readonly<Record<string, string>>
  readonly event?: unknown
  readonly atMs?: number
  readonly send?: Send
  readonly address?: string
  readonly webhookId?: string
  readonly remembered?: Remembered
}

/** Signs as the simulator does, changes what is to be changed, and reads. */
function reading({
  headers = {},
  event = created,
  atMs = nowMs,
  send,
  address,
  webhookId,
  remembered,
}: Changes = {}): Promise<WebhookReading> {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  // Where it was last reached is where its certificate is.
  bench.browse('GET', `${address ?? call.account.address}/_page/agreements/approve`)
  const body = typeof event === 'string' ? event : JSON.stringify(event)
  const signed = bench.stage.simulator.sign({ id: 'WH-1', type: 'x', body }, { nowMs, secrets: [credentials.signing] })
  const account = { ...accountOf(credentials), ...(address === undefined ? {} : { address }) }
  return Promise.resolve(
    readWebhook({
      headers: { ...signed.headers, ...headers },
      body: Buffer.from(body),
      nowMs: atMs,
      secrets: [new Secret(webhookId ?? credentials.verifying)],
      account,
      send: send ?? call.send,
      ...(remembered === undefined ? {} : { remembered }),
    }),
  )
}
const reasonOf = (one: WebhookReading) => (one.kind === 'rejected' ? one.reason : 'told')
const detailOf = (one: WebhookReading) => (one.kind === 'rejected' ? one.detail : '')

test('the CRC-32 is the one everybody means, in decimal', () => {
  // The check value of CRC-32/ISO-HDLC; PayPal's library writes it as `& 0xffffffff` (PayPal-Python-SDK, notifications.py).
  assert.equal(crc32('123456789'), 0xcbf43926)
})

test('a signature is good within four days either way, which is longer than PayPal tries, and stale after that', async () => {
  const dayMs = 86_400_000
  for (const [days, reason] of [
    [0, 'told'],
    [3, 'told'],
    [-3, 'told'],
    [4.01, 'stale'],
    [-4.01, 'stale'],
  ] as const)
    assert.equal(reasonOf(await reading({ atMs: nowMs + days * dayMs })), reason, String(days))
})

test('a certificate is believed of PayPal’s hosts only, live of the live one and sandbox of the sandbox', async () => {
  const path = '/v1/notifications/certs/CERT-1'
  for (const [address, url, trusted] of [
    ['https://api-m.paypal.com', `https://api.paypal.com${path}`, true],
    ['https://api-m.paypal.com', `https://api-m.paypal.com${path}`, true],
    ['https://api-m.sandbox.paypal.com', `https://api.sandbox.paypal.com${path}`, true],
    ['https://api-m.paypal.com', `https://api.sandbox.paypal.com${path}`, false],
    ['https://api-m.paypal.com', `http://api.paypal.com${path}`, false],
    ['https://api-m.paypal.com', `https://api.paypal.com.example${path}`, false],
    ['https://api-m.paypal.com', `https://user@api.paypal.com${path}`, false],
    ['https://api-m.paypal.com', `https://api.paypal.com${path}/../../x`, false],
    ['https://api-m.paypal.com', `https://api.paypal.com/v1/oauth2/token`, false],
    ['https://api-m.paypal.com', `https://api.paypal.com${path}?x=1`, false],
    ['https://api-m.paypal.com', 'not a url', false],
  ] as const) {
    let fetched = ''
    const send: Send = request => {
      fetched = request.url
      return Promise.reject(new NoAnswer('deadline'))
    }
    assert.equal(reasonOf(await reading({ address, headers: { 'paypal-cert-url': url }, send })), 'forged')
    assert.equal(fetched, trusted ? url : '', url)
  }
})

test('what is fetched has to be a certificate in PayPal’s name, good at this time', async () => {
  const { publicKey = '', privateKey = '' } = credentials.simulator ?? {}
  const made = (name: string) => makeCertificate({ publicKey, privateKey }, name, Buffer.alloc(8, 1))
  let count = 0
  const answered = (answer: ChannelAnswer, atMs = nowMs) => {
    count += 1
    const url = `http://127.0.0.1:9/v1/notifications/certs/CERT-test-${count}`
    return reading({ headers: { 'paypal-cert-url': url }, send: () => Promise.resolve(answer), atMs })
  }
  const pem = (name: string): ChannelAnswer => ({ status: 200, headers: {}, body: made(name) })
  assert.equal(reasonOf(await answered(pem('messageverificationcerts.paypal.com'))), 'told')
  assert.match(detailOf(await answered(pem('messageverificationcerts.paypal.com.example'))), /PayPal’s name/)
  assert.match(detailOf(await answered({ status: 200, headers: {}, body: '<html>' })), /not a certificate/)
  assert.match(detailOf(await answered({ status: 503, headers: {}, body: '' })), /could not be fetched/)
})

test('a certificate that could not be fetched is fetched again; one that was fetched is not', async () => {
  const bench = createBench(subject)
  const { send: real } = bench.call('opn_1')
  let fetches = 0
  let down = true
  const url = { 'paypal-cert-url': 'http://127.0.0.1:9/v1/notifications/certs/CERT-cached' }
  const { publicKey = '', privateKey = '' } = credentials.simulator ?? {}
  const body = makeCertificate({ publicKey, privateKey }, 'messageverificationcerts.paypal.com', Buffer.alloc(8, 2))
  const send: Send = request => {
    if (!request.url.endsWith('CERT-cached')) return real(request)
    fetches += 1
    return down ? Promise.reject(new NoAnswer('deadline')) : Promise.resolve({ status: 200, headers: {}, body })
  }
  const texts = new Map<string, string>()
  const remembered = { get: (name: string) => texts.get(name), set: (name: string, text: string) => void texts.set(name, text) }
  assert.equal(reasonOf(await reading({ headers: url, send, remembered })), 'forged')
  down = false
  for (let turn = 0; turn < 3; turn += 1) assert.equal(reasonOf(await reading({ headers: url, send, remembered })), 'told')
  assert.equal(fetches, 2)
})

test('what was signed for another listener, or by another algorithm, is a forgery here', async () => {
  assert.equal(reasonOf(await reading()), 'told')
  assert.equal(reasonOf(await reading({ webhookId: '4JH86294D6297924G' })), 'forged')
  for (const headers of [
    { 'paypal-auth-algo': 'SHA1withRSA' },
    { 'paypal-transmission-id': 'somebody-else' },
    { 'paypal-transmission-time': '2026-11-22T12:00:01Z' },
    { 'paypal-transmission-time': 'yesterday' },
    { 'paypal-transmission-sig': '' },
  ])
    assert.equal(reasonOf(await reading({ headers })), 'forged', JSON.stringify(headers))
})

test('signed, and still not an event: malformed', async () => {
  for (const event of ['[]', '{}', '{"id":', { ...created, create_time: 'yesterday' }, { ...created, resource: 1 }])
    assert.equal(reasonOf(await reading({ event })), 'malformed', JSON.stringify(event))
})

test('an event that changes no status is taken, and says nothing', async () => {
  const told = async (event: unknown) => {
    const one = await reading({ event })
    return one.kind === 'told' ? one.told[0] : assert.fail(detailOf(one))
  }
  const about = { event: 'WH-1', moment: { atMs: Date.parse(created.create_time) } }
  const capture = await told({ ...created, event_type: 'PAYMENT.CAPTURE.COMPLETED' })
  assert.deepEqual(capture, { ...about, type: 'PAYMENT.CAPTURE.COMPLETED', names: [] })
  // A card in the same vault is not a wallet, and another's name for a customer is not a binding of ours.
  const resource = { id: 'pt1', customer: { id: 'c1', merchant_customer_id: 'their-customer' }, payment_source: { card: {} } }
  assert.deepEqual(await told({ ...created, resource }), { ...about, type: created.event_type, names: ['pt1', 'c1'] })
})

test('the simulator’s certificate is one that others read: version 3, its own key, signed by it', () => {
  const { publicKey = '', privateKey = '' } = credentials.simulator ?? {}
  const certificate = new X509Certificate(
    makeCertificate({ publicKey, privateKey }, 'a.paypal.com', Buffer.from('0102030405060708', 'hex')),
  )
  assert.equal(certificate.subject, 'CN=a.paypal.com')
  assert.equal(certificate.serialNumber, '0102030405060708')
  assert.ok(certificate.verify(createPublicKey(publicKey)))
  assert.equal(new Date(certificate.validTo).toISOString(), '2049-12-31T23:59:59.000Z')
})
