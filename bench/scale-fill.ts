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

/** Ids keep their time and home and get a number; what is random in life is random here (fingerprints, keys), so that indexes grow as they would. */
export async function copyInstrument(client: pg.Client, fill: Fill): Promise<void> {
  const names = await namesOf(client, fill.instrument)
  const rows = await templates(client, fill.instrument, names)
  for (let done = 0; done < fill.count; done += batch) {
    const [from, to] = [fill.from + done, fill.from + Math.min(done + batch, fill.count) - 1]
    await client.query('begin')
    await client.query('set local session_replication_role = replica')
    for (const { table, columns, row } of rows)
      await client.query(copySql(table, columns, names), [
        JSON.stringify(table === 'bindery.instruments' ? dueOf(row, fill) : row),
        from,
        to,
      ])
    await client.query('commit')
  }
  if (fill.due === undefined)
    await client.query(
      `update bindery.instruments
          set due_at = now() + (random() * $1 + $2) * interval '1 ms'
        where due_at is not null and id <> $3`,
      [lifeMs, monthMs, fill.instrument],
    )
}

type Row = Readonly<Record<string, unknown>>

function dueOf(row: Row, { due }: Fill): Row {
  if (due === undefined) return row
  const expiry = { expiryYear: due.expiryYear, expiryMonth: due.expiryMonth }
  const shown = (of: unknown): object => ({ ...(typeof of === 'object' && of !== null ? of : {}), ...expiry })
  return { ...row, due_at: due.at, display: shown(row.display), captured: shown(row.captured) }
}

/** What names the rows of the one instrument, and by what each is replaced. `$2`: its number. */
async function namesOf(client: pg.Client, instrument: string): Promise<readonly (readonly [string, string])[]> {
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
async function templates(client: pg.Client, instrument: string, names: readonly (readonly [string, string])[]) {
  const known = names.map(([name]) => name)
  const out: { readonly table: string; readonly columns: readonly string[]; readonly row: Row }[] = []
  for (const table of copied) {
    const { rows: columns } = await client.query<{ name: string }>(
      `select column_name as name from information_schema.columns
        where table_schema || '.' || table_name = $1 and is_identity = 'NO' and is_generated = 'NEVER' order by ordinal_position`,
      [table],
    )
    const { rows } = await client.query<{ row: Row }>(
      `select to_jsonb(t) as row from ${table} t where exists (select 1 from unnest($1::text[]) as name where to_jsonb(t)::text like '%' || name || '%') limit 2`,
      [table === 'bindery.customers' ? known.slice(0, 1) : [instrument, known[2] ?? '']],
    )
    for (const { row } of rows.slice(0, 1)) out.push({ table, columns: columns.map(one => one.name), row })
  }
  return out
}

function copySql(table: string, columns: readonly string[], names: readonly (readonly [string, string])[]): string {
  const text = names.reduce((sql, [name, by]) => `replace(${sql}, '${name}', ${by})`, '$1::text')
  return `
insert into ${table} (${columns.join(', ')})
select ${columns.map(one => `r.${one}`).join(', ')}
  from generate_series($2::int, $3::int) as i,
       jsonb_populate_record(null::${table}, (${text})::jsonb) as r`
}
