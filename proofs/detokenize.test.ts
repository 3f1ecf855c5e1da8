/** A number in the clear, over the server as it is started: two persons in live mode, quotas, one answer, and no number outside the vault. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { openHpke } from '../src/core/hpke.ts'
import { publicText } from '../src/core/sealed-file.ts'
import { type Caller, callerOf, type Reply } from './caller.ts'
import { canary, scanMemory, scanText, stray } from './canary-scan.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'
import { type ServerProgram, startServer } from './server.ts'
import { storyOf } from './story.ts'

const undo: (() => unknown)[] = []
let ground: Ground
let server: ServerProgram
let tenant: string
let instrument: string
const quota = 3
before(async () => {
  const made = await prepareGround(undo, { durable: false })
  ground = {
    ...made,
    environment: { ...made.environment, DETOKENIZE_PER_PERSON: String(quota), DETOKENIZE_PER_TENANT: '7', APPROVALS_IN_TEST: 'true' },
  }
  server = await startServer(ground.environment)
  undo.push(() => server.end('SIGTERM'))
  const first = await ground.newKey({ mode: 'test', kind: 'secret' })
  tenant = first.tenant
  const story = storyOf(ground, callerOf(ground.address, first.key))
  instrument = (await story.bind(await story.customer(), { number: canary(1) }, ['stripe'])).id
})
after(() => undoAll(undo))

const someone = async (person: string | undefined, role: 'owner' | 'operator' | 'support' = 'operator'): Promise<Caller> => {
  const named = person === undefined ? {} : { person }
  return callerOf(ground.address, (await ground.newKey({ tenant, mode: 'test', kind: 'secret', role, ...named })).key)
}
const own = generateKeyPairSync('x25519')
const body = { purpose: 'dispute', reason: 'case 4711 of the bank', public_key: publicText(own.publicKey) }
const answers: string[] = []
const ask = async (
  by: Caller,
  more: { readonly body?: object; readonly approval?: string; readonly key?: string } = {},
): Promise<Reply> => {
  const headers = more.approval === undefined ? {} : { 'bindery-approval': more.approval }
  const keyed = more.key === undefined ? {} : { key: more.key }
  const reply = await by.call(`/v1/instruments/${instrument}/detokenize`, { body: { ...body, ...more.body }, headers, ...keyed })
  answers.push(reply.text)
  return reply
}
/** Asked by one, approved by another, and done. */
async function told(by: Caller, other: Caller, key?: string): Promise<Reply> {
  const approval = String((await ask(by)).json.approval)
  assert.equal((await other.call(`/v1/approvals/${approval}/approve`, { method: 'POST' })).status, 200)
  return ask(by, { approval, ...(key === undefined ? {} : { key }) })
}
const shape = z.object({
  id: z.string(),
  sealed: z.object({ suite: z.string(), enc: z.string(), ciphertext: z.string(), info: z.string(), aad: z.string() }),
  left_today: z.object({ person: z.int(), tenant: z.int() }),
})
const entries = async () => {
  const all: string[] = []
  for await (const { table, row } of ground.auditor.rows())
    if (/audit_(?:entries|log)$/.test(table) && row.includes(',detokenize,')) all.push(row)
  return all
}

test('one asks, another approves, and only the one who has the key reads it', async () => {
  const [ann, bob] = [await someone('ann@shop.example'), await someone('bob@shop.example')]
  const alone = await ask(ann)
  assert.deepEqual([alone.status, alone.json.code], [403, 'approval_required'])
  const reply = await told(ann, bob, 'once-1')
  assert.equal(reply.status, 200, reply.text)
  const { id, sealed, left_today } = shape.parse(reply.json)
  const [enc, ciphertext] = [Buffer.from(sealed.enc, 'base64url'), Buffer.from(sealed.ciphertext, 'base64url')]
  const card = z.object({ number: z.string() }).parse(JSON.parse(openHpke(own.privateKey, { enc, ciphertext }, sealed).toString()))
  assert.equal(card.number, canary(1))
  assert.deepEqual(left_today, { person: quota - 1, tenant: 6 })
  const found = await entries()
  assert.equal(found.length, 1)
  for (const part of [id, 'ann@shop.example', 'bob@shop.example', 'case 4711', `${instrument}@1`]) assert.ok(found[0]?.includes(part), part)
  const again = await ask(ann, { key: 'once-1' })
  assert.equal(again.status, 403, 'the answer is kept under no key, and the approval was for one time')
})

test('nobody without a name, and no role that may not, gets as far as the vault', async () => {
  const before = (await entries()).length
  const nameless = await ask(await someone(undefined))
  assert.deepEqual([nameless.status, nameless.json.permission], [403, 'person'])
  const support = await ask(await someone('sue', 'support'))
  assert.deepEqual([support.status, support.json.permission], [403, 'instruments.detokenize'])
  const ann = await someone('ann@shop.example')
  for (const [field, value] of [
    ['purpose', 'curiosity'],
    ['reason', 'short'],
    ['public_key', 'AAAA'],
  ] as const) {
    const reply = await ask(ann, { body: { [field]: value } })
    assert.deepEqual([reply.status, reply.text.includes(`/${field}`)], [400, true], reply.text)
  }
  const leak = await ask(ann, { body: { reason: `the card is ${stray(1)}` } })
  assert.equal(leak.status, 422)
  assert.equal((await entries()).length, before)
})

test('the day’s quota ends it, for the person and for all', async () => {
  const names = ['cy', 'dee', 'eve']
  const people = await Promise.all(names.map(name => someone(name)))
  const [cy, dee, eve] = people
  if (cy === undefined || dee === undefined || eve === undefined) assert.fail()
  for (let n = 0; n < quota; n += 1) assert.equal((await told(cy, dee)).status, 200)
  const spent = await told(cy, dee)
  assert.deepEqual([spent.status, spent.json.quota], [429, 'person'], spent.text)
  assert.ok(Number(spent.headers.get('retry-after')) <= 86_400)
  for (let n = 0; n < quota; n += 1) assert.equal((await told(dee, eve)).status, 200)
  const over = await told(eve, cy)
  assert.deepEqual([over.status, over.json.quota], [429, 'tenant'], over.text)
  assert.equal((await entries()).length, 1 + 2 * quota)
})

test('the number is in no answer, log, row or page of the API’s memory', async () => {
  const hits = [...scanText('log', server.output()), ...answers.flatMap(text => scanText('answer', text))]
  for await (const { table, row } of ground.auditor.rows()) hits.push(...scanText(table, row))
  if (process.platform === 'linux') hits.push(...scanMemory('memory of the API', server.pid).hits)
  assert.deepEqual(hits, [])
})
