/**
 * The attack proof from the command line: every attack with its layers and without them, while people bind their own cards.
 *
 *     npm run attack -- [--json] [--long] [--people 4000] [--only single_ip] [--seed 1]
 *
 * A line each: {"attack":…,"valid_answers_pct":…,"stopped_after":…,"false_blocks_pct":…,"without_layer_pct":…}. Ends with 1 where a limit is
 * passed. `--long`: more of everything, and a hundred thousand people in all.
 */
import { parseArgs } from 'node:util'
import { runAttack } from './attack-run.ts'
import { attacks } from './attacks.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    people: { type: 'string' },
    only: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
})
const chosen = attacks.filter(one => values.only === undefined || one.name === values.only)
const people = Number(values.people ?? (values.long ? 100_000 : 4_000))
let failed = chosen.length === 0
for (const attack of chosen) {
  const line = await runAttack(attack, {
    seed: Number(values.seed),
    size: values.long ? 'long' : 'short',
    people: Math.ceil(people / chosen.length),
  })
  failed ||= line.passed_limits.length > 0
  console.log(values.json ? JSON.stringify(line) : `${line.attack}: ${JSON.stringify(line)}`)
}
process.exitCode = failed ? 1 : 0
