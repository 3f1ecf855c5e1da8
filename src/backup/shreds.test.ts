/** What was shredded after the chosen second does not come back with a restore: the real vault, on a real server, its log and its archive. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ClientConfig } from 'pg'
import { signGrant } from '../core/grant.ts'
import { readShreddings } from '../core/shredding.ts'
import { createVaultClient } from '../vault/client.ts'
import { developmentKeyFile } from '../vault/root-file.ts'
import type { VaultSettings } from '../vault/settings.ts'
import { startVault } from '../vault/start.ts'
import { type Embedded, startEmbedded } from '../world/embedded.ts'
import { asRole, roles } from '../world/migrate.ts'
import { sleep } from '../world/processes.ts'
import { walkFolder } from './copy.ts'
import { againFile } from './restore.ts'
import { ask, handOver, migrated, type Trial, trial } from './trial.seam.ts'

const bindery = fileURLToPath(new URL('../../cli/bindery.ts', import.meta.url))
const number = '4242424242424242'
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const grantKey = randomBytes(32)
const linkKey = randomBytes(32)
const undo: (() => unknown)[] = []

let place: Trial
let server: Embedded
let origin: string
let backup: string
let chosen = 0
/** The wrapped data keys of those shredded later, as they lay in the files. */
let wrapped: readonly Buffer[] = []

after(async () => {
  for (const one of undo.reverse()) await one()
})

/** A channel that answers with nothing of what it was sent. */
async function channel(): Promise<string> {
  const http = createServer((request, response) => request.resume().on('end', () => response.end('{}')))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  undo.push(() => http.close())
  const address = http.address()
  return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
}

/** The vault's own process on this database; what it holds besides lies in `folder`. */
async function vaultOn(connection: ClientConfig, folder: string, shredLog = place.shreds) {
  const settings: VaultSettings = {
    ...{ socketPath: join(place.folder, `${folder}.sock`), linkKey, grantKey, captureHost: '127.0.0.1', capturePort: 0, shredLog },
    ...{ database: { ...asRole(connection, roles.vault) }, dataFolder: join(place.folder, folder) },
    ...{ origins: [origin], allowLoopback: true, publicUrl: 'https://pay.example' },
  }
  const started = await startVault(settings)
  const link = createVaultClient({ ...settings, log: silent, now: Date.now, random: randomBytes, sleep })
  const stop = async (): Promise<void> => {
    link.close()
    await started.stop()
  }
  undo.push(stop)
  return { link, stop, captureUrl: started.captureUrl }
}
type Vault = Awaited<ReturnType<typeof vaultOn>>

async function seal({ link, captureUrl }: Vault, instrument: string): Promise<void> {
  const claims = { tenant: 'ten_1', mode: 'test', captures: 1, origins: [] } as const
  const grant = signGrant(grantKey, Date.now(), { ...claims, expiresAt: Date.now() + 60_000, nonce: randomBytes(16).toString('hex') })
  const response = await fetch(captureUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${grant}`, 'content-type': 'application/json' },
    body: JSON.stringify({ number, expiry_month: 12, expiry_year: 2040 }),
  })
  const body: unknown = await response.json()
  assert.ok(typeof body === 'object' && body !== null && 'reference' in body, JSON.stringify(body))
  const words = { tenant: 'ten_1', mode: 'test', reference: String(body.reference), instrument, instrumentVersion: 1 } as const
  assert.ok(await link.adopt({ ...words, operation: `opn_${instrument}` }))
}

const opens = ({ link }: Vault, instrument: string) =>
  link.forward({
    ...{ tenant: 'ten_1', mode: 'test', instrument, instrumentVersion: 1, operation: `opn_${instrument}`, timeoutMs: 5_000 },
    request: {
      method: 'POST',
      url: `${origin}/cards`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'n={{card.number}}',
      placeholders: true,
    },
  })
const shred = ({ link }: Vault, owner: string) => link.shred({ tenant: 'ten_1', owner })
const wrappedOf = async (connection: ClientConfig, owners: readonly string[]): Promise<readonly Buffer[]> =>
  (await ask(connection, 'select wrapped from vault.deks where owner = any($1)', [owners])).flatMap(row =>
    Buffer.isBuffer(row.wrapped) ? [row.wrapped] : [],
  )

/** In which files these bytes are. */
function filesWith(root: string, needles: readonly Buffer[]): readonly string[] {
  const files = [...walkFolder(root)].filter(one => one.kind === 'file').map(one => one.path)
  return files.filter(path => {
    const bytes = readFileSync(join(root, path))
    return needles.some(needle => bytes.includes(needle))
  })
}

before(async () => {
  place = await trial(undo)
  origin = await channel()
  server = await place.start('live')
  await migrated(server.connection)
  const vault = await vaultOn(server.connection, 'live')
  for (const one of ['ins_early', 'ins_late', 'ins_kept', 'ins_after']) await seal(vault, one)
  backup = (await place.backup(server.connection, 'backup')).to
  assert.deepEqual(await shred(vault, 'ins_early'), { keys: 1 })
  await sleep(50)
  chosen = Date.now()
  await sleep(50)
  wrapped = await wrappedOf(server.connection, ['ins_late', 'ins_after'])
  for (const one of ['ins_late', 'ins_after']) assert.deepEqual(await shred(vault, one), { keys: 1 })
  await handOver(server.connection)
  await vault.stop()
})

test('a shredding is in the log before its keys are gone, and the log is not in the database', async () => {
  const { shreddings, bad } = readShreddings(readFileSync(place.shreds, 'utf8'))
  assert.deepEqual(
    shreddings.map(one => one.owner),
    ['ins_early', 'ins_late', 'ins_after'],
  )
  assert.deepEqual(bad, [])
  assert.equal((await wrappedOf(server.connection, ['ins_early', 'ins_late', 'ins_after'])).length, 0)
})

/** Starts what was restored into `name`, with the root key it needs, and the vault on it. */
async function started(name: string, shredLog?: string): Promise<{ vault: Vault; connection: ClientConfig; stop(): Promise<void> }> {
  cpSync(join(place.folder, 'live', developmentKeyFile), join(place.folder, name, developmentKeyFile))
  const restored = await startEmbedded({ dataFolder: join(place.folder, name, 'database') })
  undo.push(() => restored.stop())
  const vault = await vaultOn(restored.connection, name, shredLog)
  const stop = async (): Promise<void> => {
    await vault.stop()
    await restored.stop()
  }
  return { vault, connection: restored.connection, stop }
}

test('without the log a restore would bring the shredded back: what the other tests are worth', async () => {
  const empty = join(place.folder, 'empty.log')
  writeFileSync(empty, '')
  const told = await place.restore(backup, 'naive', { until: chosen, shredLogs: [empty] })
  assert.deepEqual(told.shredded, [])
  assert.equal(told.unlogged, 1, 'ins_early was shredded before the second, and the log should know it: it is not the right one')
  const { vault, connection, stop } = await started('naive', empty)
  assert.equal((await opens(vault, 'ins_late')).status, 200)
  assert.equal((await wrappedOf(connection, ['ins_late', 'ins_after'])).length, 2)
  await stop()
  assert.notDeepEqual(filesWith(join(place.folder, 'naive'), wrapped), [])
})

test('where other tools restored the database, a command shreds again before anything is started on it', async () => {
  const restored = await startEmbedded({ dataFolder: join(place.folder, 'naive', 'database') })
  undo.push(() => restored.stop())
  const { host = '', user = '' } = restored.connection
  const { stdout } = await promisify(execFile)(process.execPath, [bindery, 'shred-again', '--shreds', place.shreds], {
    env: {
      PATH: process.env.PATH,
      DATA_FOLDER: join(place.folder, 'naive'),
      DATABASE_URL: `postgres://${user}@localhost/bindery?host=${encodeURIComponent(host)}`,
    },
    timeout: 60_000,
  })
  assert.match(stdout, /3 shreddings in the log; 2 owners had come back and were shredded again, 2 data keys with them/)
  const listed: unknown = JSON.parse(readFileSync(join(place.folder, 'naive', againFile), 'utf8'))
  assert.ok(Array.isArray(listed) && listed.length === 2, 'for the first start, which erases the rest')
  const vault = await vaultOn(restored.connection, 'naive')
  await assert.rejects(opens(vault, 'ins_late'), /nothing is sealed/)
  assert.equal((await opens(vault, 'ins_kept')).status, 200)
  await vault.stop()
  await restored.stop()
})

