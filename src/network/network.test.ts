import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkSignature, networkSignatureHeader } from '../channels/network-simulator.ts'
import { updaterCards } from '../channels/updater-simulator.ts'
import { displayOf } from '../instruments/display.ts'
import { credentialFor } from '../instruments/networkToken.ts'
import { bindings, identities, instrumentFacts, instruments } from '../instruments/tables.ts'
import { scripted, type Trial, trial, visa } from '../instruments/trial.seam.ts'
import { tokensDue } from '../worker.ts'
import { tokenRequests } from './tables.ts'

const webhook = '/v1/network/test/webhook'

async function bound(on: Trial, number = visa.number) {
  const capture = await on.capture({ ...visa, number })
  return on.bind({ card: { capture } })
}
const provision = (on: Trial, id: string) => on.call('POST', `/v1/instruments/${id}/network_token`)
const secretOf = (on: Trial): string => on.world.network?.webhookSecrets[0]?.reveal() ?? ''

async function deliver(on: Trial): Promise<number> {
  const all = on.stage('network').deliveries({ nowMs: on.world.now(), secrets: [secretOf(on)] })
  for (const { headers, body } of all) assert.equal((await on.call('POST', webhook, body, headers)).status, 200)
  return all.length
}
const act = (on: Trial, name: string, token: string) => on.stage('network').simulator.act(name, token, on.context('network'))
const tokenOf = async (on: Trial, id: string) => (await on.read(id)).network_token

test('a token is provisioned by the vault, suspended and resumed by its network, and nothing of it touches the card', async () => {
  const on = await trial(['stripe'])
  const { id, card } = await bound(on)
  assert.equal((await provision(on, id)).status, 200)
  const token = (await tokenOf(on, id)) ?? assert.fail()
  assert.equal(token.status, 'active')
  assert.ok(token.reference !== null)
  for (const [name, status] of [
    ['suspend', 'suspended'],
    ['resume', 'active'],
    ['renew', 'active'],
    ['delete', 'deleted'],
  ] as const) {
    act(on, name, token.reference)
    assert.equal(await deliver(on), 1)
    const now = await on.read(id)
    assert.equal(now.network_token?.status, status)
    // What a token is called, how long it lasts and whether it lives is no news of the card: taking it for such made wrong charges elsewhere.
    assert.deepEqual(now.card, card, name)
    assert.equal(now.status, 'active', name)
    assert.deepEqual(now.reasons, [])
  }
  assert.ok(!JSON.stringify(on.store.snapshot(), (_, one) => (typeof one === 'bigint' ? String(one) : one)).includes(visa.number))
})

test('the check above can fail: a token taken for its card shows another card', async () => {
  const on = await trial(['stripe'])
  const { id } = await bound(on)
  await provision(on, id)
  const row = on.rows(instruments)[0] ?? assert.fail()
  const { expiry, last4 } = row.own.networkToken ?? assert.fail()
  // As Hyperswitch's webhook did: what the network tells of the token is written over the card's own record.
  const renewed = { ...(expiry === undefined ? {} : { expiry }), ...(last4 === undefined ? {} : { last4 }) }
  const legs = on.rows(bindings).map(({ id: name, shown }) => ({ id: name, shown }))
  assert.deepEqual(displayOf(row, legs), row.display)
  assert.notDeepEqual(displayOf({ ...row, own: { ...row.own, renewed } }, legs), row.display)
})

test('news in any order, and twice, ends in the same token', async () => {
  const on = await trial(['stripe'])
  const { id } = await bound(on)
  await provision(on, id)
  const token = (await tokenOf(on, id))?.reference ?? assert.fail()
  for (const name of ['suspend', 'resume', 'suspend']) act(on, name, token)
  const all = on.stage('network').deliveries({ nowMs: on.world.now(), secrets: [secretOf(on)] })
  for (const { headers, body } of [...all.toReversed(), ...all]) assert.equal((await on.call('POST', webhook, body, headers)).status, 200)
  assert.equal((await tokenOf(on, id))?.status, 'suspended')
  assert.equal(on.rows(instrumentFacts).filter(one => one.source === 'network:simulated').length, 5)
})

