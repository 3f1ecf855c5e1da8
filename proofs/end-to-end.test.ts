/** Binding as a customer's system sees it: over HTTP, on the server as it is started, against the sandbox's channels. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { customersMost } from '../src/instruments/sharing.ts'
import { given } from '../src/invariants/given.ts'
import { invariants } from '../src/invariants/list.ts'
import { vaultInvariants } from '../src/vault/queries-invariants.ts'
import { bookPool, check } from '../src/world/ask.ts'
import { cardNumber, until } from './caller.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'
import { at, deliveryShape, instrumentShape, passChallenge, type Story, storyOf } from './story.ts'

const undo: (() => unknown)[] = []
let ground: Ground
let story: Story
let next = 1_000
const fresh = (): { number: string; holder: string } => {
  next += 1
  return { number: cardNumber(next), holder: 'A Customer' }
}

before(async () => {
  ground = await prepareGround(undo, { durable: false })
  const server = await ground.start()
  undo.push(() => server.end('SIGTERM'))
  story = storyOf(ground, ground.caller())
  await ground.listen(story.caller)
})
after(() => undoAll(undo))

test('two simultaneous binds of one card by one customer end as one instrument', async () => {
  for (let round = 0; round < 20; round += 1) {
    const customer = await story.customer()
    const card = fresh()
    const both = await Promise.all([
      story.bodyOf(customer, card, ['stripe']),
      story.bodyOf(customer, { ...card, number: card.number.replace(/(....)(?=.)/g, '$1 ') }, ['stripe']),
    ])
    const replies = await Promise.all(both.map(body => story.caller.call('/v1/instruments', { body })))
    for (const reply of replies) assert.ok(reply.status === 200 || reply.status === 201, reply.text)
    const [one, other] = replies.map(reply => instrumentShape.parse(reply.json))
    assert.equal(one?.id, other?.id)
    const now = await story.becomes(one?.id ?? '', 'active', it => it.status === 'active')
    assert.equal(now.bindings.length, 1)
    const stored = (await story.cards('stripe')).filter(held => held.token === now.bindings[0]?.token)
    assert.equal(stored.length, 1)
  }
  const all = await story.cards('stripe')
  assert.equal(all.filter(card => card.usable).length, 20)
})

test('an issuer’s refusal is final, and is presented nowhere else', async () => {
  const { number } = { number: '4000000000009995' }
  const refused = await story.bind(await story.customer(), { number }, ['stripe', 'adyen'])
  assert.equal(refused.status, 'failed')
  assert.deepEqual(
    refused.bindings.map(one => [one.channel, one.status, one.refusal?.by, one.refusal?.category]),
    [['stripe', 'failed', 'issuer', 'insufficient_funds']],
  )
})

for (const channel of ['stripe', 'adyen']) {
  const number = '4000002500003155'
  test(`a challenge that is passed binds the card at ${channel}`, async () => {
    const asked = await story.bind(await story.customer(), { number, holder: 'A Customer' }, [channel])
    assert.equal(at(asked, channel)[0]?.status, 'challenge')
    await passChallenge(asked.next_action?.url ?? '', 'complete')
    const now = await story.becomes(asked.id, 'active', it => it.status === 'active')
    assert.equal(await story.usable(channel, now.bindings[0]?.token), true)
    assert.equal(now.next_action, null)
  })

  test(`a challenge that is failed stores nothing at ${channel}`, async () => {
    const asked = await story.bind(await story.customer(), { number, holder: 'A Customer' }, [channel])
    await passChallenge(asked.next_action?.url ?? '', 'fail')
    const now = await story.becomes(asked.id, 'failed', it => it.status === 'failed')
    assert.equal(now.bindings[0]?.refusal?.category, 'authentication_failed')
    const [operation] = (await ground.auditor.operations()).filter(one => one.binding === now.bindings[0]?.id)
    assert.ok(!(await story.cards(channel)).some(card => card.reference === operation?.id && card.usable))
  })

  test(`an answer lost at ${channel} after the effect is settled, and the card is stored once`, async () => {
    const path = channel === 'stripe' ? '/v1/setup_intents' : '/v*'
    await ground.addFault(channel, { match: { method: 'POST', path }, fault: 'lost_after', times: 1 })
    const asked = await story.bind(await story.customer(), fresh(), [channel])
    assert.ok(['uncertain', 'active'].includes(asked.bindings[0]?.status ?? ''), 'nobody calls it a failure')
    const now = await story.becomes(asked.id, 'active', it => it.status === 'active')
    const stored = (await story.effects(channel)).filter(one => one.effect === 'stored' && one.token === now.bindings[0]?.token)
    assert.equal(stored.length, 1)
  })

  test(`an answer of ${channel} that comes after its webhook tells nothing new`, async () => {
    const path = channel === 'stripe' ? '/v1/setup_intents' : '/v*'
    await ground.addFault(channel, { match: { method: 'POST', path }, fault: 'slow', times: 1, delayMs: 1_500 })
    const asked = await story.bind(await story.customer(), fresh(), [channel])
    const now = await story.becomes(asked.id, 'active', it => it.status === 'active')
    assert.equal(now.bindings.length, 1)
    assert.equal(await story.usable(channel, now.bindings[0]?.token), true)
    const bound = (await story.timeline(asked.id)).filter(one => one.what === 'bound')
    assert.ok(bound.length >= 1)
  })

  test(`a card that comes alive at ${channel} after it was unbound is given up there`, async () => {
    const path = channel === 'stripe' ? '/v1/setup_intents' : '/v*'
    await ground.addFault(channel, { match: {}, fault: 'dropped', times: 10 })
    await ground.addFault(channel, { match: { method: 'POST', path }, fault: 'lost_after', times: 1 })
    const asked = await story.bind(await story.customer(), fresh(), [channel])
    const unbound = await story.unbind(asked.id)
    assert.equal(unbound.status, 'unbound')
    await ground.clearFaults()
    const now = await story.becomes(asked.id, 'revoked', it => it.bindings[0]?.status === 'revoked')
    assert.equal(now.status, 'unbound')
    assert.equal(await story.usable(channel, now.bindings[0]?.token), false)
  })
}

test('an abandoned challenge lapses when its time is up, and a card that is passed after that is still counted', async () => {
  const asked = await story.bind(await story.customer(), { number: '4000002500003155' }, ['stripe'])
  await ground.auditor.letDaysPass()
  const lapsed = await story.becomes(asked.id, 'over', it => it.bindings[0]?.status !== 'challenge')
  assert.equal(lapsed.status, 'expired')
  await passChallenge(asked.next_action?.url ?? '', 'complete')
  const now = await story.becomes(asked.id, 'active', it => it.status === 'active')
  assert.equal(await story.usable('stripe', now.bindings[0]?.token), true)
})

test('a channel’s refusal falls over to the next channel, as one chain', async () => {
  const bound = await story.bind(await story.customer(), { ...fresh(), holder: 'ERROR' }, ['adyen', 'stripe'])
  assert.deepEqual(
    bound.bindings.map(one => [one.channel, one.status]),
    [
      ['adyen', 'failed'],
      ['stripe', 'active'],
    ],
  )
  assert.equal(at(bound, 'adyen')[0]?.refusal?.by, 'channel')
  const of = (await ground.auditor.operations()).filter(one => bound.bindings.some(binding => binding.id === one.binding))
  const [first, second] = bound.bindings.map(binding => of.find(one => one.binding === binding.id))
  assert.equal(of.length, 2)
  assert.equal(second?.chain, first?.id)
})

test('while an answer is owed nothing falls over', async () => {
  await ground.addFault('adyen', { match: { method: 'POST', path: '/v*' }, fault: 'error_before', times: 1 })
  const asked = await story.bind(await story.customer(), fresh(), ['adyen', 'stripe'])
  assert.equal(at(asked, 'stripe').length, 0)
  const now = await story.becomes(asked.id, 'active', it => it.status === 'active')
  assert.deepEqual(
    now.bindings.map(one => [one.channel, one.status]),
    [['adyen', 'active']],
  )
})

test('duplicate, late, reordered and forged webhooks change nothing', async () => {
  for (const channel of ['stripe', 'adyen'])
    for (const fault of ['duplicate', 'late', 'reordered', 'forged'] as const) {
      await ground.addFault(channel, { match: {}, fault, times: 2, delayMs: 700 })
      const bound = await story.bind(await story.customer(), fresh(), [channel])
      const active = await story.becomes(bound.id, 'active', it => it.status === 'active')
      await sleep(1_500)
      await ground.clearFaults()
      assert.deepEqual(await story.read(bound.id), active, `${channel} ${fault}`)
      const told = (await story.timeline(bound.id)).filter(one => one.type === 'fact')
      const names = told.map(one => `${one.source} ${one.source_event}`)
      assert.equal(new Set(names).size, names.length, 'no fact stands twice')
    }
  for (const channel of ['stripe', 'adyen']) {
    const address = ground.sandbox.addresses.get(channel) ?? ''
    const told = deliveryShape.parse(await (await fetch(`${address}/_sandbox/deliveries`)).json())
    const forged = told.filter(one => one.forged)
    assert.ok(forged.length > 0, channel)
    assert.deepEqual([...new Set(forged.map(one => one.status))], [401], channel)
    for (const one of told) assert.ok(one.forged || one.status === 200 || one.status === 202, `${channel} ${one.type} ${one.status}`)
  }
})

test('what the channel takes away on its own is heard once, however often it is told', async () => {
  const bound = await story.bind(await story.customer(), fresh(), ['adyen'])
  const token = bound.bindings[0]?.token ?? ''
  await ground.addFault('adyen', { match: {}, fault: 'duplicate', times: 3 })
  await ground.sandbox.act('adyen', 'disable', token)
  const now = await story.becomes(bound.id, 'not active', it => it.status !== 'active')
  assert.equal(now.bindings[0]?.status, 'revoked')
  await sleep(500)
  await ground.clearFaults()
  assert.deepEqual(await story.read(bound.id), now)
})

test('a second channel takes the sealed card, and unbinding gives it up at both, twice as once', async () => {
  const bound = await story.bind(await story.customer(), fresh(), ['stripe'])
  const path = `/v1/instruments/${bound.id}/bindings`
  const body = { channel: 'adyen', return_url: 'https://shop.example/back' }
  const extended = await story.caller.call(path, { body })
  assert.equal(extended.status, 200, extended.text)
  const active = await story.becomes(bound.id, 'bound at both', it => it.bindings.filter(one => one.status === 'active').length === 2)
  assert.equal((await story.caller.call(path, { body })).status, 409)
  const [first, second] = await Promise.all([story.unbind(bound.id), story.unbind(bound.id)])
  for (const one of [first, second]) assert.equal(one.status, 'unbound')
  const over = await story.becomes(bound.id, 'revoked', it => it.bindings.every(one => one.status === 'revoked'))
  assert.deepEqual(await story.unbind(bound.id), over)
  for (const one of active.bindings) assert.equal(await story.usable(one.channel, one.token), false)
  const removed = (await story.effects('stripe')).filter(one => one.effect === 'removed' && one.token === at(active, 'stripe')[0]?.token)
  assert.equal(removed.length, 1)
})

test('the same card after an unbind is a new instrument', async () => {
  const customer = await story.customer()
  const card = fresh()
  const first = await story.bind(customer, card, ['stripe'])
  await story.unbind(first.id)
  const second = await story.bind(customer, card, ['stripe'])
  assert.notEqual(second.id, first.id)
  assert.equal(second.status, 'active')
  assert.equal((await story.read(first.id)).status, 'unbound')
})

test('every event was heard, signed, in order, without gaps', async () => {
  const events = await until('all events to be heard', async () => {
    const all = await ground.auditor.events()
    const heard = new Set(ground.receiver.heard.map(one => one.id))
    return all.every(one => heard.has(one.id)) ? all : undefined
  })
  const lines = Map.groupBy(ground.receiver.heard, one => one.instrument)
  for (const [instrument, heard] of lines) {
    const firsts = [...new Set(heard.map(one => one.sequence))]
    assert.deepEqual(
      firsts,
      firsts.map((_one, i) => i + 1),
      String(instrument),
    )
  }
  assert.ok(events.length > 50)
})

test('the channels’ specifications were never broken', async () => {
  for (const channel of ground.sandbox.addresses.keys()) assert.deepEqual(await ground.sandbox.violations(channel), [])
})

for (const channel of ['stripe', 'adyen'])
  test(`a sweep of ${channel} finds all that is bound there, one at a time, and is listed`, async () => {
    // What was bound within the hour may not be on a list yet, and is passed over.
    await ground.auditor.letBindingsAge()
    const begun = await story.caller.call('/v1/sweeps', { body: { channel } })
    assert.equal(begun.status, 201, begun.text)
    const again = await story.caller.call('/v1/sweeps', { body: { channel } })
    assert.equal(again.status, 409, again.text)
    const path = `/v1/sweeps/${String(begun.json.id)}`
    const done = await until('the sweep is done', async () => {
      const { json } = await story.caller.call(path)
      return json.status === 'done' ? json : undefined
    })
    const alive = (await ground.auditor.bindings()).filter(one => one.channel === channel && ['active', 'suspended'].includes(one.status))
    assert.ok(alive.length > 0)
    assert.deepEqual([done.looked, done.missing, done.unanswered, done.changes], [alive.length, 0, 0, 0])
    const listed = await story.caller.call(`/v1/sweeps?channel=${channel}&limit=1`)
    assert.deepEqual(listed.json.data, [{ ...done, findings: [] }])
  })

test('nothing is in the database, or in the vault’s, that must never be found there', async () => {
  // Of test cards any number of customers may have one.
  const known = given({ now: Date.now(), customersMax: customersMost })
  for (const [book, all] of [
    ['bindery', invariants],
    ['vault', vaultInvariants],
  ] as const) {
    const pool = bookPool(ground.connection, book)
    undo.push(() => pool.end())
    for (const one of all) {
      const { findings, unfinished } = await check(pool, one, known)
      assert.deepEqual({ [one.name]: findings, unfinished }, { [one.name]: [], unfinished: undefined })
    }
  }
})
