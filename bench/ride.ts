/**
 * The store alone: binds of two commits each, riding, against the same rows written statement by statement in two transactions.
 *
 *     node bench/ride.ts [--seconds 3] [--rounds 3] [--json]
 *
 * DATABASE_URL says where, else an embedded server with fsync on. Prints binds per second and, on Linux, PostgreSQL's and this
 * process's processor time a bind.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { newId } from '../src/core/id.ts'
import { startEmbedded } from '../src/world/embedded.ts'
import { migrate } from '../src/world/migrate.ts'
import { createPostgresStore } from '../src/world/postgres.ts'
import { rideFunctionSql } from '../src/world/ride-sql.ts'
import { insert, move, type Store } from '../src/world/store.ts'
import { benchSql, benchTables, bindings, events, facts, idempotency, identities, instruments, operations } from './ride-tables.ts'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    callers: { type: 'string', default: '1,16,64,256' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const seconds = Number(flags.seconds)
const rounds = Number(flags.rounds)

type Bind = ReturnType<typeof newBind>
type Way = { readonly name: string; bind(bind: Bind): Promise<void>; close(): Promise<void> }

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

function newBind() {
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
    type: 'instrument.active',
    sequence: 1n,
    data: { instrument: b.instrument, status: 'active' },
    created_at: b.now,
  },
})

function riding(store: Store, name: string): Way {
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
function naive(connection: pg.ClientConfig, size: number): Way {
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

/** Processor ticks (a hundredth of a second each) of all of the server's processes. */
function serverTicks(postmaster: number): number {
  let ticks = 0
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')
      // The postmaster also carries the time of those of its children that have ended.
      if (Number(fields[1]) === postmaster) ticks += Number(fields[11]) + Number(fields[12])
      if (Number(pid) === postmaster) ticks += Number(fields[13]) + Number(fields[14])
    } catch {
      // It ended while we looked.
    }
  }
  return ticks
}

async function postmasterOf(connection: pg.ClientConfig): Promise<number | undefined> {
  const client = new pg.Client(connection)
  await client.connect()
  const result = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  try {
    return Number(
      readFileSync(`/proc/${result.rows[0]?.pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')[1],
    )
  } catch {
    return undefined
  } finally {
    await client.end()
  }
}

async function measure(way: Way, callers: number, postmaster: number | undefined) {
  const latencies: number[] = []
  let measuring = false
  let stop = false
  const call = async () => {
    while (!stop) {
      const start = performance.now()
      await way.bind(newBind())
      if (measuring) latencies.push(performance.now() - start)
    }
  }
  const all = Array.from({ length: callers }, call)
  await new Promise(resolve => setTimeout(resolve, 500))
  measuring = true
  const before = { ticks: postmaster === undefined ? 0 : serverTicks(postmaster), cpu: process.cpuUsage(), at: performance.now() }
  await new Promise(resolve => setTimeout(resolve, seconds * 1_000))
  measuring = false
  const count = latencies.length
  const took = performance.now() - before.at
  const cpu = process.cpuUsage(before.cpu)
  const ticks = postmaster === undefined ? Number.NaN : serverTicks(postmaster) - before.ticks
  stop = true
  await Promise.all(all)
  latencies.sort((a, b) => a - b)
  return {
    rate: (count / took) * 1_000,
    pgUs: (ticks * 10_000) / count,
    nodeUs: (cpu.user + cpu.system) / count,
    p50: latencies[count >> 1] ?? 0,
    p99: latencies[Math.floor(count * 0.99)] ?? 0,
  }
}

const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN

async function run(connection: pg.ClientConfig): Promise<void> {
  await migrate({ connection, extraSql: [benchSql, rideFunctionSql('bindery', benchTables).sql] })
  const postmaster = await postmasterOf(connection)
  const results: Record<string, unknown>[] = []
  for (const callers of flags.callers.split(',').map(Number)) {
    const ways = [
      riding(createPostgresStore({ connection, schema: 'bindery', tables: benchTables, lanes: 1 }), 'ride, one lane'),
      riding(createPostgresStore({ connection, schema: 'bindery', tables: benchTables }), 'ride, two lanes'),
      ...(callers === 1 ? [8] : [8, 16, 32]).map(size => naive(connection, size)),
    ].filter(way => flags.only === undefined || way.name.includes(flags.only))
    const found = new Map<Way, Awaited<ReturnType<typeof measure>>[]>(ways.map(way => [way, []]))
    for (let round = 0; round < rounds; round += 1) for (const way of ways) found.get(way)?.push(await measure(way, callers, postmaster))
    for (const [way, all] of found) {
      const of = (what: keyof (typeof all)[number]): number => Math.round(median(all.map(one => one[what])) * 10) / 10
      const result = {
        callers,
        way: way.name,
        binds_per_s: of('rate'),
        pg_us: of('pgUs'),
        node_us: of('nodeUs'),
        p50_ms: of('p50'),
        p99_ms: of('p99'),
      }
      results.push(result)
      if (!flags.json)
        console.log(
          Object.values(result)
            .map(value => String(value).padEnd(18))
            .join(''),
        )
    }
    for (const way of ways) await way.close()
  }
  if (flags.json) console.log(JSON.stringify({ bench: 'ride', results }))
}

if (!flags.json) console.log(['callers', 'way', 'binds/s', 'PG µs', 'Node µs', 'p50 ms', 'p99 ms'].map(name => name.padEnd(18)).join(''))
if (process.env.DATABASE_URL !== undefined) {
  await run({ connectionString: process.env.DATABASE_URL })
} else {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-bench-'))
  const server = await startEmbedded({ dataFolder: folder })
  try {
    await run(server.connection)
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
