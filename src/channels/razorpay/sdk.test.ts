/**
 * The witness: Razorpay's official library, unmodified, does the same things at the same simulator, and what it puts on the wire is what our
 * adapter puts there. Razorpay publishes no specification that could judge. Cancelling a mandate is not in the library; its own HTTP layer
 * carries that request.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import Razorpay from 'razorpay'
import type { BindInput, BindOutcome, Call, SandboxValue } from '../channel.ts'
import { accountOf, credentialsOf, fillIn } from '../contract-bench.ts'
import { isRecord } from '../json.ts'
import { type ServedSimulator, serveSimulator } from '../simulator-server.ts'
import { razorpay } from './channel.ts'
import { sandbox } from './sandbox.ts'
import { subject } from './subject.ts'

const [credentials] = credentialsOf(subject)
const servers: ServedSimulator[] = []
after(async () => {
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

/** The library's address is set where its HTTP client keeps it. Called untyped: its types ask for more of a UPI payment than Razorpay does. */
type Say = (resource: string, method: string, ...given: readonly unknown[]) => Promise<Readonly<Record<string, unknown>>>
function libraryAt(address: string): Say {
  const library = new Razorpay({ key_id: credentials.settings.keyId ?? '', key_secret: credentials.secrets.keySecret ?? '' })
  Reflect.set(Reflect.get(Reflect.get(library.api, 'rq'), 'defaults'), 'baseURL', address)
  return async (resource, method, ...given) => {
    const from: unknown = Reflect.get(library, resource)
    const does: unknown = typeof from === 'object' && from !== null ? Reflect.get(from, method) : undefined
    if (typeof does !== 'function') return assert.fail(`the library has no ${resource}.${method}`)
    const answer: unknown = await Reflect.apply(does, from, given)
    return isRecord(answer) ? answer : assert.fail(String(answer))
  }
}
const text = (value: unknown): string => (typeof value === 'string' ? value : assert.fail(String(value)))

const callAt = (address: string, operation: string, value: SandboxValue): Call => ({
  operation,
  key: operation,
  account: { ...accountOf(credentials), address },
  send: async wanted => {
    const body = wanted.placeholders === true ? fillIn(wanted, value) : wanted.body
    const answer = await fetch(wanted.url, { method: wanted.method, headers: wanted.headers, ...(body === undefined ? {} : { body }) })
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
  },
})
const inputOf = (value: SandboxValue): BindInput => ({
  tenant: 'ten_1',
  customer: 'cus_1',
  channelCustomer: undefined,
  instrument: 'ins_1',
  binding: 'bnd_1',
  source: value.source,
  terms: value.terms,
  returnUrl: 'https://pay.example.com/return?token=unguessable',
  client: {},
})
const valueBy = (shape: string): SandboxValue => razorpay.sandboxValues.find(one => one.shape === shape) ?? assert.fail(shape)

/** Ids are the simulator's; pages of a list are the library's own habit. */
function wireOf({ requests }: ServedSimulator): readonly string[] {
  return requests().map(({ method, path, query, body }) => {
    const params = new URLSearchParams(query)
    for (const name of ['count', 'skip']) params.delete(name)
    const content: unknown = body === '' ? undefined : JSON.parse(body)
    return `${method} ${path} ${params} ${JSON.stringify(sorted(content))}`.replace(/\b(cust|order|pay|token)_\w+/g, '$1')
  })
}
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, one]) => [name, sorted(one)]),
  )
}

function challenged(outcome: BindOutcome | undefined): BindOutcome & { readonly kind: 'challenged' } {
  return outcome?.kind === 'challenged' ? outcome : assert.fail(outcome?.kind)
}

const notes = { operation: 'opn_1', binding: 'bnd_1' }
/** Until the end of 30 November 2031 in India. */
const token = { max_amount: 150_000, frequency: 'monthly', expire_at: 1_953_829_799 }
const money = { amount: 100, currency: 'INR' }

/** The order and what goes before it, as the library says it. */
async function ordered(say: Say, method: 'upi' | 'card', details: Readonly<Record<string, string>>) {
  await say('orders', 'all', { receipt: 'opn_1' })
  const customer = text((await say('customers', 'create', { ...details, fail_existing: '0', notes: { customer: 'cus_1' } })).id)
  const order = { ...money, customer_id: customer, method, token, receipt: 'opn_1', notes: { ...notes, customer } }
  return { customer_id: customer, order_id: text((await say('orders', 'create', order)).id) }
}

