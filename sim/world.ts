/**
 * A whole simulated world: the real use cases over the memory store, the real vault in memory, the simulators of the channels, a server
 * process that crashes and is started again, and clients that ask again until they have an answer.
 */
import type { ChannelName, ChannelRequest, Shape } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import type { Outbound } from '../src/events/deliver.ts'
import { createDispatcher, type Dispatcher } from '../src/events/dispatch.ts'
import { createKeyRing } from '../src/events/keys.ts'
import { createMemoryEvents } from '../src/events/memoryQueries.ts'
import type { EventQueries } from '../src/events/queries.ts'
import { createSettler, type Settler } from '../src/instruments/settler.ts'
import { clocks, operations } from '../src/instruments/tables.ts'
import { createHealth } from '../src/safeguards/health.ts'
import { tapOf } from '../src/sandbox-wallet.ts'
import { tables } from '../src/tables.ts'
import type { VaultCore } from '../src/vault/vault.ts'
import type { MemoryStore } from '../src/world/memory.ts'
import { createRemembered } from '../src/world/remembered.ts'
import { type Committed, type Store, Unavailable, type Write } from '../src/world/store.ts'
import type { AnyTable, Row } from '../src/world/table.ts'
import type { Log, Vault, World } from '../src/world/world.ts'
import { type Accounts, createAccounts, wallet } from './accounts.ts'
import type { Bug } from './bug.ts'
import { createMachineClock, type MachineClock } from './clock.ts'
import { createFaults, type Faults } from './faults.ts'
import { createLife, type Life, type Ports, port } from './life.ts'
import { createNetwork, type Network, type Take } from './network.ts'
import { createReceivers, type Receivers } from './receivers.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import { type CheckSealed, createSimulatedVault } from './vault.ts'
import { createWatch, type Watch } from './watch.ts'

/** 2026-01-01T00:00:00Z */
const startMs = 1_767_225_600_000

/** One incarnation of the server process. */
export type Process = { readonly world: World; readonly life: Life; readonly dispatcher: Dispatcher; readonly settler: Settler }

export type Thrown = { readonly channel: string; readonly off: boolean; readonly askedMs: number; readonly answeredMs: number | undefined }
export type Simulated = {
  readonly scheduler: Scheduler
  readonly clock: MachineClock
  readonly faults: Faults
  readonly network: Network
  readonly receivers: Receivers
  /** What is true: the store behind every process. */
  readonly store: MemoryStore
  readonly vault: VaultCore
  /** The vault's own rows. */
  readonly sealed: MemoryStore
  readonly queries: EventQueries
  /** The server that runs now. */
  server(): Process
  readonly trace: readonly string[]
  note(what: string): void
  readonly crashes: () => number
  /** When the server that runs now was started. */
  readonly startedMs: () => number
  /** What our code asked of which channel. */
  readonly watch: Watch
  /** Tokens of which the channel changed something and told nobody. */
  readonly quiet: Set<string>
  /** Throws of kill switches. `answeredMs`: when whoever threw it was told that it was done. */
  readonly thrown: Thrown[]
  /** By binding, the shape of the sandbox value it was made from. */
  readonly shapes: Map<string, Shape>
  /** Where most binds go while a bug of one adapter is hunted. */
  readonly favourite: ChannelName | undefined
  /** What due work had to wait for too long while a channel was dead. */
  readonly blocked: string[]
  /** Every row of a table. */
  all<T extends AnyTable>(table: T): readonly Row<T>[]
  /** Requests that left before their intent was durable, or before what they carry was sealed. */
  readonly undurable: readonly string[]
  /** Test clocks that went back. */
  readonly wentBack: readonly string[]
  /** Bugs that our own code met and logged: none may be. */
  readonly errors: readonly string[]
}

export const tenant = 'ten_sim'
/** Of the six there are: enough to be refused now and then, and not so few that hardly anything is bound. */
export const customersPerInstrument = 4

