/**
 * `bindery unknowns`: the queue of what is in doubt, of all tenants, oldest first, on the database that `npm start` would use. For whoever is
 * woken at night: works while the API does not. It changes nothing; ends with 1 where something is for a person.
 */
import { parseArgs } from 'node:util'
import { Pool } from 'pg'
import { formatDecimal } from '../src/core/money.ts'
import { countOverdue, unknownsOfAll } from '../src/unknowns/queries.ts'
import { mayBeDone, moneyAtRisk, totalOf, type Unknown, unknownKinds } from '../src/unknowns/unknown.ts'
import { channels } from '../src/channels/index.ts'
import { asRole, roles } from '../src/world/migrate.ts'
import { CliError } from './caller.ts'
import { reachDatabase } from './verify.ts'

const usage = 'npx bindery unknowns [--kind <kind>] [--channel <name>] [--older-than <seconds>] [--limit <n>] [--json]'
const limitMax = 10_000

const options = {
  kind: { type: 'string' },
  channel: { type: 'string' },
  'older-than': { type: 'string' },
  limit: { type: 'string', default: '100' },
  json: { type: 'boolean', default: false },
} as const

export async function unknownsCommand(args: readonly string[], print: (line: string) => void, now: number = Date.now()): Promise<number> {
  const { values } = parseArgs({ args: [...args], options })
  const kind = unknownKinds.find(one => one === values.kind)
  if (values.kind !== undefined && kind === undefined) throw new CliError(`--kind must be one of ${unknownKinds.join(', ')}\n${usage}`)
  const limit = numberOf('--limit', values.limit, limitMax)
  const older = values['older-than'] === undefined ? undefined : numberOf('--older-than', values['older-than'], 1e9)
  const asked = { kind, channel: values.channel, before: older === undefined ? undefined : now - older * 1000, limit: limitMax }
  const reached = await reachDatabase()
  const { options: more = '', ...connection } = asRole(reached.connection, roles.watcher)
  const pool = new Pool({ ...connection, options: `${more} -c search_path=bindery`, max: 1 })
  try {
    const [found, overdue] = [await unknownsOfAll(pool, asked, now), await countOverdue(pool, now)]
    for (const one of found.slice(0, limit)) print(values.json ? JSON.stringify(plain(one)) : sentence(one, now))
    if (values.json) print(JSON.stringify({ ...plain(totalOf(found)), complete: found.length < limitMax, overdue }))
    else for (const line of summary(found, overdue.count, now)) print(line)
    return found.some(one => one.kind === 'parked' || one.kind === 'news') || overdue.count > 0 ? 1 : 0
  } finally {
    await pool.end()
    await reached.close()
  }
}

function numberOf(name: string, text: string, max: number): number {
  if (!/^[0-9]{1,10}$/.test(text) || Number(text) > max) throw new CliError(`${name} must be a number up to ${max}\n${usage}`)
  return Number(text)
}

/** Amounts as digits. */
const plain = (one: object): Readonly<Record<string, unknown>> =>
  JSON.parse(JSON.stringify(one, (_name, value) => (typeof value === 'bigint' ? String(value) : value)))

/** `parked     3d 4h  stripe  revoke  ins_…  the channel refused to revoke  ≤ EUR 25.00 each  opn_…: look-up, settle as revoked` */
function sentence(one: Unknown, now: number): string {
  const may = mayBeDone(one, channels.get(one.channel ?? ''))
  const acts = [...(may.look_up ? ['look-up'] : []), ...(may.outcomes.length === 0 ? [] : [`settle as ${may.outcomes.join(' or ')}`])]
  const whose = one.tenant === null ? 'nobody’s' : `${one.tenant} ${one.mode}`
  const what = `${one.channel ?? '-'} ${one.what}`
  const next = one.next_look_at === null ? 'nothing more by itself' : `next look ${age(one.next_look_at - now)}`
  const told = [
    one.kind.padEnd(9),
    age(now - one.since).padEnd(8),
    what.padEnd(24),
    `${one.cause ?? '-'} (${one.tries} tries, ${next}); ${money(one)}`,
  ]
  const below = `${one.id} of ${whose}, ${one.instrument ?? 'no instrument'}: ${acts.length === 0 ? 'nothing to be done here' : acts.join(', ')}`
  return `${told.join(' ')}\n          ${below}`
}

function money(one: Unknown): string {
  const { amount, currency, basis } = moneyAtRisk(one)
  if (amount === null || currency === null) return 'money not known'
  return `${currency} ${formatDecimal({ amount, currency })} ${basis === 'mandate' ? 'a collection at most' : 'when last charged'}`
}

/** `3d 4h`, `12m`, `-5s` */
function age(ms: number): string {
  const seconds = Math.floor(Math.abs(ms) / 1000)
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60]
  const text = days > 0 ? `${days}d ${hours}h` : hours > 0 ? `${hours}h ${minutes}m` : minutes > 0 ? `${minutes}m` : `${seconds}s`
  return ms < 0 ? `${text} ago` : text
}

function summary(found: readonly Unknown[], overdue: number, now: number): readonly string[] {
  const { count, by_kind, by_channel, oldest_at } = totalOf(found)
  const kinds = Object.entries(by_kind).map(([kind, of]) => `${of} ${kind}`)
  return [
    `${count}${found.length < limitMax ? '' : ' or more'} in doubt (${kinds.join(', ')})${oldest_at === null ? '' : `, the oldest for ${age(now - oldest_at)}`}`,
    ...by_channel.map(one => {
      const sums = one.money.map(({ currency, amount, count: of }) => `${currency} ${formatDecimal({ amount, currency })} (${of})`)
      return `  ${one.channel ?? 'erasures'}: ${one.count}, the oldest for ${age(now - one.oldest_at)}; at risk ${sums.join(', ') || 'nothing known'}, ${one.money_unknown} not known`
    }),
    overdue > 0 ? `${overdue} operations are due for five minutes and nobody takes them: is a worker running?` : 'What is due is attended to.',
  ]
}
