import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { NoAnswer } from '../channels/channel.ts'
import { Problem } from '../core/problem.ts'
import { createMemoryStore } from '../world/memory.ts'
import { Unavailable } from '../world/store.ts'
import type { Captured, Log } from '../world/world.ts'
import { createVaultClient } from './client.ts'
import { createDesk, type Desk } from './desk.ts'
import type { SendBytes } from './forward.ts'
import { encodeFrame } from './frames.ts'
import { keyRoot } from './root.ts'
import { vaultTables } from './tables.ts'
import { createVault } from './vault.ts'

const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const linkKey = randomBytes(32)
const grant = { tenant: 'ten_1', mode: 'test' } as const
const body = (): Buffer => Buffer.from('{"number":"4242424242424242","expiry_month":3,"expiry_year":2040,"security_code":"123"}')

function stage(t: TestContext, send: SendBytes = async () => ({ status: 200, headers: {}, body: Buffer.from('{}') })) {
  const folder = mkdtempSync(join(tmpdir(), 'vault-link-'))
  const socketPath = join(folder, 'vault.sock')
  const vault = createVault({
    now: Date.now,
    random: randomBytes,
    store: createMemoryStore(vaultTables),
    root: keyRoot('file', createSecretKey(randomBytes(32)), randomBytes),
    send,
    origins: new Set(['https://api.channel.example']),
    allowLoopback: false,
  })
  const desks: Desk[] = []
  const open = async (): Promise<Desk> => {
    rmSync(socketPath, { force: true })
    const desk = createDesk({ vault, linkKey, log: silent, random: randomBytes })
    desk.server.listen(socketPath)
    await once(desk.server, 'listening')
    desks.push(desk)
    return desk
  }
  const client = (key = linkKey) => {
    const made = createVaultClient({ socketPath, linkKey: key, log: silent, now: Date.now, random: randomBytes, sleep: ms => sleep(ms) })
    t.after(() => made.close())
    return made
  }
  t.after(async () => {
    await Promise.all(desks.map(desk => desk.close().catch(() => undefined)))
    rmSync(folder, { recursive: true, force: true })
  })
  return { vault, open, client, socketPath }
}

const adoption = (reference: string, instrument = 'ins_1') => ({
  ...grant,
  reference,
  instrument,
  instrumentVersion: 1,
  operation: 'opn_1',
})
const forwarding = {
  ...grant,
  instrument: 'ins_1',
  instrumentVersion: 1,
  operation: 'opn_1',
  timeoutMs: 500,
  request: {
    method: 'POST',
    url: 'https://api.channel.example/cards',
    headers: { 'content-type': 'application/json' },
    body: '{"n":"{{card.number}}"}',
    placeholders: true,
  },
} as const

const last4Of = (captured: Captured | undefined): string | undefined => (captured?.kind === 'card' ? captured.card.last4 : undefined)

test('every verb works through the socket', async t => {
  const { vault, open, client } = stage(t)
  await open()
  const link = client()
  const { reference } = await vault.capture(grant, body())
  assert.equal(last4Of(await link.peek({ ...grant, reference })), '4242')
  assert.equal(await link.peek({ ...grant, reference: 'cap_none' }), undefined)
  assert.equal(last4Of(await link.adopt(adoption(reference))), '4242')
  assert.equal(await link.adopt(adoption(reference, 'ins_2')), undefined)
  assert.equal((await link.forward(forwarding)).status, 200)
  const next = { ...adoption((await vault.capture(grant, body())).reference), instrument: 'ins_2' }
  await link.sealAhead(next)
  assert.equal((await link.forward({ ...forwarding, ...next })).status, 200)
  const sealed = await link.seal({ tenant: 'ten_1', owner: 'whe_1', field: 'secret', text: 'ä' })
  assert.equal(await link.open({ tenant: 'ten_1', owner: 'whe_1', field: 'secret', sealed }), 'ä')
  assert.deepEqual(await link.unsettled(10), [])
  await link.settle({ owned: [], unowned: [] })
})

