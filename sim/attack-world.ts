/**
 * The world of the attack proof: the real sessions, safeguards, use cases and vault over the memory store and virtual time, and one issuer that
 * answers by its own book. Nothing fails here: what is measured is what an attacker learns, not what a crash does.
 *
 * What is true: two in a hundred numbers of any issuer are live (by a hash of the number that only the issuer knows). A live card has a
 * security code, and a phone that gets passwords of three digits: far weaker than any that banks send, so that guessing is worth trying.
 */
import { createHash, createSecretKey } from 'node:crypto'
import { z } from 'zod'
import type { BindOutcome, Call, Channel, ChannelAnswer, ChannelRequest } from '../src/channels/channel.ts'
import { createMemoryEvents } from '../src/events/memoryQueries.ts'
import { customers } from '../src/instruments/tables.ts'
import { createHealth } from '../src/safeguards/health.ts'
import { safeguardPolicies } from '../src/safeguards/tables.ts'
import { tables } from '../src/tables.ts'
import { bytesOver } from '../src/vault/forward.ts'
import { keyRoot } from '../src/vault/root.ts'
import { vaultTables } from '../src/vault/tables.ts'
import { createVault, type VaultCore } from '../src/vault/vault.ts'
import { createMemoryStore, type MemoryStore } from '../src/world/memory.ts'
import { createRemembered } from '../src/world/remembered.ts'
import { insert } from '../src/world/store.ts'
import { nextId, type World } from '../src/world/world.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'

export type Off = 'customer' | 'address' | 'subnet' | 'bin' | 'network' | 'code' | 'fingerprint' | 'device' | 'pace'
export type Arena = {
  readonly scheduler: Scheduler
  readonly world: World
  readonly store: MemoryStore
  readonly vault: VaultCore
  /** By tenant, how many calls the issuer had for a number: the attacker does not see it. */
  readonly asked: Map<string, number>
  newCustomer(tenant: string): Promise<string>
}

/** 2026-03-02T00:00:00Z */
const startMs = 1_772_409_600_000
const address = 'https://issuer.sim'
const neverMax = 1_000_000_000

const draw = (label: string, text: string): number => createHash('sha256').update(`${label} ${text}`).digest().readUInt32BE(0) / 2 ** 32
export const isLive = (number: string): boolean => draw('live', number) < 0.02
export const codeOf = (number: string): string => String(Math.floor(draw('code', number) * 1_000)).padStart(3, '0')
const passwordOf = (binding: string): string => String(Math.floor(draw('password', binding) * 1_000)).padStart(3, '0')

export type ArenaOptions = { readonly seed: number; readonly off: readonly Off[]; readonly tenants: readonly string[] }

export async function createArena({ seed, off, tenants }: ArenaOptions, issuer: Issuer): Promise<Arena> {
  const scheduler = createScheduler(seed, startMs)
  const { store } = createMemoryEvents(tables)
  const asked = new Map<string, number>()
  const send = async (request: ChannelRequest): Promise<ChannelAnswer> => {
    // An authorisation takes a third of a second, now and then a second.
    await scheduler.sleep(150 + 300 * scheduler.chance() + (scheduler.chance() < 0.05 ? 700 * scheduler.chance() : 0))
    const said = issuer(wire.parse(JSON.parse(request.body ?? '{}')), asked)
    return { status: 200, headers: {}, body: JSON.stringify(said) }
  }
  const vault = createVault({
    now: scheduler.now,
    random: scheduler.random,
    store: createMemoryStore(vaultTables),
    root: keyRoot('file', createSecretKey(Buffer.alloc(32, 7)), scheduler.random),
    send: bytesOver(send),
    origins: new Set([address]),
    allowLoopback: false,
    sightingLimits: off.includes('fingerprint') ? { number: neverMax, neighbours: neverMax } : undefined,
  })
  const world: World = {
    now: scheduler.now,
    random: scheduler.random,
    sleep: off.includes('pace') ? async () => {} : scheduler.sleep,
    store: {
      ...store,
      commit: async writes => {
        await scheduler.sleep(1 + 3 * scheduler.chance())
        return store.commit(writes)
      },
    },
    vault,
    send,
    channels: new Map([['issuer', issuerChannel]]),
    account: () => ({ address, secrets: {}, settings: {}, webhookSecrets: [] }),
    health: createHealth(),
    remembered: createRemembered(),
    log: { info: () => {}, warn: () => {}, error: (what, facts) => console.error(what, facts) },
    settings: {
      publicUrl: 'https://bindery.sim',
      captureUrl: 'https://vault.sim/capture',
      channelTimeoutMs: 5_000,
      route: ['issuer'],
      idempotencyKey: Buffer.alloc(32, 1),
      grantKey: Buffer.alloc(32, 2),
      allowLoopback: false,
      // Attackers do the work too: what a proof costs them is computing time, and this one has it for nothing.
      safeguards: { workBits: 2 },
    },
  }
  const layers = off.filter(one => one !== 'pace')
  for (const tenant of tenants)
    for (const layer of layers)
      await store.commit([
        insert(safeguardPolicies, { tenant, mode: 'live', layer, limits: {}, off: true, reason: 'the proof', set_at: 0, set_by: 'sim' }),
      ])
  return { scheduler, world, store, vault, asked, newCustomer: tenant => newCustomer(world, store, tenant) }
}

