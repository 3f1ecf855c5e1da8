import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { ChannelRequest } from '../channels/channel.ts'
import { Problem } from '../core/problem.ts'
import { createMemoryStore, type MemoryStore } from '../world/memory.ts'
import { move, remove, Unavailable } from '../world/store.ts'
import type { Captured } from '../world/world.ts'
import { captureLifeMs, codeLifeMs, hotLifeMs } from './captures.ts'
import type { SendBytes } from './forward.ts'
import { WrongRoot } from './keys.ts'
import { keyRoot } from './root.ts'
import { SealBroken } from './seal.ts'
import { sweepOwnerless } from './sweep.ts'
import { deks, records, vaultTables } from './tables.ts'
import { createVault, type VaultPorts } from './vault.ts'

const number = '4242424242424242'
const root = keyRoot('file', createSecretKey(Buffer.alloc(32, 1)), randomBytes)

function stage(more: Partial<VaultPorts> = {}) {
  const clock = { now: Date.UTC(2026, 10, 22) }
  const sent: { body: string; url: string; headers: Readonly<Record<string, string>> }[] = []
  const send: SendBytes = async request => {
    sent.push({ body: request.body?.toString() ?? '', url: request.url, headers: request.headers })
    return { status: 200, headers: {}, body: Buffer.from('{"ok":true}') }
  }
  const store = createMemoryStore(vaultTables)
  const ports: VaultPorts = {
    now: () => clock.now,
    random: randomBytes,
    store,
    root,
    send,
    origins: new Set(['https://api.channel.example', 'http://127.0.0.1:4000']),
    allowLoopback: true,
    ...more,
  }
  return { clock, sent, store, ports, vault: createVault(ports) }
}

const grant = { tenant: 'ten_1', mode: 'test' } as const
const cardBody = (more: Record<string, unknown> = {}): Buffer =>
  Buffer.from(JSON.stringify({ number, expiry_month: 3, expiry_year: 2030, security_code: '123', holder: 'Zoë "Z" Doe', ...more }))
const adoption = (reference: string) => ({ ...grant, reference, instrument: 'ins_1', instrumentVersion: 1, operation: 'opn_1' })
const template: ChannelRequest = {
  method: 'POST',
  url: 'https://api.channel.example/v1/cards',
  headers: { 'content-type': 'application/json' },
  body: '{"number":"{{card.number}}","month":"{{card.expiryMonth}}","year":"{{card.expiryYear}}","cvc":"{{card.securityCode}}","name":"{{card.holder}}"}',
  placeholders: true,
}
const forwarding = (request: ChannelRequest = template) => {
  const { reference: _, ...owner } = adoption('')
  return { ...owner, timeoutMs: 1000, request }
}

/** What may be known of a card, with its fingerprint. */
function cardOf(captured: Captured | undefined) {
  if (captured?.kind !== 'card') assert.fail('not a card')
  return { ...captured.card, fingerprint: captured.fingerprint }
}

test('what is captured can be seen by its tenant and mode only, and never the number', async () => {
  const { vault } = stage()
  const answer = await vault.capture(grant, cardBody())
  assert.ok('brand' in answer)
  assert.equal(answer.brand, 'visa')
  assert.equal(answer.last4, '4242')
  const card = cardOf(await vault.peek({ ...grant, reference: answer.reference }))
  assert.equal(card.bin, '42424242')
  assert.equal(card.securityCode, true)
  assert.match(card.fingerprint, /^ifp_[0-9a-z]{32}$/)
  assert.equal(JSON.stringify([answer, card]).includes(number), false)
  assert.equal(await vault.peek({ ...grant, tenant: 'ten_2', reference: answer.reference }), undefined)
  assert.equal(await vault.peek({ ...grant, mode: 'live', reference: answer.reference }), undefined)
})

