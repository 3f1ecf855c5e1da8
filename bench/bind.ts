/**
 * Binds per second over HTTP, three ways in one run, interleaved: ours, the twin that does one statement after the other, and pgbench
 * writing the same rows from C. One unit is capture, intent and outcome, counted at the load generator.
 */
import { signGrant } from '../src/core/grant.ts'
import { type Child, startChild } from './child.ts'
import { treeUs } from './cpu.ts'
import { type BenchDatabase, type Content, startDatabase, type WayName, ways } from './database.ts'
import { load, type Measured, type Snapshot } from './load.ts'
import { median, settled } from './measure.ts'
import { findPgbench, pgbenchCustomer, pgbenchCustomers, pgbenchTenant, runPgbench } from './pgbench.ts'
import { capturesPerGrant, type Supply } from './units.ts'

export type BindOptions = {
  readonly seconds: number
  readonly rounds: number
  readonly users: number
  /** Without: no pgbench even where it is installed, no twin. */
  readonly only?: readonly WayName[]
  readonly say: (line: string) => void
}

export type BindReport = {
  readonly ours: readonly Measured[]
  readonly naive: readonly Measured[]
  readonly pgbench: readonly Written[]
  readonly oursAlone: readonly Measured[]
  readonly naiveAlone: readonly Measured[]
  /** The best of each, found before the rounds. */
  readonly poolSize: number
  readonly pgbenchClients: number
  readonly contents: Readonly<Record<WayName, readonly Content[]>>
  /** Units that each way did in all. */
  readonly units: Readonly<Record<WayName, number>>
}
export type Written = Pick<Measured, 'rate' | 'pgUs' | 'walBytes'>

const poolSizes = [8, 16, 32]
const clientCounts = [16, 32, 64]
/** Before the clock starts: plans are made, code is compiled. */
const warmMs = 700
/** More than any way does: customers are made for so many units a second. */
const rateMax = 8_000
const grantLifeMs = 14 * 60_000

type Stage = {
  readonly options: BindOptions
  readonly database: BenchDatabase
  readonly children: Readonly<Record<'ours' | 'naive', Child>>
  readonly units: Record<WayName, number>
  readonly pgbench: string | undefined
  fastest: number
}

export async function benchBind(options: BindOptions): Promise<BindReport> {
  const database = await startDatabase(segmentsFor(options))
  const started: Child[] = []
  try {
    const ours = await startChild('server.ts', { databaseUrl: urlOf(database), folder: database.folder })
    started.push(ours)
    const naive = await startChild('naive.ts', { connection: database.connectionOf('naive') })
    started.push(naive)
    const pgbench = findPgbench()
    if (pgbench !== undefined) await database.makeCustomers('pgbench', pgbenchTenant, pgbenchCustomers, pgbenchCustomer)
    const units = { ours: 0, naive: 0, pgbench: 0 }
    return await measureAll({ options, database, children: { ours, naive }, units, pgbench, fastest: 0 })
  } finally {
    for (const child of started) await child.stop()
    await database.close()
  }
}

/** A round writes for about four times its seconds at full speed. */
const segmentsFor = ({ seconds, rounds }: BindOptions): number => Math.min(160, Math.ceil(seconds * (rounds + 2) * 3))

const urlOf = (database: BenchDatabase): string => {
  const { host, user, database: name } = database.connectionOf('ours')
  return `postgres://${user}@localhost/${name}?host=${encodeURIComponent(host)}`
}

type Found = {
  readonly ours: Measured[]
  readonly naive: Measured[]
  readonly pgbench: Written[]
  readonly oursAlone: Measured[]
  readonly naiveAlone: Measured[]
}

