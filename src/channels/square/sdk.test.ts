/**
 * The third witness: Square's official library, unmodified, drives the same scenario against the same simulator, and what it puts on the
 * wire is what our adapter puts there.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SquareClient, SquareError } from 'square'
import type { Call, ChannelRequest, Send } from '../channel.ts'
import { accountOf, createBench, credentialsOf, judgeOf } from '../contract-bench.ts'
import { type ServedSimulator, serveSimulator } from '../simulator-server.ts'
import { square } from './channel.ts'
import { sandbox } from './sandbox.ts'
import { subject } from './subject.ts'

const [credentials] = credentialsOf(subject)
const servers: ServedSimulator[] = []
after(async () => {
  for (const one of servers) await one.close()
})

async function serve(): Promise<ServedSimulator> {
  const served = await serveSimulator(sandbox.createSimulator(credentials), {
    judge: judgeOf(subject),
    webhookSecrets: [],
    now: () => Date.now(),
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
  servers.push(served)
  return served
}

const declined = { type: 'encrypted_card', fields: { source_id: 'cnon:card-nonce-declined' } } as const

async function byAdapter(address: string): Promise<void> {
  const send: Send = async (wanted: ChannelRequest) => {
    const init = { method: wanted.method, headers: wanted.headers, ...(wanted.body === undefined ? {} : { body: wanted.body }) }
    const answer = await fetch(wanted.url, init)
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
  }
  const call = (operation: string): Call => ({ operation, key: `key-${operation}`, account: { ...accountOf(credentials), address }, send })
  const bench = createBench(subject)
  const bound = await square.bind?.(call('opn_1'), bench.input('bnd_1'))
  assert.ok(bound?.kind === 'bound')
  const channelCustomer = bound.references.customer
  const refused = await square.bind?.(call('opn_2'), bench.input('bnd_2', bench.plain, { channelCustomer, source: declined }))
  assert.ok(refused?.kind === 'refused' && refused.code === 'GENERIC_DECLINE')
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references }
  assert.equal((await square.lookUp?.(call('opn_1'), { ...about, verb: 'bind', source: bench.plain.source }))?.kind, 'bound')
  assert.equal((await square.revoke?.(call('opn_3'), { ...about, token: bound.token }))?.kind, 'revoked')
  assert.equal((await square.lookUp?.(call('opn_3'), { ...about, verb: 'revoke', source: bench.plain.source }))?.kind, 'revoked')
}

async function byLibrary(address: string): Promise<void> {
  const client = new SquareClient({ token: credentials.secrets.accessToken ?? '', baseUrl: address, maxRetries: 0 })
  const made = await client.customers.create({ idempotencyKey: 'key-opn_1.cus', givenName: 'cus_contract', referenceId: 'cus_contract' })
  const customerId = made.customer?.id ?? ''
  const bound = await client.cards.create({
    idempotencyKey: 'key-opn_1',
    sourceId: 'cnon:card-nonce-ok',
    card: { customerId, referenceId: 'opn_1' },
  })
  const cardId = bound.card?.id ?? ''
  assert.equal(bound.card?.last4, '1111')
  const refused = client.cards.create({
    idempotencyKey: 'key-opn_2',
    sourceId: 'cnon:card-nonce-declined',
    card: { customerId, referenceId: 'opn_2' },
  })
  await assert.rejects(refused, error => error instanceof SquareError && error.errors[0]?.code === 'GENERIC_DECLINE')
  const found = await client.cards.list({ referenceId: 'opn_1', includeDisabled: true })
  assert.deepEqual(
    found.data.map(one => one.id),
    [cardId],
  )
  assert.equal((await client.cards.disable({ cardId })).card?.enabled, false)
  assert.equal((await client.cards.get({ cardId })).card?.enabled, false)
}

/** What matters of a request: names that differ by chance become their kind. */
function normalized(served: ServedSimulator): readonly unknown[] {
  return served
    .requests()
    .filter(one => one.path.startsWith('/v2/'))
    .map(one => ({
      method: one.method,
      path: one.path.replace(/ccof(?::|%3A)\w+/, '<card>'),
      query: [...new URLSearchParams(one.query)].sort(),
      contentType: one.body === '' ? '' : one.headers['content-type'],
      body: one.body === '' ? '' : JSON.parse(one.body.replace(/("customer_id":")\w+/, '$1<customer>')),
      status: one.status,
    }))
}

test('the official library and our adapter put the same requests on the wire, and the specification objects to neither', async () => {
  const ours = await serve()
  await byAdapter(ours.address)
  const theirs = await serve()
  await byLibrary(theirs.address)
  assert.equal(normalized(ours).length, 6)
  assert.deepEqual(normalized(ours), normalized(theirs))
  assert.deepEqual([...ours.violations(), ...theirs.violations()], [])
  assert.deepEqual(
    ours.books().effects.map(one => one.effect),
    theirs.books().effects.map(one => one.effect),
  )
})
