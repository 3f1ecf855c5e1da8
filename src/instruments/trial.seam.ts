/**
 * For tests: the whole of binding over the memory store, with the vault itself in memory, the channels' simulators without sockets, and a
 * real server in front. A test that needs a channel to say what no simulator would writes one (`scripted`).
 */
import assert from 'node:assert/strict'
import { createHash, createSecretKey } from 'node:crypto'
import { after } from 'node:test'
import { simulated } from '../accounts.ts'
import { canaryWatch } from '../canaries/watch.ts'
import type { Channel, ChannelAccount, ChannelName, ChannelRequest, Send, Told, Way } from '../channels/channel.ts'
import { channels as realChannels } from '../channels/index.ts'
import { createNetworkSimulator } from '../channels/network-simulator.ts'
import type { Credentials } from '../channels/sandbox-channel.ts'
import { loadSandboxes } from '../channels/sandbox-list.ts'
import type { SimulatorContext, SimulatorEvent } from '../channels/simulator.ts'
import { createStage, type Stage, stageSend } from '../channels/stage.ts'
import { endpoints } from '../endpoints.ts'
import { createMemoryEvents } from '../events/memoryQueries.ts'
import type { EventQueries } from '../events/queries.ts'
import { createKey, createTenant } from '../http/auth.ts'
import { createServer } from '../http/serve.ts'
import { createHealth } from '../safeguards/health.ts'
import { sandboxNetwork } from '../sandbox-network.ts'
import { sandboxWallet, tapOf } from '../sandbox-wallet.ts'
import { tables } from '../tables.ts'
import { readKeys } from '../vault/device-token/keys.ts'
import { bytesOver } from '../vault/forward.ts'
import { createTokenOpener } from '../vault/open-token.ts'
import { createReplays } from '../vault/replays.ts'
import { keyRoot } from '../vault/root.ts'
import { vaultTables } from '../vault/tables.ts'
import { createVault, type VaultCore } from '../vault/vault.ts'
import { hearDue, mergeDue, settleDue, tokensDue, updatesDue } from '../worker.ts'
import { newKeyPair } from '../world/keypair.ts'
import { createMemoryStore, type MemoryStore } from '../world/memory.ts'
import { createRemembered } from '../world/remembered.ts'
import type { Store, Write } from '../world/store.ts'
import { type AnyTable, type Row, rowOf } from '../world/table.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import type { World } from '../world/world.ts'
import { bindings } from './tables.ts'
import type { InstrumentView } from './view.ts'

export const day = 24 * 3_600_000
/** 2026-03-02T10:00:00Z */
const startMs = Date.UTC(2026, 2, 2, 10)

/** The same bytes in the same order, every time. */
function counted(): (count: number) => Buffer {
  let draws = 0
  return count => {
    const blocks: Buffer[] = []
    for (let have = 0; have < count; have += 32) blocks.push(createHash('sha256').update(`trial ${draws++}`).digest())
    return Buffer.concat(blocks).subarray(0, count)
  }
}

const sandboxes = await loadSandboxes()
/** Made when it is first wanted: key pairs take a while. */
const made = new Map<ChannelName, Credentials>()
function credentialsOf(channel: ChannelName): Credentials {
  const known = made.get(channel) ?? sandboxes.get(channel)?.credentials({ random: counted(), keyPair: newKeyPair })
  assert.ok(known !== undefined, `no sandbox for ${channel}`)
  made.set(channel, known)
  return known
}

const addressOf = (channel: ChannelName): string => `https://${channel.replaceAll('_', '-')}.sim`

