/**
 * Card numbers from one Bindery to another, over the real servers, vaults and databases of both: what was bound here is bound there, and the API
 * process, its database and all it says never had a number.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { z } from 'zod'
import { type Caller, callerOf, capture, type Reply, referenceOf, until } from './caller.ts'
import { canary, scanFolder, scanMemory, scanText } from './canary-scan.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'
import type { ServerProgram } from './server.ts'

const undo: (() => unknown)[] = []
type House = {
  readonly ground: Ground
  readonly server: ServerProgram
  readonly caller: Caller
  readonly tenant: string
  readonly key: string
}
let old: House
let fresh: House
const answers: string[] = []
before(async () => {
  old = await open()
  fresh = await open()
})
after(() => undoAll(undo))

async function open(): Promise<House> {
  const ground = await prepareGround(undo, { durable: false })
  const server = await ground.start()
  undo.push(() => server.end('SIGTERM'))
  const { key, tenant } = await ground.newKey({ mode: 'test', kind: 'secret' })
  const { call } = callerOf(ground.address, key)
  const heard = (reply: Reply): Reply => {
    answers.push(reply.text)
    return reply
  }
  const caller: Caller = { address: ground.address, call: (path, request) => call(path, request).then(heard) }
  return { ground, server, tenant, key, caller }
}

const named = z.object({ id: z.string() })
const cards = 5

async function bindAll(): Promise<readonly string[]> {
  const ids: string[] = []
  for (let n = 0; n < cards; n += 1) {
    const reference = referenceOf(await capture(old.caller, { number: canary(n), holder: 'A Customer' }))
    const customer = named.parse((await old.caller.call('/v1/customers', { body: { reference: `customer-${n}` } })).json).id
    const body = { customer, card: { capture: reference }, channels: ['stripe'], return_url: 'https://shop.example/back' }
    const bound = await old.caller.call('/v1/instruments', { body, key: `bind-${n}` })
    assert.equal(bound.json.status, 'active', bound.text)
    ids.push(named.parse(bound.json).id)
  }
  return ids
}

async function put(house: House, path: string, body: Buffer): Promise<Reply> {
  const latin = { method: 'PUT', headers: { 'content-type': 'application/octet-stream', authorization: `Bearer ${house.key}` } }
  const response = await fetch(house.ground.address + path, { ...latin, body: new Uint8Array(body) })
  const text = await response.text()
  answers.push(text)
  return { status: response.status, headers: response.headers, text, json: z.record(z.string(), z.unknown()).parse(JSON.parse(text)) }
}

/** As an operator of the vault's host would, with the server's own environment. */
async function release(house: House, certificate: string, count: number): Promise<string> {
  const file = join(house.ground.folder, 'receiver.pem')
  writeFileSync(file, certificate)
  const cli = join(import.meta.dirname, '..', 'cli', 'bindery.ts')
  const args = ['release-cards', '--tenant', house.tenant, '--mode', 'test', '--certificate', file, '--cards', String(count), '--json']
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args], { env: house.ground.environment })
  return z.object({ grant: z.string() }).parse(JSON.parse(stdout)).grant
}

const exported = z.object({ part: z.int(), cards: z.int(), next: z.string().nullable(), content: z.string() })
type Transfer = { readonly id: string; readonly certificate: string }

async function sendAll(transfer: Transfer): Promise<number> {
  const grant = await release(old, transfer.certificate, cards)
  let sent = 0
  let next: string | null | undefined
  for (let part = 1; next !== null; part += 1) {
    const body = {
      grant,
      certificate: transfer.certificate,
      card_file: transfer.id,
      part,
      limit: 2,
      ...(next === undefined ? {} : { after: next }),
    }
    const reply = await old.caller.call('/v1/card_exports', { body })
    assert.equal(reply.status, 200, reply.text)
    const read = exported.parse(reply.json)
    next = read.next
    sent += read.cards
    const content = Buffer.from(read.content, 'base64')
    if (part === 1) await isRefused(transfer, content)
    const taken = await put(fresh, `/v1/card_files/${transfer.id}/parts/${part}`, content)
    assert.equal(taken.status, 200, taken.text)
    assert.equal(taken.json.complete, next === null)
  }
  return sent
}

async function isRefused(transfer: Transfer, content: Buffer): Promise<void> {
  const flipped = Buffer.from(content)
  flipped.writeUInt8(flipped.readUInt8(400) ^ 1, 400)
  for (const bytes of [flipped, content.subarray(0, -9), Buffer.from('{"card":"a"}\n')]) {
    const refused = await put(fresh, `/v1/card_files/${transfer.id}/parts/1`, bytes)
    assert.equal(refused.status, 422, refused.text)
    const { errors } = z.object({ errors: z.array(z.object({ pointer: z.string() })) }).parse(refused.json)
    assert.equal(errors[0]?.pointer, '/lines/0')
  }
  assert.equal((await fresh.caller.call(`/v1/card_files/${transfer.id}`)).json.parts, 0)
}

async function tokens(): Promise<string> {
  const made = named.parse((await old.caller.call('/v1/exports', { body: {} })).json)
  const done = await until('the export', async () => {
    const { json } = await old.caller.call(`/v1/exports/${made.id}`)
    return json.status === 'done' ? json : undefined
  })
  assert.equal(done.parts, 1)
  return (await old.caller.call(`/v1/exports/${made.id}/parts/1`)).text
}

