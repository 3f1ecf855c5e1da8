/** What the proofs stand on: a database, simulated channels, a merchant's receiver, and the server in a process of its own among them. */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import { z } from 'zod'
import type { Fault } from '../src/channels/faults.ts'
import { type Sandbox, startSandbox } from '../src/channels/sandbox-client.ts'
import { loadSandboxes } from '../src/channels/sandbox-list.ts'
import { createKey, createTenant, hashOf, type KeyKind } from '../src/http/auth.ts'
import type { Role } from '../src/http/role.ts'
import { deploymentSecrets } from '../src/secrets.ts'
import { tables } from '../src/tables.ts'
import { startEmbedded } from '../src/world/embedded.ts'
import { newKeyPair } from '../src/world/keypair.ts'
import { asRole, roles } from '../src/world/migrate.ts'
import { createPostgresStore } from '../src/world/postgres.ts'
import type { Mode } from '../src/world/world.ts'
import { type Caller, callerOf, insist } from './caller.ts'
import { type Auditor, audit } from './queries.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { environmentOf, freePort, type ServerProgram, startServer } from './server.ts'

/** What outlives the server. */
export type Ground = {
  /** Everything is in it: the database's files in `database`, the server's own in `server`, and temporary files. */
  readonly folder: string
  readonly connection: ClientConfig
  readonly environment: Readonly<Record<string, string>>
  readonly sandbox: Sandbox
  readonly auditor: Auditor
  readonly receiver: Receiver
  readonly address: string
  start(): Promise<ServerProgram>
  /** With the key the server made for its sandbox at its first start. */
  caller(): Caller
  /** A key of a tenant, a new one without `tenant`. Only once the server has run. */
  newKey(of: {
    readonly tenant?: string
    readonly mode: Mode
    readonly kind: KeyKind
    readonly role?: Role
    readonly person?: string
  }): Promise<{ readonly tenant: string; readonly key: string }>
  /** Of the sandbox's tenant, which `caller` calls for. */
  owner(): Promise<{ readonly tenant: string }>
  /** Makes the receiver known and waits until it is trusted. */
  listen(caller: Caller): Promise<void>
  addFault(channel: string, fault: Fault): Promise<void>
  clearFaults(): Promise<void>
}
type Undo = () => unknown

/** `durable`: fsync and all, as in production. The undo steps run last to first. */
export async function prepareGround(undo: Undo[], options: { readonly durable: boolean }): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-proof-'))
  undo.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  // As root the database runs as somebody else, who must be able to pass through, or its files go elsewhere.
  chmodSync(folder, 0o711)
  const database = await startEmbedded({ dataFolder: join(folder, 'database'), temporary: !options.durable })
  undo.push(() => database.stop())
  const [port, capturePort] = [await freePort(), await freePort()]
  const address = `http://127.0.0.1:${port}`
  const target = (channel: string): string => `${address}/v1/channels/${channel}/test/webhook`
  const making = { random: (count: number) => randomBytes(count), keyPair: newKeyPair }
  const credentials = new Map([...(await loadSandboxes())].map(([name, one]) => [name, one.credentials(making)]))
  const sandbox = await startSandbox(
    Object.fromEntries([...credentials].map(([name, own]) => [name, { credentials: own, webhookTarget: target(name) }])),
  )
  undo.push(() => sandbox.close())
  const receiver = await startReceiver()
  undo.push(() => receiver.close())
  const auditor = audit(database.connection)
  undo.push(() => auditor.close())
  const { connection } = database
  const environment = environmentOf({ folder, connection, sandbox, port, capturePort, credentials })
  return {
    ...{ folder, connection, environment, sandbox, auditor, receiver, address },
    start: () => startServer(environment),
    caller: () => callerOf(address, firstKey(folder)),
    owner: () => auditor.ownerOf(hashOf(firstKey(folder))),
    newKey: of => newKey(connection, of),
    listen: caller => listen(caller, receiver),
    addFault: (channel, fault) => sandbox.addFault(channel, fault),
    clearFaults: async () => {
      for (const at of sandbox.addresses.values()) await fetch(`${at}/_sandbox/faults`, { method: 'DELETE' })
    },
  }
}

/** Runs the steps, last to first, whatever becomes of each. */
export async function undoAll(undo: Undo[]): Promise<void> {
  for (const one of undo.reverse().splice(0)) await Promise.resolve(one()).catch(error => console.error('clearing up:', error))
}

const firstKey = (folder: string): string =>
  deploymentSecrets(
    join(folder, 'server'),
    count => randomBytes(count),
    () => '',
  ).sandbox.apiKey

async function newKey(connection: ClientConfig, of: Parameters<Ground['newKey']>[0]): ReturnType<Ground['newKey']> {
  const store = createPostgresStore({ connection: asRole(connection, roles.rider), schema: 'bindery', tables, eventsTable: 'events' })
  const world = { now: () => Date.now(), random: (count: number) => randomBytes(count), sleep: (ms: number) => sleep(ms), store }
  try {
    const tenant = of.tenant ?? (await createTenant(world, { name: 'Another' }))
    return { tenant, key: (await createKey(world, { ...of, tenant })).key }
  } finally {
    await store.close()
  }
}

const named = z.object({ id: z.string() })
const secretShape = z.object({ secret: z.string() })
async function listen(caller: Caller, receiver: Receiver): Promise<void> {
  const made = named.parse((await insist(() => caller.call('/v1/webhook_endpoints', { body: { url: receiver.url } }), 30_000)).json)
  const { secret } = secretShape.parse((await insist(() => caller.call(`/v1/webhook_endpoints/${made.id}/secret`), 30_000)).json)
  receiver.trust(secret)
}
