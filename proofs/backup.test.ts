/** Backup and restore as an operator does it: the server as `npm start` runs it, on its embedded database, and the commands beside it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { z } from 'zod'
import { roomy } from '../src/backup/trial.seam.ts'
import { startSandbox } from '../src/channels/sandbox-client.ts'
import { loadSandboxes } from '../src/channels/sandbox-list.ts'
import { deploymentSecrets } from '../src/secrets.ts'
import { prepareHome } from '../src/world/embedded-folder.ts'
import { newKeyPair } from '../src/world/keypair.ts'
import { type Caller, callerOf, capture, cardNumber, insist, referenceOf, until } from './caller.ts'
import { undoAll } from './ground.ts'
import { freePort, type ServerProgram, type Surroundings, startServer, environmentOf as surroundings } from './server.ts'
import { instrumentShape } from './story.ts'

const undo: (() => unknown)[] = []
after(() => undoAll(undo))

const folder = mkdtempSync(join(roomy(), 'bindery-restore-'))
undo.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
// As root the database is another user's, who must pass through.
chmodSync(folder, 0o711)
const [live, then, copied, archive] = [join(folder, 'live'), join(folder, 'then'), join(folder, 'backup'), join(folder, 'archive')]

let around: Surroundings

before(async () => {
  const making = { random: (count: number) => randomBytes(count), keyPair: newKeyPair }
  const credentials = new Map([...(await loadSandboxes())].map(([name, one]) => [name, one.credentials(making)]))
  const [port, capturePort] = [await freePort(), await freePort()]
  const target = (name: string): string => `http://127.0.0.1:${port}/v1/channels/${name}/test/webhook`
  // The channels outlive the server: what was revoked there before the restore is revoked after it.
  const sandbox = await startSandbox(
    Object.fromEntries([...credentials].map(([name, own]) => [name, { credentials: own, webhookTarget: target(name) }])),
  )
  undo.push(() => sandbox.close())
  around = { folder, connection: {}, sandbox, port, capturePort, credentials }
})

function environmentOf(dataFolder: string): Record<string, string> {
  return { ...surroundings(around), DATABASE_URL: '', DATA_FOLDER: dataFolder, ARCHIVE_FOLDER: archive, LOG_LEVEL: 'warn' }
}

async function serve(dataFolder: string): Promise<{ readonly program: ServerProgram; readonly caller: Caller }> {
  const program = await startServer(environmentOf(dataFolder))
  undo.push(() => program.end('SIGKILL'))
  const { sandbox } = deploymentSecrets(dataFolder, randomBytes, () => '')
  return { program, caller: callerOf(`http://127.0.0.1:${around.port}`, sandbox.apiKey) }
}

const run = promisify(execFile)
const bindery = join(import.meta.dirname, '..', 'cli', 'bindery.ts')
/** What the command printed with `--json`. */
async function command(dataFolder: string, ...args: readonly string[]): Promise<unknown> {
  const { stdout } = await run(process.execPath, [bindery, ...args, '--json'], { env: environmentOf(dataFolder), timeout: 120_000 })
  return JSON.parse(stdout)
}

const named = z.object({ id: z.string() })
let cards = 7_000

async function bound(caller: Caller, name: string) {
  const customer = named.parse((await insist(() => caller.call('/v1/customers', { body: { reference: name } }), 30_000)).json).id
  cards += 1
  const reference = referenceOf(await capture(caller, { number: cardNumber(cards), holder: name }))
  const body = { customer, card: { capture: reference }, channels: ['stripe'], return_url: 'https://shop.example/back' }
  const reply = await insist(() => caller.call('/v1/instruments', { body }), 30_000)
  const { id, status } = instrumentShape.parse(reply.json)
  assert.equal(status, 'active', reply.text)
  return { customer, id, name }
}

const erasure = z.object({ stage: z.string() })
const erased = (caller: Caller, path: string): Promise<unknown> =>
  until(`${path} to be erased`, async () => {
    const { stage } = erasure.parse((await caller.call(`${path}/erasure`)).json)
    return stage === 'erased' ? stage : undefined
  })