test('one card has one fingerprint in a tenant and mode, whatever its expiry, and another elsewhere', async () => {
  const { vault } = stage()
  const fingerprintOf = async (where: { tenant: string; mode: 'test' | 'live' }, more = {}) => {
    const { reference } = await vault.capture(where, cardBody(more))
    return (await vault.peek({ ...where, reference }))?.fingerprint
  }
  const first = await fingerprintOf(grant)
  assert.equal(await fingerprintOf(grant, { expiry_year: 2033, number: '4242 4242-4242 4242' }), first)
  const others = [
    await fingerprintOf({ ...grant, mode: 'live' }),
    await fingerprintOf({ ...grant, tenant: 'ten_2' }),
    await fingerprintOf(grant, { number: '5555555555554444' }),
  ]
  assert.equal(new Set([first, ...others]).size, 4)
})

test('a capture lapses after fifteen minutes, its security code after ten', async () => {
  const { vault, clock } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  clock.now += codeLifeMs - 1
  assert.equal(cardOf(await vault.peek({ ...grant, reference })).securityCode, true)
  clock.now += 1
  assert.equal(cardOf(await vault.peek({ ...grant, reference })).securityCode, false)
  clock.now += captureLifeMs - codeLifeMs - 1
  assert.notEqual(await vault.peek({ ...grant, reference }), undefined)
  clock.now += 1
  assert.equal(await vault.peek({ ...grant, reference }), undefined)
  assert.equal(await vault.adopt(adoption(reference)), undefined)
  vault.forgetLapsed()
  assert.equal(vault.captures.count(), 0)
})

test('the same adoption gets the same answer: at once, twice at a time, after a restart', async () => {
  const { vault, ports, clock } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  const [first, twin] = await Promise.all([vault.adopt(adoption(reference)), vault.adopt(adoption(reference))])
  assert.notEqual(first, undefined)
  assert.deepEqual(twin, first)
  assert.deepEqual(await vault.adopt(adoption(reference)), first)
  assert.equal(await vault.peek({ ...grant, reference }), undefined)
  clock.now += 24 * 3_600_000
  const reborn = createVault(ports)
  assert.deepEqual(cardOf(await reborn.adopt(adoption(reference))), { ...cardOf(first), securityCode: false })
})

test('a reference is adopted once: another instrument, version, operation, tenant or mode gets nothing', async () => {
  const { vault, ports } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  const same = adoption(reference)
  const others = [
    { ...same, instrument: 'ins_2' },
    { ...same, instrumentVersion: 2 },
    { ...same, operation: 'opn_2' },
    { ...same, tenant: 'ten_2' },
    { ...same, mode: 'live' as const },
  ]
  const [first, ...beside] = await Promise.all([vault.adopt(same), ...others.map(one => vault.adopt(one))])
  assert.notEqual(first, undefined)
  for (const one of beside) assert.equal(one, undefined)
  for (const asked of [vault, createVault(ports)]) for (const one of others) assert.equal(await asked.adopt(one), undefined)
})

test('an instrument version keeps the card it has', async () => {
  const { vault } = stage()
  const one = await vault.capture(grant, cardBody())
  const two = await vault.capture(grant, cardBody({ number: '5555555555554444' }))
  assert.equal(cardOf(await vault.adopt(adoption(one.reference))).brand, 'visa')
  assert.equal(await vault.adopt(adoption(two.reference)), undefined)
  assert.equal(cardOf(await vault.adopt({ ...adoption(two.reference), instrumentVersion: 2 })).brand, 'mastercard')
})

test('an adoption that could not be written can be asked for again', async () => {
  const store = createMemoryStore(vaultTables)
  let down = false
  const failing = {
    ...store,
    commit: (writes: Parameters<typeof store.commit>[0]) => (down ? Promise.reject(new Unavailable('down')) : store.commit(writes)),
  }
  const { vault } = stage({ store: failing })
  const { reference } = await vault.capture(grant, cardBody())
  down = true
  await assert.rejects(vault.adopt(adoption(reference)), Unavailable)
  down = false
  assert.notEqual(await vault.adopt(adoption(reference)), undefined)
})

