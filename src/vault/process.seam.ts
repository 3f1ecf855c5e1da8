/** The vault as a process of its own, for tests: its settings, a link to it, captures by its door, and a channel. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { signGrant } from '../core/grant.ts'
import { asRole, roles } from '../world/migrate.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { type TestDatabase, testDatabase } from '../world/testing.ts'
import { createVaultClient } from './client.ts'
import type { VaultSettings } from './settings.ts'
import { vaultTables } from './tables.ts'

export const number = '4242424242424242'
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
let opened: Promise<TestDatabase> | undefined
after(async () => (await opened)?.close())
export const database = (): Promise<TestDatabase> => {
  opened ??= testDatabase({ extraSql: [rideFunctionSql('vault', vaultTables).sql] })
  return opened
}

export async function settingsFor(t: TestContext, origins: readonly string[] = []): Promise<VaultSettings> {
  const folder = mkdtempSync(join(tmpdir(), 'vault-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { connection } = await database()
  return {
    socketPath: join(folder, 'v.sock'),
    linkKey: randomBytes(32),
    grantKey: randomBytes(32),
    captureHost: '127.0.0.1',
    capturePort: 0,
    database: { ...asRole(connection, roles.vault) },
    dataFolder: join(folder, 'data'),
    origins,
    allowLoopback: true,
    publicUrl: 'https://pay.example',
  }
}

/** On a database of its own: another root key seals in it. */
export async function ownSettings(t: TestContext, origins: readonly string[] = []): Promise<VaultSettings> {
  const own = await testDatabase({ extraSql: [rideFunctionSql('vault', vaultTables).sql] })
  t.after(() => own.close())
  return { ...(await settingsFor(t, origins)), database: { ...asRole(own.connection, roles.vault) } }
}

export const clientOf = (settings: VaultSettings) =>
  createVaultClient({
    socketPath: settings.socketPath,
    linkKey: settings.linkKey,
    log: silent,
    now: Date.now,
    random: randomBytes,
    sleep: ms => sleep(ms),
  })

const cardBody = JSON.stringify({ number, expiry_month: 12, expiry_year: 2040, security_code: '987' })

export async function capture(settings: VaultSettings, captureUrl: string, sent: string = cardBody): Promise<string> {
  const now = Date.now()
  const grant = signGrant(settings.grantKey, now, {
    tenant: 'ten_1',
    mode: 'test',
    captures: 1,
    expiresAt: now + 60_000,
    nonce: randomBytes(16).toString('hex'),
    origins: [],
  })
  const response = await fetch(captureUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${grant}`, 'content-type': 'application/json' },
    body: sent,
  })
  const body: unknown = await response.json()
  assert.ok(typeof body === 'object' && body !== null && 'reference' in body, JSON.stringify(body))
  return String(body.reference)
}

export const adoption = (reference: string, instrument: string) =>
  ({ tenant: 'ten_1', mode: 'test', reference, instrument, instrumentVersion: 1, operation: 'opn_1' }) as const

/** A channel that keeps what it was sent and echoes it. */
export async function channel(t: TestContext): Promise<{ origin: string; received: string[] }> {
  const received: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk.toString()
    })
    request.on('end', () => {
      received.push(body)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ echo: body, token: 'pm_1' }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  return { origin: `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`, received }
}
