/** Asks one page of one invariant: one statement, so that all it compares is seen at one moment, with a limit on its time. */
import { type ClientConfig, DatabaseError, Pool } from 'pg'
import { z } from 'zod'
import { type Book, type Finding, type Given, type Invariant, pageRows, shownMax } from './invariant.ts'
import { asRole, roles } from './migrate.ts'

/** Key of the last row of a page, column by column. */
export type Place = readonly string[]
export type Page = {
  /** Rows of the table that is gone through; of a question over everything, none. */
  readonly looked: number
  readonly found: number
  /** The first of them. */
  readonly findings: readonly Finding[]
  /** Where to go on; undefined after the last page. */
  readonly next: Place | undefined
}

/** One page, in ms. It reads 2,000 rows by index and takes some ten; what takes longer waits for a lock or a broken plan. */
const pageTimeoutMs = 10_000
/** What goes over everything at once reads some hundred thousand rows a second. */
const wholeTimeoutMs = 120_000

/** It could not be asked: the database stopped it because it took too long. */
export class TookTooLong extends Error {
  override readonly name = 'TookTooLong'
}

const givenSql = `
given as (
  select $1::timestamptz as now_at, $2 * interval '1 millisecond' as skew, $3 * interval '1 millisecond' as late,
    $4::int as customers_max, $5::jsonb as known, $6::timestamptz as since
)`

function pageSql({ walk }: Invariant, after: boolean, since: boolean): string {
  if (walk === null) return `page as (select null)`
  const keys = walk.key.map(column => `p.${column}`).join(', ')
  const conditions = [
    ...(after ? [`(${keys}) > (${walk.key.map((_, i) => `$${i + 7}`).join(', ')})`] : []),
    ...(since && walk.since !== undefined ? [`p.${walk.since} >= (select since from given)`] : []),
  ]
  return `
page as materialized (
  select p.*
  from ${walk.table} p
  ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
  order by ${keys}
  limit ${pageRows}
)`
}

/** The whole statement: what is given, the page, what is wrong in it, and how far it went. */
function statementOf(of: Invariant, after: boolean, since: boolean): string {
  const last = of.walk === null ? 'null' : `(select array[${of.walk.key.join(', ')}] from page order by ${ordered(of.walk.key)} limit 1)`
  return `
with ${givenSql},
${pageSql(of, after, since)},
found as materialized (${of.found}),
shown as (select tenant, mode, subject, to_jsonb(found) as row from found order by tenant, subject limit ${shownMax})
select ${of.walk === null ? '0' : '(select count(*) from page)::int'} as looked, ${last} as last,
  (select count(*) from found)::int as found,
  coalesce((select jsonb_agg(jsonb_build_object('tenant', tenant, 'mode', mode, 'subject', subject, 'row', row)) from shown), '[]') as shown`
}

/** The page's last row is the first from behind. */
const ordered = (key: readonly string[]): string => key.map(column => `${column} desc`).join(', ')

const answer = z.object({
  looked: z.int(),
  last: z.array(z.string()).nullable(),
  found: z.int(),
  shown: z.array(
    z.object({
      tenant: z.string().nullable(),
      mode: z.string().nullable(),
      subject: z.string(),
      row: z.record(z.string(), z.unknown()),
    }),
  ),
})

export type Asking = Pick<Pool, 'connect'>

/** One connection to a book, as the role that reads it. */
export function bookPool(connection: ClientConfig, book: Book): Pool {
  const { options = '', ...rest } = asRole(connection, book === 'vault' ? roles.vault : roles.watcher)
  return new Pool({ ...rest, options: `${options} -c search_path=${book}`, max: 1 })
}

/** `pool`: connections of the role that may read the invariant's book, with its schema as search path. Throws `TookTooLong`. */
export async function askPage(pool: Asking, of: Invariant, at: Given, after: Place | undefined): Promise<Page> {
  const since = at.since === undefined ? null : new Date(at.since)
  const values = [new Date(at.now), at.skewMs, at.lateMs, at.customersMax, JSON.stringify(at.known ?? {}), since, ...(after ?? [])]
  const text = statementOf(of, after !== undefined, at.since !== undefined)
  const { looked, last, found, shown } = answer.parse(
    await readOnce(pool, { text, values }, of.walk === null ? wholeTimeoutMs : pageTimeoutMs),
  )
  const findings = shown.map(({ row, ...one }) => ({
    ...one,
    shown: Object.fromEntries(of.shows.map(column => [column, row[column] ?? null])),
  }))
  return { looked, found, findings, next: looked < pageRows || last === null ? undefined : last }
}

async function readOnce(pool: Asking, asked: { readonly text: string; readonly values: unknown[] }, timeoutMs: number): Promise<unknown> {
  const client = await pool.connect()
  try {
    // No plan is kept for a statement that runs once in minutes, and a young table's statistics deceive no one.
    await client.query(`begin read only; set local statement_timeout = ${timeoutMs}; set local lock_timeout = '1s'; set local jit = off`)
    const { rows } = await client.query(asked)
    await client.query('commit')
    client.release()
    return rows[0]
  } catch (error) {
    client.release(true)
    if (error instanceof DatabaseError && error.code === '57014') throw new TookTooLong(`it took longer than ${timeoutMs} ms`)
    throw error
  }
}

export type Checked = {
  readonly invariant: Invariant
  readonly looked: number
  readonly found: number
  /** The first of them. */
  readonly findings: readonly Finding[]
  /** Why it could not be asked to its end; undefined: it was. */
  readonly unfinished: string | undefined
}

/** One invariant from its first page to its last, for whoever asks at once: the command line, a test, the simulation, the vault. */
export async function check(pool: Asking, invariant: Invariant, at: Given): Promise<Checked> {
  let [looked, found, place]: [number, number, Place | undefined] = [0, 0, undefined]
  const findings: Finding[] = []
  do {
    try {
      const page = await askPage(pool, invariant, at, place)
      looked += page.looked
      found += page.found
      findings.push(...page.findings.slice(0, shownMax - findings.length))
      place = page.next
    } catch (error) {
      if (!(error instanceof TookTooLong)) throw error
      return { invariant, looked, found, findings, unfinished: error.message }
    }
  } while (place !== undefined)
  return { invariant, looked, found, findings, unfinished: undefined }
}
