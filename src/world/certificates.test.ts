import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { createCertificate } from '../channels/certificate.ts'
import { type ChannelAccount, NoAnswer } from '../channels/channel.ts'
import { credentialsOf } from '../channels/contract-bench.ts'
import { pix } from '../channels/pix/channel.ts'
import { subject } from '../channels/pix/subject.ts'
import { serveSimulator } from '../channels/simulator-server.ts'
import { Secret } from '../core/secret.ts'
import { clientCertificatesOf } from './certificates.ts'
import { createSend } from './http.ts'

const closing: (() => Promise<unknown>)[] = []
after(async () => {
  for (const close of closing.reverse()) await close()
})

const validity = { notBeforeMs: Date.UTC(2026, 0, 1), notAfterMs: Date.UTC(2126, 0, 1) }
function identity(commonName: string, serial: number) {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyPair = {
    publicKey: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
  const { pem } = createCertificate({ keyPair, commonName, serial, ...validity, hosts: ['localhost', '127.0.0.1'] })
  return { pem, key: keyPair.privateKey }
}
const bank = identity('bank', 1)
const merchant = identity('merchant', 2)
const stranger = identity('stranger', 3)

/** A server that lets the merchant in and says who came. */
async function banking(): Promise<string> {
  const server = createServer(
    { cert: bank.pem, key: bank.key, ca: merchant.pem, requestCert: true, rejectUnauthorized: true },
    ({ socket }, response) => {
      const { subject: name } = socket instanceof TLSSocket ? socket.getPeerCertificate() : { subject: undefined }
      response.end(`hello ${name?.CN}`)
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })
  const bound = server.address()
  assert.ok(bound !== null && typeof bound === 'object')
  return `https://127.0.0.1:${bound.port}`
}

const accountAt = (
  address: string,
  of: { readonly pem: string; readonly key: string },
  more: Partial<ChannelAccount> = {},
): ChannelAccount => ({
  address,
  secrets: { clientCertificate: new Secret(of.pem), clientKey: new Secret(of.key), serverAuthority: new Secret(bank.pem) },
  settings: {},
  webhookSecrets: [],
  ...more,
})

function sending(accounts: readonly ChannelAccount[], origins: readonly string[]) {
  const limits = { timeoutMs: 5_000, maxBytes: 100_000, allowLoopback: true }
  const send = createSend({ ...limits, allowedOrigins: origins, certificates: clientCertificatesOf(accounts) })
  closing.push(() => send.close())
  return send
}
const get = (url: string) => ({ method: 'GET', url, headers: {} }) as const

test('who shows the certificate of the account is let in, over and over', async () => {
  const origin = await banking()
  const send = sending([accountAt(`${origin}/api`, merchant)], [origin])
  for (let i = 0; i < 3; i += 1) assert.equal((await send(get(`${origin}/api/rec`))).body, 'hello merchant')
})

test('who shows none, or another one, has no answer', async () => {
  const origin = await banking()
  for (const accounts of [[], [accountAt(origin, stranger)]]) await assert.rejects(sending(accounts, [origin])(get(origin)), NoAnswer)
})

test('a certificate is shown at its own origin only: two banks, two certificates, one sender', async () => {
  const [one, other] = [await banking(), await banking()]
  const send = sending([accountAt(one, merchant), accountAt(other, stranger)], [one, other])
  assert.equal((await send(get(one))).body, 'hello merchant')
  await assert.rejects(send(get(other)), NoAnswer)
  assert.equal((await send(get(one))).body, 'hello merchant')
})

test('a server that nobody vouches for is not spoken to, certificate or not', async () => {
  const origin = await banking()
  const { serverAuthority: _left, ...secrets } = accountAt(origin, merchant).secrets
  await assert.rejects(sending([accountAt(origin, merchant, { secrets })], [origin])(get(origin)), NoAnswer)
})

test('the token endpoint of an account sees the same certificate, and mistakes are told at the start', () => {
  const settings = { tokenUrl: 'https://auth.bank.example/token' }
  const map = clientCertificatesOf([accountAt('https://api.bank.example/pix/v2', merchant, { settings })])
  assert.deepEqual([...map.keys()], ['https://api.bank.example', 'https://auth.bank.example'])
  const { clientKey: _left, ...half } = accountAt('https://a.example', merchant).secrets
  assert.throws(() => clientCertificatesOf([accountAt('https://a.example', merchant, { secrets: half })]), /half a client certificate/)
  const twice = [accountAt('https://a.example/1', merchant), accountAt('https://a.example/2', stranger)]
  assert.throws(() => clientCertificatesOf(twice), /different client certificates at https:\/\/a\.example/)
  assert.equal(clientCertificatesOf([accountAt('https://a.example', merchant, { secrets: {} })]).size, 0)
})

test('Pix Automático over mutual TLS: bound, looked up and revoked at a simulator that lets nobody else in', async () => {
  const [credentials, , foreign] = credentialsOf(subject)
  const { certificate = '', key = '' } = credentials.simulator ?? {}
  const clientAuthority = credentials.secrets.clientCertificate ?? ''
  const served = await serveSimulator(subject.sandbox.createSimulator(credentials), {
    webhookSecrets: [credentials.signing],
    now: Date.now,
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
    tls: { certificate, key, clientAuthority },
  })
  closing.push(() => served.close())
  assert.match(served.address, /^https:/)
  const accountOf = (of: typeof credentials): ChannelAccount => ({
    address: served.address,
    secrets: Object.fromEntries(
      Object.entries({ ...of.secrets, serverAuthority: certificate }).map(([name, one]) => [name, new Secret(one)]),
    ),
    settings: of.settings,
    webhookSecrets: [],
  })
  const value = pix.sandboxValues[0]
  if (value === undefined || pix.bind === undefined || pix.lookUp === undefined || pix.revoke === undefined) return assert.fail()
  const through = (account: ChannelAccount) => {
    const send = sending([account], [served.address])
    return { operation: 'opn_1', key: 'opn_1', account, send: (request: Parameters<typeof send>[0]) => send(filled(request, value.give)) }
  }
  const call = through(accountOf(credentials))
  const about = { customer: 'cus_1', binding: 'bnd_1' }
  const input = { ...about, tenant: 'ten_1', channelCustomer: undefined, instrument: 'ins_1', returnUrl: '', client: {} }
  const begun = await pix.bind(call, { ...input, source: value.source, terms: value.terms })
  if (begun.kind !== 'challenged') return assert.fail(JSON.stringify(begun))
  served.act('approve', begun.references.recurrence ?? '')
  const bound = await pix.lookUp(call, { ...about, verb: 'bind', references: begun.references, source: value.source })
  if (bound.kind !== 'bound') return assert.fail(JSON.stringify(bound))
  assert.equal((await pix.revoke(call, { ...about, token: bound.token, references: bound.references })).kind, 'revoked')
  const turnedAway = await pix.bind(through(accountOf(foreign)), { ...input, source: value.source, terms: value.terms })
  assert.deepEqual([turnedAway.kind, turnedAway.kind === 'uncertain' && turnedAway.cause], ['uncertain', 'no_answer'])
})

const filled = <R extends { readonly body?: string }>(request: R, give: Readonly<Record<string, string>>): R =>
  request.body === undefined
    ? request
    : { ...request, body: request.body.replace(/\{\{payer\.(\w+)\}\}/g, (_, name: string) => give[name] ?? '') }