async function importTokens(text: string, transfer: Transfer): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const body = { format: 'jsonl', source_name: 'old house', card_file: transfer.id }
  const made = await fresh.caller.call('/v1/imports', { body })
  assert.equal(made.status, 201, made.text)
  const { id } = named.parse(made.json)
  const part = await put(fresh, `/v1/imports/${id}/parts/1`, Buffer.from(text))
  assert.equal(part.status, 201, part.text)
  await fresh.caller.call(`/v1/imports/${id}/start`, { method: 'POST' })
  await until('the import', async () => ((await fresh.caller.call(`/v1/imports/${id}`)).json.status === 'done' ? true : undefined))
  const report = await fresh.caller.call(`/v1/imports/${id}/report`)
  return report.text
    .trimEnd()
    .split('\n')
    .map(line => z.record(z.string(), z.unknown()).parse(JSON.parse(line)))
}

test('what was bound in one house is bound in another with its number, and is bound on one more channel there', async () => {
  const ids = await bindAll()
  const sender = z.object({ certificate: z.string() }).parse((await old.caller.call('/v1/card_exports/certificate')).json).certificate
  const made = await fresh.caller.call('/v1/card_files', { body: { sender } })
  assert.equal(made.status, 201, made.text)
  const transfer = z.object({ id: z.string(), certificate: z.string() }).parse(made.json)
  const early = await fresh.caller.call('/v1/imports', { body: { format: 'jsonl', source_name: 'x', card_file: transfer.id } })
  assert.equal(early.status, 422, 'not before its last part has come')
  const stolen = { grant: 'rgr_01k9zq3v7m7t4q2m8x0c9d1efg', certificate: sender, card_file: transfer.id, part: 1 }
  assert.equal((await old.caller.call('/v1/card_exports', { body: stolen })).status, 422, 'an API key takes no number with it')
  assert.equal(await sendAll(transfer), cards)

  const text = await tokens()
  const broken = text.replace(`"card":"${ids[4]}"`, '"card":"nobody"').replace(/"last4":"\d{4}"/, '"last4":"0000"')
  const report = await importTokens(broken, transfer)
  assert.deepEqual(report.map(one => one.outcome).toSorted(), ['imported', 'imported', 'imported', 'refused', 'refused'])
  assert.deepEqual(report.flatMap(one => (one.field === undefined ? [] : [one.field])).toSorted(), ['card', 'last4'])
  const again = await importTokens(text, transfer)
  assert.deepEqual(again.map(one => one.outcome).toSorted(), ['imported', 'imported', 'unchanged', 'unchanged', 'unchanged'])

  for (const row of [...report, ...again].filter(one => one.outcome === 'imported')) {
    const there = await fresh.caller.call(`/v1/instruments/${String(row.instrument)}`)
    assert.equal(there.json.status, 'active', there.text)
    const extended = await fresh.caller.call(`/v1/instruments/${String(row.instrument)}/bindings`, {
      body: { channel: 'adyen', return_url: 'https://shop.example/back' },
      key: `extend-${String(row.instrument)}`,
    })
    assert.equal(extended.status, 200, extended.text)
    const { bindings } = z.object({ bindings: z.array(z.object({ channel: z.string(), status: z.string() })) }).parse(extended.json)
    assert.deepEqual(bindings.map(one => `${one.channel} ${one.status}`).toSorted(), ['adyen active', 'stripe active'], extended.text)
  }
  await bindsWithoutToken(transfer, ids)
  assert.equal((await fresh.caller.call(`/v1/card_files/${transfer.id}`, { method: 'DELETE' })).status, 200)
  assert.equal((await fresh.caller.call(`/v1/card_files/${transfer.id}`)).status, 404)
})

/** Customers who come from a vault alone: nobody has a token of theirs. */
async function bindsWithoutToken(transfer: Transfer, ids: readonly string[]): Promise<void> {
  const rows = ids.map((card, n) => ({ customer: `new-${n}`, card, channel: 'adyen' }))
  const twice = [...rows, ...rows.slice(0, 1), { customer: 'new-9', channel: 'adyen' }]
  const report = await importTokens(twice.map(row => `${JSON.stringify(row)}\n`).join(''), transfer)
  assert.deepEqual(
    report.map(one => one.outcome),
    [...ids.map(() => 'imported'), 'unchanged', 'refused'],
  )
  assert.equal(report.at(-1)?.field, 'token')
  for (const { instrument } of report.slice(0, ids.length)) {
    const bound = await until('a bind by the worker', async () => {
      const { json } = await fresh.caller.call(`/v1/instruments/${String(instrument)}`)
      return json.status === 'pending' ? undefined : json
    })
    assert.equal(bound.status, 'active', JSON.stringify(bound))
  }
}

test('nothing but the two vaults ever had a number: not the servers’ memory, databases, logs or answers', async t => {
  if (process.platform === 'linux') {
    assert.ok(scanMemory('here', process.pid).hits.length > 0, 'the search finds what is there: this process made the numbers')
    for (const { server } of [old, fresh]) assert.deepEqual(scanMemory('memory of the API', server.pid).hits, [])
  } else t.diagnostic('memory is looked at on Linux only')
  for (const { ground, server } of [old, fresh]) {
    await ground.auditor.checkpoint()
    const folders = [scanFolder(ground.folder), scanFolder(await ground.auditor.dataFolder())]
    assert.deepEqual([...scanText('log', server.output()), ...folders.flatMap(one => one.hits)], [])
    assert.ok(folders.reduce((sum, one) => sum + one.files, 0) > 100)
  }
  assert.ok(answers.length > 40)
  assert.deepEqual(
    answers.flatMap((text, index) => scanText(`answer ${index}`, text)),
    [],
  )
})