test('a lost answer is asked for again under the same request, and there is one token', async () => {
  const on = await trial(['stripe'])
  const { id } = await bound(on)
  on.stage('network').faults.add({ match: { path: '/tokens' }, fault: 'lost_after', times: 1 })
  await provision(on, id)
  assert.equal((await tokenOf(on, id))?.status, 'requested')
  assert.equal((await provision(on, id)).status, 409)
  on.advance(2 * 60_000)
  await on.work()
  assert.equal((await tokenOf(on, id))?.status, 'active')
  assert.equal(on.stage('network').simulator.books().held.length, 1)
  assert.deepEqual(
    on.rows(tokenRequests).map(one => one.status),
    ['settled'],
  )
})

test('a card that gets no token is refused with the reason, and may be asked for again', async () => {
  const on = await trial(['stripe'])
  const { id } = await bound(on, updaterCards.N)
  await provision(on, id)
  const token = await tokenOf(on, id)
  assert.deepEqual([token?.status, token?.reason], ['refused', 'not_eligible'])
  assert.equal((await provision(on, id)).status, 200)
})

test('a token that is given up is deleted at its network', async () => {
  const on = await trial(['stripe'])
  const { id } = await bound(on)
  assert.equal((await on.call('DELETE', `/v1/instruments/${id}/network_token`)).status, 409)
  await provision(on, id)
  assert.equal((await on.call('DELETE', `/v1/instruments/${id}/network_token`)).status, 200)
  assert.equal((await tokenOf(on, id))?.status, 'deleted')
  assert.deepEqual(
    on
      .stage('network')
      .simulator.books()
      .held.map(one => one.usable),
    [false],
  )
})

test('an instrument that is unbound gives its token up', async () => {
  const on = await trial(['stripe'])
  const { id } = await bound(on)
  await provision(on, id)
  assert.equal((await on.call('POST', `/v1/instruments/${id}/unbind`, {})).status, 200)
  const asked = on.rows(tokenRequests).map(one => `${one.verb} ${one.status}`)
  assert.deepEqual(asked.sort(), ['provision settled', 'remove open'])
  await tokensDue(on.world)
  assert.equal((await tokenOf(on, id))?.status, 'deleted')
})

test('a token whose answer was lost is given up all the same when its instrument was unbound meanwhile', async () => {
  const on = await trial(['stripe'])
  const { id } = await bound(on)
  on.stage('network').faults.add({ match: { path: '/tokens' }, fault: 'lost_after', times: 1 })
  await provision(on, id)
  assert.equal((await on.call('POST', `/v1/instruments/${id}/unbind`, {})).status, 200)
  on.advance(2 * 60_000)
  await tokensDue(on.world)
  assert.deepEqual(
    on
      .rows(tokenRequests)
      .map(one => `${one.verb} ${one.status}`)
      .sort(),
    ['provision settled', 'remove open'],
  )
  await tokensDue(on.world)
  assert.equal((await tokenOf(on, id))?.status, 'deleted')
  const { held } = on.stage('network').simulator.books()
  assert.deepEqual(
    held.map(one => one.usable),
    [false],
  )
})

test('forged, stale and malformed news is refused, and changes nothing', async () => {
  const on = await trial(['stripe'])
  const { id } = await bound(on)
  await provision(on, id)
  act(on, 'suspend', (await tokenOf(on, id))?.reference ?? '')
  const [{ body } = assert.fail()] = on.stage('network').deliveries({ nowMs: on.world.now(), secrets: [secretOf(on)] })
  const seconds = Math.floor(on.world.now() / 1_000)
  const signed = (secret: string, at: number, text = body) => ({ [networkSignatureHeader]: networkSignature(secret, at, text) })
  assert.equal((await on.call('POST', webhook, body, signed('nws_foreign', seconds))).status, 401)
  assert.equal((await on.call('POST', webhook, body, signed(secretOf(on), seconds - 301))).status, 401)
  assert.equal((await on.call('POST', webhook, `${body} `, signed(secretOf(on), seconds))).status, 401)
  assert.equal((await on.call('POST', webhook, body, {})).status, 401)
  assert.equal((await on.call('POST', webhook, '{}', signed(secretOf(on), seconds, '{}'))).status, 400)
  assert.equal((await tokenOf(on, id))?.status, 'active')
  assert.equal((await on.call('POST', webhook, body, signed(secretOf(on), seconds))).status, 200)
  assert.equal((await tokenOf(on, id))?.status, 'suspended')
})