test('many calls share a frame: those of one turn, and those made while a frame is out', async t => {
  const { vault, open, client } = stage(t)
  await open()
  const link = client()
  await link.ready(2000)
  const references = await Promise.all(Array.from({ length: 50 }, async () => (await vault.capture(grant, body())).reference))
  const before = { ...link.traffic }
  const first = references.map((reference, i) => link.adopt(adoption(reference, `ins_${i}`)))
  // In a later turn of the event loop, before the first frame can have come back.
  const second = new Promise<unknown>(resolve =>
    setImmediate(() => resolve(Promise.all(references.map(() => link.peek({ ...grant, reference: 'x' }))))),
  )
  const cards = await Promise.all(first)
  await second
  assert.ok(cards.every(card => last4Of(card) === '4242'))
  assert.equal(link.traffic.framesSent - before.framesSent, 2)
  assert.ok(link.traffic.framesReceived - before.framesReceived <= 4, `${link.traffic.framesReceived - before.framesReceived} frames`)
  assert.equal(link.traffic.calls - before.calls, 100)
})

/** A link to a vault that has sealed one card, and a channel that takes so long. */
async function adopted(t: TestContext, channelMs: number) {
  const { vault, open, client } = stage(t, async () => {
    await sleep(channelMs)
    return { status: 200, headers: {}, body: Buffer.from('{}') }
  })
  await open()
  const link = client()
  await link.ready(2000)
  const { reference } = await vault.capture(grant, body())
  await link.adopt(adoption(reference))
  return { link, reference }
}

test('a lone call is one frame there and one back, however long its answer takes', async t => {
  const { link, reference } = await adopted(t, 30)
  const before = { ...link.traffic }
  await link.peek({ ...grant, reference })
  await link.forward(forwarding)
  assert.equal(link.traffic.framesSent - before.framesSent, 2)
  assert.equal(link.traffic.framesReceived - before.framesReceived, 2)
})

test('a call beside one that is out at a channel is a lone one too', async t => {
  const { link, reference } = await adopted(t, 60)
  const before = { ...link.traffic }
  const out = link.forward(forwarding)
  await new Promise(setImmediate)
  await link.peek({ ...grant, reference })
  await link.peek({ ...grant, reference })
  assert.equal((await out).status, 200)
  assert.equal(link.traffic.framesSent - before.framesSent, 3)
  assert.equal(link.traffic.framesReceived - before.framesReceived, 3)
})

test('calls made while several are out share a frame, and none of them waits for a slow channel', async t => {
  const { vault, open, client } = stage(t, async () => {
    await sleep(100)
    return { status: 200, headers: {}, body: Buffer.from('{}') }
  })
  await open()
  const link = client()
  await link.ready(2000)
  const { reference } = await vault.capture(grant, body())
  await link.adopt(adoption(reference))
  const before = { ...link.traffic }
  const peek = () => link.peek({ ...grant, reference: 'x' })
  let answered = false
  const slow = link.forward(forwarding).finally(() => {
    answered = true
  })
  await sleep(10)
  const second = Promise.all([peek(), peek()])
  // One call in each turn of the event loop, all before the second frame can have been acknowledged.
  const more: Promise<unknown>[] = []
  await new Promise<void>(resolve => {
    const step = (): void => {
      more.push(peek())
      if (more.length === 2) resolve()
      else setImmediate(step)
    }
    setImmediate(step)
  })
  await Promise.all([second, ...more])
  assert.equal(answered, false)
  assert.ok(link.traffic.framesSent - before.framesSent <= 3, `${link.traffic.framesSent - before.framesSent} frames`)
  await slow
})