async function measureAll(stage: Stage): Promise<BindReport> {
  const { options, database } = stage
  const found: Found = { ours: [], naive: [], pgbench: [], oursAlone: [], naiveAlone: [] }
  const wanted = (way: WayName): boolean => options.only === undefined || options.only.includes(way)
  // Compilers need thousands of units before they are done; the twin has as many while its pool is chosen.
  for (let turn = 0; turn < Math.min(4, options.rounds); turn += 1) if (wanted('ours')) await ride(stage, 'ours', options.users)
  const poolSize = wanted('naive') ? await best(poolSizes, options, async size => poolRate(stage, size)) : 0
  const pgbenchClients =
    stage.pgbench !== undefined && wanted('pgbench')
      ? await best(clientCounts, options, async count => (await write(stage, count)).rate)
      : 0
  stage.children.naive.tell({ poolSize })
  for (let round = 0; round < options.rounds; round += 1) {
    if (wanted('ours')) found.ours.push(await ride(stage, 'ours', options.users))
    if (wanted('naive')) found.naive.push(await ride(stage, 'naive', options.users))
    if (pgbenchClients > 0) found.pgbench.push(await write(stage, pgbenchClients))
    if (wanted('ours')) found.oursAlone.push(await ride(stage, 'ours', 1))
    if (wanted('naive')) found.naiveAlone.push(await ride(stage, 'naive', 1))
    options.say(`round ${round + 1}: ours ${at(found.ours)}, twin ${at(found.naive)}, pgbench ${at(found.pgbench)} a second`)
  }
  const contents = {
    ours: await database.contents('ours'),
    naive: await database.contents('naive'),
    pgbench: await database.contents('pgbench'),
  }
  return { ...found, poolSize, pgbenchClients, contents, units: stage.units }
}

const at = (all: readonly { readonly rate: number }[]): string => (all.at(-1)?.rate ?? Number.NaN).toFixed(0)

/** Each size measured twice, in turn; the one whose better half is best. A single round is no measurement, and takes the middle one. */
async function best(sizes: readonly number[], options: BindOptions, measure: (size: number) => Promise<number>): Promise<number> {
  const rates = new Map(sizes.map(size => [size, 0]))
  if (options.rounds === 1) return sizes[sizes.length >> 1] ?? 0
  for (let turn = 0; turn < 2; turn += 1) for (const size of sizes) rates.set(size, Math.max(rates.get(size) ?? 0, await measure(size)))
  const [first] = [...rates].toSorted(([, a], [, b]) => b - a)
  options.say(`${[...rates].map(([size, rate]) => `${size}: ${rate.toFixed(0)}`).join(', ')} a second; taken: ${first?.[0]}`)
  return first?.[0] ?? 0
}

async function poolRate(stage: Stage, poolSize: number): Promise<number> {
  stage.children.naive.tell({ poolSize })
  return (await ride(stage, 'naive', stage.options.users)).rate
}

/** One measurement over HTTP. Whatever the ways before left to do is waited for. */
async function ride(stage: Stage, way: 'ours' | 'naive', users: number): Promise<Measured> {
  const { database, options, children } = stage
  const child = children[way]
  const supply = await supplyOf(stage, child, way, users)
  await rest(stage)
  const snapshot = async (): Promise<Snapshot> => ({
    walBytes: await database.walBytes(),
    pgUs: treeUs(database.serverPid),
    nodeUs: treeUs(child.pid),
  })
  const measured = await load({ target: child, supply, users, warmMs, seconds: options.seconds, snapshot })
  stage.units[way] += measured.all
  return measured
}

async function supplyOf({ options, database }: Stage, child: Child, way: WayName, users: number): Promise<Supply> {
  const count = Math.ceil((options.seconds + warmMs / 1_000 + 0.5) * (users === 1 ? 3_000 : rateMax))
  const customers = await database.makeCustomers(way, child.tenant, count)
  const now = Date.now()
  const key = Buffer.from(child.grantKey, 'hex')
  const grants = Array.from({ length: Math.ceil(count / capturesPerGrant) }, (_, i) =>
    signGrant(key, now, {
      tenant: child.tenant,
      mode: 'test',
      captures: capturesPerGrant,
      expiresAt: now + grantLifeMs,
      nonce: `bench-${now}-${i}-0123456789`,
      origins: [],
    }),
  )
  return { customers, grants }
}

async function rest({ database, children }: Stage): Promise<void> {
  await settled(() => treeUs(database.serverPid) + treeUs(children.ours.pid) + treeUs(children.naive.pid))
}