/** A channel that says what the test wants. Its webhooks are lists of `Told` in JSON, and nobody signs them. */
export function scripted(name: ChannelName, more: Partial<Channel>): Channel {
  const way: Way = { kind: 'card', shape: 'direct' }
  return {
    name,
    title: name,
    proof: { rank: 'documentation', source: 'the test' },
    repeat: {},
    ways: [way, { kind: 'wallet', shape: 'redirect' }, { kind: 'wallet', shape: 'qr' }, { kind: 'bank_account', shape: 'redirect' }],
    currencies: new Map([['EUR', 2]]),
    refusals: new Map(),
    sandboxValues: [],
    requestsPerSecondMax: 10,
    account: { secrets: [], settings: [] },
    webhook: ({ body }) => ({
      kind: 'told',
      told: JSON.parse(body.toString()),
      answer: { status: 200, contentType: 'text/plain', body: '' },
    }),
    ...more,
  }
}
const scriptedAccount = (name: ChannelName): ChannelAccount => ({ address: addressOf(name), secrets: {}, settings: {}, webhookSecrets: [] })

export type TrialAnswer = { readonly status: number; readonly body: Record<string, unknown> }
export type Trial = {
  readonly world: World
  readonly address: string
  readonly store: MemoryStore
  readonly vault: VaultCore
  readonly tenant: string
  readonly customer: string
  readonly stage: (channel: ChannelName) => Stage
  readonly context: (channel: ChannelName) => SimulatorContext
  advance(ms: number): void
  /** The worker's turn: what is due now, and what falls due from it. */
  work(): Promise<void>
  /** What happens before the store takes these writes; throwing is a crash. */
  onCommit(act: (writes: readonly Write[]) => void): void
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<TrialAnswer>
  /** Bytes as they are. */
  put(path: string, body: string | Buffer, headers?: Readonly<Record<string, string>>): Promise<TrialAnswer>
  /** A card or payer into the vault; the reference. */
  capture(body: unknown): Promise<string>
  /** Binds and expects to be understood. */
  bind(body: Readonly<Record<string, unknown>>, headers?: Readonly<Record<string, string>>): Promise<InstrumentView>
  read(id: string): Promise<InstrumentView>
  /** A scripted channel tells. */
  tell(channel: ChannelName, told: readonly Told[]): Promise<TrialAnswer>
  /** The customer does what the instrument's channel asks; what the browser then brings back. */
  play(id: string): Promise<{ readonly binding: string | undefined; readonly returned: Readonly<Record<string, string>> | undefined }>
  /** The customer passes the challenge before which the instrument is; what comes back is handed in. */
  pass(instrument: InstrumentView): Promise<void>
  /** A simulator's webhooks are delivered. */
  deliver(channel: ChannelName): Promise<number>
  /** Everything that was delivered is delivered again, signed now; how it was answered. */
  deliverAgain(channel: ChannelName): Promise<readonly number[]>
  rows<T extends AnyTable>(table: T): readonly Row<T>[]
}

export const visa = { number: '4111111111111111', expiry_month: 3, expiry_year: 2030, security_code: '737' }
export const returnUrl = 'https://shop.example/back'

/** Another store than the one in memory, of which `rows` then knows nothing. */
export type Over = { readonly store: Store; readonly queries?: EventQueries; readonly reader?: TenantReader }

