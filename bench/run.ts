/**
 *     npm run bench -- bind [--seconds 3] [--rounds 5] [--json]
 *
 * Binds over HTTP: ours, a twin that does one statement after the other, and pgbench, in one run. With --json one line for machines on
 * standard output; what happens meanwhile, and the spread of the rounds, goes to standard error.
 */
import { parseArgs } from 'node:util'
import { benchBind, summary, tableOf } from './bind.ts'
import { ways } from './database.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
    users: { type: 'string', default: '64' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
if (positionals.join(' ') !== 'bind') {
  console.error('usage: npm run bench -- bind [--seconds 3] [--rounds 5] [--users 64] [--only ours,naive,pgbench] [--json]')
  process.exit(2)
}
const asked = flags.only?.split(',')
const report = await benchBind({
  seconds: Number(flags.seconds),
  rounds: Number(flags.rounds),
  users: Number(flags.users),
  say: line => console.error(line),
  ...(asked === undefined ? {} : { only: ways.filter(way => asked.includes(way)) }),
})
if (flags.json) {
  console.error(tableOf(report))
  console.log(JSON.stringify(summary(report)))
} else {
  console.log(tableOf(report))
  console.log(`\n${JSON.stringify(summary(report), null, 2)}`)
}