async function write(stage: Stage, clients: number): Promise<Written> {
  const { database, pgbench, options, units } = stage
  if (pgbench === undefined) throw new TypeError('pgbench is not installed')
  await rest(stage)
  const [walBefore, cpuBefore] = [await database.walBytes(), treeUs(database.serverPid)]
  const connection = database.connectionOf('pgbench')
  const input = { program: pgbench, folder: database.folder, connection, clients, seconds: options.seconds, base: stage.fastest }
  const run = await runPgbench(input)
  units.pgbench += run.units
  // Clients number their units by themselves; one that was faster than the others is ahead of the average.
  stage.fastest += 64 * (run.units + 1_000)
  return {
    rate: run.rate,
    pgUs: (treeUs(database.serverPid) - cpuBefore) / run.units,
    walBytes: ((await database.walBytes()) - walBefore) / run.units,
  }
}

/** The line for machines. Ratios of medians; null where a way is not there. */
export function summary(report: BindReport) {
  const rate = (all: readonly { readonly rate: number }[]): number => median(all.map(one => one.rate))
  const of = (what: keyof Measured): number => median(report.ours.map(one => one[what]))
  const [ours, naive] = [rate(report.ours), rate(report.naive)]
  return {
    bench: 'bind_http',
    ours: rounded(ours, 0),
    naive: rounded(naive, 0),
    ratio_naive: rounded(ours / naive, 2),
    ratio_pgbench: report.pgbench.length === 0 ? null : rounded(ours / rate(report.pgbench), 2),
    p50_ms: rounded(of('p50'), 1),
    p99_ms: rounded(of('p99'), 1),
    pg_us: rounded(of('pgUs'), 0),
    node_us: rounded(of('nodeUs'), 0),
    wal_bytes: rounded(of('walBytes'), 0),
    one_caller_ratio: rounded(rate(report.oursAlone) / rate(report.naiveAlone), 2),
  }
}

/** null where there is nothing: JSON has no NaN. */
const rounded = (value: number, places: number): number | null => (Number.isFinite(value) ? Number(value.toFixed(places)) : null)

/** The table for people: medians, and in brackets the least and the most of the rounds. */
export function tableOf(report: BindReport): string {
  const cell = (all: readonly number[], places: number): string => {
    if (all.length === 0 || !all.every(Number.isFinite)) return '–'.padEnd(24)
    const [least, most] = [Math.min(...all), Math.max(...all)]
    return `${median(all).toFixed(places)} (${least.toFixed(places)}–${most.toFixed(places)})`.padEnd(24)
  }
  const columns = [
    ['units/s', 'rate', 0],
    ['p50 ms', 'p50', 1],
    ['p99 ms', 'p99', 1],
    ['PostgreSQL µs', 'pgUs', 0],
    ['Node µs', 'nodeUs', 0],
    ['load µs', 'loadUs', 0],
    ['WAL bytes', 'walBytes', 0],
  ] as const
  const line = (name: string, all: readonly (Written & Partial<Measured>)[]): string =>
    name.padEnd(24) +
    columns
      .map(([, what, places]) =>
        cell(
          all.map(one => one[what] ?? Number.NaN),
          places,
        ),
      )
      .join('')
  const head = ''.padEnd(24) + columns.map(([name]) => name.padEnd(24)).join('')
  const rows = [
    line('ours', report.ours),
    line(`twin, pool of ${report.poolSize}`, report.naive),
    line(`pgbench, ${report.pgbenchClients} clients`, report.pgbench),
    line('ours, one caller', report.oursAlone),
    line('twin, one caller', report.naiveAlone),
  ]
  return [head, ...rows, '', ...contentLines(report)].join('\n')
}

/** Rows, versions and bytes of a row for each unit: the three ways must agree, or they did not do the same work. */
function contentLines({ contents, units }: BindReport): string[] {
  const line = (table: string): string =>
    table.padEnd(24) +
    ways
      .map(way => {
        const one = contents[way].find(content => content.table === table)
        if (one === undefined || units[way] === 0) return '–'.padEnd(30)
        return `${(one.rows / units[way]).toFixed(3)} rows, ${(one.versions / units[way]).toFixed(3)}, ${one.bytes.toFixed(0)} B`.padEnd(30)
      })
      .join('')
  const head = 'per unit'.padEnd(24) + ways.map(way => way.padEnd(30)).join('')
  return [head, ...contents.ours.map(one => line(one.table))]
}
