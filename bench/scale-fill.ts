/** Many instruments at once: one that was really bound is copied, row by row of every table that a bind writes, under other names. */
import type pg from 'pg'

/** Written in this order: parents first. */
const copied = [
  'bindery.customers',
  'bindery.instruments',
  'bindery.identities',
  'bindery.bindings',
  'bindery.operations',
  'bindery.facts',
  'bindery.channel_names',
  'bindery.idempotency',
  'bindery.events',
  'vault.deks',
  'vault.records',
] as const
/** How many are copied by one statement. */
const batch = 20_000
const monthMs = 30 * 24 * 3_600_000
const lifeMs = 48 * monthMs

export type Fill = {
  readonly instrument: string
  readonly from: number
  readonly count: number
  /** The same for all; without it each falls due some time within the next four years. */
  readonly due?: { readonly at: Date; readonly expiryYear: number; readonly expiryMonth: number }
}

type Names = readonly (readonly [string, string])[]
type Template = { readonly names: Names; readonly rows: Awaited<ReturnType<typeof templates>> }
/** Read once, while there is little to search. */
const known = new Map<string, Template>()

/** Ids keep their time and home and get a number; what is random in life is random here (fingerprints, keys), so that indexes grow as they would. */
export async function copyInstrument(client: pg.Client, fill: Fill): Promise<void> {
  const { names, rows } = known.get(fill.instrument) ?? (await learn(client, fill.instrument))
  for (let done = 0; done < fill.count; done += batch) {
    const [from, to] = [fill.from + done, fill.from + Math.min(done + batch, fill.count) - 1]
    await client.query('begin')
    await client.query('set local session_replication_role = replica')
    for (const { table, columns, row } of rows) {
      const text = JSON.stringify(table === 'bindery.instruments' ? dueOf(row, fill) : row)
      const here = names.filter(([name]) => text.includes(name))
      const spread = table === 'bindery.instruments' && fill.due === undefined
      await client.query(copySql(table, columns, here, spread), [text, from, to])
    }
    await client.query('commit')
  }
}

async function learn(client: pg.Client, instrument: string): Promise<Template> {
  const names = await namesOf(client, instrument)
  const template = { names, rows: await templates(client, instrument, names) }
  known.set(instrument, template)
  return template
}

type Row = Readonly<Record<string, unknown>>

function dueOf(row: Row, { due }: Fill): Row {
  if (due === undefined) return row
  const expiry = { expiryYear: due.expiryYear, expiryMonth: due.expiryMonth }
  const shown = (of: unknown): object => ({ ...(typeof of === 'object' && of !== null ? of : {}), ...expiry })
  return { ...row, due_at: due.at, display: shown(row.display), captured: shown(row.captured) }
}

/** What names the rows of the one instrument, and by what each is replaced. `$2`: its number. */
async function namesOf(client: pg.Client, instrument: string): Promise<Names> {
  const { rows } = await client.query<Record<string, string>>(
    `select i.customer, i.id as instrument, b.id as binding, o.id as operation, f.id as fact, b.token, n.value as fingerprint,
            encode(d.id, 'hex') as dek, encode(r.network_fingerprint, 'hex') as network, r.reference, y.key as once, v.id as event
       from bindery.instruments i
       join bindery.bindings b on b.instrument = i.id
       join bindery.operations o on o.binding = b.id
       join bindery.facts f on f.binding = b.id
       join bindery.identities n on n.instrument = i.id
       join bindery.idempotency y on y.resource = i.id
       join bindery.events v on v.instrument = i.id
       join vault.deks d on d.owner = i.id
       join vault.records r on r.instrument = i.id
      where i.id = $1
      limit 1`,
    [instrument],
  )
  const [found] = rows
  if (found === undefined) throw new Error(`${instrument} is not bound as the benchmark binds`)
  const { fingerprint = '', dek = '', network = '', reference = '', once = '', ...ids } = found
  const numbered = (id: string): readonly [string, string] => [id, `'${id.slice(0, -12)}' || lpad(i::text, 12, '0')`]
  return [
    ...Object.values(ids).map(numbered),
    [fingerprint, `'ifp_' || left(md5('f' || i) || md5('g' || i), ${fingerprint.length - 4})`],
    [dek, `md5('d' || i)`],
    [network, `md5('n' || i) || md5('m' || i)`],
    [reference, `left(md5('r' || i) || md5('s' || i), ${reference.length})`],
    [once, `'once-' || i`],
  ]
}

/** Every row of the instrument, with the columns that a copy writes. */
async function templates(client: pg.Client, instrument: string, names: Names) {
  const named = names.map(([name]) => name)
  const out: { readonly table: string; readonly columns: readonly string[]; readonly row: Row }[] = []
  for (const table of copied) {
    const { rows: columns } = await client.query<{ name: string }>(
      `select column_name as name from information_schema.columns
        where table_schema || '.' || table_name = $1 and is_identity = 'NO' and is_generated = 'NEVER' order by ordinal_position`,
      [table],
    )
    const { rows } = await client.query<{ row: Row }>(
      `select to_jsonb(t) as row from ${table} t where exists (select 1 from unnest($1::text[]) as name where to_jsonb(t)::text like '%' || name || '%') limit 2`,
      [table === 'bindery.customers' ? named.slice(0, 1) : [instrument, named[2] ?? '']],
    )
    for (const { row } of rows.slice(0, 1)) out.push({ table, columns: columns.map(one => one.name), row })
  }
  return out
}

/** Falls due at any time within four years, but not in the next month. */
const someTime = `now() + (random() * ${lifeMs} + ${monthMs}) * interval '1 ms'`

function copySql(table: string, columns: readonly string[], names: Names, spread: boolean): string {
  const text = names.reduce((sql, [name, by]) => `replace(${sql}, '${name}', ${by})`, '$1::text')
  const value = (column: string): string => (spread && column === 'due_at' ? someTime : `r.${column}`)
  return `
insert into ${table} (${columns.join(', ')})
select ${columns.map(value).join(', ')}
  from generate_series($2::int, $3::int) as i,
       jsonb_populate_record(null::${table}, (${text})::jsonb) as r`
}
