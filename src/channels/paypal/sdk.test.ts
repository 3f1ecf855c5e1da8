/** The third witness: PayPal's official SDK, unmodified, does the same against the same simulator, and says the same on the wire. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  Client,
  Environment,
  ExperienceContextShippingPreference,
  PaypalPaymentTokenCustomerType,
  PaypalPaymentTokenUsageType,
  VaultController,
  VaultTokenRequestType,
} from '@paypal/paypal-server-sdk'
import type { Send } from '../channel.ts'
import { accountOf, createBench, credentialsOf, judgeOf } from '../contract-bench.ts'
import { type ServedSimulator, serveSimulator } from '../simulator-server.ts'
import type { Recorded } from '../stage.ts'
import { paypal } from './channel.ts'
import { sandbox } from './sandbox.ts'
import { subject } from './subject.ts'

const [credentials] = credentialsOf(subject)
const servers: ServedSimulator[] = []
const request = https.request

/** The SDK speaks https to PayPal's sandbox only: its sockets end at the simulator instead. Nothing of it is replaced. */
before(() => {
  Object.assign(https, {
    request: (
      { agent: _agent, agents: _agents, ...options }: https.RequestOptions & { agents?: unknown },
      answered?: (one: http.IncomingMessage) => void,
    ) => {
      const { port } = new URL(servers.at(-1)?.address ?? 'http://127.0.0.1:9')
      assert.equal(options.hostname ?? options.host, 'api-m.sandbox.paypal.com')
      return http.request({ ...options, protocol: 'http:', host: '127.0.0.1', hostname: '127.0.0.1', port }, answered)
    },
  })
})
after(async () => {
  Object.assign(https, { request })
  for (const one of servers) await one.close()
})

async function serve(): Promise<ServedSimulator> {
  const served = await serveSimulator(sandbox.createSimulator(credentials), {
    judge: judgeOf(subject),
    webhookSecrets: [credentials.signing],
    now: () => 1_795_348_800_000,
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
  servers.push(served)
  return served
}

const sendByFetch: Send = async asked => {
  const answer = await fetch(asked.url, {
    method: asked.method,
    headers: { ...asked.headers },
    redirect: 'manual',
    ...(asked.body === undefined ? {} : { body: asked.body }),
  })
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
}
const agree = async (url: string) => {
  const at = new URL(url)
  at.pathname = at.pathname.replace('/approve', '/complete')
  assert.equal((await sendByFetch({ method: 'POST', url: at.href, headers: {} })).status, 303)
}

const returnUrl = 'https://pay.example.com/return?token=unguessable'

async function scenarioOfSdk(): Promise<void> {
  const { clientId = '', clientSecret = '' } = credentials.secrets
  const client = new Client({
    environment: Environment.Sandbox,
    clientCredentialsAuthCredentials: { oAuthClientId: clientId, oAuthClientSecret: clientSecret },
  })
  const vault = new VaultController(client)
  const { result: setup } = await vault.createSetupToken({
    paypalRequestId: 'key_1.setup',
    body: {
      customer: { merchantCustomerId: 'bnd_1' },
      paymentSource: {
        paypal: {
          description: 'ACME subscription',
          permitMultiplePaymentTokens: true,
          usageType: PaypalPaymentTokenUsageType.Merchant,
          customerType: PaypalPaymentTokenCustomerType.Consumer,
          experienceContext: {
            shippingPreference: ExperienceContextShippingPreference.NoShipping,
            returnUrl,
            cancelUrl: `${returnUrl}&cancelled=true`,
          },
        },
      },
    },
  })
  assert.equal(setup.status, 'PAYER_ACTION_REQUIRED')
  assert.equal(setup.customer?.merchantCustomerId, 'bnd_1')
  const id = setup.id ?? ''
  await agree(setup.links?.find(one => one.rel === 'approve')?.href ?? '')
  assert.equal((await vault.getSetupToken(id)).result.status, 'APPROVED')
  const { result: payment } = await vault.createPaymentToken({
    paypalRequestId: 'key_2.token',
    body: { paymentSource: { token: { id, type: VaultTokenRequestType.SetupToken } } },
  })
  assert.match(payment.paymentSource?.paypal?.payerId ?? '', /^[2-9A-HJ-NP-Z]{13}$/)
  assert.equal((await vault.getSetupToken(id)).result.status, 'TOKENIZED')
  const { result: list } = await vault.listCustomerPaymentTokens({ customerId: setup.customer?.id ?? '', pageSize: 10 })
  assert.deepEqual(
    list.paymentTokens?.map(one => one.id),
    [payment.id],
  )
  assert.equal((await vault.deletePaymentToken(payment.id ?? '')).statusCode, 204)
  await assert.rejects(vault.getPaymentToken(payment.id ?? ''), { statusCode: 404 })
}

async function scenarioOfAdapter(address: string): Promise<void> {
  const bench = createBench(subject)
  const call = (key: string) => ({ operation: 'opn_1', key, account: { ...accountOf(credentials), address }, send: sendByFetch })
  const about = { customer: 'cus_contract', binding: 'bnd_1' }
  const first = await bench.bind(call('key_1'), bench.input('bnd_1'))
  if (first.kind !== 'challenged' || first.action.type !== 'redirect') throw new assert.AssertionError({ message: first.kind })
  const { references } = first
  await agree(first.action.url)
  const bound = await paypal.resume?.(call('key_2'), { ...about, references, returned: {} })
  if (bound?.kind !== 'bound') throw new assert.AssertionError({ message: bound?.kind ?? '' })
  assert.equal((await paypal.lookUp?.(call('key_3'), { ...about, verb: 'bind', references, source: undefined }))?.kind, 'bound')
  const held = { ...about, token: bound.token, references: bound.references }
  assert.equal((await paypal.revoke?.(call('key_4'), held))?.kind, 'revoked')
  assert.equal((await paypal.lookUp?.(call('key_5'), { ...held, verb: 'revoke', source: undefined }))?.kind, 'revoked')
}

/** What stands on the wire, without the ids that PayPal drew; fields of JSON in one order. */
function normalised(requests: readonly Recorded[]): readonly string[] {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value
  return requests
    .filter(one => one.path.startsWith('/v3/'))
    .map(one => {
      const body = one.body === '' ? '' : JSON.stringify(JSON.parse(one.body), sorted)
      const path = one.path.replace(/(tokens)\/.+$/, '$1/*')
      // The SDK leaves an ampersand for every parameter it was not given.
      const query = one.query.replace(/(customer_id)=[^&]+/, '$1=*').replace(/&+$/, '')
      const type = one.body === '' ? '' : (one.headers['content-type'] ?? '')
      return [one.method, path, query, type, one.headers['paypal-request-id'] ?? '', body.replace(/"id":"[^"]+"/, '"id":"*"')].join(' ')
    })
}

test('the official SDK and our adapter say the same on the wire', async () => {
  const theirs = await serve()
  await scenarioOfSdk()
  const ours = await serve()
  await scenarioOfAdapter(ours.address)
  assert.deepEqual(theirs.violations(), [])
  assert.deepEqual(ours.violations(), [])
  assert.deepEqual(normalised(ours.requests()), normalised(theirs.requests()))
  assert.equal(normalised(ours.requests()).length, 7)
  const doors = [theirs, ours].map(one => one.requests().find(asked => asked.path === '/v1/oauth2/token'))
  const [one, other] = doors.map(door => [door?.method, door?.body, (door?.headers['content-type'] ?? '').split(';')[0]])
  assert.deepEqual(one, other)
})
