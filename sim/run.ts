/**
 * The simulation from the command line.
 *
 *     npm run sim -- --seeds 500 [--from 1] [--commands 1010] [--jobs 2] [--json]    many seeds, spread over processes
 *     npm run sim -- --seed 42                                                       one, with its trace
 *     npm run sim -- --bugs                                                          every named bug must be caught
 *     npm run sim -- converge --histories 2000                                       see converge.ts
 *
 * At the end of each run the questions of `npx bindery invariants` are asked of a real database with its rows; `--without-database` leaves that
 * out. The last line is JSON: {"seeds":…,"commands":…,"crashes":…,"violations":0}, or {"bugs":…,"caught":…,"missed":0}.
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { startTestServer, testServerVariable } from '../src/world/testing.ts'
import { bugs } from './bugs.ts'
import { runConverge } from './converge-run.ts'
import { createProduction } from './production.ts'
import { type Run, runSeed } from './seed.ts'

const converging = process.argv[2] === 'converge'
const { values } = parseArgs({
  ...(converging ? { args: [] } : {}),
  options: {
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    commands: { type: 'string', default: '1010' },
    jobs: { type: 'string', default: String(Math.min(4, availableParallelism())) },
    json: { type: 'boolean', default: false },
    bugs: { type: 'boolean', default: false },
    'without-database': { type: 'boolean', default: false },
  },
})
const commands = Number(values.commands)
const say = (line: string): void => {
  if (!values.json) console.log(line)
}
/** Seeds a child process runs before it reports. */
const chunk = 10

const totals = z.object({
  seeds: z.number(),
  commands: z.number(),
  crashes: z.number(),
  violations: z.number(),
  faults: z.record(z.string(), z.number()),
})
type Totals = z.output<typeof totals>
const nothing: Totals = { seeds: 0, commands: 0, crashes: 0, violations: 0, faults: {} }

/** One for each process; the server is the parent's. */
const production = converging || values.bugs || values['without-database'] ? undefined : createProductionOnce()
function createProductionOnce() {
  let made: ReturnType<typeof createProduction> | undefined
  return {
    get: () => {
      made ??= createProduction()
      return made
    },
    close: async () => (await made)?.close(),
  }
}

async function sweep(): Promise<number> {
  let total = nothing
  if (values.seed !== undefined) {
    const run = await runSeed(Number(values.seed), commands, undefined, await production?.get())
    tell(run)
    total = totalsOf(run)
  } else {
    const first = Number(values.from)
    const end = first + Number(values.seeds)
    let next = first
    const lane = async (): Promise<void> => {
      while (next < end) {
        const from = next
        next = Math.min(end, next + chunk)
        const found = await child(from, next - from)
        total = sum(total, found)
        say(`${total.seeds} seeds, ${total.commands} commands, ${total.crashes} crashes, ${total.violations} violations`)
      }
    }
    await Promise.all(Array.from({ length: Number(values.jobs) }, lane))
  }
  const { faults, ...line } = total
  say(
    Object.entries(faults)
      .sort()
      .map(([name, times]) => `${name} ${times}`)
      .join(', '),
  )
  console.log(JSON.stringify(line))
  return total.violations === 0 ? 0 : 1
}

const childArgs = (from: number, seeds: number): readonly string[] => [
  ...['--from', String(from), '--seeds', String(seeds), '--commands', String(commands)],
  ...(values['without-database'] ? ['--without-database'] : []),
]

/** A process of its own for some seeds: it tells its totals in a message, and what failed on standard error. */
function child(from: number, seeds: number): Promise<Totals> {
  const started = fork(import.meta.filename, childArgs(from, seeds), {
    stdio: 'inherit',
  })
  return new Promise((resolve, reject) => {
    let told: unknown
    started.once('message', message => {
      told = message
    })
    // Not before it has ended: the database it asks is ours.
    started.once('exit', code => {
      if (code === 0) resolve(totals.parse(told))
      else reject(new Error(`a process of the simulation ended with ${code}`))
    })
  })
}

async function work(): Promise<number> {
  const from = Number(values.from)
  let total = nothing
  for (let seed = from; seed < from + Number(values.seeds); seed += 1) {
    const run = await runSeed(seed, commands, undefined, await production?.get())
    total = sum(total, totalsOf(run))
    if (run.violations.length > 0) tell(run)
    // One in fifty runs twice: a seed that does not replay exactly is no use.
    if (seed % 50 === 1 && (await runSeed(seed, commands)).digest !== run.digest) {
      total = sum(total, { ...nothing, violations: 1 })
      console.error(`seed ${seed} does not replay: two runs, two histories`)
    }
  }
  process.send?.(total)
  return 0
}

const totalsOf = (run: Run): Totals => ({
  seeds: 1,
  commands: run.commands,
  crashes: run.crashes,
  violations: run.violations.length,
  faults: Object.fromEntries(run.faults),
})

function sum(a: Totals, b: Totals): Totals {
  const faults = { ...a.faults }
  for (const [name, times] of Object.entries(b.faults)) faults[name] = (faults[name] ?? 0) + times
  return {
    seeds: a.seeds + b.seeds,
    commands: a.commands + b.commands,
    crashes: a.crashes + b.crashes,
    violations: a.violations + b.violations,
    faults,
  }
}

/** Each bug on seed after seed until it is caught. */
async function hunt(): Promise<number> {
  const seedsMax = 30
  let missed = 0
  for (const bug of bugs) {
    let caught: Run | undefined
    for (let seed = 1; seed <= seedsMax && caught === undefined; seed += 1) {
      const run = await runSeed(seed, Math.min(commands, 300), bug)
      if (run.violations.length > 0) caught = run
    }
    if (caught === undefined) missed += 1
    say(
      caught === undefined
        ? `MISSED  ${bug.name}: ${bug.what}`
        : `caught  ${bug.name} (seed ${caught.seed}): ${caught.violations[0]?.split('\n')[0]}`,
    )
  }
  console.log(JSON.stringify({ bugs: bugs.length, caught: bugs.length - missed, missed }))
  return missed === 0 ? 0 : 1
}

function tell(run: Run): void {
  console.error(`seed ${run.seed}: ${run.violations.length} violations (replay: npm run sim -- --seed ${run.seed} --commands ${commands})`)
  for (const line of values.seed !== undefined ? run.trace : run.trace.slice(-30)) console.error(`  ${line}`)
  for (const violation of run.violations.slice(0, 20)) console.error(`  ! ${violation}`)
  const ids = new Set(run.violations.slice(0, 5).flatMap(one => one.match(/(?:opn|bnd|ins)_[0-9a-z]{26}/g) ?? []))
  for (const id of ids) for (const line of run.explain(id)) console.error(`  ? ${line}`)
}

const serverHere = process.send === undefined && production !== undefined && process.env[testServerVariable] === undefined
const server = serverHere ? await startTestServer() : undefined
if (server !== undefined) process.env[testServerVariable] = server.connection.host ?? ''

process.exitCode = converging
  ? await runConverge(process.argv.slice(3))
  : values.bugs
    ? await hunt()
    : process.send === undefined
      ? await sweep()
      : await work()

await production?.close()
await server?.stop()
