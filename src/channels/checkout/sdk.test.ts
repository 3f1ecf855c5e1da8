/**
 * The third witness: Checkout.com's official library, unmodified, drives the same scenario against the same simulator, and what it puts on
 * the wire is what our adapter puts there. The library brings no verifier of webhooks; what it brings, a reader, reads ours.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Checkout } from 'checkout-sdk-node'
import { parseWebhookPayload } from '../../../node_modules/checkout-sdk-node/dist/services/webhook-utils.js'
import type { BindOutcome, Call, Send } from '../channel.ts'
import { accountOf, createBench, credentialsOf, fillIn, judgeOf } from '../contract-bench.ts'
import { isRecord } from '../json.ts'
import { type ServedSimulator, serveSimulator } from '../simulator-server.ts'
import { checkout } from './channel.ts'
import { sandbox } from './sandbox.ts'
import { subject } from './subject.ts'

const [credentials] = credentialsOf(subject)
const bench = createBench(subject)
const servers: ServedSimulator[] = []
after(async () => {
  for (const one of servers) await one.close()
})

async function serve(): Promise<ServedSimulator> {
  let drawn = 0
  const served = await serveSimulator(sandbox.createSimulator(credentials), {
    judge: judgeOf(subject),
    webhookSecrets: [credentials.signing],
    now: () => Date.parse('2026-11-22T12:00:00Z'),
    random: count => {
      drawn += 1
      return Buffer.from(createHmac('sha512', 'sdk').update(String(drawn)).digest().subarray(0, count))
    },
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
  servers.push(served)
  return served
}

const sandboxValue = (title: string) => {
  const found = checkout.sandboxValues.find(one => one.title === title)
  assert.ok(found !== undefined, title)
  return found
}
const plain = sandboxValue('Visa, stored at once')
const asked = sandboxValue('Visa whose issuer wants 3-D Secure')
const apple = sandboxValue('Apple Pay on a Visa')

const press = async (url: string): Promise<Readonly<Record<string, string>>> => {
  const answer = await fetch(`${url}/complete`, { method: 'POST', redirect: 'manual' })
  return Object.fromEntries(new URL(answer.headers.get('location') ?? '').searchParams)
}

/** The scenario by our adapter: a card, a card with 3-D Secure, a device's token; look-up, refresh, revoke. */
async function byAdapter(address: string): Promise<void> {
  const over =
    (value: typeof plain): Send =>
    async wanted => {
      const body = wanted.placeholders === true ? fillIn(wanted, value) : wanted.body
      const answer = await fetch(wanted.url, { method: wanted.method, headers: wanted.headers, ...(body === undefined ? {} : { body }) })
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
    }
  const call = (operation: string, value = plain): Call => ({
    operation,
    key: `key_${operation}`,
    account: { ...accountOf(credentials), address },
    send: over(value),
  })
  const bind = async (operation: string, value: typeof plain): Promise<BindOutcome> =>
    (await checkout.bind?.(call(operation, value), bench.input('bnd_1', value))) ?? { kind: 'uncertain', cause: 'no bind' }
  const first = await bind('opn_1', plain)
  assert.ok(first.kind === 'bound')
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: first.references }
  const challenged = await bind('opn_2', asked)
  assert.ok(challenged.kind === 'challenged' && challenged.action.type === 'redirect')
  const returned = await press(challenged.action.url)
  assert.match(returned['cko-session-id'] ?? '', /^sid_\w{26}$/)
  assert.equal((await checkout.resume?.(call('opn_3'), { ...about, references: challenged.references, returned }))?.kind, 'bound')
  assert.equal((await bind('opn_4', apple)).kind, 'bound')
  const look = { ...about, verb: 'bind', references: {}, source: plain.source } as const
  assert.equal((await checkout.lookUp?.(call('opn_1'), look))?.kind, 'bound')
  assert.equal((await checkout.refresh?.(call('opn_5'), { ...about, token: first.token }))?.kind, 'updated')
  assert.equal((await checkout.revoke?.(call('opn_6'), { ...about, token: first.token }))?.kind, 'revoked')
}