export function createSimulated(seed: number, bug: Bug | undefined, take: (simulated: () => Simulated) => Take): Simulated {
  const scheduler = createScheduler(seed, startMs)
  const faults = createFaults(scheduler, bug?.dead === undefined ? [] : ['crash_before', 'crash_after'])
  const trace: string[] = []
  const errors: string[] = []
  const note = (what: string) => {
    trace.push(`${String(scheduler.now() - startMs).padStart(10)} ${what}`)
  }
  const { store, queries } = createMemoryEvents(tables)
  const seen: { readonly undurable: string[]; readonly wentBack: string[] } = { undurable: [], wentBack: [] }
  const clock = createMachineClock(scheduler)
  const network = createNetwork(
    scheduler,
    faults,
    (channel, delivery) => take(() => simulated)(channel, delivery),
    error => errors.push(error instanceof Error ? error.message : String(error)),
  )
  const receivers = createReceivers(scheduler, faults)
  const watch = createWatch(channels, scheduler.now)
  const { vault, port, sealed } = createSimulatedVault(scheduler, faults, network, note, sealCheck(store, seen.undurable))
  const checkIntent = intentCheck(store, seen.undurable)
  const accounts = createAccounts()
  const written = { scheduler, clock, ...seen, faults, note, errors }
  const parts = { ...written, store, network, vault: port, sealed, bug, checkIntent, watch, accounts }
  const processes = createProcesses(parts, { queries, receivers })
  const simulated: Simulated = {
    scheduler,
    clock,
    ...seen,
    faults,
    network,
    receivers,
    store,
    vault,
    sealed,
    queries,
    ...processes,
    trace,
    note,
    watch,
    quiet: new Set(),
    thrown: [],
    shapes: new Map(),
    favourite: bug?.at,
    blocked: [],
    all: table => store.rows(table),
    errors,
  }
  return simulated
}

/** Nor may what was captured leave before it is sealed under the words of its operation. */
const sealCheck =
  (store: Store, undurable: string[]): CheckSealed =>
  async (text, sealedFor) => {
    const id = /opn_[0-9a-z]{26}/.exec(text)?.[0]
    if (id === undefined) return
    const operation = await store.get(operations, { id })
    if (operation === undefined) undurable.push(`${id} left before it was durable`)
    if (operation?.verb !== 'bind') return
    const { cardVersion = 1, capture, adoptedBy, chain } = operation.input
    const sealed = await sealedFor({ tenant: operation.tenant, instrument: operation.instrument, instrumentVersion: cardVersion })
    const meant = capture === undefined ? sealed : (adoptedBy ?? chain ?? id)
    if (sealed === undefined || sealed !== meant) undurable.push(`${id} left before what it carries was sealed`)
  }

/** Whatever names an operation of ours may only leave when that operation is durable. */
const intentCheck =
  (store: Store, undurable: string[]) =>
  async (request: ChannelRequest): Promise<void> => {
    const id = /opn_[0-9a-z]{26}/.exec(request.body ?? '')?.[0]
    if (id !== undefined && (await store.get(operations, { id })) === undefined) undurable.push(`${id} left before it was durable`)
  }

/** The server that runs now: one that has crashed is started again when it is next wanted. */
function createProcesses(
  parts: Omit<Parts, 'life'>,
  { queries, receivers }: { readonly queries: EventQueries; readonly receivers: Receivers },
): Pick<Simulated, 'server' | 'crashes' | 'startedMs'> {
  let crashes = -1
  let startedMs = startMs
  let current: Process | undefined
  const start = (): Process => {
    crashes += 1
    startedMs = parts.scheduler.now()
    const life = createLife(crashes)
    const world = createWorld({ ...parts, life })
    const outbound: Outbound = { send: receivers.send(life), keys: createKeyRing() }
    return { world, life, dispatcher: createDispatcher(world, queries, outbound), settler: createSettler(world) }
  }
  return {
    server: () => {
      if (current === undefined || current.life.dead()) current = start()
      return current
    },
    crashes: () => crashes,
    startedMs: () => startedMs,
  }
}

type Parts = {
  readonly scheduler: Scheduler
  readonly clock: MachineClock
  readonly wentBack: string[]
  readonly faults: Faults
  readonly life: Life
  readonly note: (what: string) => void
  readonly errors: string[]
  readonly store: Store
  readonly network: Network
  readonly vault: Vault
  readonly sealed: MemoryStore
  readonly bug: Bug | undefined
  readonly checkIntent: (request: ChannelRequest) => Promise<void>
  readonly watch: Watch
  readonly accounts: Accounts
}

