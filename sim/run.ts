/**
 * The simulation from the command line.
 *
 *     npm run sim -- --seeds 500 [--from 1] [--commands 1000] [--json]    many seeds
 *     npm run sim -- --seed 42                                            one, with its trace if it fails
 *     npm run sim -- --bugs                                               every named bug must be caught
 */
import { parseArgs } from 'node:util'
import { bugs } from './bugs.ts'
import { type Run, runSeed } from './seed.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    commands: { type: 'string', default: '1010' },
    json: { type: 'boolean', default: false },
    bugs: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
  },
})
const commands = Number(values.commands)
const say = (line: string): void => {
  if (!values.json) console.log(line)
}

process.exitCode = values.bugs ? await hunt() : await sweep()

async function sweep(): Promise<number> {
  const from = values.seed === undefined ? Number(values.from) : Number(values.seed)
  const count = values.seed === undefined ? Number(values.seeds) : 1
  const faults = new Map<string, number>()
  const total = { seeds: 0, commands: 0, crashes: 0, violations: 0 }
  for (let seed = from; seed < from + count; seed += 1) {
    const run = await runSeed(seed, commands)
    total.seeds += 1
    total.commands += run.commands
    total.crashes += run.crashes
    total.violations += run.violations.length
    for (const [name, times] of run.faults) faults.set(name, (faults.get(name) ?? 0) + times)
    if (run.violations.length > 0 || values.trace) tell(run)
    // One in fifty runs twice: a seed that does not replay exactly is no use.
    if (seed % 50 === 1 && (await runSeed(seed, commands)).digest !== run.digest) {
      total.violations += 1
      console.error(`seed ${seed} does not replay: two runs, two histories`)
    }
    if (total.seeds % 10 === 0)
      say(`${total.seeds} seeds, ${total.commands} commands, ${total.crashes} crashes, ${total.violations} violations`)
  }
  say(
    [...faults]
      .sort()
      .map(([name, times]) => `${name} ${times}`)
      .join(', '),
  )
  console.log(JSON.stringify(total))
  return total.violations === 0 ? 0 : 1
}

/** Each bug on seed after seed until it is caught. */
async function hunt(): Promise<number> {
  const seedsMax = 12
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
  for (const line of values.trace || values.seed !== undefined ? run.trace : run.trace.slice(-30)) console.error(`  ${line}`)
  for (const violation of run.violations.slice(0, 20)) console.error(`  ! ${violation}`)
  const ids = new Set(run.violations.slice(0, 5).flatMap(one => one.match(/(?:opn|bnd|ins)_[0-9a-z]{26}/g) ?? []))
  for (const id of ids) for (const line of run.explain(id)) console.error(`  ? ${line}`)
}