test('what is sealed ahead of its adoption is adopted without another commit, and is a capture until then', async () => {
  const store = createMemoryStore(vaultTables)
  let commits = 0
  const commit = (writes: Parameters<typeof store.commit>[0]) => {
    commits += 1
    return store.commit(writes)
  }
  const { vault } = stage({ store: { ...store, commit } })
  const { reference } = await vault.capture(grant, cardBody())
  const seen = await vault.peek({ ...grant, reference })
  await Promise.all([vault.sealAhead(adoption(reference)), vault.sealAhead({ ...adoption(reference), instrument: 'ins_2' })])
  assert.equal(store.snapshot().records?.length, 1, 'once for each capture')
  assert.deepEqual(await vault.peek({ ...grant, reference }), seen)
  const before = commits
  const { seen: _tries, ...view } = seen ?? assert.fail('nothing is captured')
  assert.deepEqual(await vault.adopt(adoption(reference)), view)
  assert.equal(commits, before)
  assert.equal(await vault.peek({ ...grant, reference }), undefined)
  assert.equal(await vault.adopt({ ...adoption(reference), instrument: 'ins_2' }), undefined)
})

test('an adoption under other words takes the row away that was sealed ahead, also one that is just being written', async () => {
  const { vault, store, sent, ports } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  const other = { ...adoption(reference), instrument: 'ins_2', operation: 'opn_2' }
  const ahead = vault.sealAhead(adoption(reference))
  assert.equal(cardOf(await vault.adopt(other)).last4, '4242')
  await ahead
  const { records: cards = [], deks: dataKeys = [] } = store.snapshot()
  assert.deepEqual([cards.map(row => row.instrument), dataKeys.map(row => row.owner)], [['ins_2'], ['ins_2']])
  assert.equal(await vault.adopt(adoption(reference)), undefined)
  const { reference: _, ...owner } = other
  await vault.forward({ ...forwarding(), ...owner })
  await createVault(ports).forward({ ...forwarding({ ...template, body: '{"n":"{{card.number}}"}' }), ...owner })
  assert.equal(sent.length, 2)
})

test('two adoptions that wait for one sealing ahead are still told apart: the first has it', async () => {
  const { vault } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  const ahead = vault.sealAhead(adoption(reference))
  const [first, second] = await Promise.all([vault.adopt({ ...adoption(reference), operation: 'opn_2' }), vault.adopt(adoption(reference))])
  await ahead
  assert.deepEqual([first === undefined, second === undefined], [false, true])
})

test('nothing leaves before it is sealed for good, and nothing at all when it cannot be adopted', async () => {
  const store = createMemoryStore(vaultTables)
  const held: (() => void)[] = []
  let holding = false
  const commit = async (writes: Parameters<typeof store.commit>[0]) => {
    if (holding) await new Promise<void>(resolve => held.push(resolve))
    return store.commit(writes)
  }
  const { vault, sent, clock } = stage({ store: { ...store, commit } })
  const gone = (error: unknown): boolean => error instanceof Problem && error.code === 'gone'
  for (const sealsAhead of [true, false]) {
    const { reference } = await vault.capture(grant, cardBody())
    const words = { ...adoption(reference), instrument: `ins_${sealsAhead}` }
    holding = true
    if (sealsAhead) void vault.sealAhead(words)
    const answer = vault.forward({ ...forwarding(), ...words })
    while (held.length === 0) await new Promise(setImmediate)
    await new Promise(setImmediate)
    assert.equal(sent.length, 0)
    holding = false
    for (const release of held.splice(0)) release()
    assert.equal((await answer).status, 200)
    assert.equal(sent.splice(0).length, 1)
    await vault.forward({ ...forwarding(), ...words })
    assert.equal(sent.splice(0).length, 1, 'again under the same words')
    await assert.rejects(vault.forward({ ...forwarding(), ...words, operation: 'opn_2' }), gone)
    await assert.rejects(vault.forward({ ...forwarding(), ...words, instrument: 'ins_3' }), gone)
  }
  const { reference } = await vault.capture(grant, cardBody())
  clock.now += captureLifeMs
  await assert.rejects(vault.forward({ ...forwarding(), ...adoption(reference) }), gone)
  assert.equal(sent.length, 0)
})