test('a slow channel holds nobody else up', async t => {
  let release: () => void = () => undefined
  const { vault, open, client } = stage(t, async () => {
    await new Promise<void>(resolve => {
      release = resolve
    })
    return { status: 200, headers: {}, body: Buffer.from('{}') }
  })
  await open()
  const link = client()
  const { reference } = await vault.capture(grant, body())
  await link.adopt(adoption(reference))
  let answered = false
  const slow = link.forward(forwarding).then(() => {
    answered = true
  })
  for (let i = 0; i < 20; i += 1) await link.peek({ ...grant, reference: 'x' })
  assert.equal(answered, false)
  release()
  await slow
})

test('bad news keeps its kind through the socket', async t => {
  const { vault, open, client } = stage(t, async () => {
    throw new NoAnswer('no whole answer')
  })
  await open()
  const link = client()
  await assert.rejects(link.forward(forwarding), (error: unknown) => error instanceof Problem && error.code === 'gone')
  const { reference } = await vault.capture(grant, body())
  await link.adopt(adoption(reference))
  await assert.rejects(link.forward(forwarding), NoAnswer)
  await assert.rejects(link.forward({ ...forwarding, request: { ...forwarding.request, url: 'https://evil.example/' } }), TypeError)
  await assert.rejects(link.open({ tenant: 't', owner: 'o', field: 'f', sealed: 'junk' }), TypeError)
})

test('when the vault hangs up, what went to a channel has no answer, the rest was not done; then the link comes back', async t => {
  const { vault, open, client } = stage(t, () => new Promise(() => undefined))
  const desk = await open()
  const link = client()
  const { reference } = await vault.capture(grant, body())
  await link.adopt(adoption(reference))
  const forwarded = assert.rejects(link.forward(forwarding), NoAnswer)
  await sleep(50)
  desk.server.close()
  for (const socket of connectionsOf(desk)) socket.destroy()
  await forwarded
  await open()
  assert.equal(last4Of(await link.adopt(adoption(reference))), '4242')
})

/** The sockets of a desk, as the kernel knows them: closing it politely would wait for the call under way. */
function connectionsOf(desk: Desk): readonly { destroy(): void }[] {
  return [...desk.connections()]
}

test('a call that gets no answer ends at its deadline', async t => {
  const { open, client } = stage(t)
  const link = client()
  const started = Date.now()
  await assert.rejects(link.ready(200), Unavailable)
  assert.ok(Date.now() - started < 2000)
  const call = link.peek({ ...grant, reference: 'x' })
  await open()
  assert.equal(await call, undefined, 'a call made while there is no vault waits for it')
})

test('nobody gets in without the link key, and nobody can pretend to be the vault', async t => {
  const { open, client, socketPath } = stage(t)
  await open()
  await assert.rejects(client(randomBytes(32)).ready(300), Unavailable)
  const stranger = connect(socketPath)
  stranger.on('error', () => undefined)
  await once(stranger, 'data')
  stranger.write(encodeFrame([[1, 'peek', { ...grant, reference: 'x' }]]))
  await once(stranger, 'close')
  const flood = connect(socketPath)
  flood.on('error', () => undefined)
  await once(flood, 'data')
  flood.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]))
  await once(flood, 'close')
})

test('a socket that cannot prove itself gets no call', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'vault-fake-'))
  const socketPath = join(folder, 'vault.sock')
  const received: string[] = []
  const fake = createServer(socket => {
    socket.on('error', () => undefined)
    socket.write(encodeFrame({ challenge: 'x'.repeat(32) }))
    socket.on('data', chunk => {
      received.push(chunk.toString())
      socket.write(encodeFrame({ proof: 'x'.repeat(43) }))
    })
  })
  fake.listen(socketPath)
  await once(fake, 'listening')
  const link = createVaultClient({ socketPath, linkKey, log: silent, now: Date.now, random: randomBytes, sleep: ms => sleep(ms) })
  t.after(() => {
    link.close()
    fake.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const call = assert.rejects(link.peek({ ...grant, reference: 'cap_secret' }), Unavailable)
  await assert.rejects(link.ready(300), Unavailable)
  link.close()
  await call
  assert.equal(received.join('').includes('cap_secret'), false)
})
