/** The database as an auditor reads it: beside the product, over a connection of its own, deciding nothing. */
import { type ClientConfig, Pool } from 'pg'
import { z } from 'zod'

export type Auditor = {
  instruments(): Promise<readonly z.output<typeof instrumentRow>[]>
  bindings(): Promise<readonly z.output<typeof bindingRow>[]>
  operations(): Promise<readonly z.output<typeof operationRow>[]>
  events(): Promise<readonly z.output<typeof eventRow>[]>
  /** Of deliveries that are still to be made. */
  pending(): Promise<number>
  /** Deliveries that were given up, or skipped. */
  undelivered(): Promise<number>
  /** Rows of every table of ours, the vault's included. */
  rowCounts(): Promise<Readonly<Record<string, number>>>
  /** What a dead process held for a minute is free now. Only while no server runs. */
  letLeasesLapse(): Promise<void>
  /** What owes an answer was asked a month ago: its time is up, and its key's window is over. */
  letDaysPass(): Promise<void>
  /** Whatever is bound was bound a day before. */
  letBindingsAge(): Promise<void>
  /** Where the server keeps its files. */
  dataFolder(): Promise<string>
  /** Everything in memory is written to the files. */
  checkpoint(): Promise<void>
  /** Every row of every table of ours, printed: what is compressed inside the files stands there plainly. */
  rows(): AsyncIterable<{ readonly table: string; readonly row: string }>
  /** Of the key with this hash. */
  ownerOf(hash: string): Promise<{ readonly tenant: string }>
  /** Puts a text into a table of its own. */
  plant(text: string): Promise<void>
  close(): Promise<void>
}

const instrumentRow = z.object({ id: z.string(), status: z.string(), sequence: z.number(), ask: z.string().nullable() })
const bindingRow = z.object({
  id: z.string(),
  instrument: z.string(),
  channel: z.string(),
  status: z.string(),
  token: z.string().nullable(),
})
const operationRow = z.object({
  id: z.string(),
  binding: z.string(),
  channel: z.string(),
  verb: z.string(),
  status: z.string(),
  cause: z.string().nullable(),
  tries: z.number(),
  chain: z.string().nullable(),
  /** Seconds until it is due; below zero: it is. */
  due_in: z.number().nullable(),
})
const eventRow = z.object({ id: z.string(), instrument: z.string().nullable(), sequence: z.number().nullable(), type: z.string() })
const count = z.object({ count: z.coerce.number() })

export function audit(connection: ClientConfig): Auditor {
  const client = new Pool({ ...connection, max: 2 })
  // A database that is stopped hangs up on us: the next question says so.
  client.on('error', () => undefined)
  const read = async <T>(shape: z.ZodType<T>, sql: string): Promise<readonly T[]> => z.array(shape).parse((await client.query(sql)).rows)
  const one = async (sql: string): Promise<number> => (await read(count, sql))[0]?.count ?? 0
  return {
    instruments: () => read(instrumentRow, `select id, status, sequence, metadata->>'ask' as ask from bindery.instruments order by id`),
    bindings: () => read(bindingRow, 'select id, instrument, channel, status, token from bindery.bindings order by id'),
    operations: () =>
      read(
        operationRow,
        `select id, binding, channel, verb, status, cause, tries, input->>'chain' as chain, extract(epoch from due_at - now())::float8 as due_in from bindery.operations order by id`,
      ),
    events: () => read(eventRow, 'select id, instrument, sequence, type from bindery.events order by instrument, sequence'),
    pending: () => one(`select count(*) from bindery.deliveries where state = 'pending'`),
    undelivered: () => one(`select count(*) from bindery.deliveries where state in ('parked', 'skipped')`),
    rowCounts: async () => {
      const tables = await read(
        z.object({ name: z.string() }),
        `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('bindery', 'vault') order by 1`,
      )
      const counts: Record<string, number> = {}
      for (const { name } of tables) counts[name] = await one(`select count(*) from ${name}`)
      return counts
    },
    ownerOf: async hash => {
      const { rows } = await client.query('select tenant from bindery.api_keys where hash = $1', [hash])
      return z.tuple([z.object({ tenant: z.string() })]).parse(rows)[0]
    },
    rows: () => allRows(client),
    letLeasesLapse: async () => {
      await client.query(`update bindery.operations set due_at = now() where status = 'open' and due_at > now()`)
      await client.query(`update bindery.idempotency set lease_until = now() where state = 'running'`)
      await client.query(`update bindery.deliveries set due_at = now() where state = 'pending'`)
      await client.query('update bindery.inbox set due_at = now() where due_at > now()')
    },
    letBindingsAge: async () => {
      await client.query(`update bindery.bindings set created_at = created_at - interval '1 day'`)
    },
    letDaysPass: async () => {
      await client.query(
        `update bindery.operations set created_at = created_at - interval '30 days', due_at = now(), version = version + 1 where status in ('open', 'waiting')`,
      )
    },
    dataFolder: async () => (await read(z.object({ data_directory: z.string() }), 'show data_directory'))[0]?.data_directory ?? '',
    checkpoint: async () => {
      await client.query('checkpoint')
    },
    plant: async text => {
      await client.query('create table planted (told text)')
      await client.query('insert into planted (told) values ($1)', [text])
    },
    close: () => client.end(),
  }
}

async function* allRows(client: Pool): ReturnType<Auditor['rows']> {
  const named = await client.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
  )
  for (const { name } of z.array(z.object({ name: z.string() })).parse(named.rows)) {
    const { rows } = await client.query(`select t::text as row from ${name} t`)
    for (const { row } of z.array(z.object({ row: z.string() })).parse(rows)) yield { table: name, row }
  }
}