test('the number is nowhere in the database', async () => {
  const { vault, store } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  await vault.adopt(adoption(reference))
  for (const row of Object.values(store.snapshot()).flat()) {
    for (const value of Object.values(row)) {
      const bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value))
      assert.equal(bytes.includes(number), false)
      assert.equal(bytes.includes('123'.padEnd(4, '"')), false)
      assert.equal(bytes.includes(reference), false)
    }
  }
})

test('a request goes out filled and escaped, from memory and from the sealed row alike', async () => {
  const { vault, sent, clock, ports } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  await vault.adopt(adoption(reference))
  await vault.forward(forwarding())
  const filled = `{"number":"${number}","month":"03","year":"2030","cvc":"123","name":"Zoë \\"Z\\" Doe"}`
  assert.equal(sent[0]?.body, filled)
  assert.equal(sent[0]?.headers['accept-encoding'], 'identity')
  await vault.forward(forwarding())
  assert.equal(sent[1]?.body, filled, 'the same bytes may be sent again under the same operation')
  clock.now += hotLifeMs
  vault.forgetLapsed()
  await vault.forward(forwarding())
  assert.equal(sent[2]?.body, filled)
  const withoutCode = {
    ...template,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: 'card[number]={{card.number}}&n={{card.holder}}',
  }
  await createVault(ports).forward(forwarding(withoutCode))
  assert.equal(sent[3]?.body, `card[number]=${number}&n=Zo%C3%AB%20%22Z%22%20Doe`)
})

test('a security code is for one operation and ten minutes; without it nothing is sent', async () => {
  const { vault, sent, clock } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  await vault.adopt(adoption(reference))
  const gone = (error: unknown): boolean => error instanceof Problem && error.code === 'gone'
  await assert.rejects(vault.forward({ ...forwarding(), operation: 'opn_2' }), gone)
  clock.now += codeLifeMs
  await assert.rejects(vault.forward(forwarding()), gone)
  await assert.rejects(vault.forward({ ...forwarding(), instrument: 'ins_9' }), gone)
  await assert.rejects(vault.forward({ ...forwarding(), mode: 'live' }), gone)
  await assert.rejects(vault.forward({ ...forwarding(), tenant: 'ten_2' }), gone)
  assert.equal(sent.length, 0)
})

test('a card goes to listed origins only, over https, in a body, once', async () => {
  const { vault, sent, ports } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  await vault.adopt(adoption(reference))
  const urls = [
    'https://evil.example/',
    'https://api.channel.example.evil.example/',
    'https://api.channel.example:8443/',
    'http://api.channel.example/',
    'https://api.channel.example@evil.example/',
    'https://user:pass@api.channel.example/',
    'http://localhost:4000/',
    'http://127.0.0.1:4001/',
    'file:///etc/passwd',
    'not a url',
    'https://api.channel.example/?n={{card.number}}',
    'https://api.channel.example/?n=%7B%7Bcard.number%7D%7D',
  ]
  for (const url of urls) await assert.rejects(vault.forward(forwarding({ ...template, url })), TypeError, url)
  const requests: ChannelRequest[] = [
    { ...template, headers: { ...template.headers, 'x-card': '{{card.number}}' } },
    { ...template, body: '{"a":"{{card.number}}","b":"{{card.number}}"}' },
    { ...template, body: '{"a":"{{card.pin}}"}' },
    { ...template, headers: { 'content-type': 'text/xml' } },
  ]
  for (const request of requests) await assert.rejects(vault.forward(forwarding(request)), TypeError)
  assert.equal(sent.length, 0)
  await vault.forward(forwarding({ ...template, url: 'http://127.0.0.1:4000/' }))
  assert.equal(sent.length, 1)
  const strict = createVault({ ...ports, allowLoopback: false })
  await assert.rejects(strict.forward(forwarding({ ...template, url: 'http://127.0.0.1:4000/' })), TypeError)
})