const settings: World['settings'] = {
  publicUrl: 'https://bindery.sim',
  captureUrl: 'https://vault.sim/capture',
  channelTimeoutMs: 5_000,
  route: [...channels.keys()],
  customersPerInstrument,
  idempotencyKey: Buffer.alloc(32, 1),
  grantKey: Buffer.alloc(32, 2),
  allowLoopback: false,
  // So that they bite now and then.
  safeguards: { times: 15, workBits: 2 },
}
const updaterOver = (ports: Ports, { updater }: Vault): Vault['updater'] => ({
  writeInquiries: input => port(ports, 'write inquiries', () => updater.writeInquiries(input)),
  readAdvices: input => port(ports, 'read advices', () => updater.readAdvices(input)),
  sealAdvices: input => port(ports, 'seal advices', () => updater.sealAdvices(input)),
  renew: input => port(ports, 'renew', () => updater.renew(input)),
})

function createWorld(parts: Parts): World {
  const { scheduler, faults, life, note } = parts
  const ports: Ports = { scheduler, faults, life, note, latencyMs: 20, crashes: { before: 'crash_before', after: 'crash_after' } }
  const reading: Ports = { ...ports, latencyMs: 5, crashes: undefined }
  const store: Store = {
    get: (table, key) => port(reading, 'get', () => parts.store.get(table, key)),
    find: (table, by, limit) => port(reading, 'find', () => parts.store.find(table, by, limit)),
    due: (table, at) => port(reading, 'due', () => parts.store.due(table, at)),
    commit: writes =>
      port(ports, `commit of ${writes.map(one => one.verb).join(' ')}`, () => {
        if (faults.strikes('commit_lost_before')) throw new Unavailable('the database was out of reach')
        return watchClocks(parts, writes)
      }),
    close: () => parts.store.close(),
  }
  const vault = vaultThrough(ports, parts.vault)
  const world: World = {
    now: parts.clock.now,
    random: scheduler.random,
    sleep: ms => port(reading, 'sleep', () => scheduler.sleep(ms)),
    store,
    vault,
    send: request =>
      port(ports, `${request.method} ${request.url}`, async () => {
        await parts.checkIntent(request)
        return parts.network.send(request)
      }),
    channels: parts.watch.channels,
    account: (channel, mode) =>
      mode === 'test' ? (faults.strikes('door_closed') ? parts.accounts.lockedOut : parts.accounts.open).get(channel) : undefined,
    health: createHealth(),
    remembered: createRemembered(),
    log: logOf(parts),
    settings,
    tap: tapOf(wallet, scheduler),
  }
  return parts.bug === undefined ? world : parts.bug.infect(world, { scheduler, life, sealed: parts.sealed })
}

/** Every call of the vault may be slow, or the last that its process makes. */
const vaultThrough = (ports: Ports, vault: Vault): Vault => ({
  peek: input => port(ports, 'peek', () => vault.peek(input)),
  adopt: input => port(ports, 'adopt', () => vault.adopt(input)),
  sealAhead: input => port(ports, 'sealAhead', () => vault.sealAhead(input)),
  forward: input => port(ports, 'forward', () => vault.forward(input)),
  seal: input => port(ports, 'seal', () => vault.seal(input)),
  open: input => port(ports, 'open', () => vault.open(input)),
  // No story gives numbers out, or moves them between vaults.
  detokenize: vault.detokenize,
  cardFiles: vault.cardFiles,
  updater: updaterOver(ports, vault),
  shred: input => port(ports, 'shred', () => vault.shred(input)),
})

/** A test clock shows what it showed, or later. */
async function watchClocks({ store, wentBack }: Parts, writes: readonly Write[]): Promise<Committed> {
  for (const write of writes) {
    if (write.verb !== 'move' || write.table !== clocks || typeof write.set.now_at !== 'number') continue
    const before = await store.get(clocks, write.key)
    if (before !== undefined && before.version === write.version && write.set.now_at < before.now_at)
      wentBack.push(`${before.id} went back`)
  }
  return store.commit(writes)
}

function logOf({ note, errors }: Parts): Log {
  return {
    info: () => {},
    warn: (what, facts) => note(`warn: ${what} ${JSON.stringify(facts ?? {})}`),
    error: (what, facts) => {
      note(`error: ${what} ${JSON.stringify(facts ?? {})}`)
      const text = `${what} ${JSON.stringify(facts ?? {})}`
      // The database or the vault being away is told in the log and is no error of ours.
      if (!text.includes('Unavailable') && !text.includes('out of reach')) errors.push(text)
    },
  }
}
