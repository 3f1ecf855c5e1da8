/**
 *     npm run bench -- bind [--seconds 3] [--rounds 5] [--json]
 *     npm run bench -- scale [--few 10000] [--many 200000] [--rounds 5] [--count 200] [--json]
 *     npm run bench -- survival [--instruments 6000] [--full] [--seed 1] [--json]
 *     npm run bench -- overhead [--seconds 10] [--rounds 3] [--rate 100] [--channel adyen] [--json]
 *     npm run bench -- vault [--seconds 3] [--users 16] [--json]
 *     npm run bench -- import [--rows 10000,100000] [--json]
 *     npm run bench -- backup [--count 20000] [--json]
 *
 * `bind`: binds over HTTP: ours, a twin that does one statement after the other, and pgbench, in one run. `overhead`: what our code adds to a
 * bind at a steady rate, the channel's time subtracted. With --json one line for machines on standard output; what happens meanwhile, and
 * the spread of the rounds, goes to standard error.
 */
import { parseArgs } from 'node:util'
import { benchBackup } from './backup.ts'
import { benchBind, summary, tableOf } from './bind.ts'
import { ways } from './database.ts'
import { benchImport } from './import.ts'
import { benchOverhead } from './overhead.ts'
import { benchScale } from './scale.ts'
import { benchSurvival } from './survival.ts'
import { benchVault } from './vault.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    users: { type: 'string', default: '64' },
    rate: { type: 'string', default: '100' },
    channel: { type: 'string', default: 'adyen' },
    only: { type: 'string' },
    few: { type: 'string', default: '10000' },
    many: { type: 'string', default: '200000' },
    count: { type: 'string' },
    instruments: { type: 'string', default: '6000' },
    full: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    rows: { type: 'string', default: '10000,100000' },
    json: { type: 'boolean', default: false },
  },
})

async function bind(): Promise<void> {
  const asked = flags.only?.split(',')
  const report = await benchBind({
    seconds: Number(flags.seconds ?? 3),
    rounds: Number(flags.rounds ?? 5),
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
}

async function overhead(): Promise<void> {
  const options = {
    perSecond: Number(flags.rate),
    seconds: Number(flags.seconds ?? 10),
    rounds: Number(flags.rounds ?? 3),
    upstreamMs: 30,
    warmBinds: 600,
    channel: flags.channel,
  }
  const line = await benchOverhead({ ...options, say: text => console.error(text) })
  console.log(JSON.stringify(line, null, flags.json ? undefined : 2))
}

async function scale(): Promise<void> {
  const options = { few: Number(flags.few), many: Number(flags.many), rounds: Number(flags.rounds ?? 5), count: Number(flags.count ?? 200) }
  const line = await benchScale({ ...options, say: text => console.error(text) })
  console.log(JSON.stringify(line, null, flags.json ? undefined : 2))
}

async function survival(): Promise<void> {
  const count = flags.full ? 120_000 : Number(flags.instruments)
  const options = { count, seed: Number(flags.seed), participations: [0.5, 0.7, 0.9] }
  const line = await benchSurvival({ ...options, say: text => console.error(text) })
  console.log(JSON.stringify(line, null, flags.json ? undefined : 2))
}

async function imports(): Promise<void> {
  const line = await benchImport({ sizes: flags.rows.split(',').map(Number), say: text => console.error(text) })
  console.log(JSON.stringify(line, null, flags.json ? undefined : 2))
}

async function backup(): Promise<void> {
  const line = await benchBackup({ count: Number(flags.count ?? 20_000), say: text => console.error(text) })
  console.log(JSON.stringify(line, null, flags.json ? undefined : 2))
}

async function vault(): Promise<void> {
  const line = await benchVault({ seconds: Number(flags.seconds ?? 3), users: Number(flags.users), cards: 5_000 })
  console.log(JSON.stringify(line, null, flags.json ? undefined : 2))
}

const benches: Readonly<Record<string, () => Promise<void>>> = { bind, overhead, scale, survival, vault, import: imports, backup }
const [name = ''] = positionals
const asked = Object.entries(benches).find(([one]) => one === name)?.[1]
if (asked === undefined || positionals.length > 1) {
  console.error(
    'usage: npm run bench -- bind [--seconds 3] [--rounds 5] [--users 64] [--only ours,naive,pgbench] [--json]\n' +
      '       npm run bench -- overhead [--seconds 10] [--rounds 3] [--rate 100] [--channel adyen] [--json]\n' +
      '       npm run bench -- scale [--few 10000] [--many 200000] [--rounds 5] [--count 200] [--json]\n' +
      '       npm run bench -- survival [--instruments 6000] [--full] [--seed 1] [--json]\n' +
      '       npm run bench -- vault [--seconds 3] [--users 64] [--json]\n' +
      '       npm run bench -- import [--rows 10000,100000] [--json]\n' +
      '       npm run bench -- backup [--count 20000] [--json]',
  )
  process.exit(2)
}
await asked()
