/**
 * What a round of `npx bindery invariants` costs, and how that grows with the number of instruments: each question timed by itself on two
 * databases, one ten times the other. Every instrument is bound at one channel, and has what a bind leaves behind, in the vault as well.
 */
import pg from 'pg'
import { given } from '../src/invariants/given.ts'
import { invariants } from '../src/invariants/list.ts'
import { vaultInvariants } from '../src/vault/queries-invariants.ts'
import { askPage, bookPool, type Place } from '../src/world/ask.ts'
import type { Invariant } from '../src/world/invariant.ts'
import { testDatabase } from '../src/world/testing.ts'

export type InvariantsLine = {
  readonly bench: 'invariants'
  readonly sizes: readonly number[]
  /** A whole round over everything, in seconds, for each size. */
  readonly round_s: readonly number[]
  /** The longest single statement, in ms. */
  readonly longest_statement_ms: readonly number[]
  /** Rows that were held against a question, per second. */
  readonly rows_per_second: readonly number[]
  /** The dearest questions: seconds for each size. */
  readonly dearest_s: Readonly<Record<string, readonly number[]>>
}

type Options = { readonly sizes: readonly number[]; readonly say: (line: string) => void }
type Timed = { readonly name: string; readonly ms: number; readonly rows: number; readonly longestMs: number }

export async function benchInvariants({ sizes, say }: Options): Promise<InvariantsLine> {
  const rounds: (readonly Timed[])[] = []
  for (const size of sizes) {
    say(`${size.toLocaleString('en')} instruments`)
    rounds.push(await roundOver(size))
  }
  const sum = (round: readonly Timed[], of: (one: Timed) => number): number => round.reduce((total, one) => total + of(one), 0)
  const seconds = (ms: number): number => Math.round(ms / 10) / 100
  const last = rounds.at(-1) ?? []
  const dearest = last.toSorted((a, b) => b.ms - a.ms).slice(0, 6)
  const timeOf = (round: readonly Timed[], name: string): number => seconds(round.find(one => one.name === name)?.ms ?? 0)
  return {
    bench: 'invariants',
    sizes,
    round_s: rounds.map(round => seconds(sum(round, one => one.ms))),
    longest_statement_ms: rounds.map(round => Math.round(Math.max(...round.map(one => one.longestMs)))),
    rows_per_second: rounds.map(round => Math.round(sum(round, one => one.rows) / (sum(round, one => one.ms) / 1000))),
    dearest_s: Object.fromEntries(dearest.map(({ name }) => [name, rounds.map(round => timeOf(round, name))])),
  }
}

async function roundOver(size: number): Promise<readonly Timed[]> {
  const database = await testDatabase({ on: 'embedded' })
  const client = new pg.Client(database.connection)
  await client.connect()
  try {
    for (const sql of [...serversRows(size), ...vaultsRows(size)]) await client.query(sql)
    await client.query('vacuum analyze')
    const out: Timed[] = []
    for (const book of ['bindery', 'vault'] as const) {
      const pool = bookPool(database.connection, book)
      try {
        for (const invariant of book === 'vault' ? vaultInvariants : invariants) out.push(await timed(pool, invariant))
      } finally {
        await pool.end()
      }
    }
    return out
  } finally {
    await client.end()
    await database.close()
  }
}

async function timed(pool: pg.Pool, invariant: Invariant): Promise<Timed> {
  const known = given({ now: Date.now(), customersMax: 2 })
  const took: number[] = []
  let [rows, place]: [number, Place | undefined] = [0, undefined]
  do {
    const began = performance.now()
    const page = await askPage(pool, invariant, known, place)
    took.push(performance.now() - began)
    if (page.found > 0) throw new Error(`${invariant.name} found ${JSON.stringify(page.findings[0])}`)
    rows += page.looked
    place = page.next
  } while (place !== undefined)
  return { name: invariant.name, ms: took.reduce((sum, one) => sum + one, 0), rows, longestMs: Math.max(...took) }
}

/** Ids as they are made: a time that grows, then what is random. */
const id = (prefix: string): string => `'${prefix}_' || lpad(n::text, 10, '0') || left(md5('${prefix}' || n), 16)`
const [customer, instrument, binding, operation] = [id('cus'), id('ins'), id('bnd'), id('opn')]
const own = { tenant: `'ten_1'`, mode: `'test'` }
const print = `'ifp_' || md5('f' || n)`
const made = { created_at: 'now()', version: '1' }
const standing = (place: number): string =>
  `jsonb_build_object('place', ${place}, 'stage', 3, 'rank', 1, 'sequence', 0, 'at', 0, 'safety', 2, 'id', 'e${place}' || n)`