test('two cards of one account are one instrument: the bindings move, and the later id answers with the older', async () => {
  const on = await trial(['stripe', 'checkout'])
  const first = await bound(on)
  // The older is the one with the earlier id, and within one millisecond that is chance.
  on.advance(1)
  const second = await on.bind({ card: { capture: await on.capture({ ...visa, number: '4242424242424242' }) }, channels: ['checkout'] })
  assert.notEqual(first.id, second.id)
  // The network says that both are of one account.
  await provision(on, first.id)
  const par = on.rows(identities).find(one => one.kind === 'par') ?? assert.fail()
  const { takeName } = await import('../instruments/lineage.ts')
  const later = on.rows(instruments).find(one => one.id === second.id) ?? assert.fail()
  await takeName(on.world, later, 'par', par.value)
  await on.work()
  const merged = await on.read(second.id)
  assert.equal(merged.id, first.id)
  assert.deepEqual(merged.bindings.map(one => [one.channel, one.status]).toSorted(), [
    ['checkout', 'active'],
    ['stripe', 'active'],
  ])
  assert.equal(on.rows(instruments).find(one => one.id === second.id)?.status, 'replaced')
  // Whoever types the second card finds the first instrument.
  const again = await on.bind({ card: { capture: await on.capture({ ...visa, number: '4242424242424242' }) } })
  assert.equal(again.id, first.id)
})

test('two wallets that turn out to be one at approval are merged, and what is held twice is given up once', async () => {
  const revoked: string[] = []
  let count = 0
  const channel = scripted('purse', {
    repeat: { bind: { kind: 'lookUp' }, revoke: { kind: 'repeatable', times: 3 } },
    bind: async () => {
      count += 1
      return { kind: 'bound', token: `tok_${count}`, references: {}, identity: { kind: 'wallet', value: 'user_1' } }
    },
    revoke: async (_, { token }) => {
      revoked.push(token)
      return { kind: 'revoked' }
    },
  })
  const on = await trial([channel])
  const first = await on.bind({ wallet: { brand: 'gcash' } })
  const second = await on.bind({ wallet: { brand: 'gcash' } })
  await on.work()
  const seen = await on.read(second.id)
  assert.equal(seen.id, first.id)
  assert.deepEqual(seen.bindings.map(one => one.status).toSorted(), ['active', 'revoked'])
  assert.deepEqual(revoked, ['tok_2'])
})

test('token or number: the reason is told', () => {
  const token = { reference: 'ntk_1', status: 'active', last4: '0001', expiry: { year: 2030, month: 1 } } as const
  const charge = { nowMs: Date.UTC(2027, 0, 1), takesTokens: true }
  const use = (own: object, more: object = {}, status = 'active' as const) =>
    credentialFor({ kind: 'card', own }, { status }, { ...charge, ...more })
  assert.deepEqual(use({ networkToken: token }).use, 'network_token')
  assert.match(use({}).because, /no network token/)
  for (const status of ['requested', 'suspended', 'deleted', 'refused'] as const)
    assert.deepEqual(use({ networkToken: { ...token, status } }), { use: 'card', because: `its network token is ${status}` })
  assert.equal(use({ networkToken: token }, { takesTokens: false }).use, 'card')
  assert.equal(use({ networkToken: token }, { declinedWith: 'network_token' }).use, 'card')
  assert.equal(use({ networkToken: token }, { declinedWith: 'card' }).use, 'network_token')
  assert.equal(use({ networkToken: token }, { nowMs: Date.UTC(2030, 1, 2) }).use, 'card')
  assert.equal(credentialFor({ kind: 'device_token', own: {} }, { status: 'active' }, charge).use, 'network_token')
})
