/**
 * Config → world → server and worker; the only file that wires. `npm start` runs it: it starts the database (unless DATABASE_URL names
 * one), the sandbox of simulated channels, the vault in a process of its own, and itself.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ClientConfig } from 'pg'
import { z } from 'zod'
import { accountsOf, originsOf, sandboxSettings } from './accounts.ts'
import { eraseAgain } from './backup/again.ts'
import { refuseHalfRestored } from './backup/restore.ts'
import { canaryWatch } from './canaries/watch.ts'
import type { Channel, ChannelName, Send } from './channels/channel.ts'
import { channels } from './channels/index.ts'
import { type Sandbox, startSandbox } from './channels/sandbox-client.ts'
import { type Config, ConfigError, loadConfig } from './config.ts'
import { endpoints } from './endpoints.ts'
import { asyncApi } from './events/asyncapi.ts'
import { webhookDescriptions } from './events/catalogue.ts'
import { createDispatcher } from './events/dispatch.ts'
import { createKeyRing } from './events/keys.ts'
import { createEventQueries } from './events/queries.ts'
import { createKey, createTenant, hashOf, newKey } from './http/auth.ts'
import type { Limits } from './http/limits.ts'
import { createServer } from './http/serve.ts'
import { apiKeys } from './http/tables.ts'
import { auditCounts, createAudit } from './instruments/audit.ts'
import { instrumentsAfter } from './instruments/queries.ts'
import { createSettler } from './instruments/settler.ts'
import { createWatch, watchCounts } from './invariants/watch.ts'
import { createSnapshots } from './moving/queries.ts'
import { createHealth } from './safeguards/health.ts'
import { safeguardsOf } from './safeguards/operator.ts'
import { sandboxCredentials } from './sandbox-keys.ts'
import { sandboxNetwork } from './sandbox-network.ts'
import { sandboxWallet, tapOf } from './sandbox-wallet.ts'
import { type DeploymentSecrets, deploymentSecrets } from './secrets.ts'
import { createSweepQueries } from './sweeps/queries.ts'
import { tables } from './tables.ts'
import { unknownLevels } from './unknowns/levels.ts'
import type { VaultClient } from './vault/client.ts'
import { vaultTables } from './vault/tables.ts'
import { vaultProcess } from './vault-process.ts'
import { chores, duties, work } from './worker.ts'
import { type ClientCertificates, clientCertificatesOf } from './world/certificates.ts'
import { createDisk } from './world/disk.ts'
import { startEmbedded } from './world/embedded.ts'
import { createPublicSend, createSend } from './world/http.ts'
import { newKeyPair } from './world/keypair.ts'
import { liveClock } from './world/live.ts'
import { createLog } from './world/log.ts'
import { asRole, migrate, roles } from './world/migrate.ts'
import { createPostgresStore, type PostgresStore } from './world/postgres.ts'
import { createRemembered } from './world/remembered.ts'
import { rideFunctionSql } from './world/ride-sql.ts'
import { createReaders, createTenantReader, type Readers } from './world/tenant-reader.ts'
import type { Log, World } from './world/world.ts'

export type Running = {
  readonly address: string
  /** A secret key of the sandbox's tenant; absent without a sandbox. */
  readonly apiKey: string | undefined
  readonly captureUrl: string
  readonly sandbox: Sandbox | undefined
  readonly world: World
  stop(): Promise<void>
}

/** What a benchmark puts in the place of its own. `idle`: nothing that falls due is attended to; whoever started it does that. */
export type Parts = { readonly channels: ReadonlyMap<ChannelName, Channel>; readonly limits?: Partial<Limits>; readonly idle?: true }
type Undo = () => Promise<unknown>