test('a channel that repeats the request does not tell the security code', async () => {
  const echo = '{"cvc":"123","card":{"securityCode" : 123},"text":"card[cvc]=123&cvv2=1234","amount":123,"code":"123"}'
  const { vault } = stage({ send: async () => ({ status: 400, headers: {}, body: Buffer.from(echo) }) })
  const { reference } = await vault.capture(grant, cardBody())
  await vault.adopt(adoption(reference))
  const answer = await vault.forward(forwarding())
  assert.equal(answer.body, '{"cvc":"***","card":{"securityCode" : 999},"text":"card[cvc]=***&cvv2=1234","amount":123,"code":"123"}')
})

test('what the channel echoes comes back without the number', async () => {
  const echo = `{"number":"${number}","spaced":"4242 4242-4242.4242","bare":${number},"list":[${number}],"other":"5555 5555 5555 4444","ntid":"483297487231504","uuid":"c7b5a3e0-4242-4424-8242-424242424242","n":1}`
  const { vault } = stage({
    send: async () => ({ status: 402, headers: { 'x-echo': `n=${number}`, 'request-id': 'req_1' }, body: Buffer.from(echo) }),
  })
  const { reference } = await vault.capture(grant, cardBody())
  await vault.adopt(adoption(reference))
  const answer = await vault.forward(forwarding())
  assert.equal(answer.status, 402)
  assert.equal(answer.headers['x-echo'], 'n=************4242')
  assert.equal(answer.headers['request-id'], 'req_1')
  const body: unknown = JSON.parse(answer.body)
  assert.deepEqual(body, {
    number: '************4242',
    spaced: '**** ****-****.4242',
    bare: 1e16,
    list: [1e16],
    other: '**** **** **** 4444',
    ntid: '483297487231504',
    uuid: 'c7b5a3e0-4242-4424-8242-424242424242',
    n: 1,
  })
})

test('the filled body and every copy of the card are zeroed when the answer is there', async () => {
  const bodies: Buffer[] = []
  const { vault } = stage({
    send: async request => {
      if (request.body !== undefined) bodies.push(request.body)
      return { status: 200, headers: {}, body: Buffer.from('{}') }
    },
  })
  const { reference } = await vault.capture(grant, cardBody())
  await vault.adopt(adoption(reference))
  await vault.forward(forwarding())
  assert.equal(bodies.length, 1)
  assert.ok(bodies[0]?.every(byte => byte === 0))
})

/** Exchanges what lies in the rows of the two versions of an instrument, as somebody with the database's password could. */
async function exchange(store: MemoryStore, what: 'envelopes' | 'keys'): Promise<void> {
  if (what === 'envelopes') {
    const [one, two] = await store.find(records, { tenant: 'ten_1', instrument: 'ins_1' })
    if (one === undefined || two === undefined) assert.fail('two rows expected')
    await store.commit([move(records, one, { envelope: two.envelope }), move(records, two, { envelope: one.envelope })])
  } else {
    const [one, two] = await store.find(deks, { tenant: 'ten_1', owner: 'ins_1' })
    if (one === undefined || two === undefined) assert.fail('two rows expected')
    await store.commit([move(deks, one, { id: two.id, wrapped: two.wrapped }), move(deks, two, { id: one.id, wrapped: one.wrapped })])
  }
}