test('what was shredded after the second cannot be opened in the restored database, and is in none of its files', async () => {
  const told = await place.restore(backup, 'then', { until: chosen })
  assert.deepEqual(told.shredded, [
    { tenant: 'ten_1', owner: 'ins_after', keys: 1 },
    { tenant: 'ten_1', owner: 'ins_late', keys: 1 },
  ])
  assert.deepEqual([told.unlogged, told.warnings], [0, []])
  assert.deepEqual(filesWith(join(place.folder, 'then'), wrapped), [], 'neither in a table nor in the log')
  const { vault, connection, stop } = await started('then')
  for (const one of ['ins_early', 'ins_late', 'ins_after']) {
    await assert.rejects(opens(vault, one), /nothing is sealed/, one)
    // The door is shut: a late request seals nothing for it again.
    assert.equal(
      await seal(vault, one).then(
        () => 'sealed',
        () => 'refused',
      ),
      'refused',
    )
  }
  assert.equal((await opens(vault, 'ins_kept')).status, 200)
  assert.equal((await wrappedOf(connection, ['ins_late', 'ins_after'])).length, 0)
  // The first start shreds by the vault's own verb, so that the audit has it.
  assert.deepEqual(await shred(vault, 'ins_late'), { keys: 0 })
  const [owner] = await ask(connection, "select shredded_at is not null as told from vault.owners where owner = 'ins_late'")
  assert.equal(owner?.told, true)
  await stop()
})

test('a line cut off by a crash is told; a damaged one refuses, until a copy of the log is named beside it', async () => {
  const log = join(place.folder, 'odd.log')
  cpSync(place.shreds, log)
  appendFileSync(log, '\nten_1 ins_torn 2026-')
  const torn = await place.restore(backup, 'torn', { until: chosen, shredLogs: [log] })
  assert.equal(torn.shredded.length, 2)
  assert.match(torn.warnings.join(), /odd\.log, line \d+ was cut off/)
  writeFileSync(log, readFileSync(place.shreds, 'utf8').replace('ins_late', 'ins_lame'))
  await assert.rejects(
    place.restore(backup, 'damaged', { until: chosen, shredLogs: [log] }),
    /log of shreddings is damaged.*odd\.log, line \d+/,
  )
})

test('a lost log comes back from the database when the vault starts', async () => {
  rmSync(place.shreds)
  const vault = await vaultOn(server.connection, 'live')
  await vault.stop()
  const owners = readShreddings(readFileSync(place.shreds, 'utf8')).shreddings.map(one => one.owner)
  assert.deepEqual(owners.toSorted(), ['ins_after', 'ins_early', 'ins_late'])
})
