/** Erasure as it runs: over HTTP, on PostgreSQL, with the vault in a process of its own. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { signGrant } from '../core/grant.ts'
import { endpoints } from '../endpoints.ts'
import { createEventQueries } from '../events/queries.ts'
import { createKey, createTenant } from '../http/auth.ts'
import { createServer } from '../http/serve.ts'
import { createHealth } from '../safeguards/health.ts'
import { tables } from '../tables.ts'
import { createVaultClient } from '../vault/client.ts'
import type { VaultSettings } from '../vault/settings.ts'
import { startVault } from '../vault/start.ts'
import { vaultTables } from '../vault/tables.ts'
import { eraseDue } from '../worker.ts'
import { asRole, roles } from '../world/migrate.ts'
import { createPostgresStore } from '../world/postgres.ts'
import { createRemembered } from '../world/remembered.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { testDatabase } from '../world/testing.ts'
import type { World } from '../world/world.ts'
import { scripted } from './trial.seam.ts'

const number = '4242424242424242'
/** By words of the test, and by the card's end as a column or a field. */
const traces = 'canary|42424242|"4242"|,4242,'
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** A channel that is sent the card and gives a token. */
async function channelAt(t: TestContext) {
  const received: string[] = []
  const server = createHttpServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk.toString()
    })
    request.on('end', () => {
      received.push(body)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  const origin = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
  const body = '{"number":"{{card.number}}"}'
  const request = {
    method: 'POST',
    url: `${origin}/cards`,
    headers: { 'content-type': 'application/json' },
    body,
    placeholders: true,
  } as const
  const channel = scripted('acme', {
    repeat: { bind: { kind: 'lookUp' }, revoke: { kind: 'repeatable', times: 3 } },
    bind: async call => {
      await call.send(request)
      return { kind: 'bound', token: 'tok_canary', references: { customer: 'cus_theirs' }, shown: { last4: '4242' } }
    },
    revoke: async () => ({ kind: 'revoked' }),
  })
  return { origin, received, channel, request }
}

async function house(t: TestContext) {
  const { origin, received, channel, request } = await channelAt(t)
  const ridesOf = [rideFunctionSql('bindery', tables).sql, rideFunctionSql('vault', [...vaultTables]).sql]
  const database = await testDatabase({ extraSql: ridesOf })
  const { connection } = database
  const folder = mkdtempSync(join(tmpdir(), 'erase-'))
  const settings: VaultSettings = {
    socketPath: join(folder, 'v.sock'),
    linkKey: randomBytes(32),
    grantKey: randomBytes(32),
    captureHost: '127.0.0.1',
    capturePort: 0,
    database: { ...asRole(connection, roles.vault) },
    dataFolder: join(folder, 'data'),
    origins: [origin],
    allowLoopback: true,
    publicUrl: 'https://pay.example',
  }
  const store = createPostgresStore({ connection: asRole(connection, roles.rider), schema: 'bindery', tables, eventsTable: 'events' })
  const reader = new pg.Pool({ ...connection, options: '-c search_path=bindery', max: 2 })
  reader.on('error', () => undefined)
  const clock = { now: Date.now, random: randomBytes, sleep: (ms: number) => sleep(ms) }
  const vault = createVaultClient({ ...clock, socketPath: settings.socketPath, linkKey: settings.linkKey, log: silent })
  const running = { vault: await startVault(settings) }
  const world: World = {
    ...clock,
    store,
    vault,
    send: () => Promise.reject(new TypeError('everything has a card in it')),
    channels: new Map([['acme', channel]]),
    account: () => ({ address: origin, secrets: {}, settings: {}, webhookSecrets: [] }),
    health: createHealth(),
    remembered: createRemembered(),
    log: silent,
    settings: {
      publicUrl: 'https://pay.example',
      captureUrl: running.vault.captureUrl,
      channelTimeoutMs: 5_000,
      route: ['acme'],
      idempotencyKey: randomBytes(32),
      grantKey: settings.grantKey,
      allowLoopback: true,
    },
  }
  const server = createServer({ world, endpoints: endpoints({ reader, queries: createEventQueries(reader) }), log: silent, limits: {} })
  await server.listen(0)
  t.after(async () => {
    await server.close()
    vault.close()
    await running.vault.stop()
    await store.close()
    await reader.end()
    await database.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const tenant = await createTenant(world, { name: 'Trial' })
  const { key } = await createKey(world, { tenant, mode: 'test', kind: 'secret' })
  const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> => {
    const headers = {
      authorization: `Bearer ${key}`,
      'idempotency-key': randomBytes(8).toString('hex'),
      'content-type': 'application/json',
    }
    const response = await fetch(server.address() + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: JSON.parse(await response.text()) }
  }
  const capture = async (): Promise<string> => {
    const nonce = randomBytes(16).toString('hex')
    const grant = signGrant(settings.grantKey, Date.now(), {
      tenant,
      mode: 'test',
      captures: 1,
      expiresAt: Date.now() + 60_000,
      nonce,
      origins: [],
    })
    const response = await fetch(running.vault.captureUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${grant}`, 'content-type': 'application/json' },
      body: JSON.stringify({ number, expiry_month: 12, expiry_year: 2040, security_code: '987', holder: 'Canary Jo' }),
    })
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null && 'reference' in body ? String(body.reference) : assert.fail(JSON.stringify(body))
  }
  const bind = async (): Promise<string> => {
    const customer = (await call('POST', '/v1/customers', {})).body.id
    const card = { capture: await capture() }
    const made = await call('POST', '/v1/instruments', { customer, card, return_url: 'https://shop.example/', metadata: { who: 'canary' } })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    return String(made.body.id)
  }
  const opens = (instrument: string) =>
    vault.forward({ tenant, mode: 'test', instrument, instrumentVersion: 1, operation: 'opn_x', timeoutMs: 2_000, request })
  return { world, reader, settings, running, received, call, bind, opens }
}

/** Every row of every table of both schemas that holds one of these words. Leading digits are nobody's: how often they were tried is counted on. */
async function found(reader: pg.Pool, words: string): Promise<readonly string[]> {
  const names = [...tables.map(one => `bindery.${one.name}`), ...vaultTables.map(one => `vault.${one.name}`)]
  const each = names.map(async name => {
    const { rows } = await reader.query<{ readonly row: string }>({
      text: `select t::text as row from ${name} t where t::text ~ $1`,
      values: [words],
    })
    return rows
      .filter(one => !(name === 'bindery.safeguard_counts' && one.row.startsWith(`("bin`)))
      .map(one => `${name}: ${one.row.slice(0, 200)}`)
  })
  return (await Promise.all(each)).flat()
}

test('an erased card is in no row of either schema, and the vault opens it no more', async t => {
  const on = await house(t)
  const id = await on.bind()
  assert.deepEqual(on.received, [JSON.stringify({ number })])
  assert.equal((await on.opens(id)).status, 200)
  assert.ok((await found(on.reader, traces)).length > 3)
  const { rows: backup } = await on.reader.query('select * from vault.records')
  assert.equal(backup.length, 1)
  const erased = await on.call('POST', `/v1/instruments/${id}/erase`)
  assert.deepEqual([erased.status, erased.body.stage], [200, 'erased'], JSON.stringify(erased.body))
  assert.deepEqual(await found(on.reader, traces), [])
  await assert.rejects(on.opens(id), /nothing is sealed/)
  // A backup of the data, put beside a key store that is of today: the envelope is there again, and opens nothing.
  const columns = Object.keys(backup[0])
  const holes = columns.map((_, i) => `$${i + 1}`)
  const values = columns.map(name => backup[0][name])
  await on.reader.query(`insert into vault.records (${columns.join(', ')}) values (${holes.join(', ')})`, values)
  await assert.rejects(on.opens(id), /nothing is sealed/)
  assert.deepEqual((await on.call('GET', `/v1/instruments/${id}`)).body.card, {
    brand: null,
    last4: null,
    bin: null,
    expiry_month: null,
    expiry_year: null,
    wallet: null,
  })
})

test('with the vault killed an erasure waits, and goes on when the vault is back', async t => {
  const on = await house(t)
  const id = await on.bind()
  on.running.vault.process.kill('SIGKILL')
  await on.running.vault.ended
  const begun = await on.call('POST', `/v1/instruments/${id}/erase`)
  assert.deepEqual([begun.status, begun.body.stage], [202, 'shredding'], JSON.stringify(begun.body))
  assert.equal((await on.call('GET', `/v1/instruments/${id}`)).body.status, 'erased')
  on.running.vault = await startVault(on.settings)
  const until = Date.now() + 30_000
  for (let stage: unknown = ''; stage !== 'erased'; ) {
    assert.ok(Date.now() < until, 'the erasure did not go on')
    await eraseDue(on.world)
    stage = (await on.call('GET', `/v1/instruments/${id}/erasure`)).body.stage
    if (stage !== 'erased') await sleep(250)
  }
  await assert.rejects(on.opens(id), /nothing is sealed/)
  assert.deepEqual(await found(on.reader, traces), [])
})