/** Simulators by name, or channels of the test's own; they are the route in this order. */
export async function trial(of: readonly (ChannelName | Channel)[], over?: Over): Promise<Trial> {
  const clock = { nowMs: startMs }
  const now = () => clock.nowMs
  const random = counted()
  const channels = new Map(of.map(one => [typeof one === 'string' ? one : one.name, channelOf(one)]))
  const scripts = new Set(of.flatMap(one => (typeof one === 'string' ? [] : [one.name])))
  const stages = new Map<ChannelName, Stage>()
  const stage = (name: ChannelName): Stage => {
    const found = stages.get(name) ?? createStage(sandboxes.get(name)?.createSimulator(credentialsOf(name)) ?? assert.fail(name))
    stages.set(name, found)
    return found
  }
  const context = (name: ChannelName): SimulatorContext => ({ nowMs: now(), random, address: addressOf(name) })
  const send = (request: ChannelRequest) => {
    const name = [...channels.keys(), 'network'].find(one => request.url.startsWith(`${addressOf(one)}/`)) ?? assert.fail(request.url)
    return stageSend(stage(name), { context: () => context(name), deadlineMs: 5_000 })(request)
  }
  const network = sandboxNetwork(Buffer.alloc(32, 6))
  stages.set('network', createStage(createNetworkSimulator({ ...network.simulator, random })))
  const { store: memory, queries: memoryQueries } = createMemoryEvents(tables)
  const store = over?.store ?? memory
  const queries = over?.queries ?? memoryQueries
  const wallet = sandboxWallet(Buffer.alloc(32, 5))
  const vault = vaultOver({ now, random, send, hosts: [...channels.keys(), 'network'], updaterKeys: network.vaultKeys, wallet })
  let before: (writes: readonly Write[]) => void = () => {}
  const accountAt = (name: ChannelName) => (scripts.has(name) ? scriptedAccount(name) : simulated(credentialsOf(name), addressOf(name)))
  const accounts = new Map([...channels.keys()].map(name => [name, accountAt(name)]))
  const world: World = {
    now,
    random,
    sleep: async () => {},
    store: {
      ...store,
      commit: async writes => {
        before(writes)
        return store.commit(writes)
      },
    },
    vault,
    send,
    channels,
    account: (name, mode) => (mode === 'test' ? accounts.get(name) : undefined),
    health: createHealth(),
    remembered: createRemembered(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
    settings: {
      publicUrl: 'https://bindery.example',
      captureUrl: 'https://vault.example/capture',
      channelTimeoutMs: 5_000,
      route: [...channels.keys()],
      idempotencyKey: Buffer.alloc(32, 1),
      grantKey: Buffer.alloc(32, 2),
      allowLoopback: false,
    },
    network: network.account(addressOf('network')),
    tap: tapOf(wallet, { now, random }),
  }
  const reader = over?.reader ?? { query: () => Promise.reject(new TypeError('lists are read from PostgreSQL')) }
  const limits = { simulatorsTellCertificates: true }
  const server = createServer({ world, endpoints: endpoints({ reader, queries }), log: world.log, limits, watch: canaryWatch(world) })
  await server.listen(0)
  after(() => server.close())
  const tenant = await createTenant(world, { name: 'Trial' })
  const { key } = await createKey(world, { tenant, mode: 'test', kind: 'secret' })
  const call: Trial['call'] = async (method, path, body, headers = {}) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const init = { method, redirect: 'manual', headers: { authorization: `Bearer ${key}`, ...type, ...headers }, ...sent } as const
    const response = await fetch(server.address() + path, init)
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('jsonl') !== true && text.startsWith('{')
    return { status: response.status, body: isJson ? JSON.parse(text) : { text } }
  }
  const put: Trial['put'] = async (path, body, headers = {}) => {
    const init = { method: 'PUT', headers: { authorization: `Bearer ${key}`, ...headers }, body: new Uint8Array(Buffer.from(body)) }
    const response = await fetch(server.address() + path, init)
    return { status: response.status, body: JSON.parse(await response.text()) }
  }
  const { body: first } = await call('POST', '/v1/customers', { reference: 'first' })
  const customer = String(first.id)
  const rows: Trial['rows'] = table => (memory.snapshot()[table.name] ?? []).map(row => rowOf(table, row))
  const shown = async (answer: Promise<TrialAnswer>): Promise<InstrumentView> => {
    const { status, body } = await answer
    assert.ok(status === 200 || status === 201, JSON.stringify(body))
    return JSON.parse(JSON.stringify(body))
  }
  const capture: Trial['capture'] = async body => {
    const scope = { tenant, mode: 'test' } as const
    return (await vault.capture(scope, Buffer.from(JSON.stringify(body)))).reference
  }
  const play: Trial['play'] = async id => {
    const row = (await world.store.find(bindings, { tenant, instrument: id })).find(one => one.action !== null)
    const { action = null, names = {}, channel = '' } = row ?? {}
    const act = sandboxes.get(channel)?.play ?? assert.fail('nothing is to be passed')
    const { simulator } = stage(channel)
    const returned = await act({ action: action ?? assert.fail('no action'), references: names }, true, {
      browse: async (method, url, body = '') => {
        const { pathname, search } = new URL(url)
        const form = { 'content-type': 'application/x-www-form-urlencoded' }
        return simulator.handle(
          { method, path: pathname, query: search.slice(1), headers: body === '' ? {} : form, body },
          context(channel),
        )
      },
      act: async (name, token) => simulator.act(name, token, context(channel)),
    })
    return { binding: row?.id, returned }
  }
  const webhook = (name: ChannelName) => `/v1/channels/${name}/test/webhook`
  return {
    world,
    address: server.address(),
    store: memory,
    vault,
    tenant,
    customer,
    stage,
    context,
    advance: ms => {
      clock.nowMs += ms
    },
    work: async () => {
      const turns = [settleDue, hearDue, mergeDue, updatesDue, tokensDue]
      for (let turn = 0; turn < 20; turn += 1) {
        let done = 0
        for (const act of turns) done += await act(world)
        if (done === 0) return
      }
    },
    onCommit: act => {
      before = act
    },
    call,
    put,
    capture,
    bind: (body, headers) => shown(call('POST', '/v1/instruments', { customer, return_url: returnUrl, ...body }, headers)),
    read: id => shown(call('GET', `/v1/instruments/${id}`)),
    tell: (name, told) => call('POST', webhook(name), told),
    play,
    pass: async ({ id }) => {
      const { binding, returned } = await play(id)
      if (returned !== undefined) await shown(call('POST', `/v1/instruments/${id}/resume`, { binding, returned }))
    },
    ...postOf({ stage, now, send: (name, body, headers) => call('POST', webhook(name), body, headers) }),
    rows,
  }
}