/** Every row of both schemas, as text. */
async function everything(dataFolder: string): Promise<string> {
  const client = new Client({
    host: prepareHome(join(dataFolder, 'database')).socketFolder,
    port: 5432,
    user: 'bindery',
    database: 'bindery',
  })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name
       from information_schema.tables
       where table_schema in ('bindery', 'vault')`,
    )
    const texts: string[] = []
    for (const { name } of rows)
      texts.push(...(await client.query<{ row: string }>(`select t::text as row from ${name} t`)).rows.map(one => one.row))
    return texts.join('\n')
  } finally {
    await client.end()
  }
}

/** Needs the card from the vault. */
const extension = { channel: 'adyen', return_url: 'https://shop.example/back' }

const restoredShape = z.object({
  shredded_again: z.number(),
  keys: z.number(),
  unlogged: z.number(),
  verified: z.object({ instruments: z.number(), differences: z.number() }),
  sealed_without_instrument: z.number(),
  audit: z.object({ rows: z.number(), findings: z.array(z.unknown()) }),
})

test('the server is backed up while it works, restored to a second, and erases again who was erased after it', async () => {
  const first = await serve(live)
  const kept = await bound(first.caller, 'kept-before')
  const gone = await bound(first.caller, 'gone-instrument')
  const left = await bound(first.caller, 'gone-customer')
  await command(live, 'backup', '--to', copied)
  const late = await bound(first.caller, 'kept-late')
  // The audit's rows come a moment later.
  await sleep(1_500)
  const chosen = new Date().toISOString()
  await sleep(50)
  const after = await bound(first.caller, 'bound-after')
  await insist(() => first.caller.call(`/v1/instruments/${gone.id}/erase`, { body: {} }), 30_000)
  await insist(() => first.caller.call(`/v1/customers/${left.customer}/erase`, { body: {} }), 30_000)
  await erased(first.caller, `/v1/instruments/${gone.id}`)
  await erased(first.caller, `/v1/customers/${left.customer}`)
  // What it has not handed over to the archive yet goes there as it ends.
  await first.program.end('SIGTERM')

  const told = restoredShape.parse(await command(live, 'restore', '--from', copied, '--to', then, '--until', chosen))
  assert.deepEqual([told.verified, told.sealed_without_instrument, told.unlogged], [{ instruments: 4, differences: 0 }, 0, 0])
  assert.deepEqual(told.audit.findings, [])
  assert.ok(told.audit.rows > 0 && told.keys === 2, JSON.stringify(told))
  for (const name of ['server-keys.json', 'sandbox-keys.json', 'development-root.key']) copyFileSync(join(live, name), join(then, name))
  const second = await serve(then)
  for (const one of [kept, late]) {
    const reply = await insist(() => second.caller.call(`/v1/instruments/${one.id}/bindings`, { body: extension }), 30_000)
    assert.ok(reply.status < 300, `bound anew from the vault: ${reply.text}`)
  }
  assert.equal((await second.caller.call(`/v1/instruments/${after.id}`)).status, 404)
  await erased(second.caller, `/v1/instruments/${gone.id}`)
  await erased(second.caller, `/v1/customers/${left.customer}`)
  for (const one of [gone, left])
    assert.ok((await second.caller.call(`/v1/instruments/${one.id}/bindings`, { body: extension })).status >= 400, one.name)
  const rows = await everything(then)
  for (const one of [kept, late]) assert.ok(rows.includes(one.name), one.name)
  assert.ok(!rows.includes(left.name), 'the customer was forgotten again')
  assert.ok(!existsSync(join(then, 'shredded-again.json')), 'told once')
  await second.program.end('SIGTERM')
})

test('a restore that is to be quick leaves the recomputing to later, and says so', async () => {
  const told = await command(live, 'restore', '--from', copied, '--to', join(folder, 'quick'), '--quick')
  assert.equal(
    z.object({ verified: z.null(), shredded_again: z.number() }).parse(told).shredded_again,
    0,
    'the log itself holds the shreddings',
  )
})
