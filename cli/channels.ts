/** The capability matrix for people (a table) and for programs (a JSON array). */
import type { Channel } from '../src/channels/channel.ts'
import { capabilities, type Capability } from '../src/channels/matrix.ts'

export function printChannels(channels: Iterable<Channel>, options: { readonly json: boolean }): string {
  const all = capabilities(channels)
  return options.json ? `${JSON.stringify(all, null, 2)}\n` : `${table(all)}\n${all.length} channels, ${new Set(all.flatMap(one => one.shapes)).size} shapes\n`
}

const columns: readonly (readonly [title: string, cell: (one: Capability) => string])[] = [
  ['channel', one => one.name],
  ['instruments', one => one.instruments.join(' ')],
  ['shapes', one => one.shapes.join(' ')],
  ['operations', one => one.operations.map(each => `${each.name}:${repetition(each)}`).join(' ')],
  ['look-up', one => (one.look_up ? 'yes' : 'no')],
  ['currencies', one => currencies(one)],
  ['webhook', one => one.webhook?.algorithm ?? 'none'],
  ['proof', one => one.proof.rank],
]

type Operation = Capability['operations'][number]
function repetition(one: Operation): string {
  if (one.repeat === 'keyed') return `keyed ${hours(one.window_seconds ?? 0)}`
  return one.repeat === 'repeatable' ? `repeatable ×${one.times_max}` : 'look up'
}
const hours = (seconds: number): string => (seconds % 86_400 === 0 ? `${seconds / 86_400} d` : `${seconds / 3_600} h`)

/** A few are named; of many the number, since `--json` has them all with their exponents. */
function currencies({ currencies: all }: Capability): string {
  return all.length <= 8 ? all.map(one => `${one.code}/${one.places}`).join(' ') : String(all.length)
}

function table(all: readonly Capability[]): string {
  const rows = [columns.map(([title]) => title), ...all.map(one => columns.map(([, cell]) => cell(one)))]
  const widths = columns.map((_, i) => Math.max(...rows.map(row => row[i]?.length ?? 0)))
  return rows.map(row => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd()).join('\n')
}
