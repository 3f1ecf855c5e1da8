/**
 * The witness: GoCardless' official library, unmodified, does the same things at the same simulator, and what it puts on the wire is what
 * our adapter puts there; its webhook parser takes what our simulator signs. GoCardless publishes no specification that could judge.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BillingRequestStatus, Environments, GoCardlessClient, MandateStatus, parse } from 'gocardless-nodejs'
import type { BindInput, BindOutcome, Call, Channel, ResumeInput, SandboxValue, Send } from '../channel.ts'
import { accountOf, credentialsOf, fillIn } from '../contract-bench.ts'
import { type ServedSimulator, serveSimulator } from '../simulator-server.ts'
import { outcomeOf, outcomeOfMandate } from './bind.ts'
import { gocardless } from './channel.ts'
import { sandbox } from './sandbox.ts'
import { subject } from './subject.ts'
import { mandateShape, requestShape } from './wire.ts'

const [credentials] = credentialsOf(subject)
const returnUrl = 'https://pay.example.com/return?token=unguessable'
const servers: ServedSimulator[] = []
const request = https.request

/** The library speaks https to api-sandbox.gocardless.com only: its sockets end at the simulator instead. Nothing of it is replaced. */
before(() => {
  Object.assign(https, {
    request: (url: URL, { agent: _agent, ...options }: https.RequestOptions) => {
      assert.equal(url.hostname, 'api-sandbox.gocardless.com')
      const { port } = new URL(servers.at(-1)?.address ?? 'http://127.0.0.1:9')
      return http.request(new URL(`http://127.0.0.1:${port}${url.pathname}${url.search}`), options)
    },
  })
})
after(async () => {
  Object.assign(https, { request })
  for (const one of servers) await one.close()
})