const rowsOf =
  (size: number) =>
  (table: string, columns: Readonly<Record<string, string>>): string =>
    `insert into ${table} (${Object.keys(columns).join(', ')})
     select ${Object.values(columns).join(', ')}
     from generate_series(1, ${size}) as n`

function serversRows(size: number): readonly string[] {
  const rows = rowsOf(size)
  const fact = (kind: string, place: number): string =>
    rows('bindery.facts', {
      ...{ tenant: `'ten_1'`, id: `${id('fct')} || '${kind}'`, instrument, binding, source: `'stripe:test'`, operation },
      ...{ source_event: `'${kind}' || n`, kind: `'${kind}'`, standing: standing(place), news: `'{}'` },
      ...{ effective_at: 'now()', seen_at: 'now()' },
    })
  return [
    rows('bindery.customers', { ...own, id: customer, channel_customers: `'{}'`, metadata: `'{}'`, reuse: `'{}'`, ...made }),
    rows('bindery.instruments', {
      ...{ ...own, id: instrument, customer, kind: `'card'`, status: `'active'`, card_version: '1', display: `'{}'`, sequence: '1' },
      ...{ metadata: `'{}'`, updated_at: 'now()', captured: `'{}'`, own: `'{}'`, reasons: `'[]'`, versions: '1', ...made },
      ...{ policy: `'{}'`, allow_redisplay: `'always'`, preferred: 'false' },
      sharing: `jsonb_build_object('kind', 'card', 'value', ${print})`,
    }),
    rows('bindery.bindings', {
      ...{ ...own, id: binding, customer, instrument, channel: `'stripe'`, status: `'active'`, slot: `'s' || n`, token: `'pm_' || n` },
      ...{ names: `'{}'`, operations: '1', updated_at: 'now()', notified: '1', ...made },
    }),
    rows('bindery.operations', {
      ...{ ...own, id: operation, customer, instrument, binding, channel: `'stripe'`, verb: `'bind'`, status: `'settled'`, place: '1' },
      ...{ input: `'{}'`, tries: '1', ...made },
    }),
    fact('challenged', 1),
    fact('bound', 2),
    rows('bindery.channel_names', { channel: `'stripe'`, mode: `'test'`, name: `'pm_' || n`, tenant: `'ten_1'`, binding, version: '1' }),
    rows('bindery.sharings', { ...own, kind: `'card'`, value: print, holders: '1', version: '1' }),
  ]
}

/** PIV1 up to its key, the key's id, salt and commitment, the vector, and the rest. */
const envelope = `decode(
  '50495631' || '0100' || repeat('00', 20) || md5('d' || n) || md5('s' || n) || md5('t' || n) || repeat('00', 32) || md5('i' || n) || repeat('00', 60),
  'hex'
)`

function vaultsRows(size: number): readonly string[] {
  const rows = rowsOf(size)
  return [
    rows('vault.deks', {
      ...{ tenant: `'ten_1'`, owner: instrument, owner_version: '1', id: `decode(md5('d' || n), 'hex')`, purpose: `'pan'` },
      ...{ key_version: '1', wrapped: `decode(md5('v' || n) || repeat('00', 44), 'hex')`, created_at: 'now()' },
    }),
    rows('vault.records', {
      ...{ ...own, instrument, instrument_version: '1', field: `'card'`, operation, reference: `'ref' || n`, holder: 'false', envelope },
      ...{ network_fingerprint: `decode(md5('n' || n), 'hex')`, fingerprint: print, brand: `'visa'`, bin: `'411111'`, last4: `'1111'` },
      ...{ expiry_month: '3', expiry_year: '2030', kind: `'card'`, adopted_at: 'now()' },
    }),
    ...['release', 'forward'].map((act, i) =>
      rows('vault.audit_log', {
        ...{ seq: `n * 2 + ${i}`, node: `'node'`, n: `n * 2 + ${i}`, at: `now() - interval '1 hour'`, act: `'${act}'`, tenant: `'ten_1'` },
        ...{ subject: `${instrument} || '@1'`, purpose: `'send_to_channel'`, operation, detail: `''` },
        hash: `decode(md5('h' || n) || md5('h' || n), 'hex')`,
      }),
    ),
  ]
}