test('rows that were exchanged in the database do not open', async () => {
  const { vault, store, clock, ports } = stage()
  const one = await vault.capture(grant, cardBody())
  const two = await vault.capture(grant, cardBody({ number: '5555555555554444' }))
  await vault.adopt(adoption(one.reference))
  await vault.adopt({ ...adoption(two.reference), instrumentVersion: 2 })
  clock.now += hotLifeMs
  const request = { ...template, body: '{"number":"{{card.number}}"}' }
  const opens = () => createVault(ports).forward(forwarding(request))
  await exchange(store, 'envelopes')
  await assert.rejects(opens(), SealBroken)
  await exchange(store, 'keys')
  await assert.rejects(opens(), SealBroken, 'a version put in the place of another, key and all')
  await exchange(store, 'envelopes')
  await exchange(store, 'keys')
  assert.equal((await opens()).status, 200)
})

test('without its data key a card is gone, though the envelope is still there', async () => {
  const { vault, store, clock } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  await vault.adopt(adoption(reference))
  clock.now += hotLifeMs
  const dek = await store.get(deks, { tenant: 'ten_1', owner: 'ins_1', owner_version: 1 })
  if (dek === undefined) assert.fail('a data key was expected')
  await store.commit([remove(deks, dek)])
  assert.equal(store.count(records), 1)
  await assert.rejects(vault.forward(forwarding()), (error: unknown) => error instanceof Problem && error.code === 'gone')
})

test('another root key is noticed and named', async () => {
  const { vault, ports } = stage()
  await vault.capture(grant, cardBody())
  const wrong = createVault({ ...ports, root: keyRoot('file', createSecretKey(Buffer.alloc(32, 2)), randomBytes) })
  await assert.rejects(wrong.capture(grant, cardBody()), WrongRoot)
})

test('a text opens for its tenant, owner and field only', async () => {
  const { vault, ports } = stage()
  const at = { tenant: 'ten_1', owner: 'whe_1', field: 'secret' }
  const sealed = await vault.seal({ ...at, text: 'whsec_ä' })
  const again = await vault.seal({ ...at, text: 'whsec_ä' })
  assert.notEqual(sealed, again)
  assert.equal(await vault.open({ ...at, sealed }), 'whsec_ä')
  assert.equal(await createVault(ports).open({ ...at, sealed: again }), 'whsec_ä')
  await vault.seal({ tenant: 'ten_1', owner: 'whe_2', field: 'secret', text: 'x' })
  for (const other of [{ tenant: 'ten_2' }, { owner: 'whe_2' }, { field: 'other' }, { sealed: sealed.slice(0, -2) }, { sealed: 'junk' }]) {
    await assert.rejects(vault.open({ ...at, sealed, ...other }), SealBroken)
  }
})

test('a sealed card nobody owns is removed after an hour, an owned one never', async () => {
  const { vault, store, clock } = stage()
  for (const instrument of ['ins_1', 'ins_2']) {
    const { reference } = await vault.capture(grant, cardBody())
    await vault.adopt({ ...adoption(reference), instrument })
  }
  const sweep = () => sweepOwnerless(vault, one => Promise.resolve(one.instrument === 'ins_1'), 100)
  assert.equal(await sweep(), 0)
  clock.now += 3_600_000
  assert.equal(await sweep(), 1)
  assert.equal(await sweep(), 0)
  const left = await store.find(records, { tenant: 'ten_1' })
  assert.deepEqual(
    left.map(row => row.instrument),
    ['ins_1'],
  )
  assert.equal(store.count(deks), 1)
  await vault.settle({ owned: [], unowned: [{ tenant: 'ten_1', instrument: 'ins_1', instrumentVersion: 1 }] })
  assert.equal(store.count(records), 1, 'once confirmed, a card stays whatever is said of it')
})

test('a vault that is cleared holds nothing', async () => {
  const { vault } = stage()
  const { reference } = await vault.capture(grant, cardBody())
  vault.clear()
  assert.equal(await vault.peek({ ...grant, reference }), undefined)
  assert.equal(vault.captures.count(), 0)
})