/** Starts everything; what was started is stopped again if the rest cannot be. */
export async function start(config: Config, log: Log = createLog(config.logLevel), parts: Parts = { channels }): Promise<Running> {
  const undo: Undo[] = []
  const stop = async (): Promise<void> => {
    for (const one of undo.reverse().splice(0)) await one().catch(error => log.error('stopping', { error: String(error) }))
  }
  try {
    return { ...(await startAll(config, { log, parts }, undo)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startAll(
  config: Config,
  { log, parts }: { readonly log: Log; readonly parts: Parts },
  undo: Undo[],
): Promise<Omit<Running, 'stop'>> {
  const clock = liveClock()
  mkdirSync(config.dataFolder, { recursive: true })
  const connection = await database(config, log, undo)
  await migrate({ connection, extraSql: [rideFunctionSql('bindery', tables).sql, rideFunctionSql('vault', [...vaultTables]).sql] })
  const secrets = deploymentSecrets(resolve(config.dataFolder), clock.random, () => newKey(clock, 'test', 'secret'))
  const { sandbox, credentials, network, networkAddress } = await sandboxOf(config, { clock, secrets }, undo)
  const accounts = accountsOf(config, sandbox, credentials)
  const wallet = config.sandbox && config.walletKeysFile === undefined ? sandboxWallet(secrets.grantKey) : undefined
  const egress = {
    origins: [...originsOf(accounts, parts.channels), ...of(networkAddress)],
    ...{ certificates: clientCertificatesOf(accounts.values()), live: [...accounts.keys()].some(name => name.endsWith(' live')) },
  }
  const vault = await vaultProcess(config, { connection, secrets, ...egress, log, clock, wallet, network }, undo)
  const store = createPostgresStore({ connection: asRole(connection, roles.rider), schema: 'bindery', tables, eventsTable: 'events' })
  undo.push(() => store.close())
  const readers = createReaders(connection, log)
  undo.push(() => readers.close())
  const send = sendTo(config, egress, undo)
  const safeguards = await safeguardsOf(config, log, config.sandbox)
  undo.push(() => safeguards.close())
  const place = { url: config.publicUrl ?? `http://${config.host}:${config.port}` }
  const settings = {
    // With port 0 the address is known only once the server listens.
    get publicUrl() {
      return place.url
    },
    captureUrl: vault.captureUrl,
    channelTimeoutMs: config.channelTimeoutMs,
    route: config.route,
    customersPerInstrument: config.customersPerInstrument,
    fourEyes: config.fourEyes,
    safeguards: safeguards.settings,
    idempotencyKey: secrets.idempotencyKey,
    grantKey: secrets.grantKey,
    allowLoopback: config.sandbox,
    liveUpdater: config.updater,
  }
  const world: World = {
    ...clock,
    store,
    vault: vault.client,
    send: request => send(request),
    channels: parts.channels,
    account: (name, mode) => accounts.get(`${name} ${mode}`),
    health: createHealth(),
    remembered: createRemembered(),
    ...(config.databaseUrl === undefined ? { disk: createDisk(resolve(config.dataFolder), clock.now) } : {}),
    log,
    settings,
    ...(network === undefined || networkAddress === undefined ? {} : { network: network.account(networkAddress) }),
    ...(wallet === undefined ? {} : { tap: tapOf(wallet, clock) }),
  }
  return serve(config, { world, vault: vault.client, store, readers, sandbox, secrets, parts, place }, undo)
}

/** To channels, whose addresses the configuration names. */
function sendTo(
  config: Config,
  to: { readonly origins: readonly string[]; readonly certificates: ClientCertificates },
  undo: Undo[],
): Send {
  const { origins: allowedOrigins, certificates } = to
  const limits = { timeoutMs: config.channelTimeoutMs, maxBytes: 262_144, allowLoopback: config.sandbox }
  const send = createSend({ ...limits, allowedOrigins, certificates })
  undo.push(() => send.close())
  return send
}

/** Seeds of what the sandbox alone needs are uses of its own key: nothing that is worth more hangs on it. */
async function sandboxOf(
  config: Config,
  { clock, secrets }: { readonly clock: Pick<World, 'random'>; readonly secrets: DeploymentSecrets },
  undo: Undo[],
) {
  if (!config.sandbox) return { sandbox: undefined, credentials: new Map(), network: undefined, networkAddress: undefined }
  const credentials = await sandboxCredentials(resolve(config.dataFolder), { random: clock.random, keyPair: newKeyPair })
  const network = sandboxNetwork(secrets.grantKey)
  const environment = { ...process.env, SPECS_DIR: config.specsFolder }
  const sandbox = await startSandbox(sandboxSettings(credentials), environment, network.settings)
  undo.push(() => sandbox.close())
  return { sandbox, credentials, network, networkAddress: sandbox.addresses.get('network') }
}

const of = <T>(one: T | undefined): readonly T[] => (one === undefined ? [] : [one])

const version = (): string =>
  z.object({ version: z.string() }).parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))).version

type Ready = {
  readonly world: World
  readonly readers: Readers
  readonly sandbox: Sandbox | undefined
  readonly secrets: DeploymentSecrets
  readonly parts: Parts
  readonly vault: VaultClient
  readonly store: PostgresStore
  readonly place: { url: string }
}

async function serve(config: Config, ready: Ready, undo: Undo[]): Promise<Omit<Running, 'stop'>> {
  const { world, readers, sandbox, secrets } = ready
  const reader = createTenantReader(readers.own)
  const queries = createEventQueries(readers.all, reader)
  const { bodyLimitBytes: bodyBytesMax, trustedProxies, sandbox: told } = config
  const limits = { bodyBytesMax, trustedProxies, simulatorsTellCertificates: told, ...ready.parts.limits }
  const audit = createAudit(world, (after, limit) => instrumentsAfter(readers.all, after, limit))
  const watch = createWatch(world, readers.all)
  const server = createServer({
    world,
    endpoints: endpoints({ reader, queries }),
    limits,
    log: world.log,
    ...{ webhooks: webhookDescriptions, asyncApi, version: version() },
    watch: canaryWatch(world),
    counts: [...auditCounts(audit), ...watchCounts(watch), ...unknownLevels(readers.all, world)],
  })
  const eraseRest = await eraseAgain(world, config.dataFolder)
  const apiKey = sandbox && (await firstKey(world, secrets.sandbox.apiKey))
  const { port } = await server.listen(config.port, config.host)
  undo.push(() => server.close())
  const address = `http://${config.host}:${port}`
  if (config.publicUrl === undefined) ready.place.url = address
  const outbound = createPublicSend({ timeoutMs: 15_000, maxBytes: 262_144, allowLoopback: told })
  undo.push(() => outbound.close())
  const stopped = new AbortController()
  const dispatcher = createDispatcher(world, queries, { send: request => outbound(request), keys: createKeyRing() })
  const settler = createSettler(world)
  const sweeps = createSweepQueries(readers.all)
  const parts = { queries, dispatcher, settler, sweeps, snapshots: createSnapshots(readers.own) }
  const toDo = ready.parts.idle ? [] : [...duties(world, parts), ...chores(world, { ...ready, audit, watch })]
  const working = Promise.all([work(world, toDo, stopped.signal), eraseRest(stopped.signal)])
  undo.push(async () => {
    stopped.abort()
    await working
    await Promise.all([dispatcher.drain(), settler.drain()])
  })
  sandbox?.update({ network: { webhookTarget: `${address}/v1/network/test/webhook` } })
  for (const name of channels.keys()) sandbox?.update({ [name]: { webhookTarget: `${address}/v1/channels/${name}/test/webhook` } })
  return { address, apiKey, captureUrl: world.settings.captureUrl, sandbox, world }
}

async function database(config: Config, log: Log, undo: Undo[]): Promise<ClientConfig> {
  if (config.databaseUrl !== undefined) return { connectionString: config.databaseUrl.reveal() }
  refuseHalfRestored(config.dataFolder)
  const server = await startEmbedded({ dataFolder: join(config.dataFolder, 'database'), archiveFolder: config.archiveFolder })
  for (const note of server.notes) log.warn(note)
  undo.push(() => server.stop())
  return server.connection
}

/** The sandbox's tenant and its secret key, made at the first start. */
async function firstKey(world: World, text: string): Promise<string> {
  const known = await world.store.find(apiKeys, { hash: hashOf(text) })
  if (known.length === 0)
    await createKey(world, { tenant: await createTenant(world, { name: 'Sandbox' }), mode: 'test', kind: 'secret', text })
  return text
}

async function run(): Promise<void> {
  const running = await start(loadConfig([...channels.values()]))
  const { address, apiKey, sandbox } = running
  console.log(`Bindery listens on ${address} (docs: ${address}/docs), cards go to ${running.captureUrl}`)
  if (sandbox !== undefined)
    console.log(
      `Simulated channels: ${[...sandbox.addresses].map(([name, at]) => `${name} ${at}`).join(', ')}; spec judge: ${sandbox.specJudge}`,
    )
  if (apiKey !== undefined)
    console.log(
      `Try it:\n\n  curl ${address}/v1/customers -u ${apiKey}: -H 'content-type: application/json' -d '{"reference":"first-customer"}'\n`,
    )
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (stopping) process.exit(1)
      stopping = true
      void running.stop().then(() => process.exit(0))
    })
}

if (import.meta.main)
  run().catch(error => {
    console.error(error instanceof ConfigError ? error.message : error)
    process.exit(1)
  })
