/** A fresh world for one shuffle: the memory store, a clock that stands, and channels that carry out whatever is asked of them. */

import type { Channel, ChannelName, RevokeOutcome } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import { createMemoryEvents } from '../src/events/memoryQueries.ts'
import { newBinding, newBindOperation, newInstrument } from '../src/instruments/intent.ts'
import {
  type BindingRow,
  bindings,
  type CustomerRow,
  customers,
  type InstrumentRow,
  instruments,
  type OperationRow,
  operations,
} from '../src/instruments/tables.ts'
import { createHealth } from '../src/safeguards/health.ts'
import { tables } from '../src/tables.ts'
import { noCardFiles } from '../src/world/card-files.ts'
import type { MemoryStore } from '../src/world/memory.ts'
import { createRemembered } from '../src/world/remembered.ts'
import { insert } from '../src/world/store.ts'
import { type AnyTable, type Row, rowOf } from '../src/world/table.ts'
import type { World } from '../src/world/world.ts'
import { createAccounts } from './accounts.ts'
import { createDice } from './converge-dice.ts'
import { startMs } from './converge-facts.ts'

export const tenant = 'ten_converge'

export type Leg = { readonly binding: BindingRow; readonly operation: OperationRow }
export type Ground = {
  readonly world: World
  readonly store: MemoryStore
  /** Bugs that our code met and logged. */
  readonly errors: readonly string[]
  all<T extends AnyTable>(table: T): readonly Row<T>[]
}

const accounts = createAccounts()
const unreachable = () => Promise.reject(new TypeError('facts need no vault and no network'))

/** Revokes as it is told to; a refresh is taken on. Nothing is bound, looked up or resumed: what is told is drawn. */
function obliging(channel: Channel, revoke: RevokeOutcome): Channel {
  const { bind: _bind, resume: _resume, resend: _resend, lookUp: _lookUp, ...rest } = channel
  return {
    ...rest,
    ...(channel.revoke === undefined ? {} : { revoke: async () => revoke }),
    ...(channel.refresh === undefined ? {} : { refresh: async () => ({ kind: 'verifying', references: {} }) }),
  }
}

const noUpdater = { writeInquiries: unreachable, readAdvices: unreachable, sealAdvices: unreachable, renew: unreachable }

/** `seed`: of the ids that are minted. `infect`: a bug. */
export function createGround(seed: number, revoke: RevokeOutcome, infect: (world: World) => World = world => world): Ground {
  const dice = createDice(seed, 999)
  const { store } = createMemoryEvents(tables)
  const errors: string[] = []
  const scripted = new Map([...channels].map(([name, channel]): [ChannelName, Channel] => [name, obliging(channel, revoke)]))
  const world: World = {
    now: () => startMs,
    random: dice.random,
    sleep: async () => {},
    store,
    vault: {
      peek: unreachable,
      adopt: unreachable,
      sealAhead: unreachable,
      forward: unreachable,
      seal: unreachable,
      open: unreachable,
      updater: noUpdater,
      shred: unreachable,
      detokenize: unreachable,
      cardFiles: noCardFiles(unreachable),
    },
    send: unreachable,
    channels: scripted,
    account: (channel, mode) => (mode === 'test' ? accounts.open.get(channel) : undefined),
    health: createHealth(),
    remembered: createRemembered(),
    log: { info: () => {}, warn: () => {}, error: (what, facts) => errors.push(`${what} ${JSON.stringify(facts ?? {})}`) },
    settings: {
      publicUrl: 'https://bindery.sim',
      captureUrl: 'https://vault.sim/capture',
      channelTimeoutMs: 5_000,
      route: [],
      idempotencyKey: Buffer.alloc(32, 1),
      grantKey: Buffer.alloc(32, 2),
      allowLoopback: false,
    },
  }
  const all: Ground['all'] = table => (store.snapshot()[table.name] ?? []).map(row => rowOf(table, row))
  return { world: infect(world), store, errors, all }
}

export async function newCustomer({ store }: Ground): Promise<CustomerRow> {
  const row: CustomerRow = {
    tenant,
    id: `cus_${'0'.repeat(26)}`,
    mode: 'test',
    reference: null,
    clock: null,
    channel_customers: {},
    metadata: {},
    created_at: startMs,
    reuse: {},
    erased_at: null,
    version: 1,
  }
  await store.commit([insert(customers, row)])
  return row
}

export async function newCard({ world, store }: Ground, customer: CustomerRow): Promise<InstrumentRow> {
  const display = { brand: 'visa', bin: '411111', last4: '1111', expiryMonth: 7, expiryYear: 2028 }
  const row = newInstrument(world, {
    tenant,
    mode: 'test',
    customer: customer.id,
    kind: 'card',
    metadata: {},
    clock: null,
    display,
    sharing: null,
  })
  await store.commit([insert(instruments, row)])
  return row
}

/** The intent to bind it there: durable, and not answered. */
export async function newLeg(
  { world, store }: Ground,
  of: { readonly customer: CustomerRow; readonly instrument: InstrumentRow; readonly channel: ChannelName; readonly cardVersion: number },
): Promise<Leg> {
  const client = { ip: null, userAgent: null, device: null }
  const binding = newBinding(world, of.instrument, {
    channel: of.channel,
    returnUrl: 'https://shop.example/back',
    client,
    consent: null,
    route: { rule: 'caller', considered: [] },
    source: undefined,
    terms: undefined,
    madeAt: startMs,
  })
  const input = { cardVersion: of.cardVersion }
  const operation = newBindOperation(world, binding, { input, customer: of.customer, client, request: 'req_converge' })
  await store.commit([insert(bindings, binding), insert(operations, operation)])
  return { binding, operation }
}