async function newCustomer(world: World, store: MemoryStore, tenant: string): Promise<string> {
  const id = nextId(world, 'cus')
  const row = {
    tenant,
    id,
    mode: 'live' as const,
    reference: null,
    clock: null,
    channel_customers: {},
    metadata: {},
    reuse: {},
    erased_at: null,
    created_at: world.now(),
  }
  await store.commit([insert(customers, row)])
  return id
}

const wire = z.object({
  operation: z.string(),
  number: z.string().optional(),
  code: z.string().optional(),
  binding: z.string().optional(),
  password: z.string().optional(),
})
export type Wire = z.output<typeof wire>
export type Said = {
  readonly result: 'approved' | 'declined' | 'password'
  readonly code?: 'invalid_account' | 'invalid_security_code' | 'do_not_honour'
}
/** What the issuer answers; `asked` counts by number. */
export type Issuer = (request: Wire, asked: Map<string, number>) => Said

/**
 * To a guessed number: live or not, whatever the security code, which is how most issuers can be asked. `code`: it has to fit; `password`: the
 * issuer wants one after it.
 */
export function issuerOf(honest: ReadonlyMap<string, () => Said>, wants: 'nothing' | 'code' | 'password'): Issuer {
  return (request, asked) => {
    if (request.password !== undefined)
      return request.password === passwordOf(request.binding ?? '') ? { result: 'approved' } : { result: 'password' }
    const number = request.number ?? ''
    asked.set(number, (asked.get(number) ?? 0) + 1)
    const known = honest.get(number)
    if (known !== undefined) return known()
    if (!isLive(number)) return { result: 'declined', code: 'invalid_account' }
    if (wants === 'password') return { result: 'password' }
    return wants === 'nothing' || request.code === codeOf(number)
      ? { result: 'approved' }
      : { result: 'declined', code: 'invalid_security_code' }
  }
}

const said = z.object({ result: z.enum(['approved', 'declined', 'password']), code: z.string().optional() })
const toIssuer = (body: object, placeholders: boolean): ChannelRequest => ({
  method: 'POST',
  url: `${address}/cards`,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
  ...(placeholders ? { placeholders: true as const } : {}),
})

async function ask(call: Call, request: ChannelRequest): Promise<BindOutcome> {
  const { result, code = 'do_not_honour' } = said.parse(JSON.parse((await call.send(request)).body))
  if (result === 'approved') return { kind: 'bound', token: `tok_${call.operation}`, references: {} }
  if (result === 'password') return { kind: 'challenged', action: { type: 'otp', sentTo: '***', digits: 3, resends: 0 }, references: {} }
  const category =
    code === 'invalid_security_code' ? 'invalid_security_code' : code === 'invalid_account' ? 'invalid_account' : 'do_not_honour'
  return { kind: 'refused', by: 'issuer', category, code, elsewhere: false, references: {} }
}

const issuerChannel: Channel = {
  name: 'issuer',
  title: 'Issuer',
  proof: { rank: 'documentation', source: 'the attack proof' },
  repeat: { bind: { kind: 'keyed', windowMs: 86_400_000, keyLengthMax: 255 } },
  ways: [{ kind: 'card', shape: 'direct' }],
  currencies: new Map([['EUR', 2]]),
  refusals: new Map(),
  sandboxValues: [],
  requestsPerSecondMax: 1_000,
  account: { secrets: [], settings: [] },
  bind: (call, { binding }) =>
    ask(call, toIssuer({ operation: call.operation, binding, number: '{{card.number}}', code: '{{card.securityCode}}' }, true)),
  resume: (call, { binding, returned }) => ask(call, toIssuer({ operation: call.operation, binding, password: returned.otp ?? '' }, false)),
}
