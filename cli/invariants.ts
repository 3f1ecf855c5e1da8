/**
 * `npx bindery invariants`: what must never be found in the database, asked now, from the first row to the last, and shown with the rows. It reads
 * as the roles that may only read (the vault's own as the vault's) and changes nothing.
 */
import { parseArgs } from 'node:util'
import type { ClientConfig, Pool } from 'pg'
import { channels } from '../src/channels/index.ts'
import { loadConfig } from '../src/config.ts'
import { bookPool, type Checked, check } from '../src/world/ask.ts'
import { given } from '../src/invariants/given.ts'
import { type Book, type Given, type Invariant, inOrder } from '../src/world/invariant.ts'
import { invariants, notYet } from '../src/invariants/list.ts'
import { vaultInvariants } from '../src/vault/queries-invariants.ts'
import { CliError } from './caller.ts'
import { reachDatabase } from './verify.ts'

const everything = inOrder([...invariants, ...vaultInvariants])
const usage = 'npx bindery invariants [--json] [--only I3,I7] [--since 2026-11-25T12:00:00Z | 24h] [--book bindery|vault]'

/** The exit code: 0 all hold, 1 something was found, 2 something could not be asked to its end. */
export async function invariantsCommand(args: readonly string[], print: (line: string) => void): Promise<number> {
  const asked = readAsked(args)
  const known = given({ ...asked, customersMax: loadConfig([...channels.values()]).customersPerInstrument })
  const reached = await reachDatabase()
  try {
    const total = { questions: 0, rows: 0, findings: 0, unfinished: 0 }
    for (const book of ['bindery', 'vault'] as const) {
      const wanted = everything.filter(one => one.book === book && asked.wants(one))
      await inBook(reached.connection, book, async pool => {
        for (const one of wanted) {
          const checked = await check(pool, one, known)
          for (const line of asked.json ? [JSON.stringify(asJson(checked))] : sentences(checked)) print(line)
          total.questions += 1
          total.rows += checked.looked
          total.findings += checked.found
          total.unfinished += checked.unfinished === undefined ? 0 : 1
        }
      })
    }
    const open = notYet.filter(asked.wants)
    for (const one of open)
      print(
        asked.json ? JSON.stringify({ ...one, status: 'not_applicable_yet' }) : `${one.id.padEnd(4)} not applicable yet  ${one.because}`,
      )
    print(asked.json ? JSON.stringify({ ...total, not_applicable_yet: open.length }) : sum(total, open.length))
    return total.findings > 0 ? 1 : total.unfinished > 0 ? 2 : 0
  } finally {
    await reached.close()
  }
}

type Total = { readonly questions: number; readonly rows: number; readonly findings: number; readonly unfinished: number }
const sum = ({ questions, rows, findings, unfinished }: Total, open: number): string =>
  `${questions} questions over ${rows} rows: ${findings} findings, ${unfinished} unfinished, ${open} not applicable yet`

async function inBook(connection: ClientConfig, book: Book, ask: (pool: Pool) => Promise<void>): Promise<void> {
  const pool = bookPool(connection, book)
  try {
    await ask(pool)
  } finally {
    await pool.end()
  }
}

const statusOf = ({ found, unfinished }: Checked): string => (found > 0 ? 'violated' : unfinished === undefined ? 'holds' : 'unfinished')

const asJson = (checked: Checked): object => {
  const { invariant, looked, found, findings, unfinished } = checked
  const { id, name, book, never } = invariant
  return { id, name, book, never, status: statusOf(checked), looked, found, findings, unfinished: unfinished ?? null }
}

function sentences(checked: Checked): readonly string[] {
  const { invariant, looked, found, findings, unfinished } = checked
  const head = `${invariant.id.padEnd(4)} ${statusOf(checked).padEnd(10)} ${invariant.name.padEnd(26)} ${looked} rows${unfinished === undefined ? '' : `, then ${unfinished}`}`
  if (found === 0) return [head]
  const shown = findings.map(({ tenant, mode, subject, shown }) => {
    const beside = Object.entries({ tenant, mode, ...shown }).filter(([, value]) => value !== null)
    return `       ${subject}  ${beside.map(([column, value]) => `${column}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join('  ')}`
  })
  return [
    head,
    `     never: ${invariant.never}`,
    `     found: ${found}${found > findings.length ? `, the first ${findings.length}` : ''}`,
    ...shown,
  ]
}

type Asked = Pick<Given, 'now' | 'since'> & {
  readonly json: boolean
  readonly wants: (one: Pick<Invariant, 'id'> & Partial<Pick<Invariant, 'name' | 'book'>>) => boolean
}

function readAsked(args: readonly string[]): Asked {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: 'boolean', default: false }, only: text, since: text, book: text },
  })
  const { book } = values
  if (book !== undefined && book !== 'bindery' && book !== 'vault') throw new CliError(`--book is bindery or vault: ${usage}`)
  const only = values.only?.split(',').map(one => one.trim())
  const known = [...everything, ...notYet].flatMap(one => ('name' in one ? [one.id, one.name] : [one.id]))
  const unknown = only?.filter(one => !known.includes(one)) ?? []
  if (unknown.length > 0)
    throw new CliError(
      `there is no invariant ${unknown.join(', ')}: there are ${[...new Set(known.filter(one => /^I\d+$/.test(one)))].join(', ')}`,
    )
  const now = Date.now()
  return {
    now,
    json: values.json,
    since: values.since === undefined ? undefined : sinceOf(values.since, now),
    wants: one => {
      const named = only === undefined || only.includes(one.id) || (one.name !== undefined && only.includes(one.name))
      return named && (book === undefined || one.book === book)
    },
  }
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

function sinceOf(text: string, now: number): number {
  const [, count, unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? []
  const at = count === undefined ? Date.parse(text) : now - Number(count) * (units[unit] ?? 0)
  if (Number.isNaN(at)) throw new CliError(`--since is a time, or how long ago: ${usage}`)
  return at
}