type Post = {
  readonly stage: Trial['stage']
  readonly now: () => number
  readonly send: (channel: ChannelName, body: string, headers: Readonly<Record<string, string>>) => Promise<TrialAnswer>
}

/** What the simulators tell on their own, on its way to us. */
function postOf({ stage, now, send }: Post): Pick<Trial, 'deliver' | 'deliverAgain'> {
  const delivered = new Map<ChannelName, readonly SimulatorEvent[]>()
  const at = (name: ChannelName) => ({ nowMs: now(), secrets: [credentialsOf(name).signing] })
  return {
    deliver: async name => {
      const deliveries = stage(name).deliveries(at(name))
      for (const { headers, body, event } of deliveries) {
        delivered.set(name, [...(delivered.get(name) ?? []), event])
        const answer = await send(name, body, headers)
        assert.ok(answer.status < 300, JSON.stringify(answer))
      }
      return deliveries.length
    },
    deliverAgain: async name => {
      const statuses: number[] = []
      for (const event of delivered.get(name) ?? []) {
        const { headers, body } = stage(name).simulator.sign(event, at(name))
        statuses.push((await send(name, body, headers)).status)
      }
      return statuses
    },
  }
}

const channelOf = (one: ChannelName | Channel): Channel =>
  typeof one === 'string' ? (realChannels.get(one) ?? assert.fail(`no channel ${one}`)) : one

/** The vault itself, over a store of its own. `hosts`: whom it may send to. */
function vaultOver(of: {
  readonly now: () => number
  readonly random: (count: number) => Buffer
  readonly send: Send
  readonly hosts: readonly ChannelName[]
  readonly updaterKeys: NonNullable<Parameters<typeof createVault>[0]['updaterKeys']>
  readonly wallet: ReturnType<typeof sandboxWallet>
}): VaultCore {
  const { now, random, send, hosts, updaterKeys, wallet } = of
  const store = createMemoryStore(vaultTables)
  return createVault({
    now,
    random,
    store,
    root: keyRoot('file', createSecretKey(Buffer.alloc(32, 7)), random),
    send: bytesOver(send),
    origins: new Set(hosts.map(addressOf)),
    updaterKeys,
    allowLoopback: false,
    openToken: createTokenOpener(readKeys(wallet.settings), createReplays({ store, now })),
  })
}
