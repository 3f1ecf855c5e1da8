/**
 * The store alone: binds of two commits each, riding, against the same rows written statement by statement in two transactions.
 *
 *     node bench/ride.ts [--seconds 3] [--rounds 3] [--json]
 *
 * DATABASE_URL says where, else an embedded server with fsync on. Prints binds per second and, on Linux, PostgreSQL's and this
 * process's processor time a bind.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { startEmbedded } from '../src/world/embedded.ts'
import { migrate } from '../src/world/migrate.ts'
import { createPostgresStore } from '../src/world/postgres.ts'
import { rideFunctionSql } from '../src/world/ride-sql.ts'
import { benchSql, benchTables } from './ride-tables.ts'
import { naive, newBind, riding, type Way } from './ride-ways.ts'

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

type Probe = { readonly client: pg.Client; readonly postmaster: number | undefined }

async function probeOf(connection: pg.ClientConfig): Promise<Probe> {
  const client = new pg.Client(connection)
  await client.connect()
  const result = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  try {
    const stat = readFileSync(`/proc/${result.rows[0]?.pid}/stat`, 'utf8').replace(/^.*\) /, '')
    return { client, postmaster: Number(stat.split(' ')[1]) }
  } catch {
    return { client, postmaster: undefined }
  }
}

async function walBytes({ client }: Probe): Promise<number> {
  const result = await client.query<{ bytes: string }>(`select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as bytes`)
  return Number(result.rows[0]?.bytes)
}

async function measure(way: Way, callers: number, probe: Probe) {
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
  const wal = await walBytes(probe)
  const { postmaster } = probe
  measuring = true
  const before = { ticks: postmaster === undefined ? 0 : serverTicks(postmaster), cpu: process.cpuUsage(), at: performance.now() }
  await new Promise(resolve => setTimeout(resolve, seconds * 1_000))
  measuring = false
  const count = latencies.length
  const took = performance.now() - before.at
  const cpu = process.cpuUsage(before.cpu)
  const ticks = postmaster === undefined ? Number.NaN : serverTicks(postmaster) - before.ticks
  const walMore = (await walBytes(probe)) - wal
  stop = true
  await Promise.all(all)
  latencies.sort((a, b) => a - b)
  return {
    rate: (count / took) * 1_000,
    pgUs: (ticks * 10_000) / count,
    nodeUs: (cpu.user + cpu.system) / count,
    wal: walMore / count,
    p50: latencies[count >> 1] ?? 0,
    p99: latencies[Math.floor(count * 0.99)] ?? 0,
  }
}

const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN

async function run(connection: pg.ClientConfig): Promise<void> {
  await migrate({ connection, extraSql: [benchSql, rideFunctionSql('bindery', benchTables).sql] })
  const probe = await probeOf(connection)
  const results: Record<string, unknown>[] = []
  for (const callers of flags.callers.split(',').map(Number)) {
    const ways = [
      riding(createPostgresStore({ connection, schema: 'bindery', tables: benchTables, lanes: 1 }), 'ride, one lane'),
      riding(createPostgresStore({ connection, schema: 'bindery', tables: benchTables }), 'ride, two lanes'),
      ...(callers === 1 ? [8] : [8, 16, 32]).map(size => naive(connection, size)),
    ].filter(way => flags.only === undefined || way.name.includes(flags.only))
    const found = new Map<Way, Awaited<ReturnType<typeof measure>>[]>(ways.map(way => [way, []]))
    for (let round = 0; round < rounds; round += 1) for (const way of ways) found.get(way)?.push(await measure(way, callers, probe))
    for (const [way, all] of found) {
      const of = (what: keyof (typeof all)[number]): number => Math.round(median(all.map(one => one[what])) * 10) / 10
      const result = {
        callers,
        way: way.name,
        binds_per_s: of('rate'),
        pg_us: of('pgUs'),
        node_us: of('nodeUs'),
        wal_bytes: of('wal'),
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
  await probe.client.end()
  if (flags.json) console.log(JSON.stringify({ bench: 'ride', results }))
}

if (!flags.json)
  console.log(['callers', 'way', 'binds/s', 'PG µs', 'Node µs', 'WAL bytes', 'p50 ms', 'p99 ms'].map(name => name.padEnd(18)).join(''))
if (process.env.DATABASE_URL !== undefined) {
  await run({ connectionString: process.env.DATABASE_URL })
} else {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-bench-'))
  // As root the database runs as somebody else, who must be able to pass through.
  chmodSync(folder, 0o711)
  const server = await startEmbedded({ dataFolder: folder })
  try {
    await run(server.connection)
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