const field = (of: unknown, ...names: readonly string[]): unknown =>
  names.reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), of)

/** The same by the library, as its documentation says. */
async function byLibrary(address: string): Promise<void> {
  const { payments, instruments } = new Checkout(credentials.secrets.secretKey ?? '', { host: address })
  const card = { expiry_month: 3, expiry_year: 2030, name: 'Bruce Wayne', cvv: '100' }
  const verify = (operation: string, source: object, threeDs: boolean) =>
    payments.request(
      {
        source,
        amount: 0,
        currency: 'USD',
        reference: operation,
        '3ds': threeDs ? { enabled: true, challenge_indicator: 'challenge_requested_mandate' } : { enabled: false },
        processing_channel_id: credentials.settings.processingChannelId,
        ...(threeDs ? { success_url: returnUrl, failure_url: returnUrl } : {}),
        payment_ip: '203.0.113.7',
        metadata: { bindery_operation: operation, bindery_binding: 'bnd_1' },
      },
      `key_${operation}${threeDs ? '.3ds' : ''}`,
    )
  const first = await verify('opn_1', { type: 'card', number: '4242424242424242', ...card }, false)
  assert.equal(field(first, 'status'), 'Card Verified')
  const token = String(field(first, 'source', 'id'))
  const wanting = { type: 'card', number: asked.give.number, ...card }
  const declined = await verify('opn_2', wanting, false)
  assert.equal(field(declined, 'response_code'), '20154')
  const challenged = await verify('opn_2', wanting, true)
  assert.deepEqual([field(challenged, 'requiresRedirect'), field(challenged, 'status')], [true, 'Pending'])
  await press(String(field(challenged, 'redirectLink')))
  assert.equal(field(await payments.get(String(field(challenged, 'id'))), 'status'), 'Card Verified')
  const device = { token: apple.give.number, expiry_month: 3, expiry_year: 2030, cryptogram: apple.give.cryptogram, eci: '05' }
  await verify('opn_4', { type: 'network_token', token_type: 'applepay', ...device }, false)
  assert.equal(field(await payments.getPaymentList({ limit: 100, reference: 'opn_1' }), 'total_count'), 1)
  await instruments.get(token)
  await instruments.delete(token)
}
const { returnUrl } = bench.input('bnd_1')

/** What matters of a request: names that differ by chance become their kind. */
function normalized(served: ServedSimulator): readonly unknown[] {
  return served
    .requests()
    .filter(one => !one.path.startsWith('/_page/'))
    .map(one => ({
      method: one.method,
      path: one.path.replace(/(pay|src)_\w{26}/, '<$1>'),
      query: [...new URLSearchParams(one.query)].sort(),
      key: one.headers['cko-idempotency-key'] ?? '',
      contentType: one.method === 'POST' ? one.headers['content-type'] : '',
      body: one.body === '' ? '' : JSON.parse(one.body),
      status: one.status,
    }))
}

test('the official library and our adapter put the same requests on the wire, and the specification objects to neither', async () => {
  const ours = await serve()
  await byAdapter(ours.address)
  const theirs = await serve()
  await byLibrary(theirs.address)
  assert.equal(normalized(ours).length, 8)
  assert.deepEqual(normalized(ours), normalized(theirs))
  assert.deepEqual([...ours.violations(), ...theirs.violations()], [])
  const effects = (served: ServedSimulator) => served.books().effects.map(one => one.effect)
  assert.deepEqual(effects(ours), ['stored', 'refused', 'challenged', 'stored', 'stored', 'removed'])
  assert.deepEqual(effects(ours), effects(theirs))
})

test('the official library reads what our simulator tells', async () => {
  const stand = createBench(subject)
  await stand.bind(stand.call('opn_1'), stand.input('bnd_1'))
  const [delivery] = stand.deliveries()
  assert.ok(delivery !== undefined)
  const read: unknown = parseWebhookPayload(delivery.body)
  assert.deepEqual([field(read, 'type'), field(read, 'data', 'reference')], ['card_verified', 'opn_1'])
})
