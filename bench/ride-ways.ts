/** One bind, two commits: riding, and statement by statement. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { newId } from '../src/core/id.ts'
import { insert, move, type Store } from '../src/world/store.ts'
import { bindings, events, facts, idempotency, identities, instruments, operations } from './ride-tables.ts'

export type Bind = ReturnType<typeof newBind>
export type Way = { readonly name: string; bind(bind: Bind): Promise<void>; close(): Promise<void> }

let pool = randomBytes(16_384)
let used = 0
function chance(): Buffer {
  if (used + 16 > pool.length) {
    pool = randomBytes(16_384)
    used = 0
  }
  used += 16
  return pool.subarray(used - 16, used)
}
const sealed = randomBytes(225).toString('base64')

export function newBind() {
  const now = Date.now()
  const customer = newId('cus', now, chance())
  const id = (prefix: 'ins' | 'bnd' | 'opn' | 'fct' | 'evt' | 'req'): string => newId(prefix, now, chance(), customer)
  return {
    now,
    tenant: 'ten_01k9zq3v7m7t4q2m8x0c9d1efg',
    customer,
    instrument: id('ins'),
    binding: id('bnd'),
    operation: id('opn'),
    key: id('req'),
    fact: id('fct'),
    event: id('evt'),
  }
}

const intentRows = (b: Bind) => ({
  idempotency: { tenant: b.tenant, key: b.key, hash: `h_${b.key}`, answer: null, created_at: b.now },
  instrument: {
    tenant: b.tenant,
    id: b.instrument,
    customer: b.customer,
    kind: 'card',
    status: 'pending',
    sealed,
    data: { brand: 'visa', last4: '4242', month: 12, year: 2030 },
    created_at: b.now,
  },
  binding: {
    tenant: b.tenant,
    id: b.binding,
    instrument: b.instrument,
    channel: 'stripe',
    status: 'initiated',
    token: null,
    data: { client: { ip: '203.0.113.7' } },
    due_at: b.now + 30_000,
    clock: null,
    created_at: b.now,
  },
  operation: {
    id: b.operation,
    binding: b.binding,
    verb: 'bind',
    channel_key: b.operation,
    status: 'sent',
    due_at: b.now + 30_000,
    clock: null,
    created_at: b.now,
  },
})
const outcomeRows = (b: Bind) => ({
  binding: {
    status: 'active',
    token: `pm_${b.binding}`,
    data: { client: { ip: '203.0.113.7' }, references: { setup_intent: 'seti_1' } },
    due_at: null,
  },
  instrument: { status: 'active' },
  operation: { status: 'done', due_at: null },
  fact: {
    source: 'stripe',
    event: b.fact,
    binding: b.binding,
    kind: 'bound',
    data: { token: `pm_${b.binding}`, network: '123456789' },
    seen_at: b.now,
  },
  identity: { tenant: b.tenant, customer: b.customer, kind: 'fingerprint', value: `ifp_${b.instrument}`, instrument: b.instrument },
  event: {
    id: b.event,
    tenant: b.tenant,
    subject: b.instrument,
    type: 'instrument.bound',
    sequence: 1n,
    data: { instrument: b.instrument, status: 'active' },
    created_at: b.now,
  },
})

export function riding(store: Store, name: string): Way {
  return {
    name,
    async bind(b) {
      const intent = intentRows(b)
      const first = await store.commit([
        insert(idempotency, intent.idempotency),
        insert(instruments, intent.instrument),
        insert(bindings, intent.binding),
        insert(operations, intent.operation),
      ])
      const outcome = outcomeRows(b)
      const second = await store.commit([
        move(bindings, { ...intent.binding, version: 1 }, outcome.binding),
        move(instruments, { ...intent.instrument, version: 1 }, outcome.instrument),
        move(operations, { ...intent.operation, version: 1 }, outcome.operation),
        insert(facts, outcome.fact),
        insert(identities, outcome.identity),
        insert(events, outcome.event),
      ])
      if (!first.ok || !second.ok) throw new Error('a bind was refused')
    },
    close: () => store.close(),
  }
}

const insertText = (name: string, columns: readonly string[]): string =>
  `insert into bindery.${name} (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`
const plain = (value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : typeof value === 'object' && value !== null ? JSON.stringify(value) : value

/** The usual way, done well: prepared statements, one round trip each, values bound as they are. */
export function naive(connection: pg.ClientConfig, size: number): Way {
  const connections = new pg.Pool({ ...connection, max: size })
  connections.on('error', () => undefined)
  const put = (client: pg.PoolClient, table: { name: string }, row: object, versioned: boolean) => {
    const all = Object.entries(versioned ? { ...row, version: 1 } : row)
    const values = all.map(([name, value]) =>
      name.endsWith('_at') && typeof value === 'number' ? new Date(value).toISOString() : plain(value),
    )
    return client.query({
      name: `insert ${table.name}`,
      text: insertText(
        table.name,
        all.map(([name]) => name),
      ),
      values,
    })
  }
  const change = async (client: pg.PoolClient, table: { name: string }, id: string, set: object) => {
    const all = Object.entries(set)
    const text = `update bindery.${table.name} set ${all.map(([name], i) => `${name} = $${i + 3}`).join(', ')}, version = version + 1 where id = $1 and version = $2`
    const result = await client.query({ name: `update ${table.name}`, text, values: [id, 1, ...all.map(([, value]) => plain(value))] })
    if (result.rowCount !== 1) throw new Error('a bind was refused')
  }
  const transaction = async (work: (client: pg.PoolClient) => Promise<void>) => {
    const client = await connections.connect()
    try {
      await client.query({ name: 'begin', text: 'begin' })
      await work(client)
      await client.query({ name: 'commit', text: 'commit' })
    } finally {
      client.release()
    }
  }
  return {
    name: `naive, pool of ${size}`,
    async bind(b) {
      const intent = intentRows(b)
      await transaction(async client => {
        await put(client, idempotency, intent.idempotency, true)
        await put(client, instruments, intent.instrument, true)
        await put(client, bindings, intent.binding, true)
        await put(client, operations, intent.operation, true)
      })
      const outcome = outcomeRows(b)
      await transaction(async client => {
        await change(client, bindings, b.binding, outcome.binding)
        await change(client, instruments, b.instrument, outcome.instrument)
        await change(client, operations, b.operation, outcome.operation)
        await put(client, facts, outcome.fact, false)
        await put(client, identities, outcome.identity, false)
        await put(client, events, outcome.event, false)
      })
    },
    close: () => connections.end(),
  }
}