async function tokenOfOrder(say: Say, order: string): Promise<string> {
  const { items } = await say('orders', 'fetchPayments', order)
  return text(Array.isArray(items) ? items[0]?.token_id : undefined)
}

test('a mandate by the UPI app: the library says on the wire what we say', async () => {
  const value = valueBy('app_link')
  const ours = await serve()
  const call = (operation: string) => callAt(ours.address, operation, value)
  const first = challenged(await razorpay.bind?.(call('opn_1'), inputOf(value)))
  ours.act('approve', 'opn_1')
  const about = { customer: 'cus_1', binding: 'bnd_1', references: first.references }
  const bound = await razorpay.lookUp?.(call('opn_1'), { ...about, verb: 'bind', source: value.source })
  if (bound?.kind !== 'bound') return assert.fail(bound?.kind)
  assert.equal((await razorpay.revoke?.(call('opn_2'), { ...about, references: bound.references, token: bound.token }))?.kind, 'revoking')

  const theirs = await serve()
  const say = libraryAt(theirs.address)
  const { name = '', email = '', phone = '' } = value.give
  const names = await ordered(say, 'upi', { name, email, contact: phone })
  const made = await say('payments', 'createUpi', { ...money, ...names, recurring: '1', method: 'upi', upi: { flow: 'intent' }, notes })
  assert.match(text(made.link), /^upi:\/\/mandate\?/)
  await say('payments', 'fetch', made.razorpay_payment_id)
  theirs.act('approve', 'opn_1')
  const mandate = await tokenOfOrder(say, names.order_id)
  await say('customers', 'fetchToken', names.customer_id, mandate)
  await say('customers', 'fetchToken', names.customer_id, mandate)
  const cancelled = await say('api', 'put', { url: `/customers/${names.customer_id}/tokens/${mandate}/cancel` })
  assert.equal(cancelled.status, 'cancellation_initiated')
  assert.deepEqual(wireOf(theirs), wireOf(ours))
})

test('a card by password: the library says on the wire what we say', async () => {
  const value = valueBy('otp')
  const ours = await serve()
  const call = (operation: string) => callAt(ours.address, operation, value)
  const first = challenged(await razorpay.bind?.(call('opn_1'), inputOf(value)))
  const about = { customer: 'cus_1', binding: 'bnd_1', references: first.references }
  assert.equal(challenged(await razorpay.resend?.(call('opn_2'), { ...about, returned: {} })).action.type, 'otp')
  const bound = await razorpay.resume?.(call('opn_3'), { ...about, returned: { otp: '123456' } })
  if (bound?.kind !== 'bound') return assert.fail(bound?.kind)
  assert.equal((await razorpay.revoke?.(call('opn_4'), { ...about, references: bound.references, token: bound.token }))?.kind, 'revoked')

  const theirs = await serve()
  const say = libraryAt(theirs.address)
  const names = await ordered(say, 'card', { name: 'cus_1' })
  const card = { number: value.give.number, name: value.give.holder, expiry_month: '03', expiry_year: '30', cvv: '123' }
  const contact = { email: credentials.settings.contactEmail, contact: credentials.settings.contactPhone }
  const callback_url = 'https://pay.example.com/return?token=unguessable'
  const paying = { ...money, ...names, ...contact, recurring: true, save: 1, method: 'card', card, callback_url, notes }
  const id = text((await say('payments', 'createPaymentJson', paying)).razorpay_payment_id)
  await say('payments', 'fetch', id)
  await say('payments', 'otpGenerate', id)
  await say('payments', 'otpResend', id)
  await say('orders', 'fetchPayments', names.order_id)
  await say('payments', 'otpSubmit', id, { otp: '123456' })
  const kept = await tokenOfOrder(say, names.order_id)
  await say('customers', 'fetchToken', names.customer_id, kept)
  await say('customers', 'fetchToken', names.customer_id, kept)
  assert.equal((await say('customers', 'deleteToken', names.customer_id, kept)).deleted, true)
  assert.deepEqual(wireOf(theirs), wireOf(ours))
})