async function serve(): Promise<ServedSimulator> {
  const served = await serveSimulator(sandbox.createSimulator(credentials), {
    webhookSecrets: [credentials.signing],
    now: () => Date.now(),
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
  servers.push(served)
  return served
}

async function press(page: string, choice: string): Promise<Record<string, string>> {
  const answer = await fetch(`${page}/${choice}`, { method: 'POST', redirect: 'manual' })
  return Object.fromEntries(new URL(answer.headers.get('location') ?? '').searchParams)
}

const titled = (title: string): SandboxValue => {
  const found = gocardless.sandboxValues.find(one => one.title.startsWith(title))
  return found ?? assert.fail(title)
}
const sepa = titled('SEPA mandate granted')
const ach = titled('ACH mandate granted')
const known = titled('SEPA mandate from a payer')
const british = titled('Bacs mandate from a payer')
const verified: SandboxValue = { ...sepa, source: { ...bank(sepa), verify: 'instant' } }
function bank(value: SandboxValue) {
  return value.source.type === 'bank_account' ? value.source : assert.fail()
}

type Verbs = Required<Pick<Channel, 'bind' | 'resume' | 'lookUp' | 'revoke'>>
function verbs({ bind, resume, lookUp, revoke }: Channel): Verbs {
  assert.ok(bind && resume && lookUp && revoke)
  return { bind, resume, lookUp, revoke }
}
const { bind, resume, lookUp, revoke } = verbs(gocardless)

const callAt = (address: string, operation: string, value: SandboxValue): Call => {
  const send: Send = async wanted => {
    const body = wanted.placeholders === true ? fillIn(wanted, value) : wanted.body
    const answer = await fetch(wanted.url, { method: wanted.method, headers: wanted.headers, ...(body === undefined ? {} : { body }) })
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
  }
  return { operation, key: `key-${operation}`, account: { ...accountOf(credentials), address }, send }
}
const inputOf = (value: SandboxValue, channelCustomer?: string): BindInput => ({
  tenant: 'ten_1',
  customer: 'cus_1',
  channelCustomer,
  instrument: 'ins_1',
  binding: 'bnd_1',
  source: value.source,
  terms: value.terms,
  returnUrl,
  client: {},
})
type Challenged = BindOutcome & { readonly kind: 'challenged' }
function challenged(outcome: BindOutcome): Challenged & { readonly url: string } {
  assert.ok(outcome.kind === 'challenged' && outcome.action.type === 'redirect')
  return { ...outcome, url: outcome.action.url }
}
const about = (outcome: Challenged, returned: ResumeInput['returned']): ResumeInput => ({
  customer: 'cus_1',
  binding: 'bnd_1',
  references: outcome.references,
  returned,
})

async function byAdapter(address: string): Promise<void> {
  const call = (operation: string, value = sepa) => callAt(address, operation, value)
  const first = challenged(await bind(call('opn_1'), inputOf(verified)))
  const again = challenged(await bind(call('opn_1'), inputOf(verified)))
  assert.deepEqual(again, first)
  const bound = await resume(call('opn_2'), about(first, await press(first.url, 'complete')))
  assert.ok(bound.kind === 'bound')
  const names = { customer: 'cus_1', binding: 'bnd_1', references: bound.references }
  assert.equal((await lookUp(call('opn_1'), { ...names, verb: 'bind', source: sepa.source })).kind, 'bound')
  assert.equal((await revoke(call('opn_3'), { ...names, token: bound.token })).kind, 'revoked')
  assert.equal((await lookUp(call('opn_3'), { ...names, verb: 'revoke', source: undefined })).kind, 'revoked')
  const second = challenged(await bind(call('opn_4'), inputOf(ach, bound.references.customer)))
  assert.equal((await resume(call('opn_5'), about(second, await press(second.url, 'fail')))).kind, 'refused')
  assert.equal((await bind(call('opn_6', known), inputOf(known))).kind, 'bound')
  assert.equal((await bind(call('opn_6', known), inputOf(known))).kind, 'bound')
  assert.equal((await bind(call('opn_7', british), inputOf(british))).kind, 'verifying')
}

/** Not what we ask of GoCardless, but what its library makes of the same wishes; the compiler checks them against the library's types. */
async function byLibrary(): Promise<void> {
  const client = new GoCardlessClient(credentials.secrets.accessToken ?? '', Environments.Sandbox)
  const ours = (operation: string) => ({ bindery_operation: operation, bindery_binding: 'bnd_1' })
  const create = (operation: string, wanted: { scheme: string; currency: string }, customer?: string) =>
    client.billingRequests.create(
      {
        mandate_request: { ...wanted, metadata: { ...ours(operation), bindery_scheme: wanted.scheme } },
        metadata: { ...ours(operation), bindery_return: returnUrl },
        ...(customer === undefined ? {} : { links: { customer } }),
      },
      `key-${operation}.request`,
    )
  const flow = (operation: string, id: string) =>
    client.billingRequestFlows.create(
      { redirect_uri: returnUrl, exit_uri: `${returnUrl}&payer_left=1`, links: { billing_request: id } },
      `key-${operation}.flow`,
    )
  const euro = { scheme: 'sepa_core', currency: 'EUR' }
  const description = 'Membership, collected monthly'
  const wanted = { ...euro, ...{ description, verify: 'when_available' } }
  const first = await create('opn_1', wanted)
  const page = await flow('opn_1', first.id)
  assert.equal((await create('opn_1', wanted)).id, first.id)
  // A flow cannot be fetched, so the library has nothing to do about a key that was used; it can initialise the flow, and so do we.
  await assert.rejects(flow('opn_1', first.id))
  assert.equal((await client.billingRequestFlows.initialise(page.id)).authorisation_url, page.authorisation_url)
  await press(page.authorisation_url ?? '', 'complete')
  const found = await client.billingRequests.find(first.id)
  const mandate = found.links?.mandate_request_mandate ?? ''
  assert.equal((await client.mandates.find(mandate)).status, 'pending_submission')
  await client.billingRequests.find(first.id)
  await client.mandates.find(mandate)
  assert.equal((await client.mandates.cancel(mandate)).status, 'cancelled')
  await client.mandates.find(mandate)
  const consent = { authorisation_source: 'web', consent_type: 'standing' }
  const second = await create('opn_4', { scheme: 'ach', currency: 'USD', ...consent }, found.links?.customer)
  await press((await flow('opn_4', second.id)).authorisation_url ?? '', 'fail')
  await client.billingRequests.find(second.id)
  assert.equal((await client.billingRequests.cancel(second.id)).status, 'cancelled')
  const third = await create('opn_6', { ...euro, ...{ description: undefined } })
  const payer = { company_name: known.give.name ?? '', email: known.give.email ?? '' }
  const german = { address_line1: 'Musterstraße 1', city: 'Köln', postal_code: '50667', country_code: 'DE' }
  await client.billingRequests.collectCustomerDetails(third.id, { customer: payer, customer_billing_detail: german })
  const holder = { account_holder_name: payer.company_name }
  await client.billingRequests.collectBankAccount(third.id, { ...holder, iban: known.give.iban ?? '' })
  await client.billingRequests.confirmPayerDetails(third.id)
  const done = await client.billingRequests.fulfil(third.id)
  await client.mandates.find(done.links?.mandate_request_mandate ?? '')
  // The same key: the library fetches what the first request made.
  const again = await create('opn_6', euro)
  assert.equal(again.id, third.id)
  await client.mandates.find(again.links?.mandate_request_mandate ?? '')
  const fourth = await create('opn_7', { scheme: 'bacs', currency: 'GBP' })
  const london = { address_line1: '12 St James’s Square', city: 'London', postal_code: 'SW1Y 4JH', country_code: 'GB' }
  await client.billingRequests.collectCustomerDetails(fourth.id, { customer: payer, customer_billing_detail: london })
  const account = { account_number: '55779911', branch_code: '200000', country_code: 'GB' }
  await client.billingRequests.collectBankAccount(fourth.id, { ...holder, ...account })
  await client.billingRequests.confirmPayerDetails(fourth.id)
  const last = await client.billingRequests.fulfil(fourth.id)
  await client.mandates.find(last.links?.mandate_request_mandate ?? '')
}

/** What matters of a request. Ids differ by chance: each becomes its kind and its number. Steps have keys of the library's own drawing. */
function normalized(served: ServedSimulator): readonly unknown[] {
  const seen: string[] = []
  const named = (text: string) =>
    text.replace(/\b(BRQ|BRF|MD|CU)[0-9A-Z]{12}\b/g, (id, kind: string) => {
      if (!seen.includes(id)) seen.push(id)
      return `${kind}#${seen.indexOf(id)}`
    })
  return served
    .requests()
    .filter(one => !one.path.startsWith('/_page'))
    .map(one => ({
      method: one.method,
      path: named(one.path),
      query: one.query,
      version: one.headers['gocardless-version'],
      accept: one.headers.accept,
      contentType: one.body === '' ? '' : one.headers['content-type'],
      key: one.path.includes('/actions/') ? one.headers['idempotency-key'] !== undefined : (one.headers['idempotency-key'] ?? ''),
      body: one.body === '' ? '' : JSON.parse(named(one.body)),
      status: one.status,
    }))
}

test('the official library and our adapter put the same requests on the wire, and the same comes of them', async () => {
  const ours = await serve()
  await byAdapter(ours.address)
  const theirs = await serve()
  await byLibrary()
  assert.equal(normalized(ours).length, 31)
  assert.deepEqual(normalized(ours), normalized(theirs))
  const effects = (served: ServedSimulator) => served.books().effects.map(one => [one.effect, one.reference])
  assert.deepEqual(effects(ours), effects(theirs))
})

test('the official library takes the webhooks that our simulator signs, and refuses another secret', async () => {
  const simulator = sandbox.createSimulator(credentials)
  const context = { nowMs: 1_795_348_800_000, random: randomBytes, address: 'http://127.0.0.1:9' }
  const headers = { authorization: `Bearer ${credentials.secrets.accessToken}`, 'gocardless-version': '2015-07-06' }
  const body = JSON.stringify({ billing_requests: { mandate_request: { scheme: 'bacs' } } })
  const made = { method: 'POST', path: '/billing_requests', query: '', headers: { ...headers, 'content-type': 'application/json' }, body }
  assert.equal(simulator.handle(made, context).status, 201)
  const [event] = simulator.takeEvents()
  if (event === undefined) return assert.fail('no event')
  const signed = simulator.sign(event, { nowMs: context.nowMs, secrets: [credentials.signing] })
  const signature = signed.headers['webhook-signature'] ?? ''
  assert.deepEqual(
    parse(signed.body, credentials.signing, signature).map((one: { action?: string }) => one.action),
    ['created'],
  )
  assert.throws(() => parse(signed.body, 'another', signature))
})

test('every status that the official library knows has a meaning here', async () => {
  const call = callAt('http://127.0.0.1:9', 'opn_1', sepa)
  for (const status of Object.values(MandateStatus)) {
    const mandate = mandateShape.parse({ id: 'MD123', status, scheme: 'bacs' })
    const outcome = outcomeOfMandate(mandate, undefined, {})
    // Only PayTo's payers suspend mandates, which we do not offer; should it happen, nothing is concluded from it while binding.
    assert.equal(outcome.kind === 'uncertain', status === 'suspended_by_payer', status)
  }
  for (const status of Object.values(BillingRequestStatus)) {
    const read = requestShape.parse({ id: 'BRQ123', status, mandate_request: { currency: 'EUR' }, links: {} })
    const outcome = await outcomeOf(call, read, {}, () => ({ kind: 'verifying', references: { asked: 'again' } }))
    assert.ok(outcome.kind !== 'uncertain' || outcome.cause === 'fulfilled_without_mandate', status)
  }
})
